"""Targets whose lists are the same get one final list, which is the one that each would get alone."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from pipeline.ranking.finals import Final, Recipe

WIDTH, USERS = 30, 40


def lists_of_some_kinds(kind: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A member's lists [T, 6]: the same for targets of the same kind."""
    rng = np.random.default_rng(seed)
    items = np.array([rng.permutation(WIDTH)[:6] for _ in range(kind.max() + 1)], dtype=np.int32)
    scores = -np.sort(-rng.random(items.shape, dtype=np.float32), axis=1)
    items[::3, 4:], scores[::3, 4:] = -1, -np.inf
    return items[kind], scores[kind]


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_lists_of_one_of_each_kind_are_those_of_all(share: float) -> None:
    kind = np.random.default_rng(0).integers(0, 9, USERS)
    cutoff = SimpleNamespace(targets=lambda: np.arange(100, 100 + USERS), items=WIDTH)
    settings = SimpleNamespace(members=("a", "b"), constant=60, length=8, final="weighted")
    members = {name: lists_of_some_kinds(kind, seed) for seed, name in enumerate(("a", "b"))}
    single = lists_of_some_kinds(kind, 7) if share else None
    recipe = Recipe((0.3, 0.7), "c" if share else None, share)
    final = Final(cast(Any, cutoff), members, recipe, single, cast(Any, SimpleNamespace(ensemble=settings)))
    rows = slice(5, 33)
    first, of = final.kinds(rows)
    assert len(first) == len(np.unique(kind[rows]))
    np.testing.assert_array_equal(kind[first][of], kind[rows])
    (ranked, best), (expected, alone) = final.block(first), final.block(rows)
    for mine, theirs in [(best, alone), *((ranked[name], expected[name]) for name in expected)]:
        for column, plain in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(column[of], plain)


def test_lists_that_differ_in_one_score_are_of_two_kinds() -> None:
    items, scores = lists_of_some_kinds(np.zeros(4, np.int64), 1)
    scores[2, 3] = np.nextafter(scores[2, 3], np.float32(0))
    final = Final(cast(Any, None), {"a": (items, scores)}, Recipe((1.0,)), None, cast(Any, None))
    assert final.kinds(slice(0, 4))[1].tolist() == [0, 0, 1, 0]
