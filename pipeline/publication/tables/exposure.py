"""The table `exposure`: what share of a surface's attention each group of items gets, against what it is wanted.

It is of the lists as they are published, editors and all, and so is made after them (AFTER_LISTS). The first
`evaluate.k` places of a list count, each by DCG's discount (pipeline.arrays.exposure.worth), every list alike.
Relevance is what users did in the judged window, the newest whole horizon that tonight knows: of the pairs of user and
item that count for the surface's recommender, so of `discover` only first purchases. Items that the surface may not
show tonight count on neither side.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays.exposure import head, worth
from pipeline.ground import artifacts, sql
from pipeline.publication import miscalibrated, wanted
from pipeline.publication.exposed import Exposed, Groups
from pipeline.publication.night import Night
from pipeline.publication.tables.recommendations import TABLE as RECOMMENDATIONS
from pipeline.published.contract import OF_RUN, Column, PublishedTable
from pipeline.settings.config import Config

AFTER_LISTS = True
"""See pipeline.publication.tables."""
GROUPED = (
    "made features.items(category, price, first_seen)",
    "made features.item_attributes(word)",
    "made features.item_stats(buyers_91)",
)
SHOWN = ("sum ensemble.lists(score, probability)",)
WANTED = ("sum features.labels(item_index)",)

TABLE = PublishedTable(
    name="exposure",
    grain="one row per surface, grouping of its items, and group",
    columns=(
        Column("surface", pa.string(), "the list's name in the configuration", of=OF_RUN),
        Column("grouping", pa.string(), "by what: popularity, age, category, ..., or all of its items", of=OF_RUN),
        Column("value", pa.string(), "the group; empty: items that are of none", of=GROUPED),
        Column("items", pa.int32(), "how many of its items the surface may show", of=GROUPED),
        Column("items_shown", pa.int32(), "how many of them are in anybody's first `evaluate.k` places", of=SHOWN),
        Column(
            "gini",
            pa.float32(),
            "how unequal the exposure of its items is: 0 all alike, towards 1 a few have all; with those never shown",
            of=SHOWN,
        ),
        Column(
            "exposure_share",
            pa.float32(),
            "its share of the places' worth, each 1 / log2(1 + rank); null where the surface shows nothing",
            nullable=True,
            of=SHOWN,
        ),
        Column(
            "relevance_share",
            pa.float32(),
            "its share of what users acted on in the newest whole horizon; null where nobody did yet",
            nullable=True,
            of=WANTED,
        ),
        Column(
            "ratio",
            pa.float32(),
            "exposure_share / relevance_share: under 1 it is shown less than it is wanted; null without either",
            nullable=True,
            of=(*SHOWN, *WANTED),
        ),
    ),
    key=("surface", "grouping", "value"),
    added_later=True,
)
ITEMS = pa.schema(
    [pa.field("surface", pa.string()), pa.field("item_index", pa.int32()), pa.field("exposure", pa.int64())]
)
LISTS = pa.schema(
    [pa.field("surface", pa.string()), *(pa.field(n, pa.int64()) for n in ("items", "lists", "tail_items", "acted"))]
)


def is_wanted(config: Config) -> bool:
    """Whether a shop has the table."""
    return bool(config.fairness.groups)


def make(night: Night) -> Iterable[pa.Table]:
    """The rows, surface by surface in the order of their names; groups in a stated order."""
    groups = groupings(night)
    rows = [
        {"run_id": night.run_id, "surface": name} | row
        for name, found in sorted(night.exposed.items())
        for row in found.rows(groups)
    ]
    yield pa.Table.from_pylist(rows, schema=TABLE.schema)


def told(folder: Path, night: Night) -> Night:
    """The night, with what its published lists show.

    Args:
        folder: has recommendations.parquet.
        night: what they were made from.
    """
    acted = night.stats.column("buyers_91").to_numpy()
    tail = ~head(acted, night.config.fairness.head_share)
    items, lists = _counted(folder / RECOMMENDATIONS.file, acted, tail, night)
    found, far = {}, miscalibrated.measured(folder / RECOMMENDATIONS.file, night)
    for surface in night.config.surfaces:
        mine = items.filter(pc.equal(items.column("surface"), surface.name))
        exposure = np.zeros(night.items.num_rows, dtype=np.int64)
        exposure[mine.column("item_index").to_numpy()] = mine.column("exposure").to_numpy()
        may = night.shown[surface.name] | (exposure > 0)  # editors may pin what the surface does not choose from
        of_surface = lists.filter(pc.equal(lists.column("surface"), surface.name)).to_pylist()
        acted = wanted.relevance(night, surface)
        found[surface.name] = Exposed(exposure, may, tail, acted, of_surface, far.get(surface.name))
    return replace(night, exposed=found)


def _counted(path: Path, acted: np.ndarray, tail: np.ndarray, night: Night) -> tuple[pa.Table, pa.Table]:
    """ITEMS and LISTS of the published lists."""
    places = worth(night.config.evaluate.k)
    relations = {
        "items": night.items.select(["item_id", "item_index"])
        .append_column("acted", pa.array(acted.astype(np.int64)))
        .append_column("is_tail", pa.array(tail)),
        "places": pa.table({"rank": np.arange(1, len(places) + 1, dtype=np.int32), "worth": places}),
    }
    return (
        sql.query(night.connection, "publish/exposure_items", ITEMS, relations, lists=str(path)),
        sql.query(night.connection, "publish/exposure_lists", LISTS, relations, lists=str(path)),
    )


def groupings(night: Night) -> Sequence[Groups]:
    """What items are grouped by, in the order of the settings; without what says nothing of any item."""
    return [made for name in night.config.fairness.groups if (made := wanted.grouping(name, night)).values]


def facts(night: Night) -> dict[str, pa.Table]:
    """What the check of the limits reads beside the table.

    fairness_limits has one row: what may not be broken; null: it may. group_gaps has surface, low: what the best group
    of users is ahead of the worst at least, as the night was judged.
    """
    given = night.config.fairness.limits.model_dump()
    report = artifacts.read_manifest(night.evaluate)["report"]
    lows = {s.name: report.get(f"{night.config.pool(s)}.final.group_gap.low") for s in night.config.surfaces}
    known = [{"surface": name, "low": low} for name, low in lows.items() if low is not None]
    return {
        "fairness_limits": pa.Table.from_pylist([given], schema=pa.schema([(name, pa.float64()) for name in given])),
        "group_gaps": pa.Table.from_pylist(known, schema=pa.schema([("surface", pa.string()), ("low", pa.float64())])),
    }


def metrics(night: Night) -> dict[str, float]:
    """For the run: <pool>.<surface>.<measure>, as metric_history reads it."""
    pools = {surface.name: night.config.pool(surface) for surface in night.config.surfaces}
    return {
        f"{pools[name]}.{name}.{measure}": round(value, 6)
        for name, found in night.exposed.items()
        for measure, value in found.figures().items()
    }
