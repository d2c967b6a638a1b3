"""What the encoder's training learns at a step, and how well the encoder does meanwhile.

A user is the decayed sum of the other items acted on; the loss is a softmax over the sampled items, the user's other
items left out. Further tasks (pipeline.encoder.tasks) read the same vectors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from pipeline.arrays import nearest
from pipeline.encoder import distributed, loop, losses, modes
from pipeline.encoder import held_out as held_outs
from pipeline.encoder.batches import Batches
from pipeline.encoder.checkpoints import Checkpoint
from pipeline.encoder.curve import TASKS
from pipeline.encoder.encoder import Encoder
from pipeline.encoder.held_out import HeldOut
from pipeline.encoder.loop import Curve, Learner, Row
from pipeline.encoder.sampling import thinned
from pipeline.encoder.tasks import Heads
from pipeline.encoder.training_data import TaskData
from pipeline.settings.sections.fine_tune import FineTune

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class EncoderLearner(Learner):
    """One fine-tuning: the encoder, what it learns from, and where it stands.

    Args:
        encoder: what is tuned, in place but for the parts that a tuning mode adds.
        texts: [I] item texts; items without one take no part.
        matrix: [U, I] decayed actions.
        section: steps, batch, rates.
        seed: of the sampling.
        threads: of the ALS that hard negatives come from.
        task_data: what tasks beside retrieval learn from.
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
        task_data: TaskData | None = None,
    ) -> None:
        self.section, self.texts, self.task_data = section, list(texts), task_data
        filled = np.array([bool(text.strip()) for text in texts], dtype=bool)
        self.tokens = encoder.tokenise(self.texts)
        self.frozen = encoder.encode(self.texts) if section.mode == "head" else None
        self.encoder, self.parameters = modes.attach(encoder, section)
        self.device = next(self.encoder.model.parameters()).device
        self.heads = self._heads()
        if self.heads is not None:
            self.parameters = [*self.parameters, *self.heads.parameters()]
        if distributed.rank():  # the heads begin alike everywhere, dropout does not
            torch.manual_seed(seed + distributed.rank())
        wanted = task_data is not None and section.tasks.query > 0 and section.mode != "head"
        asked, choices = task_data.asked(filled) if task_data is not None and wanted else ([], None)
        self.queries = encoder.tokenise(asked)
        self.batches = Batches(matrix, filled, choices, section, seed=seed, threads=threads)
        self.rate = section.learning_rate or modes.RATES[section.mode]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.rate, weight_decay=section.weight_decay, betas=(0.9, 0.98), fused=True
        )

    def _heads(self) -> Heads | None:
        """Those of the tasks that count, if there are any."""
        if self.task_data is None:
            return None
        size, section = self.encoder.model.config.hidden_size, self.section
        heads = Heads(size, section.tasks, self.task_data.names, section.dropout).to(self.device)
        return heads if heads.share else None

    def start(self, checkpoint: Checkpoint | None) -> tuple[int, Curve]:
        """Training mode, with the configured dropout; goes on from the checkpoint.

        Returns:
            The last step that was done, and the curve so far.
        """
        self.encoder.model.train(self.section.mode != "head")
        for module in self.encoder.model.modules():
            if isinstance(module, torch.nn.Dropout) and self.section.mode == "full":
                module.p = self.section.dropout
        if self.heads is not None:
            self.heads.train()
        if checkpoint is None:
            return 0, []
        done, curve = checkpoint.restore(self.parameters, self.optimizer, self.batches.rng)
        self.batches.go_on(done)
        return done, curve

    def vectors(self, items: np.ndarray) -> torch.Tensor:
        """[S, h] unit vectors of items, with gradients."""
        if self.frozen is None:
            chosen = (self.tokens[item] for item in items)
            if self.section.token_dropout > 0:
                chosen = (thinned(tokens, self.section.token_dropout, self.batches.rng) for tokens in chosen)
            return self.encoder.pooled(list(chosen))
        return self.encoder.headed(self._tensor(self.frozen[items]))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self.device)

    def losses(self) -> tuple[dict[str, torch.Tensor], int]:
        """The loss of every task on a fresh batch, and its positives; nothing where the batch has nothing to learn."""
        batch, section = self.batches.draw(), self.section
        if batch is None:
            return {}, 0
        weights, vectors = self._tensor(batch.weights), self.vectors(batch.items)
        found = {}
        if len(batch.users):
            correction = None if batch.correction is None else self._tensor(batch.correction)
            found["retrieval"] = losses.retrieval_loss(vectors, weights, section.temperature, correction)
        if len(batch.queries):
            queries = self.encoder.pooled([self.queries[query] for query in batch.queries])
            found["query"] = losses.query_loss(queries, vectors, self._tensor(batch.chosen), section.temperature)
        if self.heads is not None and self.task_data is not None and len(batch.users):
            categories = self._tensor(self.task_data.categories[batch.items])
            shown = self._tensor(self.task_data.behaviours[batch.users][:, batch.items].toarray())
            found |= self.heads.losses(vectors, weights, categories, shown, section.batch_items)
        return found, int((batch.weights > 0).sum())

    def gradients(self, step: int) -> Row | None:
        """Those of all batches of a step, of all processes; the losses are means over the batches that had any."""
        share, accumulate = self.section.tasks.model_dump(), self.section.accumulate
        totals, positives, learned = dict.fromkeys(TASKS, 0.0), 0, 0
        for _ in range(accumulate):
            found, count = self.losses()
            if not found:
                continue
            loss = sum((share[name] * value for name, value in found.items()), torch.zeros((), device=self.device))
            loop.require_finite(loss, "fine_tune", step)
            torch.autograd.backward(loss / accumulate)
            for name, value in found.items():
                totals[name] += value.item()
            positives, learned = positives + count, learned + 1
        told = [float(learned), float(positives), *totals.values()]
        every, counted, *sums = distributed.add_up(told, self.parameters)
        if not every:
            return None
        if distributed.world() > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad *= accumulate / every
        totals = dict(zip(TASKS, sums, strict=True))
        row: Row = {"positives": int(counted)} | {
            f"loss_{name}": totals[name] / every for name in TASKS if totals[name]
        }
        return row | {"loss": sum(share[name] * totals[name] / every for name in TASKS)}

    def moved(self, step: int) -> None:
        """AdaLoRA moves its ranks."""
        modes.after_step(self.encoder, self.section, step)

    def judge(self, held: HeldOut) -> dict[str, float]:
        """How the encoder does on held-out users now (pipeline.encoder.held_out); draws no random number."""
        mode = self.encoder.model.training
        used = np.unique(np.r_[held.items, held.profiles.indices])
        row = np.full(len(self.texts), -1)
        row[used] = np.arange(len(used))
        known = self.encoder.encode([self.texts[item] for item in used])
        profiles = nearest.unit(held.profiles[:, used] @ known)
        relevant = self.heads.relevance if self.heads is not None and "relevance" in self.heads.share else None
        found = held_outs.judge(held, known[row[held.items]], profiles, relevant)
        self.encoder.model.train(mode)
        return found
