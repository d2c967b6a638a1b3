"""The tone of what is written about things, day by day: its mean, how sure that is, and how it is unlike the past.

    mean +- t(nu0 + n - 1) s / sqrt(n)        s^2 = (nu0 s0^2 + sum (v - mean)^2) / (nu0 + n - 1)

s0 is the spread within a thing's day over all of them, as most days have few texts.
Source: Smyth, "Linear models and empirical Bayes methods", 2004 (moderated variance), with a fixed nu0.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.settings.sections.words import Entities

PRIOR = 4.0
"""nu0: how many further texts the spread of all days counts for."""
LEVEL = 0.95
NOTHING = 1e-9
"""A variance that is rounding."""


@dataclass(frozen=True)
class Values:
    """What the label of each document is worth.

    Attributes:
        document_ids: sorted.
        values: [N] float64.
    """

    document_ids: pa.Array
    values: np.ndarray


def values(classify: Path | None, section: Entities) -> Values | None:
    """The tone of the night's documents; None: nobody asks for it.

    A label that somebody gave is what it is. Else the likeliest label and the next share the value, by the probability
    that the likeliest is right: unsure texts are near the middle, and none is left out for being unsure.

    Args:
        classify: the night's labels.
        section: which of them, and what they are worth; a document whose label is worth nothing known is left out.
    """
    if classify is None or section.sentiment is None:
        return None
    rows = pq.read_table(classify / "labels.parquet")
    rows = rows.filter(pc.equal(rows.column("label_set"), section.sentiment)).sort_by("document_id")
    labels, worth = pa.array(list(section.values), pa.string()), np.array([*section.values.values(), np.nan])

    def of(column: str) -> np.ndarray:
        return np.asarray(worth[pc.fill_null(pc.index_in(rows.column(column), labels), len(labels)).to_numpy()])

    given = rows.column("is_given").to_numpy()
    sure = pc.fill_null(rows.column("probability"), 0.0).to_numpy()
    best, second = of("best"), of("second")
    mixed = np.where(np.isnan(second), best, sure * best + (1 - sure) * second)
    found = np.where(given, of("label"), mixed)
    known = ~np.isnan(found)
    return Values(rows.column("document_id").combine_chunks().filter(pa.array(known)), found[known])


@dataclass(frozen=True)
class Days:
    """Of E things and D days: texts with a tone, the sum of what they are worth, and of its squares.

    Attributes:
        number, sums, squares: [E, D] float64.
    """

    number: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    def against_past(self, past_days: int) -> dict[str, np.ndarray]:
        """Of each day the tone and what it was in the days before it; not a number where nothing is known.

        Args:
            past_days: how many these are.
        Returns:
            labelled, mean, low, high, usual, change, change_low, change_high: [E, D], of the first `past_days` days
            against fewer.
        """
        from scipy.stats import t

        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.sums / self.number
            within = np.maximum(self.squares - self.number * mean**2, 0)
            freedom = (self.number - 1)[self.number > 1].sum()
            pooled = np.nansum(within[self.number > 1]) / freedom if freedom else 0.0
            pooled = pooled if pooled > NOTHING else np.nan  # where all are the same nobody knows how they differ
            spread = (PRIOR * pooled + within) / (PRIOR + self.number - 1)
            own = spread / self.number
            wide = t.ppf((1 + LEVEL) / 2, PRIOR + self.number - 1)
            usual, usual_variance = self._past(past_days)
            half, far = wide * np.sqrt(own), wide * np.sqrt(own + usual_variance)
            change = mean - usual
        return {
            "labelled": self.number,
            "mean": mean,
            "low": mean - half,
            "high": mean + half,
            "usual": usual,
            "change": change,
            "change_low": change - far,
            "change_high": change + far,
        }

    def _past(self, days: int) -> tuple[np.ndarray, np.ndarray]:
        """The mean of the days before each day, and its variance: texts of a day are alike, so days are counted."""
        number, sums = _before(self.number, days), _before(self.sums, days)
        usual = sums / number
        # sum over days of (sums - number usual)^2, without a second pass
        off = _before(self.sums**2, days) - 2 * usual * _before(self.sums * self.number, days)
        off += usual**2 * _before(self.number**2, days)
        counted = _before((self.number > 0).astype(np.float64), days)
        return usual, np.maximum(off, 0) / number**2 * counted / (counted - 1)


def _before(values: np.ndarray, days: int) -> np.ndarray:
    """[E, D] sums over so many days before each day."""
    whole = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)[:, :-1]
    place = np.maximum(np.arange(values.shape[1]) - days, 0)
    return np.asarray(whole - whole[:, place])


def of_days(
    cells: np.ndarray, document_ids: np.ndarray, keys: np.ndarray, shape: tuple[int, ...], worth: Values | None
) -> Days:
    """Add up the tone of the texts that name things; one that is said again on the same day counts once.

    Args:
        cells: [M] int64 of each mention, thing * D + day.
        document_ids, keys: [M] text, of the document and of its text.
        shape: E, D.
        worth: of the documents; None: of none.
    """
    size = int(np.prod(shape))
    if worth is None or not len(document_ids):
        return Days(*(np.zeros(shape) for _ in range(3)))
    place = pc.index_in(pa.array(document_ids, pa.string()), worth.document_ids)
    known = np.flatnonzero(pc.is_valid(place).to_numpy(zero_copy_only=False))
    said = pa.table({"cell": cells[known], "key": pa.array(keys[known], pa.string()), "row": known})
    rows = np.sort(said.group_by(["cell", "key"]).aggregate([("row", "min")]).column("row_min").to_numpy())
    value = worth.values[place.take(pa.array(rows)).to_numpy()]
    weights = (np.ones(len(value)), value, value**2)
    return Days(*(np.bincount(cells[rows], weight, size).reshape(shape) for weight in weights))
