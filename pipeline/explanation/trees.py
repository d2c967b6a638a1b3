"""Exact Shapley values of boosted trees for very many pairs: what TreeSHAP works out pair by pair, looked up in tables.

What a leaf adds to a feature's share depends on nothing of a pair but which of the path's splits it passes. With d
features on the path there are 2^d such patterns, far fewer than pairs; the shares of each are worked out once, those of
neighbouring leaves together, and a pair costs its comparisons and one look-up per table and driver. The shares are
TreeSHAP's, to rounding; a tree that does not fit, with a path of very many features, say, is left to LightGBM.

For a leaf of value v, whose path's feature i lets a share z_i of what the tree was grown on pass and this pair pass
(o_i = 1) or not (0), Shapley's weights are an integral, and a polynomial's, which Gauss and Legendre's points give
exactly:

    share of i = v (o_i - z_i) integral over u from 0 to 1 of the product over j != i of (o_j u + z_j (1 - u))

Sources: Yang, "Fast TreeSHAP: accelerating SHAP value computation for trees", 2021 (patterns in tables); Yu et al.,
"Linear TreeShap", NeurIPS 2022 (the polynomial, by quadrature).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays.blocks import blocks

if TYPE_CHECKING:
    from lightgbm import Booster

BITS = 11
"""Splits that one table tells apart: 2^11 numbers for each driver stay near the processor."""
PATH = 14
"""Features on a path beyond which a tree is left to LightGBM: 2^14 patterns of one leaf."""
PAIRS = 2**14
"""Pairs that are looked up at a time by one thread."""


ALWAYS = np.int64(1)
ENDLESS = 1e300
LARGEST = float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)
Path = tuple[tuple[int, bool], ...]
"""Splits by their number, and of each whether the way goes left."""


@dataclass(frozen=True)
class _Split:
    """A split of a tree: a pair goes left where its feature is at most the threshold.

    Attributes:
        feature: its place among the features.
        threshold: the largest float32 that goes left.
        unknown: whether a pair goes left that lacks the feature.
    """

    feature: int
    threshold: np.float32
    unknown: bool


@dataclass(frozen=True)
class _Leaf:
    """A leaf and the way to it.

    Attributes:
        value: what it adds to the score.
        path: the way from the root.
        passing: of every feature on the path, in the order in which they come, the share of what the tree was grown on
            that passes all its splits there, of what comes to them.
    """

    value: float
    path: Path
    passing: Mapping[int, float]


@dataclass(frozen=True)
class _Table:
    """The shares of leaves that are near each other.

    Attributes:
        tests: of each bit of a pattern what a pair must do for it to be 1.
        drivers: [C] whose shares they are.
        shares: [C, 2^bits] float64.
    """

    tests: tuple[Path, ...]
    drivers: tuple[int, ...]
    shares: np.ndarray


@dataclass(frozen=True)
class Tabled:
    """A ranker whose shares are looked up.

    Attributes:
        boosters: the models whose mean is the score, at least one.
        driver_of: [F] the driver that each feature speaks for.
        drivers: D, how many there are.
    """

    boosters: "Sequence[Booster]"
    driver_of: np.ndarray
    drivers: int

    def shares(self, features: np.ndarray, threads: int) -> np.ndarray:
        """What each driver adds to the ranker's score; a row's sum is the score less that of a pair of which nothing
        is known. The same for a pair whatever the others are, and with any number of threads.

        Args:
            features: [N, F] float32, nan where unknown.
            threads: that look up.
        Returns:
            [N, D] float64.
        """
        found = np.zeros((self.drivers, len(features)))
        parts = list(blocks(len(features), PAIRS))
        columns = [np.ascontiguousarray(features[part].T) for part in parts]
        each = [(known, np.isnan(known), found[:, part]) for known, part in zip(columns, parts, strict=True)]
        with ThreadPoolExecutor(max(1, min(threads, len(parts)))) as workers:
            for booster in self.boosters:
                for number, told in enumerate(booster.dump_model()["tree_info"]):
                    read = _read(told["tree_structure"])
                    if read is None:
                        self._add(booster, number, features, threads, found)
                        continue
                    splits, leaves = read
                    if not splits:
                        continue  # it says the same of all pairs
                    tables = [_table(group, depth, splits, self.driver_of) for group, depth in _groups(leaves, 0)]
                    list(workers.map(partial(_look_up, splits, tables), each))
        return np.ascontiguousarray(found.T) / len(self.boosters)

    def _add(self, booster: "Booster", tree: int, features: np.ndarray, threads: int, found: np.ndarray) -> None:
        """Add the shares of one tree, as LightGBM works them out, to found [D, N]."""
        chosen: dict[str, Any] = {"start_iteration": tree, "num_iteration": 1, "num_threads": threads}
        values = np.asarray(booster.predict(features, pred_contrib=True, **chosen))
        for feature, driver in enumerate(self.driver_of):
            found[driver] += values[:, feature]


def _look_up(
    splits: Sequence[_Split], tables: Sequence[_Table], pairs: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Add what a tree says of some pairs; pairs: their features [F, N], which are nan, and the sums so far [D, N]."""
    known, absent, found = pairs
    left = [known[split.feature] <= split.threshold for split in splits]  # what is nan is not
    for number, one in enumerate(splits):
        if one.unknown:
            left[number] |= absent[one.feature]
    sides = {False: [~goes for goes in left], True: left}
    for table in tables:
        pattern = np.zeros(found.shape[1], dtype=np.uint16)
        for bit, ((split, way), *others) in enumerate(table.tests):
            passed = sides[way][split]
            for other, its_way in others:
                passed = passed & sides[its_way][other]
            pattern |= passed * np.uint16(1 << bit)
        place = pattern.astype(np.intp)
        for driver, shares in zip(table.drivers, table.shares, strict=True):
            found[driver] += shares.take(place)


