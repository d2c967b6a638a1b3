"""Variants of a product: the best of each list stands for all of them, in every table."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.publication import variants
from pipeline.settings.sections.publication import Surface
from tests.publication.published_shop import published, recommended
from tests.publication.test_editorial import edited, rule
from tests.small_shop import Shop, go, shop

MUGS = ["i0", "i0", *[None] * 4, "i0", None]
"""i1 and i6 are variants of i0, which names itself."""
TEA = [None, None, "tea", "tea", *[None] * 4]
"""A product that is no item itself."""


def items(parents: list[str | None]) -> pa.Table:
    ids = pa.array([f"i{n}" for n in range(len(parents))], pa.string())
    return pa.table({"item_id": ids, "parent_id": pa.array(parents, pa.string())})


@pytest.mark.parametrize(
    ("parents", "groups"),
    [
        (MUGS, [{0, 1, 6}]),
        (TEA, [{2, 3}]),
        ([None, "i0", "i5", None], [{0, 1}]),  # an only child, and a parent who names nobody
        ([None, "i0", "i1", "i3", "i3"], [{0, 1, 2}, {3, 4}]),  # a parent that has a parent
        (["i1", "i2", "i0", None], [{0, 1, 2}]),  # each is the other's
        ([None, None], None),
        (["a", "b"], None),
        ([], None),
    ],
)
def test_an_item_and_what_names_it_are_one_product(parents: list[str | None], groups: list[set[int]] | None) -> None:
    codes = variants.products(items(parents))
    if groups is None:
        assert codes is None
        return
    assert codes is not None
    found = [set(np.flatnonzero(codes == code).tolist()) for code in sorted(set(codes.tolist()) - {-1})]
    assert found == groups


def test_the_best_of_each_product_is_what_a_greedy_hand_would_take() -> None:
    rng = np.random.default_rng(3)
    size, rows, k = 60, 25, 7
    codes = rng.integers(-1, 9, size).astype(np.int32)
    order = np.array([rng.permutation(size) for _ in range(rows)], dtype=np.int32)
    own = rng.integers(0, size, rows)
    asked = []

    def find(wanted: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(wanted))
        there = order[wanted, :n]
        return there, np.broadcast_to(-np.arange(n, dtype=np.float32), there.shape)

    for about in (None, own):
        found, scores = variants.once_each(find(np.arange(rows), k), codes, find, size, about)
        for row in range(rows):
            taken: list[int] = []
            held = {-1} if about is None else {-1, int(codes[own[row]])}
            for item in order[row]:
                if codes[item] < 0 or codes[item] not in held:
                    taken.append(int(item))
                    held.add(int(codes[item]))
            assert found[row].tolist() == taken[:k]
            assert (np.diff(scores[row]) < 0).all()
    assert asked[1] <= rows  # only what is short is looked for again


def test_lists_that_no_more_can_fill_stay_short() -> None:
    codes = np.zeros(4, dtype=np.int32)
    whole = (np.array([[2, 0, 3, 1]], np.int32), np.array([[4, 3, 2, 1]], np.float32))
    items_, scores = variants.once_each((whole[0][:, :2], whole[1][:, :2]), codes, lambda rows, n: whole, 4)
    assert items_.tolist() == [[2, -1]]
    assert scores.tolist() == [[4, -np.inf]]


def products_of(rows: list[dict[str, Any]], column: str = "item_id") -> list[str]:
    return ["mug" if row[column] in {"i0", "i1", "i6"} else row[column] for row in rows]


def a_shop(home: Path, **changes: Any) -> Shop:
    made = shop(home, parents=MUGS, **changes)
    made.config = made.config.model_copy(
        update={"publish": made.config.publish.model_copy(update={"popular_k": 4, "search_k": 3, "similar_k": 3})}
    )
    return made.write()


def test_every_table_has_one_variant_of_a_product(tmp_path: Path) -> None:
    made = a_shop(tmp_path)
    go(made)
    for table, key, column in (
        ("recommendations", ("surface", "user_id"), "item_id"),
        ("popular_items", ("segment",), "item_id"),
        ("search_results", ("query",), "item_id"),
        ("similar_items", ("item_id",), "similar_item_id"),
    ):
        lists: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in published(made, table):
            lists.setdefault(tuple(row[name] for name in key), []).append(row)
        assert lists
        for whose, rows in lists.items():
            found = products_of(rows, column)
            assert len(set(found)) == len(found), (table, whose)
            assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    popular = [row["item_id"] for row in published(made, "popular_items") if row["segment"] == "all"]
    assert popular == ["i0", "i2", "i3", "i4"]
    like_a_mug = [row["similar_item_id"] for row in published(made, "similar_items") if row["item_id"] == "i1"]
    assert like_a_mug
    assert not {"i0", "i6"} & set(like_a_mug)


def test_a_surface_may_show_more_of_them(tmp_path: Path) -> None:
    made = a_shop(tmp_path)
    surfaces = tuple(Surface(name=s.name, repeats=s.repeats, k=s.k, max_per_product=2) for s in made.config.surfaces)
    made.config = made.config.model_copy(update={"surfaces": surfaces})
    go(made)
    found = [item for _, item, _, _ in recommended(made, "for_you", "u0")]
    assert sum(item in {"i0", "i1", "i6"} for item in found) == 2


def test_what_editors_pin_stands_for_its_product(tmp_path: Path) -> None:
    made = edited(tmp_path, rule("pin", "i6", surface="for_you", rank=2), parents=MUGS)
    go(made)
    for user in ("u0", "u1", "u2"):
        found = [item for _, item, _, _ in recommended(made, "for_you", user)]
        assert found[1] == "i6"
        assert not {"i0", "i1"} & set(found)
