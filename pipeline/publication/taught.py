"""What earlier drawn slots taught, for surfaces whose slots are drawn by it (explore.policy "learned").

The stage `outcomes` writes what was drawn in the last DAYS days, `learned_slots.parquet`; how the items did in it, with
tonight's scores beside them, is what tonight's slots are drawn by. Nothing else is kept from night to night.

    <publish>/learned.<surface>.parquet    ITEMS, what is known of each item that was drawn
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.arrays.blocks import blocks
from pipeline.features.rates import item_rates
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.policies import learned
from pipeline.policies.learned import Belief, Learned
from pipeline.publication import taught_rewards as rewards
from pipeline.publication import thompson
from pipeline.settings.arms import surface_of
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface

if TYPE_CHECKING:
    from pipeline.publication.night import Night

FILE, DAYS = "learned_slots.parquet", 28
SLOTS = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("item_id", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("age", pa.int32()),
        pa.field("is_clicked", pa.bool_()),
    ]
)
ITEMS = pa.schema(
    [
        pa.field("item_id", pa.string()),
        pa.field("slots", pa.float64()),
        pa.field("clicks", pa.float64()),
        pa.field("log_odds", pa.float64()),
        pa.field("deviation", pa.float64()),
    ]
)
FILES = (FILE, rewards.FILE)
"""Of the stage `outcomes`, by clicks and by other rewards."""
LISTS = 50_000
"""Lists of which the mean score of an item is taken."""
CELLS = 1 << 22
"""Pairs that are looked at together."""


def wanted(config: Config) -> list[str]:
    """The surfaces that draw by what was learned of clicks, for everybody or in an arm of an experiment."""
    found = []
    for surface in config.surfaces:
        each = (surface, *(surface_of(surface, arm) for arm in config.experiment.arms))
        drawing = [one.explore for one in each if one.explore is not None and one.explore.policy == "learned"]
        if any(explore.reward == "clicks" for explore in drawing):
            found.append(surface.name)
    return sorted(found)


def digest(outcomes: Path, config: Config) -> str:
    """Of what surfaces learn from; "": none does."""
    by_clicks = artifacts.file_sha256(_file(outcomes)) if wanted(config) else ""
    return by_clicks + (artifacts.file_sha256(rewards.file(outcomes)) if rewards.wanted(config) else "")


def read(outcomes: Path, surface: str) -> pa.Table:
    """SLOTS of a surface."""
    return pq.read_table(_file(outcomes), filters=pc.field("surface") == surface).cast(SLOTS)


def _file(outcomes: Path) -> Path:
    if not (path := outcomes / FILE).is_file():
        raise InputError(f"{path} is missing: run stage 'outcomes' again with --force")
    return path


def counts(slots: pa.Table, item_ids: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """[I] how often each item was drawn, and clicked then; see `weights`."""
    place = pc.fill_null(pc.index_in(slots.column("item_id"), item_ids), len(item_ids)).to_numpy()
    clicked = _clicked(slots) * _recent(slots)
    drawn, hits = (np.bincount(place, values, len(item_ids) + 1)[:-1] for values in (weights(slots), clicked))
    return drawn, hits


def weights(slots: pa.Table) -> np.ndarray:
    """[N] how much each slot counts: the less the older, and the less the fewer clicks there are at its rank.

    What is drawn at one rank is much like what is drawn at another, so that clicks differ by how many look there.
    """
    recent = _recent(slots)
    rank = np.unique(slots.column("rank").to_numpy(), return_inverse=True)[1]  # clients say it: it can be any number
    often = np.bincount(rank, recent)
    clicks = np.bincount(rank, recent * _clicked(slots))
    mean = (clicks.sum() + 1) / (often.sum() + 20)
    rates = np.where(often > 0, (clicks + learned.ANCHORED * mean) / (often + learned.ANCHORED), 0)
    return np.asarray(recent * (rates / max(rates.max(initial=0), 1e-12))[rank])


def _recent(slots: pa.Table) -> np.ndarray:
    return np.asarray(0.5 ** (slots.column("age").to_numpy() / learned.HALF_LIFE))


def _clicked(slots: pa.Table) -> np.ndarray:
    return np.asarray(slots.column("is_clicked").to_numpy(), dtype=np.float64)


def learn(slots: pa.Table, item_ids: pa.Array) -> Learned:
    """What a surface's slots say of items."""
    return learned.learn(*counts(slots, item_ids))


