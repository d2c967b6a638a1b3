"""The fine-tuning of the encoder: which texts and actions a step takes, its loss, and how the encoder does meanwhile.

Each step samples a set of items, encodes each text once, and takes the actions of all users among those items as the
batch: a few hundred texts give thousands of positives. A user is the decayed sum of the other items acted on; the loss
is a softmax over the sampled items, the user's other items left out. Further tasks (pipeline.encoder.tasks) read the
same vectors.
Source: the sampled-softmax retrieval loss of Covington et al., RecSys 2016, on text vectors; logQ correction: Yi et
al., RecSys 2019.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from pipeline.encoder import distributed, tuning_modes
from pipeline.encoder import held_out as held_outs
from pipeline.encoder.checkpoints import Checkpoint
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.held_out import HeldOut
from pipeline.encoder.sampling import (
    als_neighbours,
    sample_items,
    sample_queries,
    thinned,
    users_among,
    with_neighbours,
)
from pipeline.encoder.tasks import Heads, Lessons
from pipeline.encoder.trackers import Tracker
from pipeline.ground.errors import TrainingError
from pipeline.settings.sections.models import FineTune

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

log = logging.getLogger(__name__)

TASKS = ("retrieval", "query", "relevance", "category", "behaviour")
_JUDGED = [f"{split}_{name}" for split in held_outs.SPLITS for name in held_outs.NAMES]
METRICS = pa.schema(
    [
        ("step", pa.int32()),
        ("epoch", pa.int32()),  # the one that ends with this step, else null
        ("loss", pa.float32()),
        ("positives", pa.int32()),
        ("learning_rate", pa.float32()),
        *((f"loss_{task}", pa.float32()) for task in TASKS),
        *((name, pa.float32()) for name in _JUDGED),  # where an epoch ends
    ]
)
# Shares of the steps after which the log says where training is, when there is no terminal to draw a bar on.
_REPORTS = 10


def retrieval_loss(
    vectors: torch.Tensor, weights: torch.Tensor, temperature: float, correction: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean over positives (u, i) of -log softmax of item i among the sampled items u did not act on.

    Args:
        vectors: [S, h] unit vectors of the sampled items.
        weights: [U, S] decayed actions, each row with at least two positives.
        temperature: divides the cosines.
        correction: [S] taken off every user's logits.
    Returns:
        A scalar; the positive (u, i) counts w_ui / sqrt(actions of u), so that no heavy user owns the batch.
    """
    acted = weights > 0
    users, items = acted.nonzero(as_tuple=True)  # [P], [P]
    weight = weights[users, items]
    profiles = (weights @ vectors)[users] - weight[:, None] * vectors[items]  # [P, h], without the positive itself
    logits = torch.nn.functional.normalize(profiles, dim=1) @ vectors.T / temperature  # [P, S]
    if correction is not None:
        logits = logits - correction
    others = acted[users]
    others[torch.arange(len(users), device=others.device), items] = False
    losses = torch.nn.functional.cross_entropy(logits.masked_fill(others, -torch.inf), items, reduction="none")
    share = weight / acted.sum(1)[users].sqrt()
    return (losses * share).sum() / share.sum()


