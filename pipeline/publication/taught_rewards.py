"""What earlier drawn slots taught by what their users did in the days after, for surfaces that draw by it.

Of a surface with `explore.reward` other than clicks. The stage `outcomes` writes, of the slots whose days were over by
the night, what came of each, `learned_rewards.parquet`; a night learns of no day that it does not know whole.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.arrays.blocks import blocks
from pipeline.ground.errors import InputError
from pipeline.policies import learned, valued
from pipeline.policies.learned import Belief
from pipeline.publication import thompson
from pipeline.settings.arms import surface_of
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Explore

if TYPE_CHECKING:
    from pipeline.publication.night import Night

FILE = "learned_rewards.parquet"
HABIT_DAYS = 28
"""Before a slot, of which it counts on how many its user was there."""
CELLS = 1 << 22
"""Pairs that are looked at together."""
SLOTS = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("by", pa.string()),
        pa.field("days", pa.int32()),
        pa.field("user_id", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("age", pa.int32()),
        pa.field("reward", pa.float64()),
        pa.field("before", pa.float64()),
    ]
)


@dataclass(frozen=True, order=True)
class Reward:
    """What a slot is worth.

    Attributes:
        by: "clicks": 1 if its item was clicked. "actions": how many items the user acted on, as the shop's labels say,
            from the slot's day on; an item counts once a day. "visits": on how many of the days after it the user came.
        days: that many of them; of clicks it says nothing.
    """

    by: Literal["clicks", "actions", "visits"] = "clicks"
    days: int = 7

    def __str__(self) -> str:
        if self.by == "clicks":
            return "clicks per slot"
        each = "actions of the user from that day on" if self.by == "actions" else "days on which the user came back"
        return f"{each}, within {self.days} day{'s' * (self.days != 1)}, per slot"

    @property
    def until(self) -> int:
        """The last day that counts, in days after the slot's."""
        return self.days if self.by == "visits" else self.days - 1

    def given(self, config: Config) -> dict[str, Any]:
        """What `outcomes/rewarded.sql` is told, but for the events and the last day."""
        visits = self.by == "visits"
        types = {name: kind for name, kind in config.features.event_types.items() if visits or kind.label}
        neutral = [kind.neutral for kind in types.values()]
        said = {"types": list(types), "neutral": neutral, "visits": visits}
        return said | {"since": 1 if visits else 0, "until": self.until}


def of(explore: Explore) -> Reward:
    """What a surface's slots are worth."""
    return Reward(explore.reward, explore.reward_days)


def wanted(config: Config) -> list[tuple[str, Reward]]:
    """Surfaces that draw by what was learned by such a reward, for everybody or in an arm, with it."""
    found = set()
    for surface in config.surfaces:
        for one in (surface, *(surface_of(surface, arm) for arm in config.experiment.arms)):
            if one.explore is not None and one.explore.policy == "learned" and one.explore.reward != "clicks":
                found.add((surface.name, of(one.explore)))
    return sorted(found)


def file(outcomes: Path) -> Path:
    """The file of the stage `outcomes`.

    Raises:
        InputError: it is not there.
    """
    if not (path := outcomes / FILE).is_file():
        raise InputError(f"{path} is missing: run stage 'outcomes' again with --force")
    return path


def read(outcomes: Path, surface: str, reward: Reward) -> pa.Table:
    """SLOTS of a surface, by a reward."""
    wanted = (pc.field("surface") == surface) & (pc.field("by") == reward.by) & (pc.field("days") == reward.days)
    return pq.read_table(file(outcomes), filters=wanted).cast(SLOTS)


def weights(slots: pa.Table) -> np.ndarray:
    """[N] how much each slot counts: the less the older."""
    return np.asarray(0.5 ** (slots.column("age").to_numpy() / learned.HALF_LIFE))


def said(surface: str, reward: Reward, slots: pa.Table) -> str:
    """In one sentence what a surface's slots say."""
    opened = max(learned.LEAST_SHARE, min(1.0, float(weights(slots).sum()) / learned.NEEDED))
    share = f"{opened:.0%} of the share that is set is drawn"
    if not len(slots):
        return f"{surface}: no drawn slot whose {reward.days} days are over is logged yet, so {share}."
    return (
        f"{surface}: {len(slots):,} drawn slots of {len(pc.unique(slots.column('item_id'))):,} items earned "
        f"{pc.mean(slots.column('reward')).as_py():.3f} {reward}, and {share}."
    )


def belief(night: "Night", surface: str, reward: Reward, items: np.ndarray, scores: np.ndarray) -> Belief:
    """What a surface's slots are drawn by tonight.

    Args:
        night: the night.
        surface: its name; reward: by what it learns.
        items, scores: [T, n] the ranker's lists of tonight's targets; -1 pads.
    """
    slots = read(night.outcomes, surface, reward)
    user = pc.index_in(slots.column("user_id"), night.users.column("user_id").combine_chunks())
    item = pc.index_in(slots.column("item_id"), night.items.column("item_id").combine_chunks())
    row = np.full(night.cutoff.users + 1, -1)
    row[night.cutoff.targets()] = np.arange(len(items))
    row, place = row[pc.fill_null(user, night.cutoff.users).to_numpy()], pc.fill_null(item, -1).to_numpy()
    known = (row >= 0) & (place >= 0)
    worth, before = (slots.column(name).to_numpy()[known] for name in ("reward", "before"))
    above = above_mean(items, scores, row[known], place[known])
    mine = valued.Slots(place[known].astype(np.int64), worth, above, before, weights(slots)[known])
    return valued.learn(mine, night.items.num_rows).belief


def above_mean(items: np.ndarray, scores: np.ndarray, row: np.ndarray, item: np.ndarray) -> np.ndarray:
    """[N] by how much a list, one of the rows of [T, n], puts an item above its mean, in log-odds.

    An item that the list does not have stands where its last does; in an empty one all is 0.
    """
    found = np.empty(len(row))
    for part in blocks(len(row), max(1, CELLS // max(items.shape[1], 1))):
        held, odds = np.asarray(items[row[part]]), thompson.log_odds(np.asarray(scores[row[part]]))
        there, here = held >= 0, held == item[part, None]
        mean = np.where(there, odds, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        least = np.where(there, odds, np.inf).min(axis=1, initial=np.inf)
        least = np.where(np.isfinite(least), least, 0.0)
        found[part] = np.where(here.any(axis=1), np.where(here, odds, 0).sum(axis=1), least) - mean
    return found
