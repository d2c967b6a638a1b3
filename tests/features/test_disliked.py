"""What a user dislikes, and what a rating means."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts
from pipeline.intake import inputs
from pipeline.settings.sections.data import EventType
from tests.features.made_up import NIGHT, Event, build, config_at, event, number, write_lake

TYPES: dict[str, dict[str, object]] = {
    "rating": {"weight": 0.5, "neutral": 3, "label": True},
    "like": {},
    "dislike": {"weight": -1},
}


def rated(n: int, user: str, item: str, stars: float | None, days_ago: int = 30) -> Event:
    """A rating."""
    return event(n, user, item, number(NIGHT) - days_ago, "rating") | {"value": stars}


def night(
    tmp_path: Path, events: list[Event], types: dict[str, dict[str, object]] = TYPES
) -> tuple[dict[tuple[str, str], float], set[tuple[str, str]], set[tuple[str, str]]]:
    """Confidences, dislikes, and the labels of all windows, by user and item."""
    config = config_at(tmp_path, features={"event_types": types, "half_life_days": 1e9})
    write_lake(config, events, until=NIGHT)
    folder = build(config)
    users, items = (
        read(folder).column(name).to_pylist() for read, name in ((read_users, "user_id"), (read_items, "item_id"))
    )
    tonight, *older = read_cutoffs(folder)
    rows = tonight.interactions(["user_index", "item_index", "confidence"]).to_pylist()
    liked = {(users[r["user_index"]], items[r["item_index"]]): r["confidence"] for r in rows}
    disliked = {(users[u], items[i]) for u, i in zip(*tonight.disliked().nonzero(), strict=True)}
    found = [r for cutoff in older for r in cutoff.labels().to_pylist()]
    return liked, disliked, {(users[r["user_index"]], items[r["item_index"]]) for r in found}


def test_stars_weigh_what_they_are_above_the_neutral_value(tmp_path: Path) -> None:
    stars = {"five": 5.0, "four": 4.0, "three": 3.0, "one": 1.0, "none": None}
    events = [rated(n, "u", item, value) for n, (item, value) in enumerate(stars.items())]
    liked, disliked, _ = night(tmp_path, events)
    assert liked == {
        ("u", "five"): pytest.approx(1.0),
        ("u", "four"): pytest.approx(0.5),
        ("u", "none"): pytest.approx(0.5),
    }
    assert disliked == {("u", "one"), ("u", "three")}  # who is indifferent to a film has seen it


def test_only_what_is_liked_is_of_the_goal(tmp_path: Path) -> None:
    known = [rated(n, f"u{n}", "old", 5.0, days_ago=60) for n in range(3)]
    later = [rated(10 + n, f"u{n}", f"new{n}", stars, days_ago=4) for n, stars in enumerate((5.0, 3.0, 1.0))]
    assert night(tmp_path, known + later)[2] == {("u0", "new0")}


def test_a_type_that_weighs_nothing_hides_an_item_for_as_long_as_it_says(tmp_path: Path) -> None:
    types: dict[str, dict[str, object]] = {"like": {"label": True}}
    said, hidden = [], set()
    for hides, ago, does in (
        (None, 1, False), (0, 1, False), (3, 1, True), (3, 2, True), (3, 3, False), ("ever", 60, True),
    ):  # fmt: skip
        skip, liked_too = f"skip{len(types)}", f"liked {len(types)}"
        types[skip] = {"weight": 0, "hides": hides}
        said += [("v", skip, "like", 70), ("u", liked_too, "like", 70)]
        said += [("u", skip, skip, ago), ("u", liked_too, skip, ago)]
        hidden |= {("u", skip)} if does else set()
    events = [event(n, user, item, number(NIGHT) - day, kind) for n, (user, item, kind, day) in enumerate(said)]
    liked, disliked, _ = night(tmp_path, events, types)
    assert disliked == hidden  # and never what something speaks for
    assert set(liked) == {(user, item) for user, item, kind, _ in said if kind == "like"}


def test_a_dislike_may_be_forgotten_and_an_impression_hides_nothing(tmp_path: Path) -> None:
    types = {"like": {"label": True}, "dislike": {"weight": -1, "hides": 30}, "seen": {"weight": 0}}
    said = [
        ("u", "a", "like", 90),
        ("u", "old", "dislike", 30),
        ("u", "late", "dislike", 29),
        ("u", "shown", "seen", 2),
    ]
    others = [("u", "shown", "seen", 2)] + [("v", item, "like", 90) for item in ("old", "late", "shown")]
    events = [
        event(n, user, item, number(NIGHT) - day, kind) for n, (user, item, kind, day) in enumerate([*said, *others])
    ]
    assert night(tmp_path, events, types)[1] == {("u", "late")}


def test_the_sum_of_what_speaks_for_and_against_decides(tmp_path: Path) -> None:
    day = number(NIGHT) - 9
    said = [("u", "a", "like"), ("u", "a", "dislike"), ("u", "a", "dislike"), ("u", "b", "dislike"), ("u", "b", "like")]
    events = [
        event(n, user, item, day + n, kind) for n, (user, item, kind) in enumerate([*said, ("v", "c", "dislike")])
    ]
    liked, disliked, _ = night(tmp_path, events)
    assert disliked == {("u", "a"), ("v", "c")}
    assert set(liked) == {("u", "a"), ("u", "b")}
    assert artifacts.is_finished(artifacts.stage_dir(tmp_path / "lake", "features", NIGHT))


def test_what_was_shown_again_and_again_rests(tmp_path: Path) -> None:
    types = {"like": {"label": True}, "shown": {"weight": 0, "hides": 7, "after": 3}}
    cases: list[tuple[list[int], int | None, bool]] = [
        ([1, 2], None, False),  # days ago; it takes three
        ([1, 1, 1], None, True),
        ([1, 2, 3, 4], None, True),
        ([1, 2, 9], None, False),  # one of them counts no more
        ([1, 2, 3], 30, True),  # whatever was done before
        ([1, 2, 3], 2, False),  # something came of it
        ([1, 1, 1, 4], 3, True),  # and then nothing again
    ]
    said, resting = [("u", "b", "like", 70)] + [("v", "b", "shown", 1)] * 2, set()
    for item, (shown, acted, tired) in enumerate(cases):
        said += [("v", f"a{item}", "like", 70), *(("u", f"a{item}", "shown", ago) for ago in shown)]
        said += [] if acted is None else [("u", f"a{item}", "like", acted)]
        resting |= {("u", f"a{item}")} if tired else set()
    events = [event(n, user, item, number(NIGHT) - day, kind) for n, (user, item, kind, day) in enumerate(said)]
    liked, disliked, _ = night(tmp_path, events, types)
    assert disliked == resting
    assert set(liked) == {(user, item) for user, item, kind, _ in said if kind == "like"}


def test_a_cap_counts_whatever_the_user_did(tmp_path: Path) -> None:
    types = {
        "like": {"label": True},
        "shown": {"weight": 0, "hides": 7, "after": 3, "cap": True},
        "mailed": {"weight": 0, "hides": 30, "after": 2, "cap": True},
        "opened": {"weight": 0, "hides": 7, "after": 2},
    }
    cases: list[tuple[dict[str, list[int]], bool]] = [
        ({"shown": [1, 2]}, False),  # days ago; it takes three
        ({"shown": [1, 2, 3]}, True),
        ({"shown": [1, 2, 3], "like": [1]}, True),  # the last of them was acted on
        ({"shown": [1, 1, 6]}, True),
        ({"shown": [1, 1, 7], "like": [5]}, False),  # one of them counts no more
        ({"shown": [1, 2], "mailed": [20]}, False),  # each type counts by itself
        ({"shown": [8, 8, 1], "mailed": [1]}, False),  # and each event for as long as its type says
        ({"shown": [1, 1, 1], "mailed": [20]}, True),  # one more event never lifts a cap
        ({"mailed": [20, 25]}, True),
        ({"shown": [1, 2], "opened": [1]}, False),  # what came in vain is counted apart
        ({"opened": [1, 2], "shown": [2]}, True),  # and hides by itself
    ]
    said, resting = [], set()
    for item, (done, rests) in enumerate(cases):
        said += [("v", f"a{item}", "like", 70)]
        said += [("u", f"a{item}", kind, ago) for kind, days in done.items() for ago in days]
        resting |= {("u", f"a{item}")} if rests else set()
    events = [event(n, user, item, number(NIGHT) - day, kind) for n, (user, item, kind, day) in enumerate(said)]
    assert night(tmp_path, [event(10**6, "u", "b", number(NIGHT) - 70, "like"), *events], types)[1] == resting


@pytest.mark.parametrize("wrong", [{"hides": 0}, {}, {"hides": 7, "weight": -1}, {"hides": 7, "label": True}])
def test_a_cap_without_days_or_of_what_users_do_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="cap = true"):
        EventType.model_validate({"weight": 0, "cap": True} | wrong)


def test_what_a_user_is_kept_from_is_what_the_last_night_says_of_both(tmp_path: Path) -> None:
    config = config_at(tmp_path)
    write_lake(
        config, [event(n, f"u{n % 3}", "abcd"[n % 4], number(NIGHT) - 20 + n % 9) for n in range(36)], until=NIGHT
    )
    ago = [NIGHT - timedelta(days=n) for n in (19, 8, 1)]
    until = [(ago[1], "u0"), (NIGHT, "u1"), (NIGHT + timedelta(days=1), "u2")]  # the tables are for the day after
    said = {
        ago[0]: [("u0", "a", None), ("u1", "a", None), ("u2", "b", None), ("nobody", "a", None), ("u0", "?", None)],
        ago[1]: [("u1", "a", ago[1]), *((user, "c", day) for day, user in until)],
        ago[2]: [("u2", "b", ago[2]), ("u1", "c", None)],
    }
    for night_, rows in said.items():
        folder = artifacts.stage_dir(config.lake, "ingest", night_)
        table = [dict(zip(inputs.EXCLUSIONS.schema.names, row, strict=True)) for row in rows]
        pq.write_table(pa.Table.from_pylist(table, inputs.EXCLUSIONS.schema), folder / "exclusions.parquet")
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
    made = build(config)
    users, items = read_users(made)["user_id"].to_pylist(), read_items(made)["item_id"].to_pylist()
    found = {
        cutoff.cutoff: {(users[u], items[i]) for u, i in zip(*cutoff.disliked().nonzero(), strict=True)}
        for cutoff in read_cutoffs(made)
    }
    assert found[NIGHT] == {("u0", "a"), ("u2", "c"), ("u1", "c")}
    for cutoff, pairs in found.items():
        if cutoff != NIGHT:
            assert pairs == by_hand(said, cutoff)


def by_hand(said: dict[date, list[tuple[str, str, date | None]]], cutoff: date) -> set[tuple[str, str]]:
    """What was said last by a cut-off of every known user and item, and holds on the day after."""
    last = {row[:2]: row[2] for night_, rows in said.items() if night_ <= cutoff for row in rows}
    known = {pair: day for pair, day in last.items() if pair[0] != "nobody" and pair[1] != "?"}
    return {pair for pair, day in known.items() if day is None or day > cutoff}
