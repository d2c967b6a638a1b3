"""The pretrained encoder, fine-tuned on the shop's own log, and the vectors of the texts it was tuned with.

    encoder/    model.safetensors, configuration and tokeniser files as transformers reads them, encoder.json
                lexicon*, center.npy: the rest of what turns a text into a vector (pipeline.models.text_vectors)
                texts.parquet, vectors.npy: every text it was tuned with and its vector, float32 [N, d]
                metrics.parquet: step, loss, positives, learning rate; training.json: how it ended
    texts/      texts.parquet, vectors.npy: the same for every text known at the anchor

Each step samples a set of items, encodes each text once, and takes the actions of all users among those items as the
batch: a few hundred texts give thousands of positives. A user is the decayed sum of the other items acted on; the loss
is a softmax over the sampled items, the user's other items left out.
A training that is killed goes on from its last checkpoint when the stage runs again (pipeline.models.checkpoints).
Nights link what they share (artifacts.memo): those tuned on the same day the encoder, those of a week the texts.
Source: the sampled-softmax retrieval loss of Covington et al., RecSys 2016, on text vectors.
"""

import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import artifacts, data
from pipeline.config import Config, FineTune
from pipeline.errors import InputError, TrainingError
from pipeline.models import encoder as encoders
from pipeline.models import text_vectors
from pipeline.models.checkpoints import Checkpoint
from pipeline.models.encoder import Encoder

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csc_matrix, csr_matrix

log = logging.getLogger(__name__)

PART = "encoder"
TEXTS = "texts"
METRICS = pa.schema(
    [("step", pa.int32()), ("loss", pa.float32()), ("positives", pa.int32()), ("learning_rate", pa.float32())]
)
# Shares of the steps after which the log says where training is, when there is no terminal to draw a bar on.
_REPORTS = 10


def run(*, features: Path, config: Config, out: Path) -> dict[str, Any]:
    """Fine-tune the encoder, or link what another night made of the same inputs; encode texts that came since.

    Args:
        features: actions.parquet and tuning_texts.parquet, as of the day of tuning; texts.parquet, as of the anchor.
        config: seed, threads, section `fine_tune`.
        out: receives the folders `encoder` and `texts`.
    Returns:
        Steps, first and last loss, texts, and whether the encoder was linked.
    Raises:
        InputError: the pretrained model is not found.
        TrainingError: a loss is not finite.
    """
    section = config.fine_tune
    words_only = section.model == encoders.NONE
    tables = [artifacts.file_sha256(features / f"{name}.parquet") for name in ("actions", "tuning_texts")]
    base = "" if words_only else encoders.model_hash(encoders.resolve(section.model, section.revision))
    key = artifacts.text_sha256(config.digest("fine_tune"), base, tables)
    checkpoint = Checkpoint(artifacts.beside(out, "checkpoint"), f"{key} {artifacts.code_version()}")

    def make(folder: Path) -> None:
        texts = read_texts(features, "tuning_texts")
        if words_only:
            _write_words(folder, texts, section, config.seed)
            return
        with reproducible(config.seed, config.threads):
            encoder = encoders.load(
                section.model,
                pooling=section.pooling,
                prefix=section.prefix,
                max_tokens=section.max_tokens,
                revision=section.revision,
            )
            matrix = weights(data.read_actions(features), len(texts), section.half_life_days)
            curve, ended = train(encoder, texts, matrix, section, config.seed, checkpoint=checkpoint)
            pq.write_table(pa.Table.from_pylist(curve, METRICS), folder / "metrics.parquet")
            (folder / "training.json").write_text(json.dumps(ended, sort_keys=True) + "\n")
            known = sorted({text for text in texts if text.strip()})
            encoded = encoder.encode(known)
            fitted = text_vectors.fit(encoder, known, encoded, section.lexicon_size, config.seed)
            fitted.save(folder)
            text_vectors.save_known(folder, known, fitted.join(known, encoded))

    def encode(folder: Path) -> None:
        known = sorted({text for text in read_texts(features) if text.strip()})
        text_vectors.save_known(folder, known, vectors_of(known, out / PART, out / PART, config)[0])

    linked = artifacts.memo(out, PART, key, make)
    artifacts.memo(out, TEXTS, f"{key} {artifacts.file_sha256(features / 'texts.parquet')}", encode)
    shutil.rmtree(checkpoint.folder, ignore_errors=True)
    ended: dict[str, Any] = json.loads((out / PART / "training.json").read_text())
    return ended | {"linked": linked}


