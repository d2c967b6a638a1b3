"""The learned hybrid: boosted trees that rank a user's candidates (LightGBM).

Source: Burges, "From RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82; Bruch, "An Alternative Cross Entropy Loss
for Learning-to-Rank", WWW 2021 (rank_xendcg); Ke et al., LightGBM, NIPS 2017.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pipeline.ground import lists
from pipeline.ground.errors import TrainingError
from pipeline.ranking import voting
from pipeline.ranking.forest import raw_scores
from pipeline.ranking.frames import Frame
from pipeline.settings.config import Config
from pipeline.settings.sections.lists import Ranker

if TYPE_CHECKING:
    from lightgbm import Booster

THREADS = re.compile(r"^\[num_threads: \d+\]\n", re.MULTILINE)
"""What a saved model's text says of the threads that grew its trees."""
HEAD_LINES = 10
"""Of a saved model's text, among which its objective stands."""


@dataclass(frozen=True)
class Sample:
    """Pairs to learn from.

    Attributes:
        names: [F] names of the features.
        features: [N, F] float32.
        acted: bool [N], the label.
        fresh: bool [N], the user never acted on the item before.
        query: [N] int64, ascending; pairs with the same number are ranked against each other.
    """

    names: tuple[str, ...]
    features: np.ndarray
    acted: np.ndarray
    fresh: np.ndarray
    query: np.ndarray

    @property
    def teaches(self) -> bool:
        """Whether there is anything to learn from: a pair acted on, and another to tell it from."""
        return len(self.acted) > 1 and bool(self.acted.any())

    def within(self, kept: np.ndarray) -> "Sample":
        """The kept pairs of those users that still have something to find: bool [N]."""
        _, number = np.unique(self.query, return_inverse=True)
        found = np.bincount(number[kept & self.acted], minlength=int(number.max(initial=-1)) + 1) > 0
        kept = kept & found[number]
        return Sample(self.names, self.features[kept], self.acted[kept], self.fresh[kept], self.query[kept])

    def in_pool(self, pool: lists.Pool) -> "Sample":
        """The pairs that a pool allows, of users who still have something to find."""
        return self.within(self.fresh if lists.kind_of(pool) == "new" else self.acted | True)


def draw(frame: Frame, negatives: int, seed: Sequence[int]) -> Sample:
    """Keep every pair that was acted on, about `negatives` others of each user who acted on something, and each pair
    that these were shown and left with the chance that they looked at it.

    Args:
        frame: candidates with labels.
        negatives: expected number of other pairs kept per user.
        seed: of the draw; the same for the same cut-off and block, whatever else is learned from.
    """
    if frame.acted is None:
        raise TrainingError("the cut-off has no labels to learn from")
    rows = frame.pairs.rows
    users = len(frame.pairs.users)
    some = np.bincount(rows[frame.acted], minlength=users) > 0
    others = np.bincount(rows[~frame.acted], minlength=users)
    chance = np.minimum(1.0, negatives / np.maximum(others, 1))[rows]
    chance = chance if frame.left is None else np.maximum(chance, frame.left)
    drawn = np.random.default_rng(list(seed)).random(len(rows)) < chance
    kept = some[rows] & (frame.acted | drawn)
    return Sample(frame.names, frame.features[kept], frame.acted[kept], frame.fresh[kept], rows[kept])


def join(samples: Sequence[Sample]) -> Sample | None:
    """Samples of several cut-offs as one, in the order given; None if there is nothing to learn from."""
    samples = [sample for sample in samples if sample.acted.any()]
    if not samples:
        return None
    starts = np.cumsum([0, *(int(sample.query.max()) + 1 for sample in samples)])
    query = np.concatenate([sample.query + start for sample, start in zip(samples, starts, strict=False)])
    columns = ("features", "acted", "fresh")
    joined = {name: np.concatenate([getattr(sample, name) for sample in samples]) for name in columns}
    return Sample(samples[0].names, query=query, **joined)


Given = TypeVar("Given")
Made = TypeVar("Made")


