"""Surfaces that learn by what users did later: as of a night against a log worked by hand, and drawn by in a run."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.judging import outcomes, what_was_taught
from pipeline.publication import taught, taught_rewards, thompson
from pipeline.publication.taught_rewards import Reward
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Explore, Surface
from tests.publication.published_shop import published
from tests.small_shop import Shop, go, shop
from tests.tiny_log import ingest, write
from tests.tiny_log import shop as tiny

LAST = date(2024, 2, 10)
MAPPING = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, surface,
    rank as rank_shown, run as run_id_shown, propensity, _file, _row
from raw
"""
TYPES = {"purchase": {"label": True}, "click": {"weight": 0}, "impression": {"weight": 0}}
VISITS = Explore(slots=(2, 4), policy="learned", reward="visits", reward_days=3)


def event(kind: str, item: str, days: int, **changes: Any) -> dict[str, Any]:
    """Something of user u1 so many days before the last night; impressions in a drawn slot."""
    day, shown = LAST - timedelta(days=days), kind == "impression"
    row = {"user": "u1", "item": item, "ts": f"{day} 10:00:00", "type": kind, "surface": "home" if shown else None}
    row |= {"rank": 2 if shown else None, "run": f"{day}-run" if shown else None, "propensity": 0.2 if shown else None}
    return row | changes


