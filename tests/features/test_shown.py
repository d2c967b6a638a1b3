"""What was shown and what came of it: counted one by one, and a planted look at each place found again."""

import random
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.features import shown
from pipeline.features.given import PLACES
from pipeline.features.read import Cutoff, read_cutoffs, read_items, read_table, read_users
from pipeline.ground import schemas
from pipeline.settings.sections.data import EventType
from tests.features.made_up import NIGHT, START, build, config_at, event, known, number, write_lake

TYPES: dict[str, dict[str, Any]] = {
    "click": {"label": True},
    "shown": {"weight": 0, "shown": True},
    "teaser": {"weight": 0, "shown": True},
    "hover": {"weight": 0},
}
RANKS = (None, 0, -1, 1, 1, 2, 3, 5, 99, 100, 101, 4000)


def log() -> list[dict[str, Any]]:
    """Users see items here and there, sometimes twice a day, and click some of them, and some without."""
    rng, events = random.Random(5), []
    for n in range(3000):
        day = rng.randrange(number(NIGHT) + 1)
        kind = rng.choice(["shown"] * 6 + ["teaser", "hover", "click", "click"])
        row = event(n, f"u{rng.randrange(8)}", f"i{rng.randrange(9)}", day, kind)
        events.append(row | {"rank_shown": rng.choice(RANKS)})
    watcher = [event(3000 + n, "a watcher", "i1", 30 + n, "shown") | {"rank_shown": 2} for n in range(2)]
    return [*events, *watcher, event(3002, None, "an item in the window", 40, "teaser") | {"rank_shown": 1}]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    config = config_at(tmp_path_factory.mktemp("shown"), features={"event_types": TYPES})
    events = log()
    write_lake(config, events)
    return build(config), events


def by_day(events: list[dict[str, Any]]) -> tuple[dict[tuple[str, str, int], int], set[tuple[str, str, int]]]:
    """The best place at which a user saw an item on a day, and the days on which she clicked it."""
    seen, clicked = defaultdict(list), set()  # of users: what a guest saw is nobody's
    for row in events:
        key = (row["user_id"], row["item_id"], (row["event_time"].date() - START).days)
        if row["event_type"] in {"shown", "teaser"} and row["user_id"]:
            seen[key].append(min(row["rank_shown"], PLACES) if (row["rank_shown"] or 0) > 0 else 0)
        elif row["event_type"] == "click":
            clicked.add(key)
    return {key: min([place for place in found if place] or [0]) for key, found in seen.items()}, clicked


def names_of(folder: Path) -> tuple[list[str], list[str]]:
    return read_users(folder)["user_id"].to_pylist(), read_items(folder)["item_id"].to_pylist()


