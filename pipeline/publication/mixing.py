"""The mix of categories, or of another word of the items, of what each user did; surfaces can keep it in their lists.

p(c|u) is the share of the category in the user's history, each item with its decayed weight as of the night, among
the categories of what the surface may show; items of no category count nowhere. Few items are drawn to everybody's mix.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.arrays import mix
from pipeline.arrays.blocks import blocks, indptr_of
from pipeline.features.read import Cutoff
from pipeline.ground.errors import InputError
from pipeline.publication.surfaces import Cap
from pipeline.settings.sections.publication import Surface

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from pipeline.publication.night import Night

log = logging.getLogger(__name__)

PRIOR = 8.0
"""Everybody's mix counts as so many items of a user's own: of four logs, these foretell best what users act on next
(benchmarks.calibration)."""
CELLS = 2**15
"""Candidates that are worked on at a time, with 16 categories for each: 2 to 4 MiB, which is what caches hold."""


@dataclass(frozen=True)
class Histories:
    """What users' histories are made of.

    Attributes:
        groups: [I] int32, the category of each item, -1 where it has none or the surface shows no other of it.
        shares: [U, C] CSR float32, of each category in a user's history; the rows of who has none are empty.
        items: [U] float32, how many items with equal weights the user's are as good as: (sum of the weights)^2 / sum of
            their squares.
        everybody: [C] float64, the mean of the users' shares.

    Source: Kish, Survey Sampling, 1965, 11.2 C (how many items unequal weights are worth).
    """

    groups: np.ndarray
    shares: "csr_matrix"
    items: np.ndarray
    everybody: np.ndarray

    @classmethod
    def read(cls, cutoff: Cutoff, groups: np.ndarray, users: np.ndarray | None = None) -> "Histories":
        """Read the histories of a cut-off.

        Args:
            cutoff: which.
            groups: [I] int32 codes from 0, -1 where there is none.
            users: [U] ascending indices of those who are asked about; None: all.
        """
        from scipy.sparse import csr_matrix

        users = np.arange(cutoff.users) if users is None else users
        row_of = np.full(cutoff.users, -1, dtype=np.int64)
        row_of[users] = np.arange(len(users))
        width, squares = int(groups.max(initial=-1)) + 1, np.zeros(len(users))
        parts = [(np.zeros(0, dtype=np.int64), np.zeros(0))]
        with cutoff.history(["user_index", "item_index", "confidence"]) as history:
            for table in history.groups():
                user, item, weight = (column.to_numpy() for column in table.columns)
                row, code = row_of[user], groups[item]
                used = (row >= 0) & (code >= 0) & (weight > 0)
                row, weight = row[used], weight[used].astype(np.float64)
                squares += np.bincount(row, weight**2, minlength=len(users))
                parts.append(_summed(row * width + code[used], weight))
        keys, weights = _summed(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        row, code = np.divmod(keys, max(width, 1))
        total = np.bincount(row, weights, minlength=len(users))
        shares = weights / total[row]
        known = max(int((total > 0).sum()), 1)
        return cls(
            groups,
            csr_matrix(
                (shares.astype(np.float32), code.astype(np.int32), indptr_of(np.bincount(row, minlength=len(users)))),
                shape=(len(users), width),
            ),
            np.divide(total**2, squares, out=np.zeros(len(users)), where=squares > 0).astype(np.float32),
            np.bincount(code, shares, minlength=width) / known,
        )

    def rows_at_a_time(self, width: int) -> int:
        """Of how many lists of so many candidates the mixes are looked at together."""
        return max(1, CELLS // max(width, len(self.everybody) // 16))

    def wanted(self, rows: np.ndarray) -> np.ndarray:
        """float64 [B, C] p of some rows, which sums to 1; 0 everywhere for those without a history."""
        own, items = self.shares[rows].toarray().astype(np.float64), self.items[rows][:, None].astype(np.float64)
        own /= np.maximum(own.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return np.asarray(np.where(items > 0, (items * own + PRIOR * self.everybody) / (items + PRIOR), 0))


@dataclass(frozen=True)
class Mix:
    """How the lists of a surface keep the mix of what users did.

    Attributes:
        histories: of all users.
        strength: the paper's lambda; unit: the mean probability of what the surface's lists show, which is 1.
    """

    histories: Histories
    strength: float
    unit: float

    @classmethod
    def of(cls, night: "Night", surface: Surface, unit: float) -> "Mix | None":
        """The mix of a surface of a night; None, and said: what it may show tonight has no category.

        Raises:
            InputError: no item at all has one.
        """
        groups = shown_groups(night, surface)
        if not (groups >= 0).any():
            what = f"surface '{surface.name}': calibrated_mix keeps the mix of {surface.calibrated_by}"
            if not (codes(night.items.column(surface.calibrated_by)) >= 0).any():
                raise InputError(
                    f"{what}, and no item has one: let the mapping of [ingest.items] select it, or set "
                    "calibrated_mix = 0"
                )
            log.warning("%s, and nothing that it may show tonight has one: its lists are as without it", what)
            return None
        return cls(Histories.read(night.cutoff, groups), surface.calibrated_mix, unit)

    def order(
        self, users: np.ndarray, items: np.ndarray, values: np.ndarray, k: int, caps: Sequence[Cap]
    ) -> np.ndarray:
        """The columns of candidates that lists show, see arrays.mix.calibrate.

        Args:
            users: [B] user indices.
            items: [B, n] candidates, -1 pads; values: [B, n] what they are worth, in probabilities.
            k: how many are shown.
            caps: how many of one group may be.
        """
        groups, size = self.histories.groups, self.histories.rows_at_a_time(items.shape[1])
        found = np.full((len(items), min(k, items.shape[1])), -1, dtype=np.int64)
        for part in blocks(len(items), size):
            mine = items[part]
            wanted, codes = self.histories.wanted(users[part]), np.where(mine >= 0, groups[mine], -1)
            found[part] = mix.calibrate(
                np.where(mine >= 0, values[part].astype(np.float64) / (self.unit or 1.0), -np.inf),
                codes,
                np.take_along_axis(wanted, np.maximum(codes, 0), axis=1),
                k,
                strength=self.strength,
                caps=[(np.where(mine >= 0, cap.groups[mine], -1), cap.most) for cap in caps],
            )
        return found


def shown_groups(night: "Night", surface: Surface) -> np.ndarray:
    """[I] int32 codes of what a surface mixes by; -1: an item has none, or the surface may show no item that has it."""
    found = codes(night.items.column(surface.calibrated_by))
    possible = np.unique(found[night.shown[surface.name] & (found >= 0)])
    place = np.full(int(found.max(initial=-1)) + 2, -1, dtype=np.int32)  # the last one is that of -1
    place[possible] = np.arange(len(possible), dtype=np.int32)
    return np.asarray(place[found])


def codes(column: pa.ChunkedArray) -> np.ndarray:
    """[I] int32 codes of the items' words, from 0; -1 where an item has none, null or ""."""
    cleaned = pc.if_else(pc.equal(column, ""), None, column)
    return np.asarray(pc.fill_null(pc.dictionary_encode(cleaned).combine_chunks().indices, -1).to_numpy(), np.int32)


def _summed(keys: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ascending distinct keys, int64, and the sum of the weights of each, in their order."""
    distinct, place = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(place, weights, minlength=len(distinct))
