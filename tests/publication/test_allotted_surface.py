"""A surface whose items are limited over the whole night's table, published beside one that is not."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground.errors import InputError
from pipeline.publication.allotment import page
from pipeline.publication.allotment.page import PAGE
from pipeline.publication.allotment.rules import Rules
from pipeline.publication.allotment.table import ABOUT
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Allot, Explore, Limit, Surface
from pipeline.sources.configuration import FullConfig
from tests.publication.published_shop import published
from tests.small_shop import NIGHT, Shop, go, shop

Attributes = dict[str, list[Any]]


def allotted(
    home: Path, allot: Allot, attributes: Attributes | None = None, **changes: Any
) -> tuple[Shop, dict[str, Any]]:
    """The small shop with a surface `limited`, and what its publication reports."""
    made = shop(home, **changes)
    surfaces = (Surface(name="for_you", k=4), Surface(name="limited", k=2, allot=allot))
    made.config = made.config.model_copy(update={"surfaces": surfaces})
    made.write()
    path = made.folder("features") / "items.parquet"
    items = pq.read_table(path)
    for name, values in (attributes or {}).items():
        kind = pa.string() if any(isinstance(value, str) for value in values) else pa.float64()
        items = items.append_column(name, pa.array(values, kind))
    pq.write_table(items, path)
    return made, go(made)


def lists(made: Shop, surface: str) -> list[dict[str, Any]]:
    rows = published(made, "recommendations")
    return [{k: v for k, v in row.items() if k != "run_id"} for row in rows if row["surface"] == surface]


def test_other_surfaces_stay_as_they_are(tmp_path: Path) -> None:
    made, _ = allotted(tmp_path / "a", Allot(limits=(Limit(most=3),)))
    plain = shop(tmp_path / "b")
    plain.config = plain.config.model_copy(update={"surfaces": (Surface(name="for_you", k=4),)})
    go(plain.write())
    assert lists(made, "for_you") == lists(plain, "for_you")


def test_without_a_limit_that_binds_everybody_gets_the_best(tmp_path: Path) -> None:
    made, report = allotted(tmp_path, Allot(limits=(Limit(most=99),)))
    best = [row | {"surface": "limited"} for row in lists(made, "for_you") if row["rank"] <= 2]
    assert lists(made, "limited") == best
    assert report["allotted_limited"]["gap"] == 0
    assert report["allotted_limited"]["limits"][0]["price"] == 0


def test_a_total_is_kept_and_the_report_says_what_one_more_would_bring(tmp_path: Path) -> None:
    made, report = allotted(tmp_path, Allot(limits=(Limit(most=3),)))
    rows = lists(made, "limited")
    assert len(rows) == 3
    assert [row["rank"] for row in rows if row["user_id"] == "u0"] in ([1], [1, 2], [])
    found = report["allotted_limited"]
    assert (found["rows"], found["worth"]) == (3, pytest.approx(sum(row["score"] for row in rows)))
    (limit,) = found["limits"]
    assert (limit["limit"], limit["named"]) == ("at most 3 rows, in all", "all rows")
    assert (limit["most"], limit["used"], limit["full"], limit["things"]) == (3, 3, 1, 1)
    assert 0 < limit["price"] <= 1


def test_an_item_goes_to_as_many_as_its_attribute_says(tmp_path: Path) -> None:
    capacity = [1.0, 1.0, 2.0, 0.0, None, 9.0, -3.0, 1.0]
    made, report = allotted(tmp_path, Allot(limits=(Limit(by="item", most="capacity"),)), {"capacity": capacity})
    assert report["allotted_limited"]["unsaid"] == 1, "i4"
    assert page.lines("limited", report["allotted_limited"])[1].endswith("or how many there are: 1")
    shown = Counter(row["item_id"] for row in lists(made, "limited"))
    assert shown
    assert all(number <= (capacity[int(item[1:])] or 0) for item, number in shown.items())


def test_a_user_gets_one_of_a_group(tmp_path: Path) -> None:
    campaign = ["a", "a", "b", "b", None, "a", "", "a"]
    allot = Allot(group="campaign", limits=(Limit(by="campaign", most=2),))
    made, _ = allotted(tmp_path, allot, {"campaign": campaign})
    rows = lists(made, "limited")
    of = Counter((row["user_id"], campaign[int(row["item_id"][1:])]) for row in rows)
    assert all(number == 1 for (_, group), number in of.items() if group)
    together = Counter(campaign[int(row["item_id"][1:])] or row["item_id"] for row in rows)
    assert max(together.values()) <= 2


def test_what_is_paid_by_an_action_is_expected(tmp_path: Path) -> None:
    bids = [1.0, 2.0, 1.0, 4.0, 1.0, 1.0, 3.0, None]
    allot = Allot(value="bid", reserve=0.6, limits=(Limit(most=4.0, cost="bid", when="acted"),))
    made, report = allotted(tmp_path, allot, {"bid": bids})
    worth = [(bids[int(row["item_id"][1:])] or 0) * row["score"] for row in lists(made, "limited")]
    assert min(worth) >= 0.6
    assert sum(worth) <= 4
    assert report["allotted_limited"]["worth"] == pytest.approx(sum(worth))
    assert report["allotted_limited"]["limits"][0]["used"] == pytest.approx(sum(worth))


def test_nobody_is_given_what_was_not_offered_or_is_hidden(tmp_path: Path) -> None:
    offers, never = [(0, 4), (1, 3)], [(0, 7), (2, 6)]
    made, _ = allotted(tmp_path, Allot(limits=(Limit(most=5),)), offers=offers, disliked=never)
    pairs = {(row["user_id"], row["item_id"]) for row in lists(made, "limited")}
    assert pairs
    assert not pairs & {(f"u{user}", f"i{item}") for user, item in never}
    assert {pair for pair in pairs if pair[1] in {"i3", "i4"}} <= {("u0", "i4"), ("u1", "i3")}
    assert "i5" not in {item for _, item in pairs}, "it is sold out"


def test_the_prices_lie_beside_the_tables(tmp_path: Path) -> None:
    made, report = allotted(tmp_path, Allot(limits=(Limit(most=3), Limit(by="item", most=1))))
    (path,) = made.config.lake.rglob("allotted.limited.parquet")
    table = pq.read_table(path)
    rows = [row for row in table.to_pylist() if row["number"] == 2]
    assert {row["named"]: row["used"] for row in rows} == Counter(row["item_id"] for row in lists(made, "limited"))
    assert [row["price"] for row in rows] == sorted((row["price"] for row in rows), reverse=True)
    assert json.loads(table.schema.metadata[ABOUT])["rows"] == report["allotted_limited"]["rows"]


def test_nothing_that_is_limited_is_shown_to_strangers(tmp_path: Path) -> None:
    made = shop(tmp_path)
    limited = Surface(name="limited", k=2, where="item_id in ('i0', 'i1')", allot=Allot(limits=(Limit(most=3),)))
    free = Surface(name="for_you", k=4, where="item_id not in ('i0', 'i1')")
    made.config = made.config.model_copy(update={"surfaces": (free, limited)})
    go(made.write())
    assert not {"i0", "i1"} & {row["item_id"] for row in published(made, "popular_items")}
    assert not {"i0", "i1"} & {row["similar_item_id"] for row in published(made, "similar_items")}
    assert not {"i0", "i1"} & {row["item_id"] for row in published(made, "search_results")}


def test_the_same_rows_in_blocks_of_any_size(tmp_path: Path) -> None:
    found = []
    for size in (1, 2, 100):
        made = shop(tmp_path / str(size))
        made.config = made.config.model_copy(update={"block_users": size})
        surfaces = (Surface(name="limited", k=2, allot=Allot(limits=(Limit(most=3), Limit(by="item", most=1)))),)
        made.config = made.config.model_copy(update={"surfaces": surfaces})
        go(made.write())
        found.append(lists(made, "limited"))
    assert found[0] == found[1] == found[2]


def test_a_limit_that_is_lowered_is_no_accident(tmp_path: Path) -> None:
    """Most of yesterday's rows are gone, and the tables are published all the same."""
    made, _ = allotted(tmp_path, Allot(limits=(Limit(most=99),)))
    surfaces = (Surface(name="for_you", k=4), Surface(name="limited", k=2, allot=Allot(limits=(Limit(most=0),))))
    section = made.config.publish.model_copy(update={"max_churn": 0.1})
    made.config = made.config.model_copy(update={"surfaces": surfaces, "publish": section})
    go(made)
    assert lists(made, "limited") == []


