"""A night's coupons under limits: what a table of every household's best coupons leaves, given out in three ways."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.allotment import greedy
from pipeline.publication.allotment.problem import Limit, Problem, worth_of
from pipeline.publication.allotment.solving import allot

CASES: list[dict[str, int]] = [
    {"total": 500, "k": 3},
    {"total": 2000, "k": 3},
    *({"capacity": capacity, "k": k} for capacity in (5, 20, 50) for k in (1, 3, 10)),
    {"capacity": 20, "total": 1000, "k": 3},
    {"discount": 200, "k": 3},
    {"discount": 1000, "k": 3},
    {"capacity": 20, "discount": 500, "k": 3},
    {"capacity": 5, "discount": 500, "k": 1},
]
"""What limits: rows in all, rows of a coupon, what the coupons given out are worth at the till, rows of a household."""
FACE = """
with covered as (select distinct 'coupon-' || coupon_upc as coupon, product_id from read_parquet($coupons)),
given as (
    select product_id, coupon_disc from read_parquet($transactions)
    where coupon_disc > 0 and transaction_timestamp < $night::date + interval 1 day
)
select coupon, median(coupon_disc) as face from covered join given using (product_id) group by coupon
"""


@dataclass(frozen=True)
class Table:
    """A surface's published rows, by user.

    Attributes:
        users, ids: of rows and items.
        items: [T, C] int32, -1 pads; chances: [T, C] float32.
    """

    users: list[str]
    ids: list[str]
    items: np.ndarray
    chances: np.ndarray

    @classmethod
    def read(cls, file: Path, surface: str) -> "Table":
        """Read a published table of recommendations."""
        table = pq.read_table(file, filters=pc.field("surface") == surface)
        users, ids = (pc.dictionary_encode(table.column(name)).combine_chunks() for name in ("user_id", "item_id"))
        rank = table.column("rank").to_numpy() - 1
        items = np.full((len(users.dictionary), int(rank.max(initial=0)) + 1), -1, dtype=np.int32)
        chances = np.zeros(items.shape, dtype=np.float32)
        at = (users.indices.to_numpy(), rank)
        items[at], chances[at] = ids.indices.to_numpy(), table.column("score").to_numpy()
        return cls(users.dictionary.to_pylist(), ids.dictionary.to_pylist(), items, chances)

    def faces(self, raw: Path, night: date) -> np.ndarray:
        """[I] what a coupon took off the price by the night, in the middle; of one that nobody knows, what all did."""
        files = {name: str(raw / f"{name}.parquet") for name in ("coupons", "transactions")}
        with duckdb.connect() as connection:
            known = dict(connection.execute(FACE, files | {"night": night}).fetchall())
        usual = float(np.median(list(known.values())))
        return np.array([known.get(item, usual) for item in self.ids])

    def problem(self, *, faces: np.ndarray | None = None, **most: int) -> Problem:
        """The table with limits, see CASES; `faces` is needed for a discount."""
        k, capacity, total, discount = (most.get(name) for name in ("k", "capacity", "total", "discount"))
        assert k is not None
        number, limits = len(self.ids), []
        if capacity is not None:
            each = np.arange(number, dtype=np.int32)
            limits.append(Limit(each, np.full(number, float(capacity)), np.ones(number)))
        if total is not None:
            limits.append(Limit(np.zeros(number, np.int32), np.array([float(total)]), np.ones(number)))
        if discount is not None and faces is not None:
            limits.append(Limit(np.zeros(number, np.int32), np.array([float(discount)]), faces))
        return Problem(self.items, self.chances, np.ones(number), tuple(limits), k)

    def redeemed(self, chosen: np.ndarray, truth: set[tuple[str, str]]) -> int:
        """How many of the rows of an assignment came true."""
        return sum(
            (self.users[u], self.ids[self.items[u, c]]) in truth for u, c in zip(*np.nonzero(chosen), strict=True)
        )


def compare(table: Table, truth: set[tuple[str, str]], faces: np.ndarray) -> Iterator[str]:
    """A line of Markdown for each case: expected redemptions, and what the allotment has of each greedy's."""
    for case in CASES:
        problem = table.problem(faces=faces, **case)
        found = allot(problem)
        others = [way(problem) for way in (greedy.one_by_one, greedy.best_first, greedy.best_for_its_use_first)]
        worth = [worth_of(problem, chosen) for chosen in others]
        came = [table.redeemed(chosen, truth) for chosen in (found.chosen, *others)]
        limits = ", ".join(f"{name} {number}" for name, number in case.items())
        shares = " | ".join(f"{found.worth / other:.3f}" for other in worth)
        came_true = ", ".join(map(str, came))
        yield f"| {limits} | {found.chosen.sum()} | {found.worth:.2f} | {shares} | {found.gap:.1e} | {came_true} |"