def _write_words(folder: Path, texts: list[str], section: FineTune, seed: int) -> None:
    """The folder `encoder` without an encoder: the texts' words alone."""
    known = sorted({text for text in texts if text.strip()})
    none = encoders.NoEncoder()
    fitted = text_vectors.fit(none, known, none.encode(known), section.lexicon_size, seed)
    fitted.save(folder)
    text_vectors.save_known(folder, known, fitted.join(known, none.encode(known)))
    pq.write_table(METRICS.empty_table(), folder / "metrics.parquet")
    summary = {"texts": len(known), "steps": 0, "cut_short": False}
    (folder / "training.json").write_text(json.dumps(summary, sort_keys=True) + "\n")


def read_texts(features: Path, name: str = "texts") -> list[str]:
    """[I] texts of the items known at the anchor (or, of "tuning_texts", on the day of tuning), row i is item i."""
    path = features / f"{name}.parquet"
    try:
        texts: list[str] = pq.read_table(path, columns=["text"]).column(0).to_pylist()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: run stage 'features' first") from None
    return [text or "" for text in texts]


def vectors_of(texts: Sequence[str], known: Path, encoder: Path, config: Config) -> tuple[np.ndarray, int]:
    """[N, d] float32 vectors of texts, and how many distinct texts had to be encoded.

    Args:
        texts: an empty one has a zero vector.
        known: folder of texts whose vectors are known.
        encoder: the folder `encoder`, for the others.
        config: seed and threads.
    """
    rows, saved = text_vectors.known_vectors(known)
    missing = sorted({text for text in texts if text.strip() and text not in rows})
    fresh = np.zeros((0, saved.shape[1]), dtype=np.float32)
    if missing:  # else torch is not even imported
        with nullcontext() if config.fine_tune.model == encoders.NONE else reproducible(config.seed, config.threads):
            fresh = text_vectors.load(encoder).encode(missing)
    table = np.vstack([saved, fresh, np.zeros((1, saved.shape[1]), dtype=np.float32)])
    rows |= {text: len(saved) + number for number, text in enumerate(missing)}
    return table[[rows.get(text, len(table) - 1) for text in texts]], len(missing)


def weights(actions: pa.Table, items: int, half_life_days: float) -> "csr_matrix":
    """[U, I] CSR float32: sum of positive weights, decayed from the newest action on; returns do not count."""
    from scipy.sparse import csr_matrix

    users, chosen, day, weight = (
        actions.column(name).to_numpy() for name in ("user_index", "item_index", "day", "weight")
    )
    kept = (weight > 0) & (chosen < items)
    users, chosen, day, weight = users[kept], chosen[kept], day[kept], weight[kept]
    age = day.max(initial=0) - day
    shape = (int(users.max(initial=-1)) + 1, items)
    decayed = (weight * 0.5 ** (age / half_life_days)).astype(np.float32)
    matrix = csr_matrix((decayed, (users, chosen)), shape=shape)
    matrix.sum_duplicates()
    return matrix


