"""A surface that draws some of its slots, published beside one that does not."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.judging import trial
from pipeline.settings.sections.experiment import Arm, Experiment
from pipeline.settings.sections.publication import Explore, Surface
from tests.publication.published_shop import published
from tests.small_shop import Shop, go, shop

SLOTS = (2, 4)
LAKE = "publish/.run_date={}.partial/withheld.discover.parquet"


def explored(folder: Path, **settings: Any) -> Shop:
    made = shop(folder)
    wanted = Explore(slots=SLOTS, **settings)
    surfaces = (Surface(name="for_you", k=4), Surface(name="discover", repeats=False, k=4, explore=wanted))
    made.config = made.config.model_copy(update={"surfaces": surfaces})
    go(made.write())
    return made


def lists(made: Shop, surface: str) -> list[dict[str, Any]]:
    rows = published(made, "recommendations")
    return [{k: v for k, v in row.items() if k != "run_id"} for row in rows if row["surface"] == surface]


@pytest.mark.parametrize("policy", ["uniform", "softmax", "thompson", "new"])
def test_a_row_says_with_which_chance_it_is_there(tmp_path: Path, policy: str) -> None:
    made, plain = explored(tmp_path / "a", policy=policy, share=0.5), shop(tmp_path / "b")
    go(plain.write())
    assert lists(made, "for_you") == lists(plain, "for_you")
    assert {(row["policy"], row["propensity"]) for row in lists(made, "for_you")} == {(None, None)}
    rows, before = lists(made, "discover"), {(r["user_id"], r["rank"]): r["item_id"] for r in lists(plain, "discover")}
    assert len(rows) == len(before)
    for row in rows:
        assert row["policy"] == (policy if row["rank"] in SLOTS else "best")
        assert 0 < row["propensity"] <= 1
        if row["rank"] not in SLOTS:
            assert (row["propensity"], row["item_id"]) == (1, before[row["user_id"], row["rank"]])
    had = {("u0", "i0"), ("u0", "i2"), ("u1", "i2"), ("u2", "i1"), ("u2", "i3")}
    assert not had & {(row["user_id"], row["item_id"]) for row in rows}
    assert "i5" not in {row["item_id"] for row in rows}, "it is sold out"


def test_the_database_says_it_too(tmp_path: Path) -> None:
    made = explored(tmp_path)
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as file:
        asked = "select distinct surface, policy, propensity is null from current_recommendations order by all"
        found = file.sql(asked).fetchall()
    assert found == [("discover", "best", False), ("discover", "uniform", False), ("for_you", None, True)]


def test_variants_of_one_product_leave_something_to_draw(tmp_path: Path) -> None:
    made = shop(tmp_path, parents=["i0", "i0", "i0", *[None] * 3, "i0", None])
    surface = Surface(name="home", k=2, explore=Explore(slots=(2,), top=4))
    made.config = made.config.model_copy(update={"surfaces": (surface,)})
    go(made.write())
    drawn = [row for row in lists(made, "home") if row["rank"] == 2]
    assert drawn
    for row in drawn:  # the mugs, i3, i4 and i7 are the best four, one of which is above it
        assert row["propensity"] == pytest.approx(1 / 3)
        assert row["item_id"] in {"i0", "i1", "i2", "i6", "i3", "i4", "i7"}


def test_the_same_run_has_the_same_lists(tmp_path: Path) -> None:
    one, other = (lists(explored(tmp_path / name), "discover") for name in "ab")
    assert one == other


def test_a_slot_must_be_in_the_list() -> None:
    with pytest.raises(ValueError, match=r"surface 'short': explore.slots \[9\] are beyond k = 5"):
        Surface(name="short", k=5, explore=Explore(slots=(1, 9)))


def test_a_list_that_withholds_nothing_keeps_no_record() -> None:
    with pytest.raises(ValueError, match=r"surface 'long': nothing is withheld.* set k below top"):
        Surface(name="long", k=20, explore=Explore(slots=(1, 9), top=20, record=0.1))
    Surface(name="long", k=20, explore=Explore(slots=(1, 9), top=21, record=0.1))


def record_of(made: Shop) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(made.config.lake / LAKE.format(made.night)).to_pylist()
    return rows


def test_what_the_slots_could_have_shown_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    made, plain = explored(tmp_path / "a", share=0.5, record=1.0), explored(tmp_path / "b", share=0.5)
    rows, listed = record_of(made), {(r["user_id"], r["item_id"]): r for r in lists(made, "discover")}
    assert not (plain.config.lake / LAKE.format(plain.night)).exists()
    assert rows
    for row in rows:
        assert 0 < row["chance"] < 1
        assert row["is_listed"] == ((row["user_id"], row["item_id"]) in listed)
        assert listed.get((row["user_id"], row["item_id"]), {"rank": 2})["rank"] in SLOTS
    order = [(row["user_id"], row["place"]) for row in rows]
    assert order == sorted(order)
    for user in {row["user_id"] for row in rows}:  # two slots show two items
        assert sum(row["chance"] for row in rows if row["user_id"] == user) == pytest.approx(2)
    (run,) = (made.config.tables / "parquet").glob("run_id=*")
    assert pq.read_table(run / "withheld.discover.parquet").to_pylist() == rows
    again = explored(tmp_path / "c", share=0.5, record=1.0)
    files = [(m.config.lake / LAKE.format(m.night)).read_bytes() for m in (made, again)]
    assert files[0] == files[1]


def test_an_arm_alone_may_be_recorded(tmp_path: Path) -> None:
    made = shop(tmp_path)
    arms = [{"name": "control", "share": 0.5}, {"name": "new", "share": 0.5}]
    arms[1]["overlay"] = {"surfaces": {"discover": {"explore": {"slots": SLOTS, "record": 1.0}}}}
    experiment = Experiment(name="try", since=made.night, arms=tuple(Arm.model_validate(arm) for arm in arms))
    surfaces = (Surface(name="for_you", k=4), Surface(name="discover", repeats=False, k=4))
    made.config = made.config.model_copy(update={"surfaces": surfaces, "experiment": experiment})
    go(made.write())
    drawn = {row["user_id"] for row in lists(made, "discover") if row["propensity"] is not None}
    assert drawn
    rows = record_of(made)
    assert {row["user_id"] for row in rows} == drawn != {row["user_id"] for row in lists(made, "discover")}
    order = [(row["user_id"], row["place"]) for row in rows]
    assert order == sorted(order)
    assert [surface.name for surface in trial.wanted(made.config)] == ["discover"]
