"""What is it worth to order answers by what the person who asks bought before?

What is wanted is real: purchases of Online Retail II, each of a customer with a history. What is asked for it is made
up, by words of its title as in `planted`. Answers are learned from the first twelve of sixteen weeks of made-up
searches and judged by purchases of the last four; a history ends where these begin.

    share x (1 + times bought) ^ power

The share is the score of search_results; of search_terms its logarithm is the score / TERMS_TEMPERATURE.

The power was chosen on the periods of TUNING; REPORTED was looked at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from benchmarks.search import measures, planted, rankers
from benchmarks.search.rankers import Memory, Shop
from pipeline.arrays import top_k
from pipeline.publication import query_terms
from pipeline.publication.tables.search_results import TERMS_TEMPERATURE
from pipeline.settings.sections.publication import Publish

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TUNING = (date(2011, 4, 24), date(2011, 6, 26))
REPORTED = (date(2011, 12, 9),)
POWERS = (0.0, 0.25, 0.5, 1.0, 2.0)
CHOSEN = 0.5
WEEKS, JUDGED_WEEKS = 16, 4
SEARCHES, JUDGED = 60_000, 4_000
SOLD = """
    select CustomerID::bigint as customer, StockCode as code, InvoiceDate::date as day, trim(Description) as title
    from '{path}'
    where Quantity > 0 and regexp_matches(StockCode, '^[0-9]{{5}}') and length(trim(Description)) > 5
"""


@dataclass(frozen=True)
class Sales:
    """Invoice lines [N]: item, customer (-1: not known), day; and the items' titles [I]."""

    titles: list[str]
    item: np.ndarray
    customer: np.ndarray
    day: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> "Sales":
        """Of Online Retail II's transactions.parquet; days since 1970-01-01."""
        sold = SOLD.format(path=folder / "transactions.parquet")
        with duckdb.connect() as connection:
            connection.execute(f"create table sold as {sold}").fetchall()
            names = connection.execute(
                "select code, arg_max(title, (lines, title)) from (select code, title, count(*) as lines from sold "
                "group by all) group by code order by code"
            ).fetchall()
            rows = connection.execute(
                "select code, coalesce(customer, -1) as customer, date_diff('day', date '1970-01-01', day) as day "
                "from sold order by all"
            ).fetchnumpy()
        item = np.searchsorted(np.array([code for code, _ in names]), rows["code"].astype(str))
        customer = np.unique(rows["customer"], return_inverse=True)[1] - int((rows["customer"] < 0).any())
        return cls([title for _, title in names], item, customer, rows["day"])

    def bought(self, before: int) -> "csr_matrix":
        """[customers, I] how often each bought each item before a day."""
        from scipy import sparse

        kept = (self.day < before) & (self.customer >= 0)
        shape = (int(self.customer.max()) + 1, len(self.titles))
        ones = np.ones(int(kept.sum()), dtype=np.float32)
        found = sparse.csr_matrix((ones, (self.customer[kept], self.item[kept])), shape=shape)
        found.sum_duplicates()
        return found


@dataclass(frozen=True)
class Answered:
    """Answers to searches [N, K] for one item each.

    Attributes:
        items: -1 pads; log_share: of what is expected after the query.
        bought: how often the one who asks had bought each; right: [N] what was wanted; query: [N] codes from 0.
    """

    items: np.ndarray
    log_share: np.ndarray
    bought: np.ndarray
    right: np.ndarray
    query: np.ndarray

    def ndcg(self, power: float) -> np.ndarray:
        """[N] NDCG@10 in the person's order."""
        worth = np.where(self.items >= 0, self.log_share + power * np.log1p(self.bought), -np.inf)
        order = np.argsort(-worth, axis=1, kind="stable")[:, : measures.K]
        found: np.ndarray = measures.measure(np.take_along_axis(self.items, order, axis=1), self.right).ndcg
        return found

    @property
    def again(self) -> np.ndarray:
        """[N] whether what was wanted had been bought by its customer before and is among the answers."""
        return np.asarray(((self.items == self.right[:, None]) & (self.bought > 0)).any(axis=1))


def answered(sales: Sales, last: date, encoder: Memory, searches: int = SEARCHES, judged: int = JUDGED) -> Answered:
    """Learn from the weeks up to a day, and answer what is asked for purchases of the last of them."""
    end = (last + timedelta(days=1) - date(1970, 1, 1)).days
    start, split = end - 7 * WEEKS, end - 7 * JUDGED_WEEKS
    weekly = np.full((WEEKS, len(sales.titles)), 0.01)
    kept = (sales.day >= start) & (sales.day < end)
    np.add.at(weekly, ((sales.day[kept] - start) // 7, sales.item[kept]), 1)
    log = planted.make(sales.titles, planted.Plan(weekly, searches, seed=1))
    bought = sales.bought(split)
    known = (sales.customer >= 0) & (np.diff(bought.indptr)[sales.customer] > 0)
    rng = np.random.default_rng(2)
    asking = np.flatnonzero(known & (sales.day >= split) & (sales.day < end))
    asking = rng.choice(asking, size=min(judged, len(asking)), replace=False)
    queries = planted.queries_for(sales.titles, sales.item[asking], seed=1)
    distinct, number = np.unique(queries.astype(str), return_inverse=True)
    shop = Shop(log.where(log.day < split - start), [str(query) for query in distinct], encoder)
    items, log_share = (found[number] for found in _answers(shop))
    times = bought[np.repeat(sales.customer[asking], items.shape[1]), np.maximum(items, 0).ravel()]
    return Answered(items, log_share, np.asarray(times).reshape(items.shape), sales.item[asking], number)


def _answers(shop: Shop) -> tuple[np.ndarray, np.ndarray]:
    """search_results where it has the query, else search_terms: items [J, K] and the logs of their shares."""
    k = Publish().search_k
    popular = query_terms.appeal(shop.buyers)
    scores = query_terms.shortened(shop.terms, popular, rankers.MOST).scores(shop.asked)
    scores.data += popular[scores.indices].astype(np.float32)
    scores.sum_duplicates()
    items, found = top_k.top_n_sparse(scores, k)
    worth = found / TERMS_TEMPERATURE
    tables, shares = rankers.by_meaning_and_terms(shop, shop.choices, k)
    places = {query: row for row, query in enumerate(shop.frequent)}
    row = np.array([places.get(query, -1) for query in shop.asked])
    items[row >= 0] = tables[row[row >= 0]]
    worth[row >= 0] = np.log(np.maximum(shares[row[row >= 0]], 1e-30))
    return items, worth


def judge(folder: Path, encoder: Memory) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of every period, tuning ones first: NDCG@10 by power, and what the chosen one gains, with its interval."""
    sales = Sales.read(folder)
    for last in (*TUNING, *REPORTED):
        found = answered(sales, last, encoder)
        by_power = {power: found.ndcg(power) for power in POWERS}
        told: dict[str, Any] = {"judged": len(found.right), "bought before": round(float(found.again.mean()), 4)}
        told |= {f"ndcg@10, power {power:g}": round(float(ndcg.mean()), 4) for power, ndcg in by_power.items()}
        for name, part in (("all", found.again | True), ("bought before", found.again), ("others", ~found.again)):
            number = np.unique(found.query[part], return_inverse=True)[1]
            gain = measures.difference(by_power[CHOSEN][part], by_power[0.0][part], number)
            told[f"gain, {name}"] = [round(value, 4) for value in gain]
        yield f"{last} ({'reported' if last in REPORTED else 'tuning'})", told
