"""Counting sources: recent best-sellers for everybody or a segment, and buy-again, the own history times them.

List `popularity` exists in both pools. List `buy_again` exists in pool `all` only: what a user may buy again is
exactly what pool `new` leaves out, so lists.list_names(folder, "new") does not name it. List `segment_popularity`
counts the buyers of a user's own segment, those who usually pay about as much; it exists in both pools, with `segments`
above 1 and where the log has prices.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import NonNegativeFloat, PositiveInt

from pipeline.arrays import top_k
from pipeline.arrays.blocks import blocks, rows_for
from pipeline.engine import Bound
from pipeline.features.offers import Never
from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.settings.sections.base import Decay, Section
from pipeline.sources import private_counts
from pipeline.sources.candidates import (
    Rank,
    Ranked,
    Score,
    in_assortments,
    make_parts,
    write_candidates,
    write_ranked,
)
from pipeline.sources.contract import CandidateList, MadeOf, Source
from pipeline.sources.shelves import Lists

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Popularity(Section):
    """Recent best-sellers, and the user's own purchases times them (buy again)."""

    days: Literal[7, 28, 91, 365] = 28
    """Best-sellers of the last days; counted in distinct buyers."""
    segments: PositiveInt = 1
    """Above 1, list `segment_popularity` is made: best-sellers among the users who usually pay as much, in this many
    segments of equal size; only where the log has prices."""
    everybody: NonNegativeFloat = 0.3
    """Weight of all users' best-sellers beside a segment's own."""
    history: Decay = "decay_365"
    """Own history that buy-again ranks by."""
    power: NonNegativeFloat = 0.3
    """Buy-again multiplies the own history by (buyers + 1) to this power."""
    candidates: PositiveInt = 120
    """Length of the lists."""


def _made_of(section: Popularity) -> MadeOf:
    """Prices only where segments are asked for."""
    found: MadeOf = {"interactions": ("{history}", "count"), "item_stats": ("buyers_{days}",)}
    return found if section.segments == 1 else {**found, "user_stats": ("mean_price",)}


SOURCE = Source(
    Popularity,
    lists=(
        CandidateList("buy_again", "Buy again", says="own", kinds=("all",)),
        CandidateList("popularity", "Best-sellers", says="everybody", alike=True),
        CandidateList(
            "segment_popularity", "Best-sellers of who pays as much", says="everybody", fused=False, alike=True
        ),
    ),
    made_of=_made_of,
)


def item_popularity(cutoff: Cutoff, days: int) -> np.ndarray:
    """[I] float32: distinct buyers of each item in the last `days` days (7, 28, 91 or 365)."""
    return np.asarray(cutoff.item_stats().column(f"buyers_{days}").to_numpy(), dtype=np.float32)


def buy_again_weight(popularity: np.ndarray, power: float) -> np.ndarray:
    """[I] float32 factor on the own history; one buyer is added, so that what nobody bought lately keeps a rank."""
    return ((popularity + 1.0) ** power).astype(np.float32)


def best_sellers(popularity: np.ndarray, history: "csr_matrix", never: Never, n: int) -> Rank:
    """A function that lists the most popular items for blocks of users: all of them, and those that are new to a user.

    Everybody's order is the same, so it is sorted once; what a user has or dislikes is then skipped.

    Args:
        popularity: [I] float32; items above 0 are listed, equal ones by index.
        history: [U, I] CSR, what users have.
        never: what they may not be shown.
        n: length of the lists.
    """
    order = np.argsort(-popularity, kind="stable")
    order = order[popularity[order] > 0]
    place = np.full(len(popularity), len(order))
    place[order] = np.arange(len(order))
    top, best = top_k.top_n(popularity[None, :], n, above=0.0)  # [1, n]

    def without(theirs: "csr_matrix") -> tuple[np.ndarray, np.ndarray]:
        rows = theirs.shape[0]  # as wide as who has most in a part: one who has all is in a small one
        size = rows_for(n + int(np.diff(theirs.indptr).max(initial=0)), rows)
        made = [without_some(theirs[part]) for part in blocks(rows, size)] or [without_some(theirs)]
        items, scores = (np.concatenate(parts) for parts in zip(*made, strict=True))
        return items, scores

    def without_some(theirs: "csr_matrix") -> tuple[np.ndarray, np.ndarray]:
        most = min(len(order), n + int(np.diff(theirs.indptr).max(initial=0)))
        rows = theirs.shape[0]
        row, at = np.repeat(np.arange(rows), np.diff(theirs.indptr)), place[theirs.indices]
        has = np.zeros((rows, most), dtype=bool)
        has[row[at < most], at[at < most]] = True
        first = np.argsort(has, axis=1, kind="stable")[:, :n]  # places in `order`, those the user does not have first
        free = ~np.take_along_axis(has, first, axis=1)
        items, scores = np.full((rows, n), -1, np.int32), np.full((rows, n), -np.inf, np.float32)
        items[:, : first.shape[1]] = np.where(free, order[first], -1)
        scores[items >= 0] = popularity[items[items >= 0]]
        return items, scores

    def rank(users: np.ndarray) -> Ranked:
        forbidden = never.of(users)
        if forbidden.nnz:
            return {"all": without(forbidden), "new": without(history[users] + forbidden)}
        return {"all": (np.repeat(top, len(users), 0), np.repeat(best, len(users), 0)), "new": without(history[users])}

    return rank


