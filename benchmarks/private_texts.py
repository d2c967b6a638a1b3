"""What does hiding a whole person cost an encoder of texts ([privacy] epsilon_texts), beside fine-tuning without noise?

    python -m benchmarks.private_texts 2011-05-08 2011-06-05 [--epsilons 1 3 10] [--draws 5]

Hidden items and judge: hidden_items.py; the encoder alone, by the mean of a customer's history, and with words and
preferences, as the lists of the language model are made (which no noise covers). "evened" has no person in it: the
catalogue's texts alone, their directions evened out. Nights before 2011-07-01 are for tuning, later ones only for
reporting.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems
from pipeline.arrays import determinism
from pipeline.arrays.nearest import unit
from pipeline.encoder import encoder as encoders
from pipeline.encoder import private_head
from pipeline.encoder.encoder import Encoder
from pipeline.privacy import accountant
from pipeline.settings.config import Config

DELTA, CONTRIBUTIONS = 1e-5, 50
Drawn = tuple[str, int]  # what, and which draw of the noise


class Draws:
    """Noise of a seed: a benchmark keeps nothing from anybody."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def normal(self, *shape: int) -> np.ndarray:
        """Independent standard normal numbers."""
        return self._rng.normal(size=shape)

    def symmetric(self, size: int) -> np.ndarray:
        """As pipeline.privacy.noise has them."""
        square = self.normal(size, size)
        return np.asarray((square + square.T) / 2)


def headed(night: HiddenItems, plain: np.ndarray, deviation: float, seed: int) -> np.ndarray:
    """[I, d] vectors behind the head that the stage would work out of what is not hidden."""
    weight, bias = private_head.head(plain, night.learned, CONTRIBUTIONS, deviation, Draws(seed))
    return np.where(plain.any(axis=1, keepdims=True), unit(plain @ weight.T + bias), 0)


def evened(plain: np.ndarray) -> np.ndarray:
    """[I, d] vectors of which no person knows anything."""
    mean, spread = private_head.evenly(plain[plain.any(axis=1)])
    return np.where(plain.any(axis=1, keepdims=True), unit((plain - mean) @ spread), 0)


def ways(
    night: HiddenItems, plain: np.ndarray, tuned: np.ndarray, epsilons: list[float], draws: int
) -> Iterator[tuple[Drawn, np.ndarray]]:
    """Every way to read a text, as [I, d] vectors."""
    yield ("as it comes", 0), plain
    yield ("evened", 0), evened(plain)
    yield ("head, without noise", 0), headed(night, plain, 0.0, 0)
    for epsilon in epsilons:
        deviation = 1 / accountant.mu_of(epsilon, DELTA)
        made = partial(headed, night, plain, deviation)
        yield from (((f"head, epsilon {epsilon:g}", seed), made(seed)) for seed in range(draws))
    yield ("fine-tuned, without noise", 0), tuned


def judged(night: HiddenItems, vectors: np.ndarray, encoder: Encoder, settings: Config) -> tuple[float, ...]:
    """NDCG@10 and Recall@50 of vectors [I, d] alone, and with words and preferences."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    whole = hidden_items.vectors_of(night, encoder, vectors, settings)
    alone, used = hidden_items.alone(night, vectors), hidden_items.preferred(night, whole, settings)
    return (*hidden_items.score(night, alone), *hidden_items.score(night, used))


def main() -> None:
    """Print the table: means of the nights, and how far draws of the noise are apart."""
    options = nights.arguments(__doc__)
    options.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 3.0, 10.0])
    options.add_argument("--draws", type=int, default=5)
    chosen = options.parse_args()
    settings = nights.settings_of(chosen)
    found: dict[str, dict[int, list[tuple[float, ...]]]] = {}
    for day, night in hidden_items.each(settings, chosen.nights):
        tuned = hidden_items.tuned_encoder(night, day, settings).encode(night.texts)
        with determinism.reproducible(settings.seed, settings.threads):
            encoder = encoders.load(settings.fine_tune.model, max_tokens=settings.fine_tune.max_tokens)
            plain = encoder.encode(night.texts)
        for (name, draw), vectors in ways(night, plain, tuned, chosen.epsilons, chosen.draws):
            found.setdefault(name, {}).setdefault(draw, []).append(judged(night, vectors, encoder, settings))
        print(f"{day}: {len(night.users)} customers", flush=True)
    print(f"{'':<28}{'alone: NDCG@10, Recall@50':>28}{'as it runs':>18}{'spread of draws':>28}")
    for name, by_draw in found.items():
        means = np.array([np.mean(rows, axis=0) for rows in by_draw.values()])
        told = "".join(f"{value:>{width}.4f}" for value, width in zip(means.mean(axis=0), (17, 11, 9, 9), strict=True))
        spread = " ".join(f"{value:.4f}" for value in means.std(axis=0)) if len(means) > 1 else ""
        print(f"{name:<28}{told}{spread:>28}", flush=True)


if __name__ == "__main__":
    main()
