"""Users who are alike, against every user for itself."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.ranking import twins, voting
from pipeline.ranking.frames import Frame
from pipeline.ranking.pairs import Pairs, to_lists
from pipeline.ranking.twins import Twins

WIDTH, NAMES = 50, ("als.rank", "als.score", "item_buyers_28")


def frame_of(kinds: list[int], seed: int = 0) -> Frame:
    """A frame of users of some kinds; kind 0 has no pair, and all NaN of a kind are the same bits."""
    rng = np.random.default_rng(seed)
    pieces = []
    for kind in range(max(kinds) + 1):
        items = np.sort(rng.choice(WIDTH, min(kind, 1) * rng.integers(1, 12), replace=False))
        features = rng.integers(1, 4, (len(items), 3)).astype(np.float32)
        features[rng.random(features.shape) < 0.2] = np.nan
        pieces.append((items, features, rng.random(len(items)) < 0.5, rng.integers(-1, 3, len(items)).astype(np.int8)))
    items, features, fresh, source = (np.concatenate([pieces[kind][n] for kind in kinds]) for n in range(4))
    rows = np.repeat(np.arange(len(kinds)), [len(pieces[kind][0]) for kind in kinds])
    pairs = Pairs(np.arange(100, 100 + len(kinds), dtype=np.int32), WIDTH, rows * WIDTH + items)
    return Frame(pairs, NAMES, features, fresh, source)


def lists_of(frame: Frame) -> tuple[np.ndarray, ...]:
    """What every source's votes make of a frame, with the codes of the sources."""
    scores = voting.votes(frame, frame.fresh, seed=3)
    items, best, place = to_lists(frame.pairs.rows, frame.pairs.items, scores, len(frame.pairs.users), 5)
    return items, best, np.append(frame.source, np.int8(-1))[place]


@pytest.mark.parametrize("kinds", [[3, 1, 3, 0, 2, 1, 0, 3, 3], [1, 1, 1], [0, 0]])
def test_lists_of_users_who_are_alike_are_those_of_each_alone(kinds: list[int]) -> None:
    frame = frame_of(kinds)
    found = Twins.of(frame)
    assert found.kind is not None
    assert len(found.frame.pairs.users) == len(set(kinds))
    for mine, theirs in zip(found.spread(lists_of(found.frame)), lists_of(frame), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("column", ["features", "fresh", "source", "returned"])
def test_a_single_difference_is_one(column: str) -> None:
    frame = replace(frame_of([1, 1, 1, 1]), returned=np.zeros(4 * len(frame_of([1]).fresh), dtype=bool))
    changed = getattr(frame, column).copy()
    changed[len(changed) // 2] = changed[len(changed) // 2] == 0
    found = Twins.of(replace(frame, **{column: changed}))
    assert found.kind is not None
    assert found.kind.tolist() in ([0, 0, 1, 0], [1, 1, 0, 1])


def test_who_only_seems_alike_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins, "_digests", lambda columns, starts: np.zeros(len(starts) - 1, np.uint64))
    frame = frame_of([1, 2, 2, 1])
    assert Twins.of(frame).frame is frame


def test_where_nearly_everybody_differs_nobody_is_put_together() -> None:
    frame = frame_of([*range(1, 20), 1])
    assert Twins.of(frame).kind is None
