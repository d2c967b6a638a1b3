"""What every rival's script shares: the night's log in, lists out. Runs in the rival's own environment.

A script is called with three paths: the history (Parquet: user_id, item_id, time, weight), a JSON file with the night
and the settings of each protocol, and the folder that gets one `<protocol>.parquet` (user_id, item_id, rank) each.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

DEPTH = 50
Settings = dict[str, Any]
Recommend = Callable[["Log", dict[str, Settings]], Iterator[tuple[str, np.ndarray]]]
"""Yields (protocol, [U, n] int item rows, best first, -1 where a list ends)."""


@dataclass(frozen=True)
class Log:
    """What users did up to the night.

    Attributes:
        users, items: [U], [I] ids; every row number below counts in them.
        user, item: int of each action.
        age: days before the night's last day, whole.
        weight: what each action is worth.
        time: when each happened.
    """

    users: np.ndarray
    items: np.ndarray
    user: np.ndarray
    item: np.ndarray
    age: np.ndarray
    weight: np.ndarray
    time: pd.Series

    def matrix(self, values: np.ndarray) -> sparse.csr_matrix:
        """[U, I] float32, the values of equal pairs summed."""
        shape = (len(self.users), len(self.items))
        return sparse.csr_matrix((values.astype(np.float32), (self.user, self.item)), shape=shape)

    def decayed(self, half_life_days: float, floor: float = 0.0) -> sparse.csr_matrix:
        """[U, I] float32: weights halved every `half_life_days`, once a day, plus `floor` where there is any."""
        seen, order = np.unique(np.stack([self.user, self.item, self.age]), axis=1, return_inverse=True)
        most = np.zeros(seen.shape[1])
        np.maximum.at(most, order.ravel(), self.weight)
        values = (most * 0.5 ** (seen[2] / half_life_days)).astype(np.float32)
        shape = (len(self.users), len(self.items))
        found = sparse.csr_matrix((values, (seen[0], seen[1])), shape=shape)
        found.data += np.float32(floor)
        return found

    def seen(self) -> sparse.csr_matrix:
        """[U, I] 1 where the user ever acted on the item."""
        found = self.matrix(np.ones(len(self.user)))
        found.data[:] = 1
        return found

    def popularity(self, days: float) -> np.ndarray:
        """[I] distinct users within the last days."""
        recent = self.age < days
        pairs = np.unique(np.stack([self.user[recent], self.item[recent]]), axis=1)
        return np.bincount(pairs[1], minlength=len(self.items)).astype(np.float32)

    def frame(self, values: sparse.csr_matrix) -> pd.DataFrame:
        """One row per pair of a matrix: user_id, item_id, weight, datetime (of the last action)."""
        last = self.matrix_of_last()
        pairs = values.tocoo()
        return pd.DataFrame(
            {
                "user_id": self.users[pairs.row],
                "item_id": self.items[pairs.col],
                "weight": pairs.data,
                "datetime": last.loc[pd.MultiIndex.from_arrays([pairs.row, pairs.col])].to_numpy(),
            }
        )

    def matrix_of_last(self) -> pd.Series:
        """The last action's time by (user row, item row)."""
        return self.time.groupby([self.user, self.item]).max()


def read(history: Path, night: str) -> Log:
    """Read a night's history."""
    table = pd.read_parquet(history)
    user, users = pd.factorize(table["user_id"], sort=True)
    item, items = pd.factorize(table["item_id"], sort=True)
    age = (pd.Timestamp(night) - table["time"].dt.normalize()).dt.days.to_numpy()
    weight = table["weight"].to_numpy(np.float64)
    return Log(users.to_numpy(), items.to_numpy(), user, item, age, weight, table["time"])


def best(scores: np.ndarray, n: int = DEPTH) -> np.ndarray:
    """[U, n] rows of the highest scores of [U, I], best first; -1 where a score is -inf."""
    n = min(n, scores.shape[1])
    chosen = np.argpartition(-scores, n - 1, axis=1)[:, :n]
    found = np.take_along_axis(scores, chosen, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    chosen = np.take_along_axis(chosen, order, axis=1)
    chosen[np.isneginf(np.take_along_axis(found, order, axis=1))] = -1
    return chosen


def ranked(log: Log, score: Callable[[slice], np.ndarray], protocol: str, block: int = 1024) -> np.ndarray:
    """Rank all items for all users, a block of users at a time; under `new` known items are left out.

    Args:
        score: [users of the slice, I] scores; may be overwritten.
    """
    seen, lists = log.seen(), []
    for start in range(0, len(log.users), block):
        rows = slice(start, min(start + block, len(log.users)))
        scores = score(rows)
        if protocol == "new":
            scores[seen[rows].nonzero()] = -np.inf
        lists.append(best(scores))
    return np.concatenate(lists)


def rows_of(log: Log, lists: dict[str, list[str]]) -> np.ndarray:
    """Lists by user id as [U, DEPTH] item rows, -1 where a list ends."""
    known = {item: row for row, item in enumerate(log.items)}
    found = np.full((len(log.users), DEPTH), -1)
    for row, user in enumerate(log.users):
        items = [known[i] for i in lists.get(user, []) if i in known][:DEPTH]
        found[row, : len(items)] = items
    return found


def without_seen(log: Log, lists: dict[str, list[str]]) -> dict[str, list[str]]:
    """The lists without what their users know."""
    known: dict[str, set[str]] = {}
    for user, item in zip(log.users[log.user], log.items[log.item], strict=True):
        known.setdefault(user, set()).add(item)
    return {user: [i for i in items if i not in known.get(user, ())] for user, items in lists.items()}


def main(recommend: Recommend) -> None:
    """Run a script."""
    history, settings, out = map(Path, sys.argv[1:])
    chosen = json.loads(settings.read_text())
    log = read(history, chosen["night"])
    for protocol, lists in recommend(log, chosen["protocols"]):
        row, place = np.nonzero(lists >= 0)
        frame = pd.DataFrame(
            {"user_id": log.users[row], "item_id": log.items[lists[row, place]], "rank": (place + 1).astype(np.int32)}
        )
        frame.to_parquet(out / f"{protocol}.parquet", index=False)
