"""What boosted trees say of very many pairs, to LightGBM's last bit and in a fraction of its time.

LightGBM takes pair by pair down tree by tree, and a processor guesses half of the turns wrongly. Here a split is
answered for 64 pairs at once, in the bits of a number: which pairs reach a node are the bits of its parent that are, or
are not, in the split's answer. In which leaf each pair is, is then known digit by digit, and what the leaves say is
added tree by tree, as LightGBM adds it. Trees share splits (half of them, with 250 trees), and each is answered once.

Source: Lucchese et al., "QuickScorer", SIGIR 2015, for trees as bits of numbers; here the bits are pairs, not leaves.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from pipeline.arrays.blocks import blocks

if TYPE_CHECKING:
    from lightgbm import Booster

FEW = 4096
"""Pairs below which LightGBM is as fast: there is a call of numpy for each split, however few pairs there are."""
PAIRS = 2**16
"""Pairs at a time: one thread's answers to 4,000 splits are then 32 MiB."""
WORD = 64
SMALLEST = np.float32(1e-35)
CATEGORICAL, LEFT, MISSING = 1, 2, 12
"""Bits of LightGBM's decision_type: a split by category, what lacks the feature goes left, what is lacking it."""
NAN, NOTHING = 8, 0
"""What is lacking a feature, in the last of these bits: what is nan; nothing."""
LEAVES = 256
"""Above it a leaf's number does not fit into a byte, and the model is left to LightGBM."""
SIDES = "left", "right"


@dataclass(frozen=True)
class _Tree:
    """A tree of S splits, each behind its parent.

    Attributes:
        answers: [S] int, the place of each split's answer.
        left, right: [S] int, where each split leads: a split by its number, a leaf by S + its number.
        values: [2^D] float64, what the leaves say; D is how many digits their numbers have.
    """

    answers: list[int]
    left: list[int]
    right: list[int]
    values: np.ndarray


