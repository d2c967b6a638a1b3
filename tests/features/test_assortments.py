"""What surfaces chose from on past days and what counted for them, against the log read by hand."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import Cutoff, read_cutoffs, read_items, read_users
from pipeline.ground import artifacts
from pipeline.intake import inputs
from tests.features.made_up import NIGHT, START, Event, build, config_at, event, made_up, said, write_lake

COUPONS = {"i1", "i4", "i7"}
SURFACES = [
    {"name": "for_you"},
    {"name": "coupons", "where": "kind = 'coupon'", "goal": ["view"], "horizon_days": 2},
    {"name": "fresh", "max_age_days": 30, "repeats": False},
]
OVER = {"i3": 20}
"""Item, and the last day on which it may be recommended."""


def catalogue(first: int = 0) -> list[dict[str, Any]]:
    """What is said of the first ten items, all on one day."""
    kinds = {f"i{n}": "coupon" if f"i{n}" in COUPONS else "product" for n in range(10)}
    days = {item: {"valid_until": START + timedelta(days=day)} for item, day in OVER.items()}
    return [said(item, f"item {item}", first, kind=kind) | days.get(item, {}) for item, kind in kinds.items()]


def names(folder: Path, cutoff: Cutoff) -> list[str]:
    return [str(name) for name in read_items(folder)["item_id"].to_pylist()[: cutoff.items]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    config, events = config_at(tmp_path_factory.mktemp("assortments"), surfaces=SURFACES), made_up(late=False)
    write_lake(config, events, catalogue())
    return build(config), events


def test_each_cutoff_holds_what_could_be_recommended_on_the_day_after(made: tuple[Path, list[Event]]) -> None:
    folder, events = made
    for cutoff in read_cutoffs(folder):
        ids, tomorrow = names(folder, cutoff), (cutoff.cutoff - START).days + 1
        first = {
            item: min(e["arrived"] for e in events if e["item_id"] == item) for item in ids if item not in catalogued()
        }
        over = {item for item, day in OVER.items() if tomorrow > day}
        found = {name: set(np.array(ids)[mask]) for name, mask in cutoff.assortments().items() if mask is not None}
        assert found[""] == set(ids) - over
        assert found["coupons"] == COUPONS
        assert found["fresh"] == {item for item in set(ids) - over if tomorrow - first.get(item, 0) <= 30}


def catalogued() -> set[str]:
    return {row["item_id"] for row in catalogue()}


def test_labels_are_of_the_goal_within_the_horizon_on_eligible_items(made: tuple[Path, list[Event]]) -> None:
    folder, events = made
    users = read_users(folder)["user_id"].to_pylist()
    for cutoff in read_cutoffs(folder)[1:]:
        ids, day = names(folder, cutoff), (cutoff.cutoff - START).days
        had = {(e["user_id"], e["item_id"]) for e in events if e["arrived"] <= day and e["event_type"] != "return"}
        known = {user for user, _ in had}
        expected = {
            (e["user_id"], e["item_id"])
            for e in events
            if e["event_type"] == "view" and day < e["arrived"] <= day + 2 and e["item_id"] in COUPONS & set(ids)
        }
        expected = {(user, item) for user, item in expected if user is not None and user in known}
        labels = cutoff.labels("coupons-all", sampled=False).to_pylist()
        found = {(users[row["user_index"]], ids[row["item_index"]]): row["is_new"] for row in labels}
        assert set(found) == expected
        assert all(new == (pair not in had) for pair, new in found.items())
        targets = {users[u] for u in cutoff.targets()}
        plain = {users[u] for u in cutoff.labels(sampled=False)["user_index"].to_pylist()}
        assert {user for user, _ in expected} | plain <= targets


def test_a_catalogue_younger_than_the_log_is_known_before_it_came(tmp_path: Path) -> None:
    """Else a shop that begins to say what is a coupon could learn nothing for weeks."""
    config = config_at(tmp_path, surfaces=SURFACES[1:2])
    write_lake(config, made_up(late=False), catalogue(first=(NIGHT - START).days - 2))
    folder = build(config)
    for cutoff in read_cutoffs(folder):
        mask = cutoff.eligible("coupons-all")
        assert mask is not None
        assert set(np.array(names(folder, cutoff))[mask]) == COUPONS


def test_without_limits_there_is_nothing_to_say(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    write_lake(config, made_up(nights=20), until=START + timedelta(days=19))
    cutoff = read_cutoffs(build(config, START + timedelta(days=19)))[0]
    assert cutoff.assortments() == {"": None}
    assert cutoff.links() is None


def test_nights_from_before_items_had_days_say_of_none(tmp_path: Path) -> None:
    """A lake that an older version began is read on."""
    config = config_at(tmp_path, surfaces=SURFACES)
    write_lake(config, made_up(late=False), catalogue())
    for night in (START, START + timedelta(days=5)):
        folder = artifacts.stage_dir(config.lake, "ingest", night)
        items = pq.read_table(folder / "items.parquet", partitioning=None).drop_columns(["valid_from", "valid_until"])
        pq.write_table(items, folder / "items.parquet")
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
    folder = build(config)
    tonight = read_cutoffs(folder)[0]
    found, coupons = tonight.eligible("all"), tonight.eligible("coupons-all")
    assert found is not None
    assert coupons is not None
    assert set(np.array(names(folder, tonight))[found]) == set(names(folder, tonight))  # i3 is over by no word now
    assert set(np.array(names(folder, tonight))[coupons]) == COUPONS


def write_links(night: date, lake: Path, links: list[tuple[str, str]]) -> None:
    folder = artifacts.stage_dir(lake, "ingest", night)
    rows = [{"item_id": item, "linked_id": other} for item, other in links]
    pq.write_table(pa.Table.from_pylist(rows, inputs.LINKS.schema), folder / "links.parquet")
    artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})


def linked(folder: Path, cutoff: Cutoff) -> set[tuple[str, str]]:
    ids, links = names(folder, cutoff), cutoff.links()
    assert links is not None
    return {(ids[row], ids[column]) for row, column in zip(*links.nonzero(), strict=True)}


@pytest.mark.parametrize(
    ("snapshot", "last"), [("changes", {("a", "b"), ("a", "c"), ("d", "b")}), ("full", {("a", "c"), ("d", "b")})]
)
def test_links_are_those_known_on_the_day(tmp_path: Path, snapshot: str, last: set[tuple[str, str]]) -> None:
    config = config_at(tmp_path, features={"items_snapshot": snapshot})
    items = [said(item, item, 0) for item in "abcd"]
    write_lake(
        config, [event(n, f"u{n % 3}", "abcd"[n % 4], n) for n in range(30)], items, until=START + timedelta(days=29)
    )
    write_links(START, config.lake, [("a", "b"), ("a", "nobody")])
    write_links(START + timedelta(days=28), config.lake, [("a", "c"), ("d", "b")])
    folder = build(config, START + timedelta(days=29))
    tonight, newest, *_ = read_cutoffs(folder)
    assert linked(folder, tonight) == last
    assert newest.cutoff < START + timedelta(days=28)
    assert linked(folder, newest) == {("a", "b"), ("d", "b")}  # of d nothing was said by then
