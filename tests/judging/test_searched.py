"""How answers to queries did, counted by hand, of what had arrived; a shop without queries has no such file."""

from dataclasses import replace
from datetime import timedelta
from math import log2
from pathlib import Path
from typing import Any

import pytest

from pipeline.judging import searched
from tests.judging.world import TONIGHT, World, world

LATEST = "2011-10-12-cccccccc"
"""The newest active run whose seven days are over; its search_results have " mug" with i1, i2, search_terms " mug "."""


def chosen(query: str | None, item: str, user: str = "u1", late: int = 0, **changes: Any) -> dict[str, Any]:
    day = TONIGHT - timedelta(days=4)
    base = {"user": user, "item": item, "type": "purchase", "day": day, "arrival": day + timedelta(days=late)}
    return base | {"query": query} | changes


ASKED = [
    chosen("  MUG ", "i1"),
    chosen("mug", "i1"),  # the same person, query and item
    chosen("mug", "i2", user="u2"),
    chosen("mug", "i9", user="u3", type="view"),
    chosen("mug", "i1", user="u4", type="impression"),  # no choice
    chosen("mug", "i1", user="u5", late=6),  # not here yet
    chosen("mug", "i1", user="u6", day=TONIGHT - timedelta(days=9)),  # before the run
    chosen("mug", "i1", user="u7", day=TONIGHT),  # after its days
    chosen("red mug", "i2", user="u8"),  # new: search_terms knows a word of it
    chosen("xyzzy", "i1", user="u9"),  # new, without an answer
    chosen(None, "i1", user="u9"),
]


@pytest.fixture
def asked(tmp_path: Path) -> World:
    made = world(tmp_path)
    made.events += ASKED
    made.write().score()
    return made


def test_every_choice_counts_once_with_its_rank(asked: World) -> None:
    rows = {row.part: row for row in searched.read(asked.folder("outcomes"))}
    assert {(row.run_id, row.days) for row in rows.values()} == {(LATEST, 7)}
    known, new, whole = rows["known"], rows["new"], rows["all"]
    assert (known.choices, new.choices, whole.choices) == (3, 2, 5)
    assert (known.no_result, new.no_result, whole.no_result) == (0, 0.5, 0.2)
    second = 1 / log2(3)
    assert known.ndcg == pytest.approx((1 + second) / 3, abs=1e-5)
    assert new.ndcg == pytest.approx(second / 2, abs=1e-5)  # i2 is second by the sum of weight and appeal, by its id
    assert whole.ndcg == pytest.approx((1 + second + second) / 5, abs=1e-5)
    assert known.reciprocal_rank == known.average_precision == pytest.approx(1.5 / 3, abs=1e-5)


def test_the_same_tonight_again_and_of_many_queries_a_sample(asked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = asked.folder("outcomes") / searched.FILE
    before = path.read_bytes()
    asked.score()
    assert path.read_bytes() == before
    monkeypatch.setattr(searched, "QUERIES", 1)
    asked.score()
    assert searched.read(asked.folder("outcomes"))[0].choices in {1, 3}


def test_the_report_and_the_manifest_say_it(asked: World) -> None:
    rows = searched.read(asked.folder("outcomes"))
    ((title, html),) = searched.section(rows)
    assert title == "How queries were answered"
    assert "<td>in search_results</td><td>3</td><td>0.0%</td>" in html
    hostile = searched.section([replace(rows[0], run_id="<b>")])[0][1]
    assert "<b>" not in hostile
    assert searched.scalars(rows)["search.no_result"] == 0.2
    assert searched.section(()) == []
    assert searched.scalars(()) == {}


def test_without_queries_nothing_is_written(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.write().score()
    assert not (made.folder("outcomes") / searched.FILE).exists()
    assert searched.read(made.folder("outcomes")) == ()
