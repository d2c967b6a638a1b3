"""What teaches a surface that goes by what a row adds: a run's record and a log, through SQL, to the models."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, sql
from pipeline.judging import added as learned_added
from pipeline.judging import outcomes, trial, what_was_taught
from pipeline.publication import added, stores, withheld
from pipeline.publication.added import Told
from pipeline.settings.config import Config
from tests.published.targets.runs import history, tables
from tests.tiny_log import MAPPING, ingest, shop, write

FIRST, USERS, ITEMS = date(2024, 1, 1), 1_100, 6
LAST = FIRST + timedelta(days=2)
SURFACES: list[dict[str, Any]] = [
    {"name": "home", "k": 5, "explore": {"slots": [2], "record": 1.0}},
    {"name": "other", "k": 5, "added": {"trial": "home", "learner": "t"}},
]
Pair = dict[str, Any]


def drawn(rng: np.random.Generator) -> list[Pair]:
    """Items that a user had are bought by a third anyway; the others by as many where they stand in the list."""
    found = []
    for user in range(USERS):
        for item in range(ITEMS):
            had, listed, chance = item % 2 == 0, bool(rng.random() < 0.4), 0.4
            bought = rng.random() < (1 / 3 if had else 1 / 3 if listed else 0.03)
            pair = {"user_id": f"person{user:04}", "item_id": f"i{item}", "chance": chance, "is_listed": listed}
            pair |= {"score": 0.3 if had else 0.1, "place": item + 1, "acted": 5.0, "times": 3 if had else 0}
            pair |= {"age": 4.0 if had else None, "items": 3, "idle": 4.0, "bought": bought}
            found.append(pair)
    return found


def publish(config: Config, night: date, pairs: list[Pair], columns: int) -> None:
    run_id, target = f"{night}-made", stores.target(config)
    folder = tables(stores.archive(config).path(run_id), run_id)
    schema = pa.schema(list(withheld.SCHEMA)[:columns])
    rows = [{name: pair[name] for name in schema.names} for pair in pairs]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / withheld.FILE.format("home"))
    with target.lock():
        target.load(run_id, folder, history(run_id))
        target.activate(run_id, published=True)


@pytest.fixture(scope="module", name="config")
def fixture_config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Three nights: the first run's record has not what was known before, the second's has, the third is not over."""
    folder = tmp_path_factory.mktemp("added")
    types = {"purchase": {"label": True}}
    settings = {"surfaces": SURFACES, "horizon_days": 1, "evaluate": {"resamples": 100}, "threads": 1}
    config = shop(folder, "log-{year}-{month}-{day}.csv", MAPPING, features={"event_types": types}, **settings)
    rng, before = np.random.default_rng(1), list[Pair]()
    for number in range(3):
        night, pairs = FIRST + timedelta(days=number), drawn(rng)
        bought = [p for p in before if p["bought"]] or [{"user_id": "nobody", "item_id": "i9"}]
        rows = [
            {"user": p["user_id"], "item": p["item_id"], "type": "purchase", "ts": f"{night} 10:00"} for p in bought
        ]
        write(folder / f"log-{night}.csv", rows)
        ingest(config, night)
        publish(config, night, pairs, 6 if number == 0 else len(withheld.SCHEMA))
        before = pairs
    return config


def told(config: Config, night: date, folder: Path) -> Told:
    with sql.connect(1, 512, folder / "spill", config.timezone) as connection:
        nights = outcomes._nights(artifacts.stage_dir(config.lake, "ingest", night), night)
        (found,) = learned_added.told(connection, nights, night, config)
    return found


def test_a_surface_learns_of_another_ones_slots(config: Config, tmp_path: Path) -> None:
    found = told(config, LAST, tmp_path)
    assert found.said.startswith("other: lists go by what a row adds, learned of the slots of home: by 6,600 pairs of ")
    assert (found.learner, len(found.models), found.chance) == ("t", 2, pytest.approx(0.4))
    added.write([found], tmp_path)
    assert "person" not in (tmp_path / added.FILE).read_text(), "there is nobody in it"
    assert added.read(tmp_path, config) == {"other": found}
    assert what_was_taught.words(tmp_path, config) == (found.said,)
    odds = np.log([0.3 / 0.7, 0.1 / 0.9])
    features = np.array([[odds[0], 5, 3, 4, 3, 4], [odds[1], 5, 0, np.nan, 3, 4]])
    assert found.fitted.uplift(features, found.chance) == pytest.approx([0, 0.3], abs=0.06)
    assert told(config, LAST, tmp_path) == found, "the same bytes again"


def test_the_night_before_knew_of_no_pair(config: Config, tmp_path: Path) -> None:
    """Only the first run's days were over, and its record does not say what was known before."""
    found = told(config, LAST - timedelta(days=1), tmp_path)
    want = "other: lists go by the probability, as the slots of home say too little: nothing is recorded whose days are"
    assert found.said == f"{want} over."
    assert found.models == ()


def test_what_counts_is_known_by_pair(config: Config, tmp_path: Path) -> None:
    with sql.connect(1, 512, tmp_path / "spill", config.timezone) as connection:
        nights = outcomes._nights(artifacts.stage_dir(config.lake, "ingest", LAST), LAST)
        rows = trial.pairs_of(
            connection, config.surfaces[0], trial.Outcome("actions", 1), trial.Log(nights, LAST), config
        )
    assert rows is not None
    assert rows.num_rows == 2 * USERS * ITEMS
    known = learned_added.known(rows)
    assert len(known.of_list) == USERS * ITEMS, "of those of whom it was recorded"
    assert np.unique(known.of_list, return_counts=True)[1].tolist() == [ITEMS] * USERS
    never = np.isnan(known.features[:, 3])
    assert (never == (known.features[:, 2] == 0)).all()
    assert known.pairs.outcome[never & ~known.pairs.treated].mean() == pytest.approx(0.03, abs=0.01)


def test_the_stage_writes_what_publication_reads(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "judged_runs", lambda *_: outcomes.JUDGED_RUNS.empty_table())
    ingested, out = artifacts.stage_dir(config.lake, "ingest", LAST - timedelta(days=1)), tmp_path / "out"
    out.mkdir()
    outcomes.run(ingest=ingested, features=tmp_path, run_date=LAST - timedelta(days=1), config=config, out=out)
    (found,) = added.read(out, config).values()
    assert (found.surface, found.models) == ("other", ())
    assert added.digest(out, config) == artifacts.file_sha256(out / added.FILE)


def test_settings_that_change_it_make_it_anew(config: Config) -> None:
    changed = [SURFACES[0], SURFACES[1] | {"added": {"trial": "home", "learner": "x"}}]
    again = config.model_validate(config.model_dump() | {"surfaces": changed})
    assert outcomes._settings(again) != outcomes._settings(config)


def test_where_nobody_asks_there_is_no_file(tmp_path: Path) -> None:
    assert added.read(tmp_path, Config()) == {}
    assert added.digest(tmp_path, Config()) == ""
