"""What a surface may show, and how its lists are filled, against hand-made lists and a brute-force filler."""

import subprocess
import sys
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline.ground import schemas
from pipeline.ground.errors import InputError
from pipeline.publication import surfaces
from pipeline.publication.surfaces import TOPPED_UP, Block, Cap, OwnHistory
from pipeline.settings import predicate_process
from pipeline.settings.sections.publication import Surface


def items(count: int = 4) -> pa.Table:
    rows = [
        {
            "item_index": i,
            "item_id": f"i{i}",
            "title": f"title {i}",
            "text": "",
            "price": float(i) if i else None,
            "kind": "coupon" if i == 3 else "product",
            "available": i != 2,
            "first_seen": date(2011, 1, 1),
        }
        for i in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=schemas.ITEMS)


def shown(where: str) -> list[bool]:
    surface = Surface(name="s", where=where)
    mask: list[bool] = surfaces.shown_items([surface], items())["s"].tolist()
    return mask


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("true", [True, True, False, True]),
        ("kind = 'coupon'", [False, False, False, True]),
        ("price >= 1", [False, True, False, True]),  # no price: not shown
        ("price is null or price between 1 and 2 -- cheap", [True, True, False, False]),
        ("lower(title) like '%3' or item_id in ('i0', 'i2')", [True, False, False, True]),
        ("first_seen < date '2010-01-01'", [False] * 4),
    ],
)
def test_a_predicate_is_a_condition_on_an_available_item(where: str, expected: list[bool]) -> None:
    assert shown(where) == expected


@pytest.mark.parametrize(
    ("where", "complaint"),
    [
        ("true; drop table items", "not one expression"),
        ("true) from items; drop table items; select (true", "not one expression"),
        ("true) from items union all select (true", "is not a condition"),
        ("item_id in (select item_id from items)", "it has a subquery"),
        ("exists (from read_csv('/etc/passwd'))", "it calls read_csv"),
        ("getenv('HOME') = ''", "it calls getenv"),
        ("random() < 0.5", "it calls random"),
        ("now() > first_seen", "it calls now"),
        ("current_date > first_seen", "items has no column current_date"),
        ("row_number() over () < 3", "it has a window"),
        ("nonsense = 1", "items has no column nonsense"),
        ("$x", "it has a parameter"),
        ("price", "is a DOUBLE: write a condition"),
        ("true, false", "is not a condition"),
        ("price = 'a word'", "is not a condition"),
        ("kind = 'product", "not one expression"),
        (" ", "is not a condition"),
    ],
)
def test_what_is_no_condition_on_the_items_is_refused_by_name(where: str, complaint: str) -> None:
    said = "surface 's': where = .*" + complaint.replace("(", r"\(")
    with pytest.raises(ValidationError, match=said):  # when the configuration is read, without any data
        Surface(name="s", where=where)
    with pytest.raises(InputError, match=said):
        surfaces.shown_items([Surface.model_construct(name="s", where=where)], items())


def test_the_unknown_item_has_the_columns_of_the_items() -> None:
    with predicate_process.over(None) as connection:
        assert connection.table("items").to_arrow_table().schema.names == schemas.ITEMS.names
        assert connection.table("items").to_arrow_table().schema.types == schemas.ITEMS.types


def test_a_predicate_is_checked_without_pandas() -> None:
    code = "import sys; from pipeline.settings.config import Surface; Surface(name='s', where='price > 1')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'pandas' not in sys.modules"], check=True)


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
    cap = Cap(rng.integers(-1, 4, size).astype(np.int32), 2)
    seen = (lambda place, item: mine[place, item]) if hide else None
    found = []
    for first, wider, cells in ((size, 4, 2**18), (1, 2, 2**18), (3, 2, 1)):
        monkeypatch.setattr(surfaces, "FIRST", first)
        monkeypatch.setattr(surfaces, "WIDER", wider)
        monkeypatch.setattr(surfaces, "CELLS", cells)
        filled = surfaces.top_up(block, popular, seen, cap)
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
