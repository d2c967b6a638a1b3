"""The rule of an editor who can count: share of the reader's section x fresh clicks x age."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from benchmarks.every_log.shop import Seen

CLICKED_IN, HALVED_IN = (6, 24), (6, 12, 24)
"""Hours that clicks count for as fresh, and in which an article's weight halves: every pair of them is a list."""
PRIOR = 5.0
"""Clicks by which everybody's shares of the sections are mixed into a reader's own."""


def read(path: Path) -> pa.Table:
    """A compressed CSV file, every column as text."""
    with pa.input_stream(path, compression="zstd") as stream:
        names = csv.open_csv(stream).schema.names
    with pa.input_stream(path, compression="zstd") as stream:
        return csv.read_csv(stream, convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())))


def lists(seen: Seen, users: Sequence[str], up: pa.Table) -> dict[str, dict[str, list[str]]]:
    """Ten articles each that a reader has not read, by name of the rule.

    Args:
        seen: the night; its clicks.
        users: who gets lists.
        up: item_id, section and age (hours) of the articles that may be shown.
    """
    items, sections = up["item_id"].to_pylist(), up["section"].to_pylist()
    names = sorted(set(sections))
    place = [names.index(section) for section in sections]
    shares = _shares(seen, users, names)[:, place]  # [users, articles]
    age, found = up["age"].to_numpy(), {}
    for hours in CLICKED_IN:
        fresh = _clicks(seen, hours)
        # per hour in which it could be clicked; one click is added, so that what has just come up counts
        rate = np.array([(fresh[i] + 1) / (min(a, hours) + 1) for i, a in zip(items, age, strict=True)])
        for half_life in HALVED_IN:
            scores = shares * rate * 0.5 ** (age / half_life)
            found[f"section x clicks {hours} h x age {half_life} h"] = _ranked(seen, users, items, scores)
    return found


def _shares(seen: Seen, users: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """[users, sections] of each reader's clicks, with everybody's mixed in."""
    raw = read(seen.folder / "articles" / "articles.csv.zst")
    section = dict(zip(raw["article"].to_pylist(), raw["section"].to_pylist(), strict=True))
    row, column = {u: n for n, u in enumerate(users)}, {s: n for n, s in enumerate(names)}
    counts, everybody = np.zeros((len(users), len(names))), np.zeros(len(names))
    for user, item in zip(seen.goals["user_id"].to_pylist(), seen.goals["item_id"].to_pylist(), strict=True):
        if (place := column.get(section[item])) is not None:
            everybody[place] += 1
            if user in row:
                counts[row[user], place] += 1
    counts += PRIOR * everybody / everybody.sum()
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _clicks(seen: Seen, hours: int) -> Counter[str]:
    """Clicks of the last hours by article."""
    since = datetime.combine(seen.night + timedelta(days=1), time()) - timedelta(hours=hours)
    rows = zip(seen.goals["item_id"].to_pylist(), seen.goals["time"].to_pylist(), strict=True)
    return Counter(item for item, when in rows if when >= since)


def _ranked(seen: Seen, users: Sequence[str], items: Sequence[str], scores: np.ndarray) -> dict[str, list[str]]:
    found = {}
    for user, order in zip(users, np.argsort(-scores, axis=1, kind="stable"), strict=True):
        read_before = seen.history.get(user, set())
        found[user] = [items[place] for place in order if items[place] not in read_before][:10]
    return found