def _read(root: Mapping[str, Any]) -> tuple[list[_Split], list[_Leaf]] | None:
    """The splits of a tree, and its leaves from left to right; None: it does not fit into tables."""
    splits: list[_Split] = []
    leaves: list[_Leaf] = []

    def walk(node: Mapping[str, Any], path: Path, passing: Mapping[int, float]) -> bool:
        if "leaf_value" in node:
            leaves.append(_Leaf(node["leaf_value"], path, passing))
            return len(passing) <= PATH
        if node["decision_type"] != "<=" or node["missing_type"] not in ("None", "NaN"):
            return False
        feature, number = node["split_feature"], len(splits)
        unknown = node["default_left"] if node["missing_type"] == "NaN" else bool(node["threshold"] >= 0)
        splits.append(_Split(feature, _at_most(node["threshold"]), unknown))
        for way, child in ((True, node["left_child"]), (False, node["right_child"])):
            share = _grown_on(child) / _grown_on(node)
            told = {**passing, feature: passing.get(feature, 1.0) * share}
            if not walk(child, (*path, (number, way)), told):
                return False
        return True

    return (splits, leaves) if walk(root, (), {}) else None


def _grown_on(node: Mapping[str, Any]) -> float:
    """How many pairs a node was grown on."""
    return float(node.get("internal_count", node.get("leaf_count", 0)))


def _at_most(threshold: float) -> np.float32:
    """The largest float32 that is not above a threshold: features are float32, thresholds are not.

    LightGBM writes 1e300 for infinity, which parts what is known from what is not.
    """
    if abs(threshold) >= ENDLESS:
        return np.float32(math.copysign(math.inf, threshold))
    near = np.float32(np.clip(threshold, *LARGEST))
    return near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf))


def _groups(leaves: Sequence[_Leaf], depth: int) -> Iterator[tuple[Sequence[_Leaf], int]]:
    """Neighbouring leaves that one table holds, with the length of the way that they share."""
    shared = leaves[0].path[:depth] if len(leaves) > 1 else leaves[0].path
    if len(leaves) == 1 or len(shared) + len(leaves) - 1 <= BITS:
        yield leaves, len(shared)
        return
    for way in (True, False):
        yield from _groups([leaf for leaf in leaves if leaf.path[depth][1] is way], depth + 1)


def _table(leaves: Sequence[_Leaf], depth: int, splits: Sequence[_Split], driver_of: np.ndarray) -> _Table:
    """The shares of some leaves, whose ways are the same for the first `depth` splits."""
    shared: dict[int, Path] = {}
    for step in leaves[0].path[:depth]:  # of a feature's splits on the shared way only matters whether all are passed
        feature = splits[step[0]].feature
        shared[feature] = (*shared.get(feature, ()), step)
    apart = sorted({number for leaf in leaves for number, _ in leaf.path[depth:]})
    tests = (*shared.values(), *(((number, True),) for number in apart))
    set_bits = _bits(len(tests))
    of_shared = dict(zip(shared, set_bits, strict=False))
    goes_left = dict(zip(apart, set_bits[len(shared) :], strict=True))
    found: dict[int, np.ndarray] = {}
    for leaf in leaves:
        passes = {feature: of_shared.get(feature, ALWAYS) for feature in leaf.passing}
        for number, way in leaf.path[depth:]:
            feature, taken = splits[number].feature, goes_left[number] if way else goes_left[number] ^ ALWAYS
            passes[feature] = taken if passes[feature] is ALWAYS else passes[feature] & taken
        place = np.zeros(set_bits.shape[1], dtype=np.intp)
        for order, bit in enumerate(passes.values()):
            place += bit << order
        for driver, shares in _of_drivers(leaf, driver_of).items():
            found[driver] = found.get(driver, 0) + shares[place]
    drivers = tuple(sorted(found))
    return _Table(tests, drivers, np.array([found[driver] for driver in drivers]))


@cache
def _bits(number: int) -> np.ndarray:
    """[number, 2^number] 0 or 1, the bits of every pattern."""
    return (np.arange(2**number)[None, :] >> np.arange(number)[:, None]) & 1


def _of_drivers(leaf: _Leaf, driver_of: np.ndarray) -> dict[int, np.ndarray]:
    """By driver float64 [2^d], a leaf's shares for every pattern of the d features on its path that are passed."""
    found: dict[int, np.ndarray] = {}
    for feature, shares in zip(leaf.passing, leaf_shares(leaf.value, np.array([*leaf.passing.values()])), strict=True):
        driver = int(driver_of[feature])
        found[driver] = found.get(driver, 0) + shares
    return found


def leaf_shares(value: float, passing: np.ndarray) -> np.ndarray:
    """Shapley's values of the features on the way to a leaf.

    Args:
        value: of the leaf.
        passing: [d] the share that passes each of them.
    Returns:
        [d, 2^d] for every pattern of what a pair passes: bit i says whether it passes feature i.
    """
    points, weights, passes = _patterns(len(passing))
    at, share = points[:, None, None], passing[:, None]
    factors = passes * at + share * (1 - at)  # [Q, d, 2^d], above 0
    without = factors.prod(axis=1, keepdims=True) / factors
    without *= weights[:, None, None]
    return np.asarray(value * (passes - share) * without.sum(axis=0))


@cache
def _patterns(d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [Q] between 0 and 1 and their weights, which give integrals of polynomials of degree d - 1, and the
    patterns [d, 2^d] of d bits, 0 or 1."""
    points, weights = np.polynomial.legendre.leggauss((d + 1) // 2)
    return (points + 1) / 2, weights / 2, _bits(d).astype(np.float64)