@pytest.fixture(scope="module", name="logged")
def fixture_logged(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Slots up to 60 days back, of which some days are not over; the last night brings what happened late."""
    folder = tmp_path_factory.mktemp("logged")
    config = tiny(folder, "log-{year}-{month}-{day}.csv", MAPPING, features={"event_types": TYPES})
    config = config.model_copy(update={"surfaces": (Surface(name="home", k=4, explore=VISITS), Surface(name="other"))})
    early = [
        event("impression", "old", 40),  # longer ago than four weeks and three days
        event("impression", "a", 30),  # 27 days after its third day
        event("purchase", "x", 28),
        event("click", "y", 28),  # the same day counts once
        event("impression", "a", 10),
        event("purchase", "x", 10),  # the day of the slot itself is no visit, but an action
        event("click", "z", 9),
        event("click", "z", 6),  # four days later: too late
        event("impression", "b", 3, user="u2"),
        event("impression", "c", 2),  # its third day is tomorrow
        event("impression", "elsewhere", 10, surface="other"),
    ]
    late = [event("purchase", "x", 1, user="u2"), event("purchase", "x", 0, user="u2")]
    for night, rows in ((LAST - timedelta(days=1), early), (LAST, late)):
        write(folder / f"log-{night}.csv", rows)
        ingest(config, night)
    return config


def rewarded(config: Config, night: date, by: Literal["actions", "visits"] = "visits") -> list[tuple[Any, ...]]:
    explore = VISITS.model_copy(update={"reward": by})
    config = config.model_copy(update={"surfaces": (Surface(name="home", k=4, explore=explore), Surface(name="other"))})
    with sql.connect(1, 256, config.home / "spill", timezone="UTC") as connection:
        found = outcomes._rewarded(connection, artifacts.stage_dir(config.lake, "ingest", night), night, config)
    assert found.schema == taught_rewards.SLOTS
    assert {(row["surface"], row["by"], row["days"]) for row in found.to_pylist()} <= {("home", by, 3)}
    return [tuple(row[n] for n in ("user_id", "item_id", "age", "reward", "before")) for row in found.to_pylist()]


def test_a_night_learns_of_days_that_are_over(logged: Config) -> None:
    # before the slot of day 10 u1 was there on the days 28 and 30, before that of day 30 on day 40
    assert rewarded(logged, LAST) == [
        ("u1", "a", 7, 1.0, 2.0),
        ("u1", "a", 27, 1.0, 1.0),
        ("u2", "b", 0, 2.0, 0.0),
    ]


def test_what_arrives_later_is_not_known_the_night_before(logged: Config) -> None:
    found = rewarded(logged, LAST - timedelta(days=1))
    assert [row for row in found if row[0] == "u2"] == []
    assert [row[2] for row in found] == [6, 26]


def test_actions_count_from_the_day_of_the_slot(logged: Config) -> None:
    assert [row[:4] for row in rewarded(logged, LAST, "actions")] == [
        ("u1", "a", 8, 1.0),
        ("u1", "c", 0, 0.0),
        ("u2", "b", 1, 1.0),
    ]


def test_what_speaks_against_an_item_is_no_reward(tmp_path: Path) -> None:
    types = {"rating": {"label": True, "neutral": 3}, "impression": {"weight": 0}}
    mapping = MAPPING.replace("propensity,", "propensity, stars as value,")
    config = tiny(tmp_path, "log-{year}-{month}-{day}.csv", mapping, features={"event_types": types})
    rows = [event("impression", "a", 6, user=f"u{stars}", stars=None) for stars in (1, 3, 5, None)]
    rows += [event("rating", "a", 5, user=f"u{stars}", stars=stars) for stars in (1, 3, 5, None)]
    write(tmp_path / f"log-{LAST}.csv", rows)
    ingest(config, LAST)
    found = {row[0]: row[3] for row in rewarded(config, LAST, "actions")}
    assert found == {"u1": 0, "u3": 0, "u5": 1, "uNone": 1}
    assert set({row[0]: row[3] for row in rewarded(config, LAST)}.values()) == {1}, "who rates comes back"


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"learned_rewards.parquet is missing: run stage 'outcomes' again"):
        explored(tmp_path, None)


def explored(home: Path, given: pa.Table | None) -> Shop:
    made = shop(home)
    surfaces = (Surface(name="for_you", k=4), Surface(name="discover", repeats=False, k=4, explore=VISITS))
    made.config = made.config.model_copy(update={"surfaces": surfaces})
    made.write()
    for path in made.folder("ensemble").rglob("*.probability.npy"):
        np.save(path, np.load(path) / 20)
    if given is not None:
        pq.write_table(given, made.folder("outcomes") / taught_rewards.FILE)
    go(made)
    return made


def slots(number: int, best: int) -> pa.Table:
    """Slots of the small shop, whose users come back more where they were shown an item."""
    rng = np.random.default_rng(best)
    users, items = rng.integers(0, 3, number), rng.integers(0, 8, number)
    rewards = np.where(items == best, 2.0, 1.0) + rng.normal(0, 0.5, number)
    rows = [
        ("discover", "visits", 3, f"u{u}", f"i{i}", 2, 0, float(r), float(u))
        for u, i, r in zip(users, items, rewards, strict=True)
    ]
    return pa.Table.from_pylist(
        [dict(zip(taught_rewards.SLOTS.names, row, strict=True)) for row in rows], taught_rewards.SLOTS
    )


def test_what_is_come_back_to_is_drawn(tmp_path: Path) -> None:
    made = explored(tmp_path / "a", slots(20_000, 3))
    rows = [row for row in published(made, "recommendations") if row["surface"] == "discover"]
    drawn = [row for row in rows if row["rank"] in VISITS.slots]
    assert {row["policy"] for row in drawn} == {"learned"}
    mine = [row["propensity"] for row in drawn if row["item_id"] == "i3" and row["rank"] == 2]
    assert mine
    assert min(mine) > 0.9
    other = explored(tmp_path / "b", slots(20_000, 7))
    assert rows[0]["run_id"] != next(row["run_id"] for row in published(other, "recommendations"))
    assert taught.wanted(made.config) == []
    said = what_was_taught.words(made.folder("outcomes"), made.config)
    (sentence,) = said
    assert sentence.startswith("discover: 20,000 drawn slots of 8 items earned 1.1")
    assert "days on which the user came back, within 3 days, per slot, and 100% of the share" in sentence


def test_what_is_said_above_the_mean_is_looked_up_as_by_hand() -> None:
    rng = np.random.default_rng(5)
    items = np.stack([rng.permutation(9)[:4] for _ in range(6)]).astype(np.int32)
    items[2, 2:], items[4] = -1, -1
    scores = np.where(items >= 0, np.sort(rng.random(items.shape))[:, ::-1], -np.inf).astype(np.float32)
    odds, row, item = thompson.log_odds(scores), rng.integers(0, 6, 50), rng.integers(0, 9, 50)
    for r, i, got in zip(row, item, taught_rewards.above_mean(items, scores, row, item), strict=True):
        mine = {j: o for j, o in zip(items[r].tolist(), odds[r].tolist(), strict=True) if j >= 0}
        mean = np.mean(list(mine.values())) if mine else 0.0
        assert got == pytest.approx(mine.get(int(i), min(mine.values(), default=0.0)) - mean)


def test_surfaces_and_rewards_are_told_apart() -> None:
    surfaces = (Surface(name="b", explore=VISITS), Surface(name="a", explore=Explore(slots=(1,), policy="learned")))
    config = Config(surfaces=surfaces)
    assert taught_rewards.wanted(config) == [("b", Reward("visits", 3))]
    assert taught.wanted(config) == ["a"]
