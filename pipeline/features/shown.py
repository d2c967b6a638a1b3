"""What users were shown, and what came of it: which places of a list are looked at, and how much items appeal there.

An application shows what it thinks best at the top, where people look most, so a share of clicks by place says as much
of the items as of the places. Here both are fitted at once: an item that is looked at with the chance of its place is
acted on with the chance of its appeal,

    acted of item i at place p  ~  Poisson(times x examined_p x appeal_i)

by turns, each given the other, to the most likely (as iterative proportional fitting of a table of two ways). Items
that were shown at several places, as by exploration, tell the two apart.
Source: Richardson, Dominowska & Ragno, WWW 2007 (examination); Deming & Stephan, 1940.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.features.events import Events
from pipeline.features.given import PLACES
from pipeline.features.read import Cutoff, read_table
from pipeline.ground import schemas

DAYS = 28
"""What was shown so many days before a cut-off counts."""
ROUNDS = 50
"""Turns of the fit."""
PRIOR_TIMES = 20
"""Looks at an item that the mean appeal weighs as much as."""
PRIOR_ACTED = 20
"""Actions expected at a place that the discount weighs as much as."""


def discount() -> np.ndarray:
    """[1 + PLACES] how likely a place is looked at where nothing tells: NDCG's discount, of an unknown one the mean."""
    known = 1 / np.log2(1 + np.arange(1, PLACES + 1))
    return np.concatenate([[known.mean()], known])


def fit(item: np.ndarray, place: np.ndarray, times: np.ndarray, acted: np.ndarray, items: int) -> np.ndarray:
    """How likely each place is looked at: [1 + PLACES] float64, at most 1, from the first place on not rising.

    Args:
        item, place: [N] where items were shown; place 0: nobody says where.
        times, acted: [N] how often, and how often somebody acted on it then.
        items: I, above every item.
    """
    usual = discount()
    examined, size = usual, 1 + PLACES
    if not acted.any():
        return examined
    for _ in range(ROUNDS):
        appeal = _appeal(item, times * examined[place], acted, items)
        expected = np.bincount(place, weights=times * appeal[item], minlength=size)
        found = np.bincount(place, weights=acted, minlength=size)
        weight = np.maximum(expected, 1e-12)
        raw = (found + PRIOR_ACTED * usual) / (expected + PRIOR_ACTED)
        examined = np.concatenate([raw[:1], _falling(raw[1:], weight[1:] + PRIOR_ACTED)])
        examined = np.minimum(examined / examined[1:].max(), 1)
    return examined


def _falling(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest values that do not rise, by weighted least squares."""
    from scipy.optimize import isotonic_regression  # scikit-learn's calls it, and takes a second more to import

    # the mean of the values at a place, of which there is one: to the last bit what scikit-learn's gives
    means = values * weights / weights
    return np.asarray(isotonic_regression(means, weights=weights, increasing=False).x)


def _appeal(item: np.ndarray, examined: np.ndarray, acted: np.ndarray, items: int) -> np.ndarray:
    """[I] how often each item is acted on where it is looked at, smoothed towards the mean of all."""
    looks = np.bincount(item, weights=examined, minlength=items)
    actions = np.bincount(item, weights=acted, minlength=items)
    mean = actions.sum() / max(looks.sum(), 1e-12)
    return np.asarray((actions + PRIOR_TIMES * mean) / (looks + PRIOR_TIMES))


def write(events: Events, folder: Path, row: dict[str, Any], params: dict[str, Any]) -> None:
    """Write what users had been shown by a cut-off and, at a label cut-off, in its window to no avail; where a type of
    the shop's events says so.

    Args:
        events: what had arrived.
        folder: the cut-off's.
        row: of schemas.CUTOFFS.
        params: cutoff_day, users, items, horizon_days.
    """
    if not events.has_shown:
        return
    counted = events.query("shown_places", schemas.SHOWN_PLACES, days=DAYS, **params)
    item, place, times, acted = (column.to_numpy() for column in counted.columns)
    examined = fit(item, place, times, acted, row["items"])
    sums = (np.bincount(place, weights=values, minlength=1 + PLACES).astype(np.int64) for values in (times, acted))
    places = pa.table([np.arange(1 + PLACES), *sums, examined], names=schemas.PLACES.names).cast(schemas.PLACES)
    _write(folder / "places.parquet", places)
    _write(folder / "shown_items.parquet", _items(item, times * examined[place], acted, row["items"]))
    chance = {"examined": places.select(["place", "examined"])}
    events.write(folder / "shown.parquet", "shown", schemas.SHOWN, chance, days=DAYS, **params)
    if row["role"] == "label":
        events.write(folder / "shown_in_vain.parquet", "shown_in_vain", schemas.SHOWN_IN_VAIN, chance, **params)


def read_items(cutoff: Cutoff) -> pa.Table:
    """What had been shown by a cut-off, one row per item, ascending: schemas.SHOWN_ITEMS."""
    return read_table(cutoff.folder / "shown_items.parquet", schemas.SHOWN_ITEMS)


def read_places(cutoff: Cutoff) -> pa.Table:
    """How often each place was shown and acted on by a cut-off, and how likely it is looked at: schemas.PLACES."""
    return read_table(cutoff.folder / "places.parquet", schemas.PLACES)


def _items(item: np.ndarray, examined: np.ndarray, acted: np.ndarray, items: int) -> pa.Table:
    """schemas.SHOWN_ITEMS: what was shown."""
    there = np.unique(item)
    sums = [np.bincount(item, weights=values, minlength=items)[there] for values in (examined, acted)]
    columns = [there, *sums, _appeal(item, examined, acted, items)[there]]
    return pa.table(columns, names=schemas.SHOWN_ITEMS.names).cast(schemas.SHOWN_ITEMS)


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd")
