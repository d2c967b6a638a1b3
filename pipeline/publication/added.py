"""Lists that go by what standing in them adds, for surfaces that are told to (surfaces.added).

The stage `outcomes` learns it of what drawn slots listed and withheld (pipeline.judging.added), and writes, of every
such surface, whether its lists go by it, why, and the models where they do. There is nobody in it.

    <outcomes>/added.json    Told, by surface

What is foretold of a pair is from what its record has, as it was known in the night that made the list, and what a list
that is made tonight knows in the same way: see Before.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.policies.boosted import Boosted
from pipeline.policies.uplift import Fitted, Learner
from pipeline.publication import thompson
from pipeline.publication.surfaces import Block, Had, OwnHistory
from pipeline.settings import added as settings
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface

if TYPE_CHECKING:
    from pipeline.publication.night import Night

FILE = "added.json"


@dataclass(frozen=True)
class Before:
    """What is known of pairs of user and item before their list, all of one shape.

    Attributes:
        acted: how many acted on the item lately, as in Night.popularity.
        times: on how many days the user had acted on it; age: days since, nan where never.
        items: how many items the user had acted on; idle: days since the user acted on any,
            nan where never.
    """

    acted: np.ndarray
    times: np.ndarray
    age: np.ndarray
    items: np.ndarray
    idle: np.ndarray

    @classmethod
    def of(cls, history: OwnHistory, had: Had, place: np.ndarray, items: np.ndarray, acted: np.ndarray) -> "Before":
        """Of the pairs (place in the block, item), arrays that broadcast; acted: [I]."""
        row, number = had.rows(place, items), history.indptr[had.users + 1] - history.indptr[had.users]
        idle = np.full(len(had.users), np.inf, dtype=np.float32)
        whose, mine = history.rows(had.users)
        np.minimum.at(idle, whose, history.last_age[mine])
        idle[np.isinf(idle)] = np.nan
        times, age = (np.append(a, pad)[row] for a, pad in ((history.count, 0), (history.last_age, np.nan)))
        whole = np.broadcast_to(place, row.shape)
        return cls(acted[items].astype(np.float32), times, age.astype(np.float32), number[whole], idle[whole])

    def features(self, probability: np.ndarray) -> np.ndarray:
        """[N, 6] float64 of pairs with a probability each, row by row."""
        columns = (thompson.log_odds(probability), self.acted, self.times, self.age, self.items, self.idle)
        return np.column_stack([np.ravel(column).astype(np.float64) for column in columns])


BEFORE = tuple(Before.__dataclass_fields__)


@dataclass(frozen=True)
class Told:
    """What is known of a surface.

    Attributes:
        surface: its name; said: whether its lists go by what a row adds, and why, in a sentence.
        learner: which; chance: the mean chance of its pairs; models: LightGBM's text; none: they go by the probability.
    """

    surface: str
    said: str
    learner: Learner
    chance: float = 0.0
    models: tuple[str, ...] = ()

    @property
    def fitted(self) -> Fitted:
        """The models."""
        return Fitted(self.learner, tuple(Boosted(text=text) for text in self.models))


def wanted(config: Config) -> list[Surface]:
    """The surfaces that go by it, by name."""
    return sorted((surface for surface in config.surfaces if surface.added), key=lambda surface: surface.name)


def write(found: Iterable[Told], out: Path) -> None:
    """Write FILE."""
    rows = [asdict(told) for told in found]
    (out / FILE).write_text(json.dumps(rows, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read(outcomes: Path, config: Config) -> dict[str, Told]:
    """What is known of each surface; nothing where none is to go by it.

    Raises:
        InputError: it is not there.
    """
    if not wanted(config):
        return {}
    rows = json.loads(_file(outcomes).read_text(encoding="utf-8"))
    return {row["surface"]: Told(**row | {"models": tuple(row["models"])}) for row in rows}


def _file(outcomes: Path) -> Path:
    if not (path := outcomes / FILE).is_file():
        raise InputError(f"{path} is missing: run stage 'outcomes' again with --force")
    return path


def digest(outcomes: Path, config: Config) -> str:
    """Of what surfaces go by; "": none does."""
    return artifacts.file_sha256(_file(outcomes)) if wanted(config) else ""


@dataclass(frozen=True)
class Added:
    """How a surface's lists are ordered.

    Attributes:
        fitted: the models; chance: with which pairs are taken to be listed.
        top: of a user's best so many items it is foretold, as of others no trial says anything.
        acted: [I], see Before.
    """

    fitted: Fitted
    chance: float
    top: int
    acted: np.ndarray

    def uplift(self, probability: np.ndarray, before: Before) -> np.ndarray:
        """What listing each pair is expected to add, in the shape of the probabilities."""
        found = self.fitted.uplift(before.features(probability), self.chance)
        return np.asarray(found.reshape(probability.shape))

    def ordered(self, good: Block, history: OwnHistory, had: Had) -> Block:
        """What may be shown, the first `top` by what they add, the others behind; every item with its own score.

        Args:
            good: [B, n], the most probable first, -1 pads at the end.
            history, had: of the block's users.
        """
        items, scores = good.items[:, : self.top], good.scores[:, : self.top]
        before = Before.of(history, had, np.arange(len(items))[:, None], items, self.acted)
        worth = np.where(items >= 0, self.uplift(np.where(items >= 0, scores, 0), before), -np.inf)
        first = np.argsort(-worth, axis=1, kind="stable")
        behind = np.arange(items.shape[1], good.items.shape[1])
        order = np.concatenate([first, np.broadcast_to(behind, (len(items), len(behind)))], axis=1)
        return Block(*(np.take_along_axis(a, order, axis=1) for a in (good.items, good.scores, good.sources)))

    @classmethod
    def of(cls, night: "Night", surface: Surface, calibrated: bool) -> "Added | None":
        """How a surface's lists are ordered tonight; None: by the probability.

        Raises:
            InputError: its lists have no probabilities, or the stage `outcomes` did not say.
        """
        if surface.added is None:
            return None
        if not calibrated:
            raise InputError(
                f"surface '{surface.name}': what a row adds is told from its probability, and its lists have none: "
                "set ensemble.final to a merged list"
            )
        config = night.config
        told = read(night.outcomes, config)[surface.name]
        if not told.models or config.pool(surface) in night.fallen_back:
            return None
        top = settings.top(surface, config.surfaces, config.experiment)
        return cls(told.fitted, told.chance, top, night.popularity)


def report(night: "Night") -> dict[str, str]:
    """What the manifest says of the surfaces that go by it, by name."""
    fallen = "{}: lists are the baseline's tonight, and go by the probability."
    return {
        surface.name: fallen.format(surface.name)
        if night.config.pool(surface) in night.fallen_back
        else read(night.outcomes, night.config)[surface.name].said
        for surface in wanted(night.config)
    }


def own_scores(block: Block, good: Block) -> Block:
    """A block [B, k] of items that are all in another one [B, n], with the scores that they have there."""
    width = int(max(block.items.max(initial=0), good.items.max(initial=0))) + 2
    keys, wanted = (np.arange(len(a))[:, None] * width + a + 1 for a in (good.items, block.items))
    order = np.argsort(keys, axis=None)
    at = np.searchsorted(keys.ravel()[order], wanted.ravel())
    scores = good.scores.ravel()[order[np.minimum(at, len(order) - 1)]].reshape(wanted.shape)
    return Block(block.items, np.where(block.items >= 0, scores, -np.inf).astype(np.float32), block.sources)


def levelled(block: Block) -> Block:
    """The block with scores that do not rise, of lists that do not go by them.

    Where scores would rise, rows have the mean of those that they rise over (isotonic regression). A mean of
    probabilities that are right is right: of rows with a score that share acts, and a list's scores add up as before.

    Args:
        block: [B, k], items at the front of a row.
    Source: Barlow, Bartholomew, Bremner & Brunk, Statistical Inference under Order Restrictions, 1972 (min-max).
    """
    there, k = block.items >= 0, block.items.shape[1]
    scores = np.where(there, block.scores, 0).astype(np.float64)
    if (np.diff(np.where(there, scores, 0), axis=1) <= 0).all():
        return block
    sums = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(scores, axis=1)], axis=1)
    found = np.full(scores.shape, np.inf)
    for first in range(k):
        means = (sums[:, first + 1 :] - sums[:, first : first + 1]) / np.arange(1, k - first + 1)
        means = np.where(there[:, first:], means, -np.inf)
        highest = np.maximum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        found[:, first:] = np.minimum(found[:, first:], highest)
    level = np.minimum.accumulate(found.astype(np.float32), axis=1)
    return Block(block.items, np.where(there, level, block.scores).astype(np.float32), block.sources)
