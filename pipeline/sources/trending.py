"""What is fresh and read now, in the categories a user reads: for items that live hours or days.

How long items live is learned from the log: half of the last weeks' actions were on items younger than
`lifetime_hours`, and an item counts half with that age. Where items live longer than `longest_hours` there is nothing
to trend, and no list is made.

    score = share of the category in the user's history x appeal of the item x how fresh it is

The share is of the decayed history, smoothed towards everybody's. The appeal is how often the item was chosen lately
over how often it had been, were it like any other (see `pipeline.sources.appeal`). What is fresh is not divided by the
category's sum: a category with nothing new has nothing to show. An item without a category is in one with all others
of its kind.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field, NonNegativeFloat

from pipeline.arrays.blocks import blocks
from pipeline.engine import Bound
from pipeline.features.read import Cutoff
from pipeline.features.trends import LIVES, SHORT_LIVED_HOURS, read_lately
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, SourceSection
from pipeline.sources.appeal import Choices
from pipeline.sources.candidates import Score, make_parts, tonights_fit, write_fit, write_source
from pipeline.sources.contract import CandidateList, Source

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Trending(SourceSection):
    """Fresh items by category, where items live hours or days."""

    longest_hours: Annotated[float, Field(gt=0, le=SHORT_LIVED_HOURS)] = SHORT_LIVED_HOURS
    """Where items live longer, by the log, the list is not made."""
    values: Decay = "decay_30"
    """Own history whose categories count."""
    everybody: NonNegativeFloat = 1.0
    """Actions at everybody's shares that are added to a user's own."""


SOURCE = Source(
    Trending,
    lists=(CandidateList("trending", "Fresh, in the user's categories", alike=True),),
    made_of={
        "interactions": ("{values}",),
        "trends": ("age_hours", "lifetime_hours", "category"),
        "lately": ("hours_ago", "user_index", "item_index"),
    },
)


def freshness(appeal: np.ndarray, age_hours: np.ndarray, lifetime_hours: float) -> np.ndarray:
    """[I] an item's appeal, halved with every lifetime of its age; 0 where nothing was ever done with it."""
    aged = appeal * 0.5 ** (np.nan_to_num(age_hours) / lifetime_hours)
    return np.asarray(np.where(np.isnan(age_hours), 0.0, aged))


def category_codes(categories: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """[I] codes of the items' categories and how many there are; items without one share a code."""
    encoded = categories.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    number = len(encoded.dictionary)
    return np.where(np.isnan(codes), number, codes).astype(np.int64), number + 1


USERS = 2**15
"""Whose shares are made at a time."""


def shares(history: "csr_matrix", codes: np.ndarray, number: int, everybody: float) -> np.ndarray:
    """[U, C] float32, each category's share of a user's history, smoothed towards everybody's.

    Args:
        history: [U, I] CSR, at least 0.
        codes: [I] the items' categories.
        number: C.
        everybody: how much of everybody's shares is added to the user's own sum.
    Source: MacKay & Peto, "A hierarchical Dirichlet language model", Natural Language Engineering 1 (1995).
    """
    from scipy.sparse import csr_matrix

    items = len(codes)
    of_category = csr_matrix((np.ones(items, np.float32), codes, np.arange(items + 1)), shape=(items, number))
    found, prior = np.empty((history.shape[0], number), dtype=np.float32), np.zeros(number)
    for rows in blocks(len(found), USERS):
        found[rows] = (history[rows] @ of_category).toarray()
        prior += found[rows].sum(axis=0, dtype=np.float64)
    prior = prior / max(prior.sum(), 1e-12)
    for rows in blocks(len(found), USERS):
        own = found[rows].astype(np.float64)
        total = own.sum(axis=1, keepdims=True) + everybody
        found[rows] = (own + everybody * prior) / np.where(total > 0, total, 1)
    return found


def scoring(of_users: np.ndarray, codes: np.ndarray, fresh: np.ndarray) -> Score:
    """A function users [B] -> scores [B, I].

    Args:
        of_users: [U, C] shares.
        codes: [I] the items' categories.
        fresh: [I] see `freshness`.
    """
    of_items = fresh.astype(np.float32)

    def score(users: np.ndarray) -> np.ndarray:
        return np.asarray(of_users[users][:, codes] * of_items)

    return score


def run(*, features: Path, config: Config, section: Trending, memo: Memo, out: Path) -> dict[str, Any]:
    """Write the list `trending` of every cut-off at which items live short enough."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        trends = cutoff.trends()
        lifetime = float(trends.column("lifetime_hours")[0].as_py() or np.inf) if len(trends) else np.inf
        write_fit(folder, {"lifetime_hours": lifetime if np.isfinite(lifetime) else None})
        if lifetime > section.longest_hours:
            return
        age = trends.column("age_hours").to_numpy().astype(np.float64)
        codes, number = category_codes(trends.column("category"))
        of_users = shares(cutoff.matrix(section.values), codes, number, section.everybody)
        chosen = Choices(partial(read_lately, cutoff), of_users, codes, age, lifetime, LIVES)
        fresh = freshness(chosen.appeal(), age, lifetime)
        score = Bound(scoring, {"of_users": of_users, "codes": codes, "fresh": fresh})
        write_source(
            folder, "trending", cutoff, score, section=section, config=config, above=0.0, threads=config.threads
        )

    tables = ("interactions", "trends", "lately")
    made = make_parts("trending", make, features=features, memo=memo, config=config, tables=tables)
    return made | tonights_fit(features, out)
