"""The weights of the parts of a score, learned from resolved questions, and how likely the best answer is right.

Weights are tried, and the best of them averaged. None is below zero: an answer that nobody gave before must not be
better for that. Of a resolved question only what was there before it speaks for an answer. Learned weights are used
where they are no worse than the fixed ones on later questions; the same later questions calibrate the probability.

A conditional logit over the candidates was tried and was worse: it says how likely an answer is and not which is first.
Source of the calibration: Platt, "Probabilistic outputs for support vector machines", 1999.
"""

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from pipeline.answers.scoring import PARTS, Asking, Knowledge, total
from pipeline.arrays import logistic, top_k

FIXED = np.array([3.0, 1.0, 2.0, 4.0, 1.0])
"""Weights where nothing is learned, by PARTS."""
GRID = np.array(list(product((0, 1, 2, 3, 4, 6), (1, 2, 4), (0, 1, 2), (0, 2, 4), (0, 1, 2))), dtype=np.float64)
"""Weights that are tried, by PARTS."""
RELATED = 2.0
"""The weight of relations beside FIXED, where they are known."""
RELATED_TRIED = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Weights of relations that are tried, with each of the BEST without them."""
BEST = 20
"""So many of them are averaged: one alone is best by chance."""
AT_FIVE, AT_TEN = 5, 10
"""What is made high: recall at the first rank plus the reciprocal rank up to the second."""
CANDIDATES = 100
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


def fixed_weights(parts: int) -> np.ndarray:
    """[F] float64 of sum 1, where nothing is learned; of so many parts, PARTS and perhaps relations."""
    weights = np.append(FIXED, RELATED)[:parts]
    return np.asarray(weights / weights.sum())


def fit(known: Knowledge, resolved: Resolved, *, fewest: int, held_share: float) -> Fusion:
    """Learn the weights of a night.

    Args:
        known: the answers and what speaks for them.
        resolved: the questions that teach.
        fewest: from so many on weights are learned.
        held_share: share of them, the latest, that judge and calibrate.
    """
    number = len(resolved.asking.texts)
    fixed = fixed_weights(len(known.names))
    if not number or not known.size:
        return Fusion(fixed, START, {"resolved": number, "learned": False})
    parts, is_right, of = _candidates(known, resolved)
    held = np.arange(number) >= number - max(1, int(number * held_share))
    weights, judged, learned = fixed, np.ones(number, dtype=bool), False
    report: dict[str, float | bool | int | None] = {"resolved": number}
    if number >= fewest:
        judged = held
        taught = _learned(parts[~held], is_right[~held], of[~held])
        later = (parts[held], is_right[held], of[held])
        mine, theirs = (float((1 / _ranks(*later, weights)).mean()) for weights in (taught, fixed))
        learned = mine >= theirs
        report |= {"mrr_learned": round(mine, 6), "mrr_fixed": round(theirs, 6)}
        weights = taught if learned else fixed
    right = _calibrate(parts[judged], is_right[judged], weights)
    if learned:
        weights = _learned(parts, is_right, of)
    return Fusion(weights, right, report | {"learned": learned, "held": int(judged.sum())})


def _candidates(known: Knowledge, resolved: Resolved) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each question the parts [N, C, F] float64 of candidates, which are right, and which are any: bool [N, C]."""
    number, (row, answer) = len(resolved.asking.texts), resolved.right
    most = min(CANDIDATES + int(np.bincount(row, minlength=number).max()), known.size)
    parts = np.zeros((number, most, len(known.names)))
    is_right, is_one = np.zeros((number, most), dtype=bool), np.zeros((number, most), dtype=bool)
    for block, found in known.in_blocks(resolved.asking):
        mine = (row >= block.start) & (row < block.stop)
        truth = np.zeros(found.shape[1:], dtype=bool)
        truth[row[mine] - block.start, answer[mine]] = True
        scores = total(found, np.append(FIXED, RELATED)[: len(found)])
        scores[truth] = np.finfo(np.float32).max
        chosen, _ = top_k.top_n(scores, most)  # the right ones first, then the best
        rows = np.arange(len(chosen))[:, None]
        taken = chosen >= 0
        parts[block, : chosen.shape[1]] = np.moveaxis(found[:, rows, chosen], 0, -1) * taken[..., None]
        is_right[block, : chosen.shape[1]] = truth[rows, chosen] & taken
        is_one[block, : chosen.shape[1]] = taken
    return parts, is_right, is_one


def _learned(parts: np.ndarray, is_right: np.ndarray, of: np.ndarray) -> np.ndarray:
    """[F] weights of sum 1: the mean of the BEST of GRID, under which the right answers stand highest."""
    best = _best(parts[:, :, : len(PARTS)], is_right, of, GRID)
    if parts.shape[2] > len(PARTS):
        # of equals the lower weight is before: relations that tell no answers apart get none
        best = _best(parts, is_right, of, np.array([[*one, more] for more, one in product(RELATED_TRIED, best)]))
    return np.asarray(np.round((best / best.sum(axis=1, keepdims=True)).mean(axis=0), 6))


def _best(parts: np.ndarray, is_right: np.ndarray, of: np.ndarray, tried: np.ndarray) -> np.ndarray:
    """[BEST, F] of the weights that are tried, the best first."""
    worth = []
    for weights in tried:
        rank = _ranks(parts, is_right, of, weights)
        worth.append(float(((rank <= AT_FIVE) + np.where(rank <= AT_TEN, 1 / rank, 0)).mean()))
    return np.asarray(tried[np.argsort(-np.round(worth, 9), kind="stable")[:BEST]])


def _ranks(parts: np.ndarray, is_right: np.ndarray, of: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N] the rank of the first right candidate; of equals the wrong one is before it."""
    scores = np.where(of, _added(parts, weights), -1)
    best = np.where(is_right, scores, -1).max(axis=1, keepdims=True)
    return np.asarray(1 + ((scores >= best) & of & ~is_right).sum(axis=1))


def _added(parts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N, C] scores of parts [N, C, F]; added in one order, whatever BLAS is there."""
    scores = np.zeros(parts.shape[:2])
    for place, weight in enumerate(weights):
        scores += parts[:, :, place] * weight
    return scores


def _columns(best: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(len(best)), best, best - second], axis=1).astype(np.float64)


def _calibrate(parts: np.ndarray, is_right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[3] weights of p(right), of questions that did not teach the weights of the parts."""
    scores = _added(parts, weights)
    order = np.argsort(-scores, axis=1, kind="stable")
    rows = np.arange(len(scores))
    best, second = scores[rows, order[:, 0]], scores[rows, order[:, min(1, scores.shape[1] - 1)]]
    hit = is_right[rows, order[:, 0]].astype(np.float64)
    return logistic.fit(
        _columns(best, second), hit, START, ridge=START_RIDGE, towards=START, iterations=50, longest_step=2.0
    )
