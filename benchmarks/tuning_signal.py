"""How much a second of fine-tuning learns: all users' actions among sampled items, against pairs of texts.

    pip install --no-deps sentence-transformers==6.2.0    # the rival; into the environment that runs this
    python -m benchmarks.tuning_signal 2011-07-31 [--home FOLDER] [--rates 2e-5 1e-4]

The night, the hidden items and the judge are those of benchmarks/hidden_items.py; the encoder alone ranks, by the
mean of what a customer bought. The rival is sentence-transformers' MultipleNegativesRankingLoss on pairs (what a
customer bought, something else the same customer bought), drawn with the same weights, from the same encoder, on as
many threads, for as many seconds as the default fine-tuning takes, at each of `--rates`; the best counts. A positive is
a pair that enters the loss. The last rows train for fewer steps, to find the quality that the rival ends with.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems
from pipeline.arrays import determinism
from pipeline.encoder import encoder as encoders
from pipeline.encoder import pretrained, training
from pipeline.settings.config import Config

BATCH = 64
FEWER = (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Learned:
    """What a training came to: NDCG@10 and Recall@50 on the hidden items, seconds, positives that entered the loss."""

    name: str
    ndcg: float
    recall: float
    seconds: float
    positives: int

    def row(self, base: float) -> str:
        """A line of the table; `base` is the rival's positives per second."""
        rate = self.positives / self.seconds if self.seconds else 0.0
        ratio = f"{rate / base:>8.1f}" if base else f"{'':>8}"
        return (
            f"{self.name:<46}{self.ndcg:>9.4f}{self.recall:>11.4f}{self.seconds:>9.1f}{self.positives:>11,}"
            f"{rate:>9.0f}{ratio}"
        )


def quality(night: HiddenItems, encode: Callable[[list[str]], np.ndarray]) -> tuple[float, float]:
    """NDCG@10 and Recall@50 of an encoder alone."""
    return hidden_items.score(night, hidden_items.alone(night, encode(night.texts)))


def pairs(matrix: sparse.csr_matrix, size: int, rng: np.random.Generator) -> np.ndarray:
    """[size, 2] items of one user each, drawn by their weights; users with two items or more, by their total weight."""
    rich = matrix[np.flatnonzero(np.diff(matrix.indptr) >= 2)]
    row = np.repeat(np.arange(rich.shape[0]), np.diff(rich.indptr))
    total = np.cumsum(rich.data.astype(np.float64))
    first = np.minimum(np.searchsorted(total, rng.random(size) * total[-1], side="right"), len(total) - 1)
    user = row[first]
    start = np.where(rich.indptr[user] > 0, total[rich.indptr[user] - 1], 0.0)
    mass = total[rich.indptr[user + 1] - 1] - start
    second = np.searchsorted(total, start + rng.random(size) * mass, side="right")
    second = np.minimum(second, rich.indptr[user + 1] - 1)
    chosen = np.stack([rich.indices[first], rich.indices[second]], axis=1)
    return np.asarray(chosen[chosen[:, 0] != chosen[:, 1]])


def ours(night: HiddenItems, settings: Config, steps: int) -> Learned:
    """The default fine-tuning with a number of steps."""
    section = settings.fine_tune.model_copy(update={"steps": steps})
    with determinism.reproducible(settings.seed, settings.threads):
        encoder = encoders.load(section.model, max_tokens=section.max_tokens)
        started = time.perf_counter()
        encoder, curve, _ = training.train(encoder, night.texts, night.learned, section, settings.seed)
        seconds = time.perf_counter() - started
        found = quality(night, encoder.encode)
    return Learned(f"Nightjar, {steps} steps", *found, seconds, sum(row["positives"] for row in curve))


def rival(night: HiddenItems, settings: Config, seconds: float, rate: float) -> Learned:
    """sentence-transformers' loss on pairs for as many seconds."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    section = settings.fine_tune
    texts = np.array(night.texts, dtype=object)
    rng = np.random.default_rng(settings.seed)
    with determinism.reproducible(settings.seed, settings.threads):
        model = SentenceTransformer(str(pretrained.resolve(section.model)), device="cpu")
        model.max_seq_length = section.max_tokens
        loss = MultipleNegativesRankingLoss(model)
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=section.weight_decay)
        model.train()
        started, positives = time.perf_counter(), 0
        while (spent := time.perf_counter() - started) < seconds:
            for group in optimizer.param_groups:  # a short rise, then a fall to zero, as ours
                group["lr"] = rate * min(1.0, spent / (0.06 * seconds) + 0.01, 1 - spent / seconds)
            chosen = pairs(night.learned, BATCH, rng)
            columns = [model.preprocess(texts[chosen[:, side]].tolist()) for side in (0, 1)]
            found = loss(columns, torch.zeros(0))
            optimizer.zero_grad()
            found.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            positives += len(chosen)
        took = time.perf_counter() - started
        model.eval()

        def encode(given: list[str]) -> np.ndarray:
            vectors = np.asarray(model.encode(given, normalize_embeddings=True, show_progress_bar=False))
            return np.asarray(vectors * np.array([bool(text.strip()) for text in given])[:, None])

        result = quality(night, encode)
    return Learned(f"sentence-transformers, rate {rate:g}", *result, took, positives)


def compared(night: HiddenItems, settings: Config, rates: Sequence[float]) -> Iterator[tuple[Learned, float]]:
    """Every row, with the positives a second of the rival's best."""
    steps = settings.fine_tune.steps
    full = ours(night, settings, steps)
    others = [rival(night, settings, full.seconds, rate) for rate in rates]
    best = max(others, key=lambda found: found.ndcg)
    base = best.positives / best.seconds
    yield from ((found, base) for found in (*others, full))
    yield from ((ours(night, settings, max(2, round(steps * share))), base) for share in FEWER)


def main() -> None:
    """Print the table."""
    options = nights.arguments(__doc__, several=False)
    options.add_argument("--rates", type=float, nargs="+", default=[2e-5, 1e-4], help="the rival's learning rates")
    options.add_argument("--steps", type=int, help="default: fine_tune.steps of the configuration")
    chosen = options.parse_args()
    overrides: dict[str, Any] = {} if chosen.steps is None else {"fine_tune": {"steps": chosen.steps}}
    settings = nights.settings_of(chosen, overrides)
    print(f"\n{'':<46}{'NDCG@10':>9}{'Recall@50':>11}{'seconds':>9}{'positives':>11}{'per s':>9}{'ratio':>8}")
    for _, night in hidden_items.each(settings, [chosen.night]):
        for found, base in compared(night, settings, chosen.rates):
            print(found.row(base), flush=True)


if __name__ == "__main__":
    main()
