"""The one scorer of all benchmarks, and what users did, read from the raw logs of an example.

History = what users acted on up to the night, truth = what they acted on in the days after it. Users with a history and
a truth are scored; one without a list scores 0. Protocol `all` counts every item of the truth, `new` only items the
user never acted on before: there, known items are taken out of a list and its ranks close up.

NDCG@10: binary gain, log2 discount, the ideal over min(10, |truth|) items. Recall@50: the denominator is |truth|.
Source: Järvelin & Kekäläinen, ACM TOIS 2002.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EVENTS = Path(__file__).parent / "events"
BEGINNING = date(2000, 1, 1)
RESAMPLES = 2000
DISCOUNT = 1 / np.log2(np.arange(2, 12))

Lists = Mapping[str, Sequence[str]]
"""item_ids, best first, by user_id."""
Acted = Mapping[str, set[str]]
"""item_ids by user_id."""


def events(example: Path, after: date, until: date) -> pa.Table:
    """Rows user_id, item_id, time, weight of an example's raw logs, after one day and up to another.

    Args:
        example: folder of an example; `benchmarks/events/<its name>.sql` reads it.
    """
    text = (EVENTS / f"{example.resolve().name}.sql").read_text()
    parameters = {"files": str(example / "logs" / "*.csv.zst"), "after": after, "until": until}
    with duckdb.connect() as connection:
        return connection.sql(text, params=parameters).to_arrow_table()


def pairs(table: pa.Table) -> pa.Table:
    """Distinct (user_id, item_id)."""
    return table.select(["user_id", "item_id"]).group_by(["user_id", "item_id"]).aggregate([]).sort_by("user_id")


def purchases(example: Path, after: date, until: date) -> pa.Table:
    """Distinct (user_id, item_id) acted on after one day and up to another."""
    return pairs(events(example, after, until))


def known_and_later(example: Path, night: date, horizon: timedelta) -> tuple[pa.Table, pa.Table]:
    """Distinct (user_id, item_id) acted on up to the night, and in the days after it: history and truth."""
    return purchases(example, BEGINNING, night), purchases(example, night, night + horizon)


def grouped(table: pa.Table) -> dict[str, set[str]]:
    """item_ids by user_id."""
    rows: dict[str, set[str]] = {}
    for user, item in zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True):
        rows.setdefault(user, set()).add(item)
    return rows


def by_user(table: pa.Table, surface: str) -> dict[str, list[str]]:
    """A surface's lists of published recommendations."""
    statement = "select user_id, list(item_id order by rank) from recs where surface = $s group by 1"
    with duckdb.connect() as connection:
        connection.register("recs", table)
        return dict(connection.execute(statement, {"s": surface}).fetchall())


def read_lists(file: Path) -> dict[str, list[str]]:
    """Lists from Parquet (user_id, item_id, rank), ids as strings."""
    statement = (
        "select cast(user_id as varchar), list(cast(item_id as varchar) order by rank) from read_parquet($f) group by 1"
    )
    with duckdb.connect() as connection:
        return dict(connection.execute(statement, {"f": str(file)}).fetchall())


def write_lists(file: Path, shown: Lists) -> None:
    """Lists to Parquet (user_id, item_id, rank), rank from 1."""
    rows = [(u, i, r) for u, ranked in shown.items() for r, i in enumerate(ranked, 1)]
    users, items, ranks = zip(*rows, strict=True) if rows else ((), (), ())
    pq.write_table(pa.table({"user_id": users, "item_id": items, "rank": ranks}), file)


def judged(truth: Acted, history: Acted, protocol: str) -> list[str]:
    """Users that are scored, in the order of the arrays `per_user` returns."""
    return [u for u in sorted(set(truth) & set(history)) if protocol == "all" or truth[u] - history[u]]


def per_user(shown: Lists, truth: Acted, history: Acted, protocol: str) -> tuple[np.ndarray, np.ndarray]:
    """NDCG@10 and Recall@50 of each judged user, in the order of sorted user ids."""
    ndcg, recall = [], []
    for user in judged(truth, history, protocol):
        wanted = truth[user] - history[user] if protocol == "new" else truth[user]
        ranked = dict.fromkeys(i for i in shown.get(user, []) if protocol == "all" or i not in history[user])
        hits = [r for r, item in enumerate(ranked) if r < 50 and item in wanted]
        ndcg.append(sum(DISCOUNT[r] for r in hits if r < 10) / DISCOUNT[: min(10, len(wanted))].sum())
        recall.append(len(hits) / len(wanted))
    return np.array(ndcg), np.array(recall)


def ndcg_of_scores(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[J] NDCG@10 of each row's ranking by score; ties go to the lower column.

    Args:
        scores: [J, N]; -inf is never a hit.
        truth: bool [J, N], somewhere true in every row.
    """
    gain = _hits(scores, truth, 10) @ DISCOUNT[: scores.shape[1]]
    return np.asarray(gain / np.cumsum(DISCOUNT)[np.minimum(truth.sum(axis=1), 10) - 1])


def recall_of_scores(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[J] Recall@50; scores and truth as of `ndcg_of_scores`."""
    return np.asarray(_hits(scores, truth, 50).sum(axis=1) / truth.sum(axis=1))


def _hits(scores: np.ndarray, truth: np.ndarray, length: int) -> np.ndarray:
    """[J, length] whether each of the best by score is true."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :length]
    shown = np.isfinite(np.take_along_axis(scores, order, axis=1))
    return np.asarray(np.take_along_axis(truth, order, axis=1) & shown)


def interval(difference: np.ndarray) -> tuple[float, float]:
    """Paired bootstrap 95 % interval of the mean."""
    rng = np.random.default_rng(0)
    means = np.array([difference[rng.integers(0, len(difference), len(difference))].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def pooled_interval(users: Sequence[Sequence[str]], values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Bootstrap 95 % interval of the mean of nights' means; a user is drawn with all the nights she was judged on.

    Args:
        users: judged users of each night.
        values: their values, night by night.
    """
    rows = {u: r for r, u in enumerate(sorted({u for night in users for u in night}))}
    sums, present = np.zeros((len(rows), len(users))), np.zeros((len(rows), len(users)))
    for night, (names, found) in enumerate(zip(users, values, strict=True)):
        index = [rows[u] for u in names]
        sums[index, night], present[index, night] = found, 1
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=RESAMPLES)  # [resamples, users]
    means = ((drawn @ sums) / np.maximum(drawn @ present, 1)).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
