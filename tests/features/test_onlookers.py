"""What tells nothing changes nothing: not even the numbers that users and items have."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.features.read import read_users
from pipeline.ground import artifacts
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import START, WEIGHTS, build, config_at, event, made_up, write_lake

NIGHTS = 12
NIGHT = START + timedelta(days=NIGHTS - 1)
TYPES: dict[str, dict[str, Any]] = {name: {"weight": weight} for name, weight in WEIGHTS.items()}
TYPES |= {"purchase": {"label": True}, "impression": {"weight": 0}}


def impressions() -> list[dict[str, Any]]:
    """Of users who act later, never, or before; of items that are never sold; of guests; some arrive days later."""
    rng, found = random.Random(3), []
    for n in range(10_000, 10_200):
        day = rng.randrange(NIGHTS)
        user = None if n % 10 == 0 else f"u{rng.randrange(12)}" if n % 2 else f"onlooker {rng.randrange(20)}"
        late = min(day + rng.choice([0, 0, 2]), NIGHTS - 1)
        found.append(event(n, user, f"i{rng.randrange(15)}", day, "impression", arrived=late) | {"rank_shown": n % 7})
    return found


def features(home: Path, events: list[dict[str, Any]]) -> Path:
    config: FullConfig = config_at(home, features={"event_types": TYPES})
    write_lake(config, events, until=NIGHT)
    return build(config, NIGHT)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The night's folders without impressions and with them."""
    events = made_up(NIGHTS)
    return features(tmp_path_factory.mktemp("without"), events), features(
        tmp_path_factory.mktemp("with"), [*impressions(), *events]
    )


def test_impressions_that_nothing_is_learned_from_change_no_byte(made: tuple[Path, Path]) -> None:
    without, logged = ({name: of["sha256"] for name, of in artifacts.describe(folder).items()} for folder in made)
    assert logged.pop("onlookers.parquet")
    assert logged == without


def test_who_saw_something_and_did_nothing_is_named_for_those_who_ask_to_be_forgotten(made: tuple[Path, Path]) -> None:
    _, folder = made
    known = set(read_users(folder).column("user_id").to_pylist())
    named = pq.read_table(folder / "onlookers.parquet").column("user_id").to_pylist()
    assert named == sorted({row["user_id"] for row in impressions() if row["user_id"]} - known)
    assert len(named) >= 20
