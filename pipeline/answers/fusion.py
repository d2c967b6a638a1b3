"""The weights of the parts of a score, learned from resolved questions, and how likely the best answer is right.

    chance(a | q) = exp(w x parts(q, a)) / sum over the candidates of q,    w >= 0

Of a resolved question only what was there before it speaks for an answer. Weights below zero are not allowed: an answer
that nobody gave before must not be better for that. Learned weights are drawn towards the fixed ones, and are used
where they are no worse than these on later questions; the same later questions calibrate the probability.

Sources: McFadden, "Conditional logit analysis of qualitative choice behavior", 1974; Platt, 1999.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.answers.scoring import PARTS, Asking, Knowledge, total
from pipeline.arrays import logistic, top_k
from pipeline.arrays.determinism import blas_threads

FIXED = np.array([1.0, 1.0, 1.0, 4.0, 2.0])
"""Weights where nothing is learned, by PARTS."""
SHARP = 4.0
"""The fixed weights times this are what learned ones are drawn to: as sharp as a choice among many answers is."""
RIDGE = 0.05
CANDIDATES = 50
"""Answers of a question, the best by the fixed weights, that teach beside the right ones."""
START = np.array([-4.0, 8.0, 8.0])
"""p(right) = sigmoid(START x (1, best score, its lead over the next)) before anything calibrates it."""
START_RIDGE = np.array([0.5, 0.1, 0.1])


@dataclass(frozen=True)
class Fusion:
    """How parts become a score, and a score a probability.

    Attributes:
        weights: [F] float64, at least 0; their sum is 1, so that a score is between 0 and about 1.
        right: [3] float64, of 1, the best score and its lead over the next.
        report: what was learned from how many, and how good it was.
    """

    weights: np.ndarray
    right: np.ndarray
    report: dict[str, float | bool | int | None]

    def probability(self, best: np.ndarray, second: np.ndarray) -> np.ndarray:
        """[N] float64 that the best answer is right, of the best two scores [N] each."""
        return logistic.sigmoid(_columns(best, second) @ self.right)

    def save(self, folder: Path) -> None:
        """Write fusion.json."""
        said = {"weights": self.weights.tolist(), "right": self.right.tolist(), "report": self.report}
        (folder / "fusion.json").write_text(json.dumps(said, sort_keys=True) + "\n", encoding="utf-8")


def load(folder: Path) -> Fusion:
    """Read what `Fusion.save` wrote."""
    said = json.loads((folder / "fusion.json").read_text(encoding="utf-8"))
    return Fusion(np.array(said["weights"]), np.array(said["right"]), said["report"])


@dataclass(frozen=True)
class Resolved:
    """Questions with answers that resolved them, oldest first.

    Attributes:
        asking: [N] them, each with what was there before it.
        right: [N, A] bool in sparse form: (row, answer) int64 [2, R].
    """

    asking: Asking
    right: np.ndarray


def fit(known: Knowledge, resolved: Resolved, *, fewest: int, held_share: float) -> Fusion:
    """Learn the weights of a night.

    Args:
        known: the answers and what speaks for them.
        resolved: the questions that teach.
        fewest: from so many on weights are learned.
        held_share: share of them, the latest, that judge and calibrate.
    """
    number = len(resolved.asking.texts)
    fixed = FIXED / FIXED.sum()
    if not number or not known.size:
        return Fusion(fixed, START, {"resolved": number, "learned": False})
    parts, is_right, of = _candidates(known, resolved)
    held = np.arange(number) >= number - max(1, int(number * held_share))
    weights, judged, learned = fixed, np.ones(number, dtype=bool), False
    report: dict[str, float | bool | int | None] = {"resolved": number}
    if number >= fewest:
        judged = held
        taught = _logit(parts[~held], is_right[~held], of[~held])
        mine, theirs = (float(_reciprocal(parts[held], is_right[held], w).mean()) for w in (taught, fixed))
        learned = mine >= theirs
        report |= {"mrr_learned": round(mine, 6), "mrr_fixed": round(theirs, 6)}
        weights = taught if learned else fixed
    right = _calibrate(parts[judged], is_right[judged], weights)
    if learned:
        weights = _logit(parts, is_right, of)
    return Fusion(weights, right, report | {"learned": learned, "held": int(judged.sum())})


def _candidates(known: Knowledge, resolved: Resolved) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each question the parts [N, C, F] float64 of candidates, which are right, and which are any: bool [N, C]."""
    number, (row, answer) = len(resolved.asking.texts), resolved.right
    most = min(CANDIDATES + int(np.bincount(row, minlength=number).max()), known.size)
    parts = np.zeros((number, most, len(PARTS)))
    is_right, is_one = np.zeros((number, most), dtype=bool), np.zeros((number, most), dtype=bool)
    for block, found in known.in_blocks(resolved.asking):
        mine = (row >= block.start) & (row < block.stop)
        truth = np.zeros(found.shape[1:], dtype=bool)
        truth[row[mine] - block.start, answer[mine]] = True
        scores = total(found, FIXED)
        scores[truth] = np.finfo(np.float32).max
        chosen, _ = top_k.top_n(scores, most)  # the right ones first, then the best
        rows = np.arange(len(chosen))[:, None]
        taken = chosen >= 0
        parts[block, : chosen.shape[1]] = np.moveaxis(found[:, rows, chosen], 0, -1) * taken[..., None]
        is_right[block, : chosen.shape[1]] = truth[rows, chosen] & taken
        is_one[block, : chosen.shape[1]] = taken
    return parts, is_right, is_one


def _logit(parts: np.ndarray, is_right: np.ndarray, of: np.ndarray) -> np.ndarray:
    """[F] weights at least 0, of sum 1, under which the right candidates are the likeliest."""
    from scipy.optimize import minimize

    start = FIXED * SHARP
    share = is_right / is_right.sum(axis=1, keepdims=True)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = np.where(of, parts @ weights, -np.inf)
        scores -= scores.max(axis=1, keepdims=True)
        chance = np.exp(scores)
        sums = chance.sum(axis=1, keepdims=True)
        chance /= sums
        value = -(share * np.where(of, scores - np.log(sums), 0)).sum() + RIDGE * ((weights - start) ** 2).sum()
        slope = np.tensordot(chance - share, parts, axes=2) + 2 * RIDGE * (weights - start)
        return float(value), slope

    with blas_threads(1):  # the last bits of a sum depend on how many threads share it
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start)).x
    weights = np.round(np.maximum(found, 0), 6)
    return np.asarray(weights / weights.sum()) if weights.any() else FIXED / FIXED.sum()


def _reciprocal(parts: np.ndarray, is_right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N] one over the rank of the first right candidate."""
    scores = parts @ weights
    best = np.where(is_right, scores, -np.inf).max(axis=1, keepdims=True)
    return np.asarray(1.0 / (1 + (scores > best).sum(axis=1)))


def _columns(best: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(len(best)), best, best - second], axis=1).astype(np.float64)


def _calibrate(parts: np.ndarray, is_right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[3] weights of p(right), of questions that did not teach the weights of the parts."""
    scores = parts @ weights
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(len(scores))
    best, second = scores[rows, order[:, 0]], scores[rows, order[:, min(1, scores.shape[1] - 1)]]
    hit = is_right[rows, order[:, 0]].astype(np.float64)
    return logistic.fit(
        _columns(best, second), hit, START, ridge=START_RIDGE, towards=START, iterations=50, longest_step=2.0
    )