@contextmanager
def reproducible(seed: int, threads: int) -> Iterator[None]:
    """Seed torch, fix its threads and ask for deterministic kernels; what was set before comes back afterwards."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic products on a GPU need
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)


def sample_items(popularity: np.ndarray, size: int, power: float, rng: np.random.Generator) -> np.ndarray:
    """[S] distinct item indices, drawn with probability ~ popularity ** power, ascending."""
    chance = popularity.astype(np.float64) ** power * (popularity > 0)
    size = min(size, int((chance > 0).sum()))
    return np.sort(rng.choice(len(chance), size=size, replace=False, p=chance / chance.sum()))


def actions_among(columns: "csc_matrix", items: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    """[U', S] float32 weights of the users who acted on at least two of the items; at most `most` positives."""
    block = columns[:, items].tocsr()
    count = np.diff(block.indptr)
    users = np.flatnonzero(count >= 2)
    if count[users].sum() > most:
        users = rng.permutation(users)
        users = np.sort(users[np.cumsum(count[users]) <= most])
    return np.asarray(block[users].toarray(), dtype=np.float32)


def retrieval_loss(vectors: "torch.Tensor", weights: "torch.Tensor", temperature: float) -> "torch.Tensor":
    """Mean over positives (u, i) of -log softmax of item i among the sampled items u did not act on.

    Args:
        vectors: [S, h] unit vectors of the sampled items.
        weights: [U, S] decayed actions, each row with at least two positives.
        temperature: divides the cosines.
    Returns:
        A scalar; the positive (u, i) counts w_ui / sqrt(actions of u), so that no heavy user owns the batch.
    """
    import torch

    acted = weights > 0
    users, items = acted.nonzero(as_tuple=True)  # [P], [P]
    weight = weights[users, items]
    profiles = (weights @ vectors)[users] - weight[:, None] * vectors[items]  # [P, h], without the positive itself
    logits = torch.nn.functional.normalize(profiles, dim=1) @ vectors.T / temperature  # [P, S]
    others = acted[users]
    others[torch.arange(len(users), device=others.device), items] = False
    losses = torch.nn.functional.cross_entropy(logits.masked_fill(others, -torch.inf), items, reduction="none")
    share = weight / acted.sum(1)[users].sqrt()
    return (losses * share).sum() / share.sum()


def trainable(model: Any, frozen_share: float) -> list["torch.nn.Parameter"]:
    """Freeze the embeddings and the lowest share of the layers (0: nothing); returns what is left to train."""
    import torch

    if frozen_share > 0:
        layers = max((m for m in model.modules() if isinstance(m, torch.nn.ModuleList)), key=len)
        model.requires_grad_(False)
        for layer in layers[int(frozen_share * len(layers)) :]:
            layer.requires_grad_(True)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def train(
    encoder: Encoder,
    texts: Sequence[str],
    matrix: "csr_matrix",
    section: FineTune,
    seed: int,
    *,
    checkpoint: Checkpoint | None = None,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Fine-tune an encoder in place.

    Args:
        encoder: what is tuned.
        texts: [I] item texts; items without one take no part.
        matrix: [U, I] decayed actions.
        section: steps, batch, rates.
        seed: of the sampling.
        checkpoint: goes on from it, and saves to it every `checkpoint_minutes`.
    Returns:
        The curve (one row per step) and a summary.
    Raises:
        TrainingError: a loss is not finite.
    """
    import torch

    rng = np.random.default_rng(seed)
    tokens = encoder.tokenise(list(texts))
    columns = matrix.tocsc()
    popularity = np.diff(columns.indptr) * np.array([bool(text.strip()) for text in texts], dtype=np.int64)
    summary: dict[str, Any] = {"texts": len({t for t in texts if t.strip()}), "steps": 0, "cut_short": False}
    if (popularity > 0).sum() < 2 or section.steps == 0:
        log.warning("fine_tune: nothing to learn from; the encoder stays as it came")
        return [], summary
    parameters = trainable(encoder.model, section.frozen_share)
    optimizer = torch.optim.AdamW(
        parameters, lr=section.learning_rate, weight_decay=section.weight_decay, betas=(0.9, 0.98), fused=True
    )
    device = parameters[0].device
    encoder.model.train()
    for module in encoder.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = section.dropout
    done, curve = checkpoint.restore(parameters, optimizer, rng) if checkpoint else (0, [])
    started = saved = time.perf_counter()
    for step in _steps(done, section.steps, curve):
        items = sample_items(popularity, section.batch_items, section.popularity_power, rng)
        among = actions_among(columns, items, section.batch_positives, rng)
        if not len(among):
            continue
        vectors = encoder.pooled([tokens[item] for item in items])
        loss = retrieval_loss(vectors, torch.from_numpy(among).to(device), section.temperature)
        if not torch.isfinite(loss):
            raise TrainingError(f"fine_tune: the loss of step {step} is not finite: lower fine_tune.learning_rate")
        rate = section.learning_rate * _rate(len(curve), section.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        curve.append({"step": step, "loss": loss.item(), "positives": int((among > 0).sum()), "learning_rate": rate})
        if checkpoint and time.perf_counter() - saved > section.checkpoint_minutes * 60:
            checkpoint.save(step, curve, parameters, optimizer, rng)
            saved = time.perf_counter()
        if time.perf_counter() - started > section.time_limit_minutes * 60 and step < section.steps:
            summary["cut_short"] = True
            log.warning(
                "fine_tune: cut short after %d of %d steps by time_limit_minutes = %g, so the vectors depend on this "
                "machine's speed: lower fine_tune.steps or raise the limit",
                *(step, section.steps, section.time_limit_minutes),
            )
            break
    if curve:
        tenth = max(1, len(curve) // 10)
        losses = [row["loss"] for row in curve]
        summary |= {"loss_first": float(np.mean(losses[:tenth])), "loss_last": float(np.mean(losses[-tenth:]))}
    return curve, summary | {"steps": len(curve)}


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
            recent = np.mean([row["loss"] for row in curve[-max(1, steps // _REPORTS) :]])
            log.info("fine_tune: step %d of %d, loss %.3f", step, steps, recent)