def test_who_was_shown_something_and_what_was_shown_is_known(made: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = made
    told = [row for row in events if row["event_type"] != "hover"]
    assert names_of(folder) == (known(told, "user_id", NIGHT), known(told, "item_id", NIGHT))
    assert "a watcher" in names_of(folder)[0]
    assert "an item in the window" in names_of(folder)[1]


def test_places_and_items_are_counted_a_user_and_day_once(made: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = made
    seen, clicked = by_day(events)
    for cutoff in read_cutoffs(folder)[:3]:
        last = number(cutoff.cutoff)
        lately = {key: place for key, place in seen.items() if last - shown.DAYS < key[2] <= last}
        times, acted = Counter(lately.values()), Counter(place for key, place in lately.items() if key in clicked)
        places = shown.read_places(cutoff).to_pylist()
        assert [row["place"] for row in places] == list(range(PLACES + 1))
        assert {row["place"]: row["times"] for row in places if row["times"]} == dict(times)
        assert {row["place"]: row["acted"] for row in places if row["acted"]} == dict(acted)
        looked = {row["place"]: row["examined"] for row in places}
        items = {names_of(folder)[1][row["item_index"]]: row for row in shown.read_items(cutoff).to_pylist()}
        for item, row in items.items():
            mine = {key: place for key, place in lately.items() if key[1] == item}
            assert row["examined"] == pytest.approx(sum(looked[place] for place in mine.values()), rel=1e-5)
            assert row["acted"] == sum(key in clicked for key in mine)


def test_what_a_user_looked_at_since_she_acted_on_it(made: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = made
    seen, clicked = by_day(events)
    users, items = names_of(folder)
    for cutoff in read_cutoffs(folder)[:3]:
        last, looked = number(cutoff.cutoff), shown.read_places(cutoff)["examined"].to_pylist()
        found = {
            (users[row["user_index"]], items[row["item_index"]]): (row["last_age"], row["examined"], row["in_vain"])
            for row in read_table(cutoff.folder / "shown.parquet", schemas.SHOWN).to_pylist()
        }
        expected: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        for (user, item, day), place in seen.items():
            if last - shown.DAYS < day <= last:
                expected[user, item].append((day, looked[place]))
        assert found.keys() == expected.keys()
        for pair, looks in expected.items():
            acted = max((day for *who, day in clicked if tuple(who) == pair and day <= last), default=-1)
            after = sum(chance for day, chance in looks if day > acted)
            wanted = (last - max(day for day, _ in looks), sum(chance for _, chance in looks), after)
            assert found[pair] == pytest.approx(wanted, rel=1e-5)


def test_what_was_left_in_the_window_is_what_nobody_acted_on_in_it(made: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = made
    seen, clicked = by_day(events)
    users, items = names_of(folder)
    labelled = [cutoff for cutoff in read_cutoffs(folder) if cutoff.role == "label"]
    assert labelled
    for cutoff in labelled:
        looked, days = shown.read_places(cutoff)["examined"].to_pylist(), window(cutoff)
        expected: dict[tuple[str, str], float] = defaultdict(float)
        acted = {(user, item) for user, item, day in clicked if day in days}
        for (user, item, day), place in seen.items():
            if day in days and (user, item) not in acted:
                expected[user, item] += looked[place]
        table = read_table(cutoff.folder / "shown_in_vain.parquet", schemas.SHOWN_IN_VAIN).to_pylist()
        found = {(users[row["user_index"]], items[row["item_index"]]): row["examined"] for row in table}
        assert found == pytest.approx(dict(expected), rel=1e-5)
    assert not (read_cutoffs(folder)[0].folder / "shown_in_vain.parquet").exists()


def window(cutoff: Cutoff) -> range:
    begins = number(cutoff.cutoff + timedelta(days=1))
    return range(begins, begins + 3)  # the horizon of the made-up shops


def test_a_shop_that_says_nothing_of_what_it_shows_has_no_such_file(tmp_path: Path) -> None:
    types = {name: kind | {"shown": False} for name, kind in TYPES.items()}
    config = config_at(tmp_path, features={"event_types": types})
    write_lake(config, log()[:300])
    folder = build(config)
    assert not [path for path in folder.rglob("*.parquet") if "shown" in path.name or "places" in path.name]


@pytest.mark.parametrize("steep", [0.5, 1.0])
def test_looks_are_told_from_appeal_although_the_best_stand_at_the_top(steep: float) -> None:
    """Of a site that shows what appeals most at the top, with some chance: a share of clicks by place would not do."""
    rng = np.random.default_rng(1)
    items, places = 100, 10
    appeal, looked = rng.beta(1.5, 12, items), np.arange(1, places + 1) ** -steep
    score = np.log(appeal) + rng.gumbel(0, 0.2, (80_000, items))
    lists = np.argsort(-score, axis=1)[:, :places]
    clicked = rng.random(lists.shape) < looked * appeal[lists]
    key = lists * (PLACES + 1) + np.arange(1, places + 1)
    both, times = np.unique(key, return_counts=True)
    acted = np.bincount(np.searchsorted(both, key[clicked]), minlength=len(both))
    item, place = both // (PLACES + 1), both % (PLACES + 1)
    found = shown.fit(item, place, times, acted, items)[1 : places + 1]
    shares = clicked.mean(axis=0) / clicked[:, 0].mean()
    np.testing.assert_allclose(found, looked, atol=0.05)
    assert np.abs(found - looked).sum() < np.abs(shares - looked).sum() / 2


def test_where_little_is_known_the_discount_counts() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    usual = shown.discount()
    assert usual[1] == 1
    np.testing.assert_array_equal(shown.fit(nothing, nothing, nothing, nothing, 3), usual)
    one = np.ones(1, dtype=np.int64)
    few = shown.fit(one, one, 10 * one, one, 3)
    np.testing.assert_allclose(few, usual, atol=0.05)
    assert (np.diff(few[1:]) <= 0).all()
    assert few.max() <= 1


def test_what_does_not_rise_is_scikit_learns_to_the_last_bit() -> None:
    """Which is not asked, as its import takes a second of every night."""
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(3)
    for length in (1, 2, 10, PLACES):
        values = rng.random(length) + np.linspace(0.5, 0, length)
        weights = rng.random(length) * 1000 + shown.PRIOR_ACTED
        theirs = IsotonicRegression(increasing=False).fit_transform(np.arange(length), values, sample_weight=weights)
        assert shown._falling(values, weights).tobytes() == theirs.tobytes()


def test_what_is_shown_is_nothing_that_the_user_did() -> None:
    with pytest.raises(ValidationError, match="shown = true, weight = 0"):
        EventType(shown=True)
    assert EventType(shown=True, weight=0).shown
