"""How good a classifier is on documents that it has not seen, label by label; and whether two differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.arrays import metrics
from pipeline.arrays.blocks import blocks

METRICS = pa.schema(
    [
        pa.field("label_set", pa.string()),
        pa.field("label", pa.string()),  # null: over all of them
        pa.field("metric", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("low", pa.float64()),
        pa.field("high", pa.float64()),
        pa.field("documents", pa.int32()),  # that judge it: of a label those that have it, or were said to
    ]
)
ALL = None
"""Stands for a label where a figure is over all of them; a label may have any name."""
RESAMPLES = 1000
AT_ONCE = 100
FEW = 10
"""Fewer documents say nothing of a difference; as pipeline.judging.gate has it of users."""
BANDS = 10


@dataclass(frozen=True)
class Judged:
    """What a classifier said of labelled documents.

    Attributes:
        given: [N] text, the label that each has.
        best: [N] text, the best label by the classifier, sure or not.
        probability: [N] that the best is right.
        unknown: bool [N], whether the answer is unknown.
        inside: bool [N], whether the label is one that is learned and not outside of the set.
    """

    given: np.ndarray
    best: np.ndarray
    probability: np.ndarray
    unknown: np.ndarray
    inside: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """bool [N]: the best label is the given one; of documents outside, the answer is unknown."""
        return np.where(self.inside, self.best == self.given, self.unknown).astype(bool)

    def take(self, rows: np.ndarray) -> "Judged":
        """Some of them, by their places or by a mask."""
        return Judged(self.given[rows], self.best[rows], self.probability[rows], self.unknown[rows], self.inside[rows])


def resampled(columns: np.ndarray, seed: int) -> Iterator[np.ndarray]:
    """Sums [R, F] of columns [N, F] over documents drawn with replacement, RESAMPLES rows in pieces."""
    rng = np.random.default_rng(seed)
    number = len(columns)
    for part in blocks(RESAMPLES, AT_ONCE):
        rows = part.stop - part.start
        drawn = rng.integers(0, number, (rows, number)) + np.arange(rows)[:, None] * number
        counts = np.bincount(drawn.ravel(), minlength=rows * number).reshape(rows, number)
        yield counts.astype(np.float64) @ columns


def _f1(sums: np.ndarray) -> np.ndarray:
    """[..., 3 L] sums of hits, answers and labels -> [..., 3, L] precision, recall, F1; nan where there is none."""
    hits, answered, labelled = np.split(sums, 3, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([hits / answered, hits / labelled, 2 * hits / (answered + labelled)], axis=-2)


def figures(name: str, judged: Judged, seed: int) -> list[dict[str, object]]:
    """METRICS of a label set: precision, recall and F1 of every label as it is published, and what holds over all.

    Args:
        name: the label set.
        judged: at least one document.
        seed: of the resamples.
    """
    said = _only(judged.best, ~judged.unknown)
    names = sorted({*judged.given[judged.inside], *said[~judged.unknown]})
    of = (_only(said, said == judged.given), said, _only(judged.given, judged.inside))
    hit, answer, label = (_are(column, names) for column in of)  # [N, L] each
    columns = np.hstack([hit, answer, label]).astype(np.float64)  # [N, 3 L]
    value, drawn = _f1(columns.sum(axis=0)), np.concatenate([_f1(sums) for sums in resampled(columns, seed)])
    macro, macros = np.nan, np.array([np.nan])
    if names:
        macro, macros = np.nan_to_num(value[2]).mean(), np.nan_to_num(drawn[:, 2]).mean(axis=1)
    rows = over_all(name, judged, seed)
    rows.append(_row((name, ALL, "macro_f1"), float(macro), macros, len(said)))
    for place, one in enumerate(names):
        documents = int((answer[:, place] + label[:, place] > 0).sum())
        for number, metric in enumerate(("precision", "recall", "f1")):
            rows.append(_row((name, one, metric), float(value[number, place]), drawn[:, number, place], documents))
    return rows


def _only(labels: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Labels [N], None where they are not kept."""
    found = labels.copy()
    found[~kept] = None
    return found


def _are(labels: np.ndarray, names: list[str]) -> np.ndarray:
    """bool [N, L] which of the names each label is."""
    return np.stack([labels == one for one in names], axis=1) if names else np.zeros((len(labels), 0), dtype=bool)


def over_all(name: str, judged: Judged, seed: int) -> list[dict[str, object]]:
    """Accuracy of the best label, the share that is answered, how much of that is right, and what is found unknown."""
    inside, answered = judged.inside, ~judged.unknown
    is_right = (judged.best == judged.given) & inside
    pairs = {
        "accuracy": (is_right, inside),
        "answered": (answered, np.ones(len(answered), dtype=bool)),
        "precision": (is_right & answered, answered),
        "unknown_recall": (judged.unknown & ~inside, ~inside),
    }
    columns = np.stack([one for pair in pairs.values() for one in pair], axis=1).astype(np.float64)
    drawn = np.concatenate(list(resampled(columns, seed)))
    rows = []
    for place, (metric, (hits, of)) in enumerate(pairs.items()):
        if of.any():
            with np.errstate(invalid="ignore", divide="ignore"):
                share = drawn[:, 2 * place] / drawn[:, 2 * place + 1]
            rows.append(_row((name, ALL, metric), float(hits.sum() / of.sum()), share, int(of.sum())))
    error = calibration_error(judged.probability, is_right)
    rows.append(_row((name, ALL, "calibration_error"), error, np.array([np.nan]), len(is_right)))
    return rows


def _row(at: tuple[str, str | None, str], value: float, drawn: np.ndarray, documents: int) -> dict[str, object]:
    known = drawn[~np.isnan(drawn)]
    low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (np.nan, np.nan)
    numbers = {"value": value, "low": low, "high": high}
    found = {name: None if np.isnan(number) else float(number) for name, number in numbers.items()}
    return {**dict(zip(("label_set", "label", "metric"), at, strict=True)), **found, "documents": documents}


def calibration_error(probability: np.ndarray, is_right: np.ndarray) -> float:
    """Mean distance of the probability and the share that is right, over ten bands of the probability.

    Source: Naeini, Cooper & Hauskrecht, AAAI 2015.
    """
    band = np.minimum((probability * BANDS).astype(int), BANDS - 1)
    said = np.bincount(band, weights=probability, minlength=BANDS)
    held = np.bincount(band, weights=is_right.astype(float), minlength=BANDS)
    return float(np.abs(said - held).sum() / max(len(band), 1))


@dataclass(frozen=True)
class Difference:
    """Two classifiers on the same documents.

    Attributes:
        tonight, active: shares that each gets right.
        low, high: 95 % interval of tonight - active, paired over the documents.
        documents: how many; none of them taught either.
    """

    tonight: float
    active: float
    low: float
    high: float
    documents: int

    @property
    def is_lost(self) -> bool:
        """Whether tonight's is significantly worse."""
        return self.documents >= FEW and self.high < 0


def compare(tonight: np.ndarray, active: np.ndarray, seed: int) -> Difference:
    """Compare what two classifiers get right, bool [N] each."""
    if not len(tonight):
        return Difference(np.nan, np.nan, np.nan, np.nan, 0)
    differing = tonight.astype(np.float64) - active.astype(np.float64)
    low, high = metrics.bootstrap(differing[:, None], RESAMPLES, seed)
    return Difference(float(tonight.mean()), float(active.mean()), float(low[0]), float(high[0]), len(tonight))