def side_by_side(make: Callable[[Given, int], Made], each: Sequence[Given], threads: int) -> Iterator[Made]:
    """What is made of each, in order, as many at a time as there are threads. With two threads LightGBM grows one model
    less than half as fast again, and two models side by side nearly twice as fast; the trees are the same.

    Args:
        make: makes one with as many threads as it is told.
        each: what it is made of.
        threads: of all together.
    """
    at_once = max(1, min(len(each), threads))
    with ThreadPoolExecutor(at_once) as workers:
        yield from workers.map(lambda one: make(one, max(1, threads // at_once)), each)


def parameters(ranker: Ranker, config: Config, threads: int) -> dict[str, Any]:
    """LightGBM's parameters; the same trees for the same data and seed, with any number of threads."""
    fusion = config.fusion
    chosen: dict[str, Any] = {
        "objective": ranker.objective,
        "num_leaves": ranker.leaves,
        "learning_rate": ranker.learning_rate,
        "min_data_in_leaf": fusion.min_leaf,
        "feature_fraction": fusion.features_share,
        "bagging_fraction": fusion.rows_share,
        "bagging_freq": 1,
        "lambda_l2": fusion.reg,
        "max_bin": 127,
        "num_threads": threads,
        "seed": config.seed + ranker.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    if ranker.objective == "lambdarank":
        chosen |= {"label_gain": [0, 1], "lambdarank_truncation_level": 30}
    return chosen


def fit(sample: Sample, ranker: Ranker, config: Config, threads: int = 1) -> "list[Booster]":
    """Grow the trees, once per seed.

    Args:
        sample: pairs that teach something.
        ranker: objective and size of the trees.
        config: the configuration; `fusion.seeds` is how many models are averaged.
        threads: of LightGBM; they change no tree.
    Returns:
        The models; none where they tell no pair from another, as where fewer than `fusion.min_leaf` pairs stand on
        either side of every possible split.
    Raises:
        TrainingError: LightGBM refuses the data.
    """
    import lightgbm

    _, group = np.unique(sample.query, return_counts=True)
    settings = parameters(ranker, config, threads)
    try:
        data = lightgbm.Dataset(
            sample.features,
            sample.acted.astype(np.int8),
            group=None if ranker.objective == "binary" else group,
            feature_name=list(sample.names),
            params=settings,
        )
        seeds = (settings | {"seed": settings["seed"] + 1000 * n} for n in range(config.fusion.seeds))
        found = [lightgbm.train(seeded, data, config.fusion.rounds) for seeded in seeds]
        return found if any(booster.feature_importance("split").any() for booster in found) else []
    except lightgbm.basic.LightGBMError as error:
        raise TrainingError(f"fusion: LightGBM cannot learn from {len(sample.acted)} pairs: {error}") from None


def write(boosters: "Sequence[Booster]", path: Path) -> None:
    """Save as LightGBM's text models, without the parameters that name files or threads: x.txt, x.2.txt, ..."""
    for number, booster in enumerate(boosters):
        text = THREADS.sub("", booster.model_to_string(num_iteration=-1))
        _numbered(path, number).write_text(text, encoding="utf-8")


def read(path: Path) -> "list[Booster]":
    """A saved ranker; empty if the fold had nothing to learn from."""
    import lightgbm

    found: list[lightgbm.Booster] = []
    while (file := _numbered(path, len(found))).is_file():
        found.append(lightgbm.Booster(model_file=str(file)))
    return found


def minimises_log_loss(path: Path) -> bool:
    """Whether a saved ranker's scores are log-odds; False where the fold had nothing to learn from."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as lines:
        return any(line.startswith("objective=binary") for line in islice(lines, HEAD_LINES))


def _numbered(path: Path, number: int) -> Path:
    return path if number == 0 else path.with_suffix(f".{number + 1}{path.suffix}")


def score(boosters: "Sequence[Booster]", frame: Frame, kept: np.ndarray, threads: int, seed: int = 0) -> np.ndarray:
    """[N] float32 scores of a frame's pairs, the mean of the models, -inf where not `kept`.

    Without a model nothing has been learned, and every source has a vote; `seed` salts the order of equal votes.
    """
    if not boosters:
        return voting.votes(frame, kept, seed)
    scores = np.full(len(kept), -np.inf, dtype=np.float32)
    if kept.any():
        known = frame.features[kept]
        found = [raw_scores(booster, known, threads) for booster in boosters]
        scores[kept] = np.mean(found, axis=0)
    return scores


def prior_correction(candidates: np.ndarray, negatives: int) -> np.ndarray:
    """What to add to a binary ranker's log-odds because it has seen all positives and a share of the others.

    A user's other candidates are drawn with chance min(1, negatives / others), so the odds that were learned are the
    true ones over that chance. How many of the candidates are others is not known before; nearly all are.

    Args:
        candidates: [T] how many candidates a user has.
        negatives: how many others a training user keeps.
    Returns:
        [T] float32, at most 0.
    Source: King & Zeng, "Logistic regression in rare events data", Political Analysis 9 (2001), prior correction.
    """
    correction: np.ndarray = np.log(np.minimum(1.0, negatives / np.maximum(candidates, 1))).astype(np.float32)
    return correction