@dataclass(frozen=True)
class Forest:
    """The trees of a model.

    Attributes:
        splits: what is asked: a feature, the largest float32 that goes left, and whether what lacks it does.
        trees: in LightGBM's order.
    """

    splits: tuple[tuple[int, np.float32, bool], ...]
    trees: tuple[_Tree, ...]

    @classmethod
    def of(cls, booster: "Booster") -> "Forest | None":
        """The trees of a model; None: it has some of a kind that is left to LightGBM."""
        head, *texts = re.split(r"^Tree=\d+\n", booster.model_to_string(), flags=re.MULTILINE)
        if "num_tree_per_iteration=1\n" not in head or "average_output" in head:
            return None
        splits: dict[tuple[int, np.float32, bool], int] = {}
        trees = [_tree(_fields(text), splits) for text in texts]
        known = [tree for tree in trees if tree is not None]
        return cls(tuple(splits), tuple(known)) if len(known) == len(trees) else None

    def raw_scores(self, features: np.ndarray, threads: int) -> np.ndarray:
        """[N] float64, what the trees say in all of features [N, F] float32, nan where unknown."""
        found = np.zeros(len(features))
        size = min(PAIRS, -(-len(features) // max(1, threads)))

        def add(part: slice) -> None:
            self._add(features[part], found[part])

        with ThreadPoolExecutor(max(1, threads)) as workers:
            list(workers.map(add, blocks(len(features), max(size, WORD))))
        return found

    def _add(self, features: np.ndarray, found: np.ndarray) -> None:
        answers = self._answers(features)
        for tree in self.trees:
            if tree.answers:
                found += tree.values.take(_leaves(tree, answers)[: len(found)])
            else:
                found += tree.values[0]

    def _answers(self, features: np.ndarray) -> np.ndarray:
        """[splits, words] uint64, bit by bit which pairs a split sends right."""
        columns = np.zeros((features.shape[1], -(-len(features) // WORD) * WORD), dtype=np.float32)
        columns[:, : len(features)] = features.T
        columns[np.abs(columns) <= SMALLEST] = 0  # as LightGBM reads them
        answers = np.empty((len(self.splits), columns.shape[1] // 8), dtype=np.uint8)
        for place, (feature, most, is_left) in enumerate(self.splits):
            column = columns[feature]
            right = column > most if is_left else ~(column <= most)  # what is nan is neither
            answers[place] = np.packbits(right, bitorder="little")
        return answers.view(np.uint64)


def _leaves(tree: _Tree, answers: np.ndarray) -> np.ndarray:
    """[pairs] uint8, the leaf of a tree in which each pair is."""
    splits, words = len(tree.answers), answers.shape[1]
    reached = np.zeros((splits + len(tree.values), words), dtype=np.uint64)
    reached[0] = ~np.uint64(0)
    for split, (answer, left, right) in enumerate(zip(tree.answers, tree.left, tree.right, strict=True)):
        np.bitwise_and(reached[split], answers[answer], out=reached[right])
        np.bitwise_xor(reached[split], reached[right], out=reached[left])
    digits = []
    for digit in range(len(tree.values).bit_length() - 1):
        ones = reached[splits:].reshape(-1, 2, 1 << digit, words)[:, 1]
        bits = np.bitwise_or.reduce(ones, axis=(0, 1))
        digits.append(np.unpackbits(bits.view(np.uint8), bitorder="little") << digit)
    leaves: np.ndarray = np.bitwise_or.reduce(digits, axis=0)
    return leaves


def _fields(text: str) -> Mapping[str, str]:
    """What a tree's lines say, by name."""
    return dict(line.split("=", 1) for line in text.partition("\n\n")[0].splitlines() if "=" in line)


def _tree(said: Mapping[str, str], splits: dict[tuple[int, np.float32, bool], int]) -> _Tree | None:
    """A tree whose splits are added to `splits`; None: it is left to LightGBM."""
    values = np.array(said["leaf_value"].split(), dtype=np.float64)
    if said.get("is_linear", "0") != "0" or len(values) > LEAVES:
        return None
    if len(values) == 1:
        return _Tree([], [], [], values)
    answers = []
    for split in _splits(said):
        if split is None:
            return None
        answers.append(splits.setdefault(split, len(splits)))
    left, right = ([_place(int(child), len(answers)) for child in said[f"{side}_child"].split()] for side in SIDES)
    padded = np.zeros(1 << (len(values) - 1).bit_length())
    padded[: len(values)] = values
    return _Tree(answers, left, right, padded)


def _splits(said: Mapping[str, str]) -> Iterator[tuple[int, np.float32, bool] | None]:
    """What a tree asks; None: by category, or of what lacks nothing and is taken for it."""
    lines = (said[name].split() for name in ("split_feature", "threshold", "decision_type"))
    for feature, threshold, decision in zip(*lines, strict=True):
        kind, missing = int(decision), int(decision) & MISSING
        if kind & CATEGORICAL or missing not in (NAN, NOTHING):
            yield None
            return
        # where nothing lacked the feature when it was learned from, what does is a 0
        is_left = bool(kind & LEFT) if missing == NAN else float(threshold) >= 0
        yield int(feature), _at_most(float(threshold)), is_left


def _at_most(threshold: float) -> np.float32:
    """The largest float32 that is not above a threshold."""
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def _place(child: int, splits: int) -> int:
    return child if child >= 0 else splits + ~child


_forests: "WeakKeyDictionary[Booster, Forest | None]" = WeakKeyDictionary()
"""What has been read of models that are still there."""
_reading = threading.Lock()


def raw_scores(booster: "Booster", features: np.ndarray, threads: int) -> np.ndarray:
    """[N] float64, what LightGBM's `predict(features, raw_score=True)` gives.

    Args:
        booster: a model whose features are numbers.
        features: [N, F] float32, nan where unknown.
        threads: that work on it; they change nothing.
    """
    if len(features) >= FEW:
        with _reading:  # several blocks may be in hand, and one reads for all
            if booster not in _forests:
                _forests[booster] = Forest.of(booster)
            forest = _forests[booster]
        if forest is not None and features.shape[1] == booster.num_feature():  # else LightGBM says what is wrong
            return forest.raw_scores(features, threads)
    return np.asarray(booster.predict(features, num_threads=threads, raw_score=True))