def said(surface: str, slots: pa.Table) -> str:
    """In one sentence what a surface's slots say."""
    ids = pc.unique(slots.column("item_id"))
    known = learn(slots, ids)
    share = f"{known.opened:.0%} of the share that is set is drawn"
    if not len(slots):
        return f"{surface}: no slot that was drawn in the last {DAYS} days is logged yet, so {share}."
    sure = int((known.deviation < known.spread / 2).sum())
    return (
        f"{surface}: of {len(slots):,} slots that were drawn in the last {DAYS} days {_clicked(slots).mean():.2%} were "
        f"clicked; the odds of items differ by a factor of {np.exp(known.spread):.1f} (one standard deviation), "
        f"{sure:,} of the {len(ids):,} that were drawn are known to half of that, and {share}."
    )


def belief(night: "Night", surface: Surface, items: np.ndarray, scores: np.ndarray) -> Belief | None:
    """What a surface's slots are drawn by tonight; None: it learns nothing.

    Args:
        night: the night.
        surface: whose slots.
        items, scores: [T, n] the ranker's lists of tonight's targets; -1 pads.
    """
    if surface.explore is None or surface.explore.policy != "learned":
        return None
    if surface.explore.reward != "clicks":
        return rewards.belief(night, surface.name, rewards.of(surface.explore), items, scores)
    return _by_clicks(night, surface.name, items, scores)


def _by_clicks(night: "Night", surface: str, items: np.ndarray, scores: np.ndarray) -> Belief:
    slots, item_ids = read(night.outcomes, surface), night.items.column("item_id").combine_chunks()
    pool = next(night.config.pool(one) for one in night.config.surfaces if one.name == surface)
    rates = thompson.log_odds(item_rates(night.cutoff, night.config.horizon_of(pool)))
    user = pc.index_in(slots.column("user_id"), night.users.column("user_id").combine_chunks())
    item = pc.index_in(slots.column("item_id"), item_ids)
    row = np.full(night.cutoff.users + 1, -1)
    row[night.cutoff.targets()] = np.arange(len(items))
    row, place = row[pc.fill_null(user, night.cutoff.users).to_numpy()], pc.fill_null(item, -1).to_numpy()
    known = (row >= 0) & (place >= 0)
    said = said_of(items, scores, row[known], place[known])
    anchor = learned.anchors(place[known], said, weights(slots)[known], everybody(items, scores, rates))
    return learned.blend(learn(slots, item_ids), anchor, night.popularity)


def said_of(items: np.ndarray, scores: np.ndarray, row: np.ndarray, item: np.ndarray) -> np.ndarray:
    """[N] the log-odds that a list, one of the rows of [T, n], gives an item; that of its last where it has it not."""
    found = np.empty(len(row))
    for part in blocks(len(row), max(1, CELLS // max(items.shape[1], 1))):
        held, chances = np.asarray(items[row[part]]), thompson.log_odds(np.asarray(scores[row[part]]))
        here = held == item[part, None]
        least = np.where(held >= 0, chances, np.inf).min(axis=1, initial=np.inf)
        there = np.where(here, chances, -np.inf).max(axis=1, initial=-np.inf)
        found[part] = np.where(here.any(axis=1), there, np.where(np.isfinite(least), least, 0.0))
    return found


def everybody(items: np.ndarray, scores: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """[I] the mean log-odds of each item in the lists [T, n], at most LISTS of them; of one in none its rate's [I]."""
    rows = np.arange(0, len(items), max(1, -(-len(items) // LISTS)))
    above, below = np.zeros(len(rates)), np.zeros(len(rates))
    for part in blocks(len(rows), max(1, CELLS // max(items.shape[1], 1))):
        held = np.asarray(items[rows[part]])
        there = held >= 0
        chances = thompson.log_odds(np.asarray(scores[rows[part]]))
        above += np.bincount(held[there], chances[there], len(rates))
        below += np.bincount(held[there], minlength=len(rates))
    return np.where(below > 0, above / np.maximum(below, 1), rates)


def write(out: Path, night: "Night") -> None:
    """Write ITEMS of every surface that draws by what was learned."""
    item_ids = night.items.column("item_id").combine_chunks()
    for name in wanted(night.config):
        slots = read(night.outcomes, name)
        drawn, hits = counts(slots, item_ids)
        known, seen = learned.learn(drawn, hits), np.flatnonzero(drawn > 0)
        columns = [a[seen] for a in (drawn, hits, known.log_odds, known.deviation)]
        table = pa.Table.from_arrays([item_ids.take(pa.array(seen)), *map(pa.array, columns)], schema=ITEMS)
        pq.write_table(table, out / f"learned.{name}.parquet", compression="zstd")
