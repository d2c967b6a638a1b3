"""What a surface may show, and how its lists are filled, against hand-made lists and a brute-force filler."""

import subprocess
import sys
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from pipeline import schemas
from pipeline.config import Surface
from pipeline.errors import InputError
from pipeline.publication import predicates, surfaces
from pipeline.publication.surfaces import TOPPED_UP, Block, History


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
    with predicates.over(None) as connection:
        assert connection.table("items").to_arrow_table().schema.names == schemas.ITEMS.names
        assert connection.table("items").to_arrow_table().schema.types == schemas.ITEMS.types


def test_a_predicate_is_checked_without_pandas() -> None:
    code = "import sys; from pipeline.config import Surface; Surface(name='s', where='price > 1')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'pandas' not in sys.modules"], check=True)


def filled(lists: list[list[int]], mask: list[bool], k: int, popular: list[int], seen: list[list[int]] | None) -> Block:
    width = max(map(len, lists))
    candidates = np.array([[*row, *[-1] * (width - len(row))] for row in lists], dtype=np.int32)
    scores = np.where(candidates >= 0, np.arange(width, 0, -1), -np.inf).astype(np.float32)
    block = surfaces.pick(Block(candidates, scores, np.zeros(candidates.shape, np.int8)), np.array(mask), k)
    had = None
    if seen is not None:
        had = np.zeros((len(lists), len(mask)), dtype=bool)
        for row, owned in enumerate(seen):
            had[row, owned] = True
    return surfaces.top_up(block, np.array(popular, dtype=np.int32), had)


def test_lists_are_filtered_and_filled_in_order_of_popularity() -> None:
    block = filled([[5, 1, 2], [0], []], [True] * 5 + [False], 3, [4, 1, 0], [[4], [1], [0, 1, 4]])
    assert block.items.tolist() == [[1, 2, 0], [0, 4, -1], [-1, -1, -1]]
    assert block.scores.tolist() == [[2, 1, -1], [3, -1, -np.inf], [-np.inf] * 3]
    assert block.sources.tolist() == [[0, 0, TOPPED_UP], [0, TOPPED_UP, TOPPED_UP], [TOPPED_UP] * 3]


def test_random_lists_are_filled_as_one_would_by_hand() -> None:
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


def test_history_of_a_block() -> None:
    history = History(
        indptr=np.array([0, 2, 2, 3]),
        items=np.array([1, 3, 0], dtype=np.int32),
        count=np.array([1, 2, 3], dtype=np.int16),
        last_age=np.array([5, 6, 7], dtype=np.float32),
    )
    assert history.row_of(np.array([2, 1, 0]), 4).tolist() == [[2, -1, -1, -1], [-1] * 4, [-1, 0, -1, 1]]