def price_segments(cutoff: Cutoff, number: int) -> np.ndarray | None:
    """[U] which of `number` equal shares of the users pays as much on average; None if no price is known.

    A user without a price is put into the middle.
    """
    price = cutoff.user_stats().column("mean_price").to_numpy().astype(np.float64)
    if np.isnan(price).all():
        return None
    price = np.where(np.isnan(price), np.nanmedian(price), price)
    return np.asarray(np.searchsorted(np.quantile(price, np.arange(1, number) / number), price, side="right"))


def segment_popularity(cutoff: Cutoff, segments: np.ndarray, number: int, days: int, everybody: float) -> np.ndarray:
    """[S, I] float32: an item's share of the segment's buyers of the last days, and of all buyers times `everybody`."""
    buyers = np.zeros((number, cutoff.items))
    with cutoff.history(["user_index", "item_index", "last_age"]) as history:
        for table in history.groups():
            users, items, age = (column.to_numpy() for column in table.columns)
            lately = age < days
            cell = segments[users[lately]].astype(np.int64) * cutoff.items + items[lately]
            buyers += np.bincount(cell, minlength=buyers.size).reshape(buyers.shape)
    total = buyers.sum(axis=0)
    share = buyers / np.maximum(buyers.sum(axis=1, keepdims=True), 1)
    return np.asarray(share + everybody * total / max(total.sum(), 1), dtype=np.float32)


def by_segment(ranks: Sequence[Rank], segments: np.ndarray, n: int) -> Rank:
    """A function that lists for each user what the function of its segment does; segments [U]."""

    def rank(users: np.ndarray) -> Ranked:
        found: dict[lists.Kind, Lists] = {
            kind: (np.full((len(users), n), -1, np.int32), np.full((len(users), n), -np.inf, np.float32))
            for kind in lists.KINDS
        }
        for segment in np.unique(segments[users]):
            rows = np.flatnonzero(segments[users] == segment)
            for kind, made in ranks[segment](users[rows]).items():
                for whole, part in zip(found[kind], made, strict=True):
                    whole[rows] = part
        return found

    return rank


def run(*, features: Path, config: Config, section: Popularity, memo: Memo, out: Path) -> dict[str, Any]:
    """Write the lists `popularity`, `buy_again` and, where it is wanted, `segment_popularity` of every cut-off; and
    where [privacy] asks for it tonight's noised counts (private_counts)."""

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        popularity = item_popularity(cutoff, section.days)
        history, never = cutoff.matrix("count"), Never.read(cutoff)

        def best(popular: np.ndarray, eligible: np.ndarray | None) -> Rank:
            return best_sellers(_only(popular, eligible), history, never, section.candidates)

        popularity_rank = in_assortments(cutoff, partial(best, popularity))
        rows = rows_for(section.candidates + never.closed, config.block_users)  # what is skipped is looked at too
        write_ranked(folder, "popularity", cutoff, popularity_rank, n=section.candidates, rows=rows)
        segments = price_segments(cutoff, section.segments) if section.segments > 1 else None
        if segments is not None:
            shares = segment_popularity(cutoff, segments, section.segments, section.days, section.everybody)

            def best_of_segment(eligible: np.ndarray | None) -> Rank:
                ranks = [best(share, eligible) for share in shares]
                return by_segment(ranks, segments, section.candidates)

            segment_rank = in_assortments(cutoff, best_of_segment)
            write_ranked(folder, "segment_popularity", cutoff, segment_rank, n=section.candidates, rows=rows)
        _write_buy_again(folder, cutoff, popularity, section, config)

    tables = ("interactions", "item_stats", *(["user_stats"] if section.segments > 1 else []))
    report = make_parts("popularity", make, features=features, memo=memo, config=config, tables=tables)
    if not config.privacy.counts:
        return report
    return report | private_counts.release(read_cutoffs(features)[0], config, artifacts.run_date_of(out), out)


def _only(popularity: np.ndarray, eligible: np.ndarray | None) -> np.ndarray:
    """[I] the popularity of what may be listed; 0 of what may not."""
    return popularity if eligible is None else np.where(eligible, popularity, np.float32(0))


def of_history(history: "csr_matrix") -> Score:
    """A function users [B] -> their rows of a matrix [U, I]."""
    return lambda users: history[users]


def _write_buy_again(folder: Path, cutoff: Cutoff, popularity: np.ndarray, section: Popularity, config: Config) -> None:
    history = cutoff.matrix(section.history)
    history.data *= buy_again_weight(popularity, section.power)[history.indices]
    score = Bound(of_history, {"history": history})
    n = section.candidates
    write_candidates(folder, "buy_again", cutoff, score, n=n, config=config, kinds=("all",), above=0.0)
