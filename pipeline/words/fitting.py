"""A label set's classifier as of a night: fitted to the earlier documents, judged on the later ones, fitted to all.

fitted.<set>/           the classifier that labels, of all labelled documents
fitted.<set>/judged/    the same recipe of the earlier ones, by which it is judged, tonight and in later nights
fitted.<set>/taught.parquet    the documents whose label taught the one that is judged

Where texts without a label take part, those that judge do so without theirs, as what a night labels did.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.settings.sections.words import Classify, LabelSet
from pipeline.words import classifier, learning
from pipeline.words.classifier import Classifier
from pipeline.words.learning import Examples
from pipeline.words.quality import Judged
from pipeline.words.spreading import Unlabelled

JUDGED, TAUGHT = "judged", "taught.parquet"
FEWEST_HELD = 0.25
"""Where times leave less than this share of what is to be held, as where all are the same, the ids' hashes choose."""


@dataclass(frozen=True)
class Split:
    """The labelled documents of a set: those that teach, and the later ones that judge.

    Attributes:
        taught, held: bool [N].
        by_time: whether times tell them apart.
    """

    taught: np.ndarray
    held: np.ndarray
    by_time: bool


def split(ids: np.ndarray, times: np.ndarray, section: Classify) -> Split:
    """Hold the latest documents, or where times do not tell, some chosen by the hashes of their ids.

    Args:
        ids: [N], by time.
        times: [N] int64, rising.
        section: the share that is held, and at most how many.
    """
    number = len(ids)
    wanted = min(int(number * section.held_share), section.most_held)
    held = np.zeros(number, dtype=bool)
    if wanted == 0:
        return Split(~held, held, True)
    held = times > times[number - wanted - 1]
    if held.sum() >= max(1, FEWEST_HELD * wanted):
        return Split(~held, held, True)
    held = np.zeros(number, dtype=bool)
    held[learning.order(ids)[:wanted]] = True
    return Split(~held, held, False)


def can_learn(labels: np.ndarray, section: LabelSet) -> bool:
    """Whether at least two labels have enough examples."""
    return len(set(labels[learning.learnable(labels, section.min_examples)])) > 1


def write(
    folder: Path,
    examples: Examples,
    parts: Split,
    *,
    unlabelled: Unlabelled,
    section: LabelSet,
    classify: Classify,
    seed: int,
) -> None:
    """Fit a set's classifiers.

    Args:
        folder: gets the files.
        examples: the labelled documents; `can_learn` holds of those that are to teach.
        parts: which these are.
        unlabelled: texts without a label.
        section, classify: the set's settings, and the stage's.
        seed: of the fits.
    """
    taught, held = examples.take(parts.taught), examples.take(parts.held)
    chosen = learning.choose(taught, classify.folds, section.min_examples, seed, unlabelled)
    fitted = learning.fit_all(taught, chosen.recipe, section, seed, unlabelled.and_these(held.texts, held.vectors))
    earlier = learning.calibrated(fitted, chosen, section, taught.languages)
    whole = earlier
    if parts.held.any():
        whole = learning.fit_all(examples, chosen.recipe, section, seed, unlabelled)
        whole = whole.calibrated(earlier.sure, earlier.sure_of_others)
    whole.save(folder)
    (folder / JUDGED).mkdir()
    earlier.save(folder / JUDGED)
    ids = pa.table({"document_id": pa.array(taught.ids.tolist(), pa.string())})
    pq.write_table(ids, folder / TAUGHT, compression="zstd")


def taught_by(folder: Path) -> set[str]:
    """The ids of the documents whose labels taught a classifier that is judged."""
    return set(pq.read_table(folder / TAUGHT).column(0).to_pylist())


def judge(fitted: Classifier, examples: Examples, section: LabelSet) -> Judged:
    """What a classifier says of documents whose labels it has not seen."""
    answers = fitted.answers(examples.vectors, list(examples.texts), examples.languages)
    best = np.array(fitted.labels, dtype=object)[answers.best]
    outside = np.isin(examples.labels.astype(str), section.outside)
    return Judged(
        given=examples.labels,
        best=best,
        probability=answers.probability,
        unknown=is_unknown(best, answers.probability, answers.threshold, section),
        inside=~outside & np.isin(examples.labels.astype(str), fitted.labels),
    )


def is_unknown(best: np.ndarray, probability: np.ndarray, threshold: np.ndarray, section: LabelSet) -> np.ndarray:
    """bool [N]: the answer is unknown, as it is not sure enough, or says that it is none of the set."""
    return np.asarray((probability < threshold) | np.isin(best.astype(str), section.outside))


def load(folder: Path, judged: bool = False) -> Classifier:
    """A classifier that `write` left."""
    return classifier.load(folder / JUDGED if judged else folder)
