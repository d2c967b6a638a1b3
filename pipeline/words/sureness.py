"""How sure a classifier's answers are: the probability that one is right, and from which on it is said.

    p(right) = sigmoid(w0 + w1 m1 + w2 (m1 - m2))    m1, m2: the two highest margins of a text

Learned from what classifiers said of documents that were left out of their fit.

Source: Platt, "Probabilistic outputs for support vector machines", 1999.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.arrays import logistic
from pipeline.settings.sections.words import LabelSet
from pipeline.words.spoken import NOT_KNOWN

LEAST = 20
"""Training documents of a language from which on they say how sure an answer is in it."""
NEVER = 1.1
"""A threshold that no probability reaches."""


@dataclass(frozen=True)
class LeftOut:
    """What classifiers said of the documents that each had not seen.

    Attributes:
        best: [N] text, the best label; None where too little was left to learn from.
        columns: [N, 3] of classifier.leading; there zeros.
        is_right: bool [N]; never of a document whose label was not learned.
    """

    best: np.ndarray
    columns: np.ndarray
    is_right: np.ndarray

    def take(self, rows: np.ndarray) -> "LeftOut":
        """Some of them, by their places or by a mask."""
        return LeftOut(self.best[rows], self.columns[rows], self.is_right[rows])


@dataclass(frozen=True)
class Curve:
    """The probability that an answer is right.

    Attributes:
        right: [3] float64, its weights.
        threshold: below it the answer is unknown.
    """

    right: np.ndarray
    threshold: float


@dataclass(frozen=True)
class Sureness:
    """How sure answers are, and in each language.

    Attributes:
        curve: of any text.
        in_languages: by language, what is instead of it there; empty: they are not told apart.
    """

    curve: Curve = field(default_factory=lambda: Curve(np.array([0.0, 0.0, 1.0]), 0.0))
    in_languages: Mapping[str, Curve] = field(default_factory=dict)

    def of(self, columns: np.ndarray, languages: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """The probability that answers are right, and below which they are unknown, float64 [N] each.

        Args:
            columns: [N, 3] of classifier.leading.
            languages: [N] text, of each; None: they are not told apart.
        """
        threshold = np.full(len(columns), self.curve.threshold)
        if languages is None:
            return logistic.sigmoid(columns @ self.curve.right), threshold
        of_rows = np.einsum("nc,c->n", columns, self.curve.right)
        if self.in_languages:
            threshold[languages != NOT_KNOWN] = NEVER  # nothing says how good it is in a language that taught little
        for language, other in self.in_languages.items():
            mine = languages == language
            of_rows[mine], threshold[mine] = np.einsum("nc,c->n", columns[mine], other.right), other.threshold
        return logistic.sigmoid(of_rows), threshold

    def said(self) -> dict[str, Any]:
        """As JSON; `read` is the way back."""
        languages = {name: [one.right.tolist(), one.threshold] for name, one in self.in_languages.items()}
        found: dict[str, Any] = {"right": self.curve.right.tolist(), "threshold": self.curve.threshold}
        return found | ({"in_languages": languages} if languages else {})


def read(said: Mapping[str, Any]) -> Sureness:
    """What `Sureness.said` gave."""
    languages = {name: Curve(np.array(right), at) for name, (right, at) in said.get("in_languages", {}).items()}
    return Sureness(Curve(np.array(said["right"]), said["threshold"]), languages)


def learn(found: LeftOut, section: LabelSet, languages: np.ndarray | None = None) -> Sureness:
    """How sure answers are, of what was said of documents left out.

    Args:
        found: what was said of each by one that had not seen it.
        section: the label set.
        languages: [N] text, of each; those of one that has LEAST teach its own; None: not told apart.
    """
    in_languages: dict[str, Curve] = {}
    for language in sorted({*languages.tolist()}) if languages is not None else ():
        mine = languages == language
        if mine.sum() >= LEAST:
            in_languages[language] = _curve(found.take(mine), section)
    return Sureness(_curve(found, section), in_languages)


def _curve(found: LeftOut, section: LabelSet) -> Curve:
    right = calibrate(found.columns, found.is_right)
    probability = logistic.sigmoid(found.columns @ right)
    inside = ~np.isin(found.best.astype(str), section.outside)  # an answer of `outside` is unknown anyway
    return Curve(right, threshold(probability[inside], found.is_right[inside], section))


def calibrate(columns: np.ndarray, is_right: np.ndarray) -> np.ndarray:
    """[3] weights of p(right), of documents that were left out of the fit.

    Args:
        columns: [N, 3] of classifier.leading.
        is_right: bool [N].
    """
    start = np.array([0.0, 0.0, 1.0])
    ridge = np.full(3, 0.1)
    return logistic.fit(
        columns, is_right.astype(np.float64), start, ridge=ridge, towards=start, iterations=50, longest_step=2.0
    )


def threshold(probability: np.ndarray, is_right: np.ndarray, section: LabelSet) -> float:
    """Below which probability the answer is unknown; above 1: always.

    Args:
        probability: [N] p(right) of documents left out.
        is_right: bool [N].
        section: the precision that is asked for, or what a wrong label costs.
    """
    if section.wrong_cost is not None:  # (1 - p) * cost < 1
        return 1 - 1 / section.wrong_cost
    falling = np.argsort(-probability, kind="stable")
    share = np.cumsum(is_right[falling]) / np.arange(1, len(falling) + 1)
    enough = np.flatnonzero(share >= section.precision)
    return float(probability[falling[enough[-1]]]) if len(enough) else NEVER


def fingerprints(texts: Iterable[str]) -> np.ndarray:
    """[N] uint64, by which texts are told apart: of their SHA-256 the first eight bytes."""
    found = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return np.frombuffer(found, dtype="<u8").astype(np.uint64)