def query_loss(queries: torch.Tensor, vectors: torch.Tensor, chosen: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over (q, i), weighted by choices, of -log softmax of item i among the items that q does not choose.

    Args:
        queries: [Q, h] unit vectors.
        vectors: [S, h] unit vectors of the batch's items.
        chosen: [Q, S] how many people chose item i after query q.
        temperature: divides the cosines.
    """
    logits = queries @ vectors.T / temperature
    rows, items = (chosen > 0).nonzero(as_tuple=True)
    others = (chosen > 0)[rows]
    others[torch.arange(len(rows), device=others.device), items] = False
    losses = torch.nn.functional.cross_entropy(logits[rows].masked_fill(others, -torch.inf), items, reduction="none")
    share = chosen[rows, items].sqrt()
    return (losses * share).sum() / share.sum()


class Training:
    """One fine-tuning: the encoder, what it learns from, and where it stands.

    Args:
        encoder: what is tuned, in place but for the parts that a tuning mode adds.
        texts: [I] item texts; items without one take no part.
        matrix: [U, I] decayed actions.
        section: steps, batch, rates.
        seed: of the sampling.
        threads: of the ALS that hard negatives come from.
        lessons: what tasks beside retrieval learn from.
    """

    def __init__(
        self,
        encoder: Encoder,
        texts: Sequence[str],
        matrix: "csr_matrix",
        section: FineTune,
        seed: int,
        *,
        threads: int = 1,
        lessons: Lessons | None = None,
    ) -> None:
        self.section = section
        self.texts = list(texts)
        self.seed = seed
        self.rng = np.random.default_rng([seed, distributed.rank()] if distributed.rank() else seed)
        self.columns = matrix.tocsc()
        filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
        self.popularity = np.diff(self.columns.indptr) * filled
        self.lessons = lessons
        self.late = False
        self.tokens = encoder.tokenise(self.texts)
        self.frozen = encoder.encode(self.texts) if section.mode == "head" else None
        self.encoder, self.parameters = tuning_modes.attach(encoder, section)
        self.device = next(self.encoder.model.parameters()).device
        self.heads: Heads | None = None
        if lessons is not None:
            size = self.encoder.model.config.hidden_size
            heads = Heads(size, section.tasks, lessons.names, section.dropout).to(self.device)
            if heads.share:
                self.heads = heads
                self.parameters = [*self.parameters, *heads.parameters()]
        if distributed.rank():  # the heads begin alike everywhere, dropout does not
            torch.manual_seed(seed + distributed.rank())
        self.queries = self._queries(encoder)
        self.neighbours: np.ndarray | None = None
        if section.hard_negatives > 0 and self.can_learn:
            self.neighbours = als_neighbours(matrix, filled, seed, threads)
        self.rate = section.learning_rate or tuning_modes.RATES[section.mode]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.rate, weight_decay=section.weight_decay, betas=(0.9, 0.98), fused=True
        )

    def _queries(self, encoder: Encoder) -> "tuple[list[list[int]], csr_matrix] | None":
        """Token ids and [Q, I] choices of the queries, if they are learned from; only items with a text are chosen."""
        if self.lessons is None or self.lessons.choices is None or not self.lessons.queries:
            return None
        if self.section.tasks.query == 0 or self.section.mode == "head":
            return None
        from scipy.sparse import diags

        filled = np.array([bool(text.strip()) for text in self.texts], dtype=np.float32)
        choices = (self.lessons.choices @ diags(filled)).tocsr().astype(np.float32)
        choices.eliminate_zeros()
        kept = np.flatnonzero(np.diff(choices.indptr))
        asked = [self.lessons.queries[query] for query in kept]
        return (encoder.tokenise(asked), choices[kept]) if asked else None

    @property
    def can_learn(self) -> bool:
        """Whether there are two items to tell apart."""
        return bool((self.popularity > 0).sum() >= 2)

    def start(self) -> None:
        """Training mode, with the configured dropout."""
        self.encoder.model.train(self.section.mode != "head")
        for module in self.encoder.model.modules():
            if isinstance(module, torch.nn.Dropout) and self.section.mode == "full":
                module.p = self.section.dropout
        if self.heads is not None:
            self.heads.train()

    def vectors(self, items: np.ndarray) -> torch.Tensor:
        """[S, h] unit vectors of items, with gradients."""
        if self.frozen is None:
            chosen = (self.tokens[item] for item in items)
            if self.section.token_dropout > 0:
                chosen = (thinned(tokens, self.section.token_dropout, self.rng) for tokens in chosen)
            return self.encoder.pooled(list(chosen))
        return self.encoder.headed(torch.from_numpy(self.frozen[items]).to(self.device))

    def sample(self) -> np.ndarray:
        """[S] the items of a batch."""
        section = self.section
        drawn = round(section.batch_items * (1 - section.hard_negatives)) if self.neighbours is not None else None
        items = sample_items(self.popularity, drawn or section.batch_items, section.popularity_power, self.rng)
        if self.neighbours is None:
            return items
        return with_neighbours(items, self.neighbours, section.batch_items, self.rng)

    def losses(self) -> tuple[dict[str, torch.Tensor], int]:
        """The loss of every task on a fresh batch, and its positives; nothing where no user has two of its items."""
        section = self.section
        items, asked = self.sample(), np.zeros(0, dtype=np.int64)
        if self.queries is not None:
            asked, clicked = sample_queries(self.queries[1], section.batch_items // 4, self.rng)
            items = np.union1d(items, clicked)
        users = users_among(self.columns, items, section.batch_positives, self.rng)
        if not len(users) and not len(asked):
            return {}, 0
        among = np.asarray(self.columns[:, items].tocsr()[users].toarray(), dtype=np.float32)
        weights, vectors = torch.from_numpy(among).to(self.device), self.vectors(items)
        correction = None
        if section.popularity_correction > 0:
            chance = section.popularity_power * np.log(np.maximum(self.popularity[items], 1))
            correction = torch.from_numpy((section.popularity_correction * chance).astype(np.float32)).to(self.device)
        extra = () if correction is None else (correction,)
        found = {}
        if len(users):
            found["retrieval"] = retrieval_loss(vectors, weights, section.temperature, *extra)
        if self.queries is not None and len(asked):
            tokens, choices = self.queries
            chosen = torch.from_numpy(choices[asked][:, items].toarray()).to(self.device)
            found["query"] = query_loss(
                self.encoder.pooled([tokens[query] for query in asked]), vectors, chosen, section.temperature
            )
        if self.heads is not None and self.lessons is not None and len(users):
            categories = torch.from_numpy(self.lessons.categories[items]).to(self.device)
            shown = torch.from_numpy(self.lessons.behaviours[users][:, items].toarray()).to(self.device)
            found |= self.heads.losses(vectors, weights, categories, shown, section.batch_items)
        return found, int((among > 0).sum())

    def step(self, number: int, done: int, late: bool = False) -> dict[str, Any] | None:
        """One step of the optimizer; its row of the curve, or None where no batch had anything to learn.

        Args:
            number: of the step.
            done: steps that learned something so far.
            late: this process is out of time; where several train together all of them learn of it.
        Raises:
            TrainingError: a loss is not finite.
        """
        section, totals, positives = self.section, dict.fromkeys(TASKS, 0.0), 0
        share = section.tasks.model_dump()
        learned = 0
        for _ in range(section.accumulate):
            losses, count = self.losses()
            if not losses:
                continue
            # the stored retrieval weight is 1 in most trainings; a product with it would not change a bit
            loss = sum((share[name] * value for name, value in losses.items()), torch.zeros((), device=self.device))
            if not torch.isfinite(loss):
                raise TrainingError(
                    f"fine_tune: the loss of step {number} is not finite: lower fine_tune.learning_rate"
                )
            torch.autograd.backward(loss / section.accumulate)
            for name, value in losses.items():
                totals[name] += value.item()
            positives += count
            learned += 1
        told = [float(learned), float(positives), float(late), *totals.values()]
        every, counted, over, *sums = distributed.add_up(told, self.parameters)
        self.late = over > 0
        if not every:
            return None
        if distributed.world() > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad *= section.accumulate / every
        learned, positives, totals = int(every), int(counted), dict(zip(totals, sums, strict=True))
        rate = self.rate * _rate(done, section.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        tuning_modes.after_step(self.encoder, section, number)
        self.optimizer.zero_grad()
        row: dict[str, Any] = {"step": number, "positives": positives, "learning_rate": rate}
        row |= {f"loss_{name}": totals[name] / learned for name in TASKS if totals[name]}
        row["loss"] = sum(share[name] * totals[name] / learned for name in TASKS)
        return row

    def judge(self, held: HeldOut) -> dict[str, float]:
        """How the encoder does on held-out users now (pipeline.encoder.held_out); draws no random number."""
        mode = self.encoder.model.training
        used = np.unique(np.r_[held.items, held.profiles.indices])
        row = np.full(len(self.texts), -1)
        row[used] = np.arange(len(used))
        known = self.encoder.encode([self.texts[item] for item in used])
        sums = held.profiles[:, used] @ known
        profiles = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        found = held_outs.judge(held, known[row[held.items]], profiles, self._relevant())
        self.encoder.model.train(mode)
        return found

    def _relevant(self) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
        heads = self.heads
        if heads is None or "relevance" not in heads.share:
            return None
        from pipeline.encoder.tasks import pair_parts

        def relevant(profiles: np.ndarray, vectors: np.ndarray) -> np.ndarray:
            heads.eval()
            with torch.inference_mode():
                parts = pair_parts(
                    *(torch.from_numpy(rows.astype(np.float32)).to(self.device) for rows in (profiles, vectors))
                )
                logits = heads("relevance", parts)
                said = (logits[:, 1] - logits[:, 0]).cpu().numpy()
            heads.train()
            return np.asarray(said)

        return relevant


def train(
    encoder: Encoder,
    texts: Sequence[str],
    matrix: "csr_matrix",
    section: FineTune,
    seed: int,
    *,
    threads: int = 1,
    checkpoint: Checkpoint | None = None,
    lessons: Lessons | None = None,
    held_out: HeldOut | None = None,
    tracker: Tracker | None = None,
) -> tuple[Encoder, list[dict[str, Any]], dict[str, Any]]:
    """Fine-tune an encoder.

    Args:
        encoder: what is tuned, in place; use the one that is returned.
        texts: [I] item texts; items without one take no part.
        matrix: [U, I] decayed actions.
        section: steps, batch, rates.
        seed: of the sampling.
        threads: CPU threads of what is not torch's.
        checkpoint: goes on from it, and saves to it every `checkpoint_minutes`.
        lessons: what tasks beside retrieval learn from.
        held_out: what the encoder is judged on after every epoch.
        tracker: is told every row of the curve.
    Returns:
        The tuned encoder, the curve (one row per step, METRICS) and a summary.
    Raises:
        TrainingError: a loss is not finite.
    """
    summary: dict[str, Any] = {"texts": len({t for t in texts if t.strip()}), "steps": 0, "cut_short": False}
    training = Training(encoder, texts, matrix, section, seed, threads=threads, lessons=lessons)
    if not training.can_learn or section.steps == 0:
        log.warning("fine_tune: nothing to learn from; the encoder stays as it came")
        return tuning_modes.finish(training.encoder, section), [], summary
    training.start()
    parameters, optimizer, rng = training.parameters, training.optimizer, training.rng
    done, curve = checkpoint.restore(parameters, optimizer, rng) if checkpoint else (0, [])
    if done and distributed.rank():  # the checkpoint is the first process's
        training.rng = np.random.default_rng([seed, distributed.rank(), done])
    held_out = held_out if section.epochs else None
    ends = {round(section.steps * n / section.epochs): n for n in range(1, section.epochs + 1)} if held_out else {}
    first = distributed.rank() == 0
    held_out, tracker, checkpoint = (held_out, tracker, checkpoint) if first else (None, None, None)
    if held_out and not done:
        curve.append({"step": 0, "epoch": 0} | training.judge(held_out))
        _tell(tracker, curve[-1])
    started = saved = time.perf_counter()
    for step in _steps(done, section.steps, curve):
        late = time.perf_counter() - started > section.time_limit_minutes * 60
        row = training.step(step, sum("loss" in earlier for earlier in curve), late)
        if row is None:
            continue
        if held_out and step in ends:
            row |= {"epoch": ends[step]} | training.judge(held_out)
        curve.append(row)
        _tell(tracker, row)
        if checkpoint and time.perf_counter() - saved > section.checkpoint_minutes * 60:
            checkpoint.save(step, curve, parameters, optimizer, rng)
            saved = time.perf_counter()
        over = time.perf_counter() - started > section.time_limit_minutes * 60
        if (over if distributed.world() == 1 else training.late) and step < section.steps:
            summary["cut_short"] = True
            log.warning(
                "fine_tune: cut short after %d of %d steps by time_limit_minutes = %g, so the vectors depend on this "
                "machine's speed: lower fine_tune.steps or raise the limit",
                *(step, section.steps, section.time_limit_minutes),
            )
            break
    losses = [row["loss"] for row in curve if "loss" in row]
    if losses:
        tenth = max(1, len(losses) // 10)
        summary |= {"loss_first": float(np.mean(losses[:tenth])), "loss_last": float(np.mean(losses[-tenth:]))}
    if judged := epochs_of(curve):
        log.info(
            "fine_tune: judged on what %d users did next\n%s",
            held_out.profiles.shape[0] if held_out else 0,
            table(judged),
        )
        summary |= {name: judged[-1][name] for name in ("dev_ndcg_10", "test_ndcg_10", "test_recall_50", "test_f1")}
    return tuning_modes.finish(training.encoder, section), curve, summary | {"steps": len(losses)}


def epochs_of(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per epoch: its number, the mean of each loss since the one before, and what was measured at its end."""
    rows: list[dict[str, Any]] = []
    since: list[dict[str, Any]] = []
    for row in curve:
        since.append(row)
        if row.get("epoch") is not None:
            named = {name for part in since for name in part if name.startswith("loss")}
            means = {name: float(np.mean([part[name] for part in since if name in part])) for name in sorted(named)}
            rows.append({"epoch": row["epoch"], "step": row["step"]} | means | {name: row[name] for name in _JUDGED})
            since = []
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Epochs as lines of text, a column each for what was measured."""
    names = [name for name in METRICS.names if any(name in row for row in rows) and name not in {"epoch", "step"}]
    width = {name: max(len(name), 6) for name in names}
    lines = ["epoch  step  " + "  ".join(f"{name:>{width[name]}}" for name in names)]
    for row in rows:
        cells = (f"{row[name]:>{width[name]}.4f}" if name in row else " " * width[name] for name in names)
        lines.append(f"{row['epoch']:>5}  {row['step']:>4}  " + "  ".join(cells))
    return "\n".join(lines)


def _tell(tracker: Tracker | None, row: dict[str, Any]) -> None:
    if tracker:
        tracker.log(row["step"], {name: value for name, value in row.items() if name not in {"step", "epoch"}})


def _rate(step: int, steps: int, warm_up: float = 0.06) -> float:
    """Share of the learning rate: a short linear rise, then a linear fall."""
    return min((step + 1) / max(1.0, warm_up * steps), max(0.0, 1 - step / steps))


def _steps(done: int, steps: int, curve: list[dict[str, Any]]) -> Iterator[int]:
    """`done` + 1 to `steps`, with a bar in a terminal and plain log lines elsewhere."""
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    for step in tqdm(range(done + 1, steps + 1), desc="fine_tune", unit="step", disable=not terminal):
        yield step
        if not terminal and step % max(1, steps // _REPORTS) == 0 and curve:
            recent = np.mean([row["loss"] for row in curve[-max(1, steps // _REPORTS) :] if "loss" in row])
            log.info("fine_tune: step %d of %d, loss %.3f", step, steps, recent)