def test_names_are_any_text(tmp_path: Path) -> None:
    words = ["'; drop table x; --", "<b>", "\u202e", *["all rows"] * 5]
    allot = Allot(limits=(Limit(by="campaign", most=1),), group="campaign")
    made, report = allotted(tmp_path, allot, {"campaign": words})
    assert 0 < len(lists(made, "limited")) <= 4
    assert report["allotted_limited"]["limits"][0]["named"] in words


def test_the_page_and_the_terminal_say_it_and_escape_names(tmp_path: Path) -> None:
    words = ["<script>x</script>", "\x1b[31m", *["b"] * 6]
    allot = Allot(limits=(Limit(by="campaign", most=1), Limit(most=2)))
    made, report = allotted(tmp_path, allot, {"campaign": words})
    (path,) = made.config.lake.rglob(PAGE)
    text = path.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "at most 2 rows, in all" in text
    lines = page.lines("limited", report["allotted_limited"])
    assert "limits   limited: 2 rows for 2 users" in lines[0] or "limits   limited: 2 rows for 1 users" in lines[0]
    assert "at most 2 rows, in all: 2 of 2 used" in lines[2]
    assert "\x1b" not in "".join(lines)


def test_facts_say_what_the_solver_was_told(tmp_path: Path) -> None:
    made, _ = allotted(tmp_path, Allot(limits=(Limit(by="category", most=2, when="acted"),), group="category"))
    items = pq.read_table(made.folder("features") / "items.parquet")
    surface = made.config.surfaces[1]
    rows = Rules.of(items, surface).facts(items).to_pylist()
    assert {(row["number"], row["acted"]) for row in rows} == {(1, True)}, "nobody has a category, so nobody a group"
    assert len({row["resource"] for row in rows}) == items.num_rows, "each is one by itself"
    assert np.unique([row["most"] for row in rows]).tolist() == [2]


