"""Which queries the tables name, seen through noise only ([privacy] epsilon_queries).

Of each person (a user; a guest's session) the queries last asked count, 1 / sqrt(k) each where there are k, so that a
whole person moves all sums together by at most 1. They get Gaussian noise once a night, and a query is named whose
noised sum is above a threshold. Of what one person alone asked it is above it with a chance of `OF_DELTA * delta` at
most, however many queries that are. What people chose after a query is counted as ever.
Source: Gopi et al., "Differentially private set union", ICML 2020 (weighted Gaussian, theorem 5.1); a person's part of
the threshold's chance adds to delta, as the noise on what others asked too is independent of it.
"""

import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.features.events import Events
from pipeline.ground import artifacts, schemas
from pipeline.privacy import accountant, noise, spending
from pipeline.privacy.noise import Noise
from pipeline.privacy.spending import Release
from pipeline.settings.config import Config

OF_DELTA = 1e-3
"""Share of [privacy] delta that one night's threshold takes: it is enough for a thousand releases."""
STEPS = 2**30
"""Of a person's whole part, so that sums are of whole numbers, in whatever order."""
COUNTS = pa.schema([pa.field("query", pa.string(), nullable=False), pa.field("steps", pa.int64(), nullable=False)])
FILE = ".query_counts.parquet"
"""While the stage runs: what no noise covers yet."""


def parts(most: int) -> pa.Table:
    """For each number of queries up to `most` what one of them is of a person's part, in steps, rounded down."""
    queries = np.arange(1, most + 1, dtype=np.int64)
    return pa.table({"queries": queries, "part": np.floor(STEPS / np.sqrt(queries)).astype(np.int64)})


def threshold(mu: float, chance: float, most: int) -> float:
    """What a noised sum must exceed, so that nothing is named that one person alone asked, but for a chance.

    Args:
        mu: of the release, so that the noise has a standard deviation of 1 / mu.
        chance: > 0, < 1; that any of a person's own queries is named.
        most: queries of a person that count.
    """
    from scipy.special import ndtri_exp

    number = np.arange(1, most + 1)
    # the chance that none of so many is above it: log(1 - chance) / number, and of its complement the quantile
    below = np.log(-np.expm1(math.log1p(-chance) / number))
    return float(np.max(1 / np.sqrt(number) - ndtri_exp(below) / mu))


def named(
    events: Events, config: Config, night: date, out: Path, when: dict[str, Any]
) -> tuple[pa.Table, dict[str, Any]]:
    """Release which queries the tables of a night name, and write down what that costs.

    Args:
        events: have the table `asked`.
        config: has the budget, and how many queries there are at most.
        night: that releases them.
        out: the stage's folder, for what does not fit in memory.
        when: the days that count, `cutoff_day` and `days`.
    Returns:
        schemas.FREQUENT, most noised people first, with `users` rounded of these; and what the manifest says.
    Raises:
        InputError: there is no key, or too little budget.
    """
    secret, section = noise.key(), config.privacy
    events.put("query_parts", parts(section.contributions))
    path = out / FILE
    events.write(path, "query_counts", COUNTS, contributions=section.contributions)
    try:
        settings = (section.epsilon_queries, section.delta, section.contributions, config.features.queries)
        purpose = artifacts.text_sha256(
            "queries", artifacts.file_sha256(path), night, when, settings, artifacts.code_version()
        )
        mu, chance = accountant.mu_of(section.epsilon_queries, section.delta * (1 - OF_DELTA)), section.delta * OF_DELTA
        key = secret.derive("release").hash(purpose)
        spending.spend(config, Release(key, "features", night.isoformat(), night.isoformat(), mu, chance))
        least = threshold(mu, chance, section.contributions)
        found = _above(path, least, 1 / mu, Noise(secret, purpose))
    finally:
        path.unlink()
    made = "which queries search_results and search_terms name"
    said = {"private": made, "epsilon_per_fit": section.epsilon_queries, "query_threshold": round(least, 2)}
    return _most(found, config.features.queries), said | spending.told(config, "features")


def _above(path: Path, least: float, deviation: float, drawn: Noise) -> pa.Table:
    """The queries whose noised sum is above `least`, with that sum; a row group of them at a time."""
    kept = []
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            sums = table.column("steps").to_numpy() / STEPS + deviation * drawn.normal(len(table))
            kept.append(pa.table({"query": table.column("query"), "people": sums}).filter(pa.array(sums > least)))
    nothing = pa.table({"query": pa.array([], pa.string()), "people": pa.array([], pa.float64())})
    return pa.concat_tables([nothing, *kept])


def _most(found: pa.Table, most: int) -> pa.Table:
    order = pc.sort_indices(found, sort_keys=[("people", "descending"), ("query", "ascending")])[:most]
    found = found.take(order)
    people = np.maximum(1, np.round(found.column("people").to_numpy())).astype(np.int32)
    index = np.arange(len(found), dtype=np.int32)
    return pa.table({"query_index": index, "query": found.column("query"), "users": people}, schema=schemas.FREQUENT)


def only(searches: pa.Table, frequent: pa.Table, most: int) -> pa.Table:
    """Of what was searched for in vain (schemas.SEARCHES) the first rows of queries that the tables name; another
    query that was asked instead is told where they name it too."""
    names = frequent.column("query").combine_chunks()
    kept = searches.filter(pc.is_in(searches.column("query"), names))[:most]
    instead = kept.column("asked_instead")
    told = pc.if_else(pc.is_in(instead, names), instead, pa.scalar(None, pa.string()))
    return kept.set_column(kept.schema.get_field_index("asked_instead"), schemas.SEARCHES.field("asked_instead"), told)
