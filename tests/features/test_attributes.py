"""What was known of users at each cut-off: the last that had been said by then, words that enough of them share."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.attributes import Attributes
from pipeline.features.read import Cutoff, read_cutoffs, read_users
from pipeline.ground import artifacts
from pipeline.intake import inputs
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import NIGHT, START, brute_force, build, config_at, made_up, number, write_lake
from tests.tiny_log import digests

KINDS = {"country": "word", "age": "number", "joined": "date"}
LANDS = ("FR", "DE", "IT", "PT")
Said = dict[str, Any]


def config_of(home: Path, attributes: dict[str, str] = KINDS, **features: Any) -> FullConfig:
    users = {"files": "users.csv", "sql": "users.sql", "attributes": attributes}
    return config_at(home, ingest={"users": users}, features={"word_min_users": 2} | features)


def said_of(users: int, nights: int) -> list[Said]:
    """Everybody is said to be somewhere, and some move; ages and days come and change."""
    found = []
    for u in range(users):
        for arrived in range(u % 20, nights, 13):
            found.append(
                {"user_id": f"u{u}", "name": "country", "value": LANDS[(u + arrived) % 7 % 4], "arrived": arrived}
            )
        found.append({"user_id": f"u{u}", "name": "age", "value": f"{20 + u}.5", "arrived": 30 + u % 5})
        found.append({"user_id": f"u{u}", "name": "joined", "value": f"2023-12-{u % 28 + 1:02}", "arrived": u % 9})
    found.append({"user_id": "nobody", "name": "country", "value": "FR", "arrived": 0})
    found.append({"user_id": "u1", "name": "shoe_size", "value": "38", "arrived": 0})
    return found


def add(config: FullConfig, said: list[Said]) -> None:
    """Into the nights of a lake that is there."""
    for n in range((NIGHT - START).days + 1):
        folder = artifacts.stage_dir(config.lake, "ingest", START + timedelta(days=n))
        tonight = [{k: v for k, v in one.items() if k != "arrived"} for one in said if one["arrived"] == n]
        pq.write_table(pa.Table.from_pylist(tonight, inputs.USERS.schema), folder / "users.parquet")
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})


def expected(
    events: list[Any], said: list[Said], cutoff: date, arrived_by: date, least: int
) -> dict[tuple[str, str], Any]:
    """By attribute and user, one row after the other."""
    latest: dict[tuple[str, str], str] = {}
    for one in sorted(said, key=lambda one: one["arrived"]):
        if one["arrived"] <= number(cutoff) and one["name"] in KINDS:
            latest[one["name"], one["user_id"]] = one["value"]
    acted = {user for user, _ in brute_force(events, cutoff, arrived_by)}
    lands = Counter(value for (name, user), value in latest.items() if name == "country" and user in acted)
    found: dict[tuple[str, str], Any] = {}
    for (name, user), value in latest.items():
        if name == "age":
            found[name, user] = float(value)
        elif name == "joined":
            found[name, user] = (cutoff - date.fromisoformat(value)).days
        elif lands[value] >= least:
            found[name, user] = value
    return found


def read(folder: Path, cutoff: Cutoff, config: FullConfig) -> dict[tuple[str, str], Any]:
    known, ids = Attributes.of_users(cutoff, config), read_users(folder).column("user_id").to_pylist()
    found: dict[tuple[str, str], Any] = {}
    for name, values in known.numbers.items():
        found |= {(name, ids[u]): values[u] for u in np.flatnonzero(~np.isnan(values))}
    for name, words in known.words.items():
        found |= {(name, ids[u]): words.values[words.code[u]] for u in np.flatnonzero(words.code >= 0)}
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the nights of the log and of what was said; each test builds its features there."""
    home = tmp_path_factory.mktemp("attributes")
    write_lake(config_of(home), made_up())
    add(config_of(home), said_of(25, 73))
    return home


@pytest.mark.parametrize("least", [2, 4])
def test_a_cutoff_knows_what_had_been_said_by_its_day(home: Path, least: int) -> None:
    events, said, config = made_up(), said_of(25, 73), config_of(home, word_min_users=least)
    folder = build(config)
    for cutoff in read_cutoffs(folder):
        arrived_by = NIGHT if cutoff.role == "run" else config.anchor(NIGHT)
        known = set(read_users(folder).column("user_id").to_pylist()[: cutoff.users])
        wanted = {
            key: value
            for key, value in expected(events, said, cutoff.cutoff, arrived_by, least).items()
            if key[1] in known
        }
        assert read(folder, cutoff, config) == wanted
        assert len({value for (name, _), value in wanted.items() if name == "country"}) > 1


def test_the_most_frequent_words_count(home: Path) -> None:
    events, said, config = made_up(), said_of(25, 73), config_of(home, words=1)
    tonight = read_cutoffs(build(config))[0]
    (value,) = Attributes.of_users(tonight, config).words["country"].values
    acted = {user for user, _ in brute_force(events, NIGHT, NIGHT)}
    latest = {(n, user): v for (n, user), v in expected(events, said, NIGHT, NIGHT, 1).items() if user in acted}
    sizes = Counter(v for (n, _), v in latest.items() if n == "country")
    assert sizes[value] == max(sizes.values())


def test_what_is_not_declared_or_never_came_changes_nothing(home: Path, tmp_path: Path) -> None:
    plain, undeclared, declared = config_at(tmp_path), config_at(home), config_of(tmp_path)
    write_lake(plain, made_up())
    expected = digests(build(plain))
    assert digests(build(undeclared)) == expected
    never_came = build(declared)
    assert digests(never_came) == expected
    known = Attributes.of_users(read_cutoffs(never_came)[0], declared)
    assert np.isnan(known.numbers["age"]).all()
    assert (known.words["country"].code == -1).all()


def test_a_value_of_another_kind_than_is_declared_now_is_none(home: Path) -> None:
    config = config_of(home, {"country": "number", "age": "date", "joined": "word"})
    known = Attributes.of_users(read_cutoffs(build(config))[0], config)
    assert all(np.isnan(values).all() for values in known.numbers.values())
    assert set(known.words) == {"joined"}