def test_an_ad_that_is_over_does_not_limit_its_campaign() -> None:
    items = pa.table({"item_id": ["over", "on", "alone"], "campaign": ["c", "c", "d"], "budget": [0.0, 500.0, 7.0]})
    surface = Surface(name="ads", allot=Allot(limits=(Limit(by="campaign", most="budget"),)))
    every, shown = Rules.of(items, surface), Rules.of(items, surface, np.array([False, True, False]))
    assert every.limits[0].most.tolist() == [0.0, 7.0]
    assert shown.limits[0].most.tolist() == [500.0, 0.0]
    assert shown.unsaid.tolist() == [False, False, True]


def test_what_excludes_limits_is_refused() -> None:
    with pytest.raises(ValueError, match="surface 'x': allot and explore exclude each other"):
        Surface(name="x", allot=Allot(), explore=Explore(slots=(1,)))
    with pytest.raises(ValueError, match="surface 'x': allot and explore exclude each other"):  # so is its record
        Surface(name="x", allot=Allot(), explore=Explore(slots=(1,), record=1.0))
    with pytest.raises(ValueError, match="surface 'x': allot and diversity exclude each other"):
        Surface(name="x", allot=Allot(), diversity=0.1)
    with pytest.raises(ValueError, match="surface 'x': allot and long_tail exclude each other"):
        Surface(name="x", allot=Allot(), long_tail=0.5)
    with pytest.raises(ValueError, match=r"allot\.candidates 3 are fewer than k = 5"):
        Surface(name="x", k=5, allot=Allot(candidates=3))
    with pytest.raises(ValueError, match="most = 'capacity' is of items, so say by which"):
        Limit(most="capacity")


@pytest.mark.parametrize(
    ("allot", "words"),
    [
        (Allot(value="bid"), "allot.value = 'bid' is no attribute of the items, and a number is needed: declare it"),
        (Allot(limits=(Limit(by="size", most=1),)), "allot.limits.by = 'size' is a number, and a word is needed"),
        (Allot(limits=(Limit(by="item", most="brand"),)), "allot.limits.most = 'brand' is a word, and a number is"),
        (Allot(limits=(Limit(most=1, cost="x"),)), "allot.limits.cost = 'x' is no attribute"),
        (Allot(group="size"), "allot.group = 'size' is a number"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_limits_ask_for_must_be_declared(allot: Allot, words: str) -> None:
    items = {"files": "x", "sql": "x", "attributes": {"size": "number", "brand": "word"}}
    with pytest.raises(ValueError, match=f"surface 'ads': {words}"):
        FullConfig(ingest={"items": items}, surfaces=[Surface(name="ads", allot=allot)])


def test_lists_without_probabilities_are_refused(tmp_path: Path) -> None:
    made = shop(tmp_path)
    surface = Surface(name="limited", k=2, allot=Allot(limits=(Limit(most=3),)))
    made.config = made.config.model_copy(update={"surfaces": (surface,)})
    made.write()
    for path in made.folder("ensemble").rglob("*.probability.npy"):
        path.unlink()
    with pytest.raises(InputError, match="surface 'limited': its lists have no probabilities to allot by"):
        go(made)


def test_arms_of_an_experiment_share_what_there_is(tmp_path: Path) -> None:
    """Half of the users in an arm that hides what it saw lately: the limits hold over both arms together."""
    made = shop(tmp_path)
    seen = {"surfaces": {"limited": {"exclude_seen_days": 400}}}
    given = {"name": "trial", "since": NIGHT, "surfaces": ["limited"]}
    trial = Experiment.model_validate(
        given | {"arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "overlay": seen}]}
    )
    surfaces = (Surface(name="for_you", k=4), Surface(name="limited", k=2, allot=Allot(limits=(Limit(most=3),))))
    made.config = made.config.model_copy(update={"surfaces": surfaces, "experiment": trial})
    go(made.write())
    rows = lists(made, "limited")
    assert len(rows) == 3
    best = {(row["user_id"], row["item_id"]) for row in lists(made, "for_you")}
    assert any((row["user_id"], row["item_id"]) in best for row in rows)
