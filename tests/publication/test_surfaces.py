"""What a surface may show, and how its lists are filled, against hand-made lists and a brute-force filler."""

import numpy as np
import pytest

from pipeline.publication import surfaces
from pipeline.publication.surfaces import TOPPED_UP, Block, Cap, OwnHistory


def filled(lists: list[list[int]], mask: list[bool], k: int, popular: list[int], seen: list[list[int]] | None) -> Block:
    width = max(map(len, lists))
    candidates = np.array([[*row, *[-1] * (width - len(row))] for row in lists], dtype=np.int32)
    scores = np.where(candidates >= 0, np.arange(width, 0, -1), -np.inf).astype(np.float32)
    block = surfaces.pick(Block(candidates, scores, np.zeros(candidates.shape, np.int8)), np.array(mask), k)
    had = None if seen is None else history(seen).of(np.arange(len(seen)), len(mask)).owned
    return surfaces.top_up(block, np.array(popular, dtype=np.int32), had)


def history(owned: list[list[int]]) -> OwnHistory:
    """Users who had these items; the age is the row's number, the count one."""
    items = np.array([item for row in owned for item in sorted(row)], dtype=np.int32)
    indptr = np.cumsum([0, *map(len, owned)])
    return OwnHistory(indptr, items, np.ones(len(items), np.int16), np.arange(len(items), dtype=np.float32))


def test_lists_are_filtered_and_filled_in_order_of_popularity() -> None:
    block = filled([[5, 1, 2], [0], []], [True] * 5 + [False], 3, [4, 1, 0], [[4], [1], [0, 1, 4]])
    assert block.items.tolist() == [[1, 2, 0], [0, 4, -1], [-1, -1, -1]]
    assert block.scores.tolist() == [[2, 1, -1], [3, -1, -np.inf], [-np.inf] * 3]
    assert block.sources.tolist() == [[0, 0, TOPPED_UP], [0, TOPPED_UP, TOPPED_UP], [TOPPED_UP] * 3]


@pytest.mark.parametrize(("first", "cells"), [(64, 2**18), (1, 2**18), (1, 1)])
def test_random_lists_are_filled_as_one_would_by_hand(monkeypatch: pytest.MonkeyPatch, first: int, cells: int) -> None:
    monkeypatch.setattr(surfaces, "FIRST", first)
    monkeypatch.setattr(surfaces, "WIDER", 2 if first == 1 else 4)
    monkeypatch.setattr(surfaces, "CELLS", cells)
    rng = np.random.default_rng(1)
    size, k = 30, 8
    mask = rng.random(size) < 0.7
    popular = [int(i) for i in rng.permutation(size) if mask[i]]
    lists = [rng.permutation(size)[: rng.integers(0, 15)].tolist() for _ in range(40)]
    seen = [rng.permutation(size)[: rng.integers(0, 25)].tolist() for _ in range(40)]
    lists = [[item for item in row if item not in had] for row, had in zip(lists, seen, strict=True)]
    block = filled(lists, mask.tolist(), k, popular, seen)
    for row, had, found, scores in zip(lists, seen, block.items.tolist(), block.scores, strict=True):
        wanted = [item for item in row if mask[item]][:k]
        wanted += [item for item in popular if item not in had and item not in wanted][: k - len(wanted)]
        assert found == wanted + [-1] * (k - len(wanted))
        assert (np.diff(scores[: len(wanted)]) < 0).all()


@pytest.mark.parametrize("hide", [False, True])
def test_popular_items_are_looked_at_a_few_at_a_time_and_all_give_the_same(
    monkeypatch: pytest.MonkeyPatch, hide: bool
) -> None:
    rng = np.random.default_rng(2)
    size, k, users = 200, 6, 50
    items = np.array([rng.permutation(size)[:k] for _ in range(users)], dtype=np.int32)
    items[np.arange(k) >= rng.integers(0, k + 1, users)[:, None]] = -1
    scores = np.where(items >= 0, np.linspace(1, 0.2, k), -np.inf).astype(np.float32)
    block = Block(items, scores, np.zeros(items.shape, np.int8))
    popular = rng.permutation(size)[:150].astype(np.int32)
    mine = rng.random((users, size)) < rng.choice([0.1, 0.9, 0.99], users)[:, None]
    caps = [Cap(rng.integers(-1, groups, size).astype(np.int32), most) for groups, most in ((4, 2), (90, 1))]
    seen = (lambda place, item: mine[place, item]) if hide else None
    found = []
    for first, wider, cells in ((size, 4, 2**18), (1, 2, 2**18), (3, 2, 1)):
        monkeypatch.setattr(surfaces, "FIRST", first)
        monkeypatch.setattr(surfaces, "WIDER", wider)
        monkeypatch.setattr(surfaces, "CELLS", cells)
        filled = surfaces.top_up(block, popular, seen, caps)
        found.append((filled.items.tobytes(), filled.scores.tobytes()))
    assert len(set(found)) == 1
    assert (filled.items >= 0).sum() > (items >= 0).sum()


def test_history_of_a_block() -> None:
    had = history([[1, 3], [], [0]]).of(np.array([2, 1, 0]), 4)
    every = np.broadcast_to(np.arange(-1, 4), (3, 5))
    found = had.rows(np.arange(3)[:, None], every)
    assert found.tolist() == [[-1, 2, -1, -1, -1], [-1] * 5, [-1, -1, 0, -1, 1]]
    assert had.owned(np.array([2, 0, 2]), np.array([3, 3, -1])).tolist() == [True, False, False]


@pytest.mark.parametrize("size", [1, 7, 32, 1000])
def test_every_pair_is_found_and_no_other(size: int) -> None:
    rng = np.random.default_rng(size)
    mine = rng.random((40, size)) < rng.random(40)[:, None]
    users = rng.permutation(40)[:25]
    had = history([np.flatnonzero(row).tolist() for row in mine]).of(users, size)
    place, items = np.arange(25)[:, None], np.arange(-1, size)[None, :]
    np.testing.assert_array_equal(had.owned(place, items)[:, 1:], mine[users])
    assert not had.owned(place, items)[:, 0].any()
    number = np.where(mine, np.cumsum(mine).reshape(mine.shape) - 1, -1)  # rows are counted user by user
    np.testing.assert_array_equal(had.rows(place, items)[:, 1:], number[users])


def test_users_without_a_history_had_nothing() -> None:
    had = history([[], []]).of(np.array([1, 0]), 3)
    assert not had.owned(np.arange(2)[:, None], np.arange(-1, 3)[None, :]).any()
