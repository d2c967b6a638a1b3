"""How a surface's attention is shared out among its items, and among groups of them, against what they are wanted."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.arrays.exposure import gini

Row = dict[str, Any]


@dataclass(frozen=True)
class Groups:
    """What items are grouped by.

    Attributes:
        name: of the grouping.
        values: [V] the groups' names.
        code: [I] int32, each item's place among them; -1: of none.
    """

    name: str
    values: tuple[str, ...]
    code: np.ndarray

    def each(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every group and its items, bool [I], in the order of `values`; last those of none, called ""."""
        yield from ((value, self.code == place) for place, value in enumerate(self.values))
        yield "", self.code < 0


@dataclass(frozen=True)
class Exposed:
    """What one surface shows in its first places.

    Attributes:
        exposure: [I] int64, what all places of an item are worth together, see arrays.exposure.worth.
        may: bool [I], what the surface may show.
        tail: bool [I], the long tail.
        relevance: [I] int64, how many users acted on the item in the judged window; None: nobody knows yet.
        lists: a row per length of lists: items, lists, tail_items, acted (sql/publish/exposure_lists.sql).
        miscalibration: how far lists are from the mix of what their users did, see publication.miscalibrated; None: its
            items have no categories.
    """

    exposure: np.ndarray
    may: np.ndarray
    tail: np.ndarray
    relevance: np.ndarray | None
    lists: Sequence[Mapping[str, int]] = field(default_factory=list)
    miscalibration: float | None = None

    def figures(self) -> dict[str, float]:
        """The surface's measures, by name.

        exposure_gini and exposure_coverage are over the items it may show: how unequal their exposure is, and the share
        of them that anybody is shown. arp: the mean over lists of how often their items were acted on in 91 days; aplt:
        of the share of the long tail in a list; aclt: of how many of its items are of the long tail; tail_coverage: the
        share of the long tail that anybody is shown.

        Source: Abdollahpouri, Burke & Mobasher, FLAIRS 2019 (ARP, APLT, ACLT); their ACLT counts items of a list, and
            so is APLT times its length.
        """
        lists, shown, tail = sum(row["lists"] for row in self.lists), self.exposure > 0, self.may & self.tail
        if not lists:
            return {}
        mixed = {} if self.miscalibration is None else {"miscalibration": self.miscalibration}
        return mixed | {
            "exposure_gini": gini(self.exposure[self.may]),
            "exposure_coverage": float(shown[self.may].mean()),
            "arp": sum(row["acted"] / row["items"] for row in self.lists) / lists,
            "aplt": sum(row["tail_items"] / row["items"] for row in self.lists) / lists,
            "aclt": sum(row["tail_items"] for row in self.lists) / lists,
            "tail_coverage": float(shown[tail].mean()) if tail.any() else 0.0,
        }

    def rows(self, groups: Sequence[Groups]) -> Iterator[Row]:
        """A row of all items, and one of every group that has any: grouping, value, items, items_shown, the shares."""
        yield self._row("all", "all", self.may)
        for grouping in groups:
            for value, mine in grouping.each():
                if (mine & self.may).any():
                    yield self._row(grouping.name, value, mine & self.may)

    def _row(self, grouping: str, value: str, mine: np.ndarray) -> Row:
        shown = _share(self.exposure, mine, self.may)
        wanted = None if self.relevance is None else _share(self.relevance, mine, self.may)
        return {
            "grouping": grouping,
            "value": value,
            "items": int(mine.sum()),
            "items_shown": int((self.exposure[mine] > 0).sum()),
            "gini": gini(self.exposure[mine]),
            "exposure_share": shown,
            "relevance_share": wanted,
            "ratio": shown / wanted if shown is not None and wanted else None,
        }


def _share(amounts: np.ndarray, mine: np.ndarray, all_: np.ndarray) -> float | None:
    """What some items have of all; None where all have nothing."""
    total = int(amounts[all_].sum())
    return int(amounts[mine].sum()) / total if total else None


def of_column(name: str, column: pa.ChunkedArray) -> Groups:
    """Items grouped by a column: its values ascending, null and "" are none.

    Args:
        name: of the grouping.
        column: [I] of words or small numbers.
    """
    words = np.array(["" if value is None else str(value) for value in column.to_pylist()], dtype=object)
    values = sorted(set(words.tolist()) - {""})
    place = {value: code for code, value in enumerate(values)} | {"": -1}
    return Groups(name, tuple(values), np.array([place[word] for word in words.tolist()], dtype=np.int32))


AGES = (7, 28, 91, 365)
"""Days that divide items by their age."""


def of_age(days: np.ndarray) -> Groups:
    """Items grouped by the days since they were first seen, [I]."""
    names = [f"under {AGES[0]} days", *(f"{low} to {high - 1} days" for low, high in itertools.pairwise(AGES))]
    return Groups("age", (*names, f"{AGES[-1]} days or more"), np.digitize(days, AGES).astype(np.int32))


def of_popularity(tail: np.ndarray) -> Groups:
    """Head and long tail, bool [I]."""
    return Groups("popularity", ("head", "tail"), tail.astype(np.int32))
