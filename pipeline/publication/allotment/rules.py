"""The limits of a surface, by what the items table says of its items."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.publication.allotment.problem import Limit, Problem
from pipeline.settings.attributes import ITEM
from pipeline.settings.sections import publication as settings
from pipeline.settings.sections.publication import Surface

if TYPE_CHECKING:
    from pipeline.publication.night import Night

FACTS = pa.schema(
    [
        pa.field("surface", pa.string()),
        pa.field("number", pa.int32()),  # of the limit, from 1; 0: of a user's items of a group
        pa.field("item_id", pa.string()),
        pa.field("resource", pa.int32()),
        pa.field("named", pa.string()),
        pa.field("most", pa.float64()),
        pa.field("cost", pa.float64()),
        pa.field("acted", pa.bool_()),
    ]
)
"""What every row of an item uses of each limit: the limits, as a check reads them."""
EVERYTHING = "all rows"


@dataclass(frozen=True)
class Rules:
    """What limits a surface.

    Attributes:
        surface: the settings; `allot` is set.
        values: [I] float64, what an action is worth; nan where nobody says.
        limits: in the order of the settings.
        names: by limit, [R] string, what each of its resources is called.
        groups: [I] int32, of which a user gets so many; None: there are none.
        group_names: [G] string.
        unsaid: bool [I], what is not given out as a number is asked for that nobody says.
    """

    surface: Surface
    values: np.ndarray
    limits: tuple[Limit, ...]
    names: tuple[pa.Array, ...]
    groups: np.ndarray | None = None
    group_names: pa.Array | None = None
    unsaid: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @classmethod
    def tonight(cls, night: "Night", surface: Surface) -> "Rules":
        """The rules of a surface of a night."""
        return cls.of(night.items, surface, night.shown[surface.name])

    @classmethod
    def of(cls, items: pa.Table, surface: Surface, shown: np.ndarray | None = None) -> "Rules":
        """The rules of a surface whose items are allotted.

        Args:
            items: schemas.ITEMS with the declared attributes, row i is item i.
            surface: `allot` is set.
            shown: bool [I], what the surface may show: what an item that is over says limits no other. None: all.
        """
        allot = surface.allot
        assert allot is not None
        values, limits, names = _number(items, allot.value), [], []
        unsaid = np.isnan(values)
        for limit in allot.limits:
            of, named = _resources(items, limit.by)
            most, cost = _most(items, limit, of, len(named), shown), _number(items, limit.cost)
            unsaid |= np.isnan(cost) | np.isnan(most)[of]
            limits.append(Limit(of, np.nan_to_num(most), cost, _acted(limit)))
            names.append(named)
        groups, group_names = _words(items, allot.group) if allot.group else (None, None)
        return cls(surface, values, tuple(limits), tuple(names), groups, group_names, unsaid)

    def problem(self, items: np.ndarray, chances: np.ndarray, added: np.ndarray | None = None) -> Problem:
        """What is to be allotted to users with these candidates, chances, and what giving them adds, [T, C]."""
        allot, k = self.surface.allot, self.surface.k
        assert allot is not None
        problem = Problem(items, chances, self.values, self.limits, k, self.groups, allot.per_group, allot.reserve)
        return problem if added is None else replace(problem, added=added)

    def facts(self, items: pa.Table) -> pa.Table:
        """FACTS of the surface."""
        allot = self.surface.allot
        assert allot is not None
        ids = items.column("item_id")
        parts = [
            _facts(ids, limit, names) | {"number": np.int32(n)}
            for n, (limit, names) in enumerate(zip(self.limits, self.names, strict=True), start=1)
        ]
        if self.groups is not None and self.group_names is not None:
            most = np.full(len(self.group_names), float(allot.per_group))
            limit = Limit(self.groups, most, np.ones(len(ids)))
            parts.append(_facts(ids, limit, self.group_names) | {"number": np.int32(0)})
        tables = [_repeated(part | {"surface": self.surface.name}) for part in parts]
        return pa.concat_tables([FACTS.empty_table(), *tables])


def said(limit: settings.Limit) -> str:
    """A limit in words, as its settings have it."""
    most = f"{limit.most:,.10g}" if not isinstance(limit.most, str) else limit.most
    what = (f"in {limit.cost}" if limit.cost else "rows") + (" where users act" if _acted(limit) else "")
    return f"at most {most} {what}, " + (f"by {limit.by}" if limit.by else "in all")


def _acted(limit: settings.Limit) -> bool:
    return limit.when == "acted"


def _facts(ids: pa.ChunkedArray, limit: Limit, names: pa.Array) -> dict[str, Any]:
    """What the items use of one limit, by column of FACTS."""
    there = np.flatnonzero(limit.of >= 0)
    of = limit.of[there]
    return {
        "item_id": ids.take(pa.array(there)),
        "resource": of,
        "named": names.take(pa.array(of)),
        "most": limit.most[of],
        "cost": pa.array(limit.cost[there], from_pandas=True),
        "acted": limit.acted,
    }


def _repeated(columns: dict[str, Any]) -> pa.Table:
    """FACTS of columns, some of which are one value for all rows."""
    rows = len(columns["item_id"])
    plain = (str, bool, np.generic)
    whole = {name: pa.repeat(value, rows) if isinstance(value, plain) else value for name, value in columns.items()}
    return pa.table({name: whole[name] for name in FACTS.names}, schema=FACTS)


def _resources(items: pa.Table, by: str) -> tuple[np.ndarray, pa.Array]:
    """[I] int32 which of the things that have a limit each item uses, all of them some, and what these are called."""
    ids = items.column("item_id").combine_chunks()
    if not by:
        return np.zeros(len(ids), dtype=np.int32), pa.array([EVERYTHING])
    if by == ITEM:
        return np.arange(len(ids), dtype=np.int32), ids
    codes, names = _words(items, by)
    alone = np.flatnonzero(codes < 0)
    codes[alone] = len(names) + np.arange(len(alone), dtype=np.int32)
    return codes, pa.concat_arrays([names, ids.take(pa.array(alone))])


def _words(items: pa.Table, name: str) -> tuple[np.ndarray, pa.Array]:
    """[I] int32 codes of a column's words, -1 where an item has none, and the words."""
    column = items.column(name).cast(pa.string())
    found = pc.dictionary_encode(pc.if_else(pc.equal(column, ""), None, column)).combine_chunks()
    return np.array(pc.fill_null(found.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int32), found.dictionary


def _most(items: pa.Table, limit: settings.Limit, of: np.ndarray, number: int, shown: np.ndarray | None) -> np.ndarray:
    """[R] float64: how much there is of each, not less than nothing; nan where no item that may be shown says."""
    if not isinstance(limit.most, str):
        return np.full(number, float(limit.most))
    least = np.full(number, np.inf)
    given = _number(items, limit.most)
    told = np.isfinite(given) if shown is None else np.isfinite(given) & shown
    np.minimum.at(least, of[told], given[told])
    return np.where(np.isfinite(least), np.maximum(least, 0), np.nan)


def _number(items: pa.Table, name: str) -> np.ndarray:
    """[I] float64 of an attribute, nan where an item has none; without a name 1 of every item."""
    if not name:
        return np.ones(items.num_rows)
    return np.asarray(items.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
