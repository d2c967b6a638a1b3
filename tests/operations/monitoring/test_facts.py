"""The figures against the manifests and Parquet files, read here without the code that collects them."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists
from pipeline.ground.errors import GateError
from pipeline.judging.outcomes import OUTCOMES
from pipeline.operations import stages
from pipeline.operations.monitoring import facts, status, text, watching
from pipeline.publication import publish
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface
from tests import small_shop, tiny_log
from tests.operations.monitoring.test_text import parsed
from tests.published.targets import runs
from tests.small_shop import NIGHT

DAY = timedelta(days=1)
LOG = [
    tiny_log.row("u1", "a", f"{NIGHT} 10:00:00"),
    tiny_log.row("u1", "a", f"{NIGHT} 10:00:00"),  # twice
    tiny_log.row("u2", "b", f"{NIGHT} 11:00:00"),
    tiny_log.row("u2", None, f"{NIGHT} 11:30:00"),  # no item
    tiny_log.row("u2", "b", f"{NIGHT} 12:00:00", 'po"ke'),  # no such type
    tiny_log.row("u2", "b", f"{NIGHT - DAY} 12:00:00"),
]
METRICS: dict[str, Any] = {
    "all.final.ndcg": 0.36,
    "new.final.ndcg": 0.11,
    "new.final.ndcg.low": 0.09,
    "new.final.ndcg.high": 0.13,
    "gate": "passed",
    "fallback": "new",
}


def said(config: Config) -> dict[str, dict[tuple[str, ...], float]]:
    """What Prometheus reads of a home: figure -> the labels' values -> value."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for (name, labels), value in parsed(text.exposition(watching.figures(config, stages.STAGES))).items():
        order = dict(labels)
        found.setdefault(name.removeprefix("nightjar_"), {})[tuple(order[key] for key in sorted(order))] = value
    return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """Two nights of logs, the newer one published, the one after it read and not published."""
    folder = tmp_path_factory.mktemp("figures")
    tiny_log.write(folder / "shop" / "log.csv", [*LOG, tiny_log.row("u1", "a", f"{NIGHT + DAY} 09:00:00")])
    ingest = {"max_reject_share": 1}
    config = tiny_log.shop(folder / "shop", "log.csv", ingest=ingest, home=folder / "home", timezone="Asia/Kolkata")
    for night in (NIGHT - DAY, NIGHT, NIGHT + DAY):
        tiny_log.ingest(config, night)
    made = small_shop.shop(folder / "home", metrics=METRICS)
    made.config = made.config.model_copy(update={"timezone": "Asia/Kolkata"})
    report = small_shop.go(best_sellers(made.write()))
    out = artifacts.stage_dir(config.lake, "publish", NIGHT)
    partial = out.with_name(f".{out.name}.partial")
    artifacts.write_manifest(
        partial,
        {"stage": "publish", "files": artifacts.describe(partial), "report": report | {"churn_for_you": 0.25}}
        | {"seconds": 1.5, "peak_memory_mb": 3},
    )
    partial.rename(out)
    return config.model_copy(update={"surfaces": made.config.surfaces})


def best_sellers(made: small_shop.Shop) -> small_shop.Shop:
    """The lists that are published where what was learned is not."""
    items = np.array([[1, 4, 6], [3, 4, -1], [0, -1, -1]], dtype=np.int32)
    folder = made.folder("als") / f"cutoff={made.night}"
    lists.write_list(folder, "new", "popularity", items, np.where(items < 0, -np.inf, 1.0))
    return made


def manifest(config: Config, stage: str, night: date) -> dict[str, Any]:
    path = config.home / "lake" / stage / f"run_date={night}" / "manifest.json"
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def test_the_tables_are_as_old_as_the_run_that_is_read(home: Config) -> None:
    found = said(home)
    begins = datetime(NIGHT.year, NIGHT.month, NIGHT.day, 18, 30, tzinfo=UTC)  # midnight in Kolkata, the day after
    assert found["tables_valid_from_timestamp_seconds"] == {(): begins.timestamp()}
    assert found["newest_night_timestamp_seconds"] == {(): begins.timestamp()}  # the night of that very day
    run = publish.active_run(home)
    assert run is not None
    assert found["active_run_info"] == {(run.run_id,): 1}
    assert (found["runs_kept"], found["nights_behind"], found["target_up"]) == ({(): 1}, {(): 1}, {(): 1})
    files = (home.home / "tables" / "parquet" / f"run_id={run.run_id}").glob("*.parquet")
    rows = {(file.stem,): pq.ParquetFile(file).read().num_rows for file in files if "." not in file.stem}
    assert found["table_rows"] == rows
    assert rows["recommendations",] == 24


def test_every_surface_has_its_quality_and_what_is_not_known_is_not_there(home: Config) -> None:
    found = said(home)
    assert found["ndcg"] == {("for_you",): 0.36, ("discover",): 0.11}
    assert found["ndcg_low"] == {("for_you",): 0.35, ("discover",): 0.09}  # for_you's is of metrics.parquet
    assert found["ndcg_high"] == {("for_you",): 0.37, ("discover",): 0.13}
    assert found["best_sellers"] == {("for_you",): 0, ("discover",): 1}
    assert found["churn"] == {("for_you",): 0.25}
    assert found["gate_passed"] == {(): 1}
    assert "outcome_ndcg" not in found


def test_the_newest_night_says_what_was_taken_and_refused(home: Config) -> None:
    assert said(home)["input_rows"]["events",] == 1
    older = home.model_copy(update={"home": home.home.with_name("older")})
    older.lake.mkdir(parents=True)
    (older.lake / "ingest").mkdir()
    night = f"run_date={NIGHT}"
    (older.lake / "ingest" / night).symlink_to(home.lake / "ingest" / night)
    found, report = said(older), manifest(home, "ingest", NIGHT)["report"]
    assert found["input_rows"]["events",] == report["events"] == 2
    assert found["duplicate_rows"] == {(): 1}
    assert found["log_rows"] == {(): report["quality"]["rows"]}
    refused = {(name.removeprefix("rejected: "),): n for name, n in report.items() if name.startswith("rejected: ")}
    assert found["rejected_rows"] == refused
    assert (
        sum(refused.values())
        == report["rejects"]
        == pq.read_metadata(older.lake / "ingest" / night / "rejects.parquet").num_rows
    )


def test_a_stage_says_what_it_took(home: Config) -> None:
    found = said(home)
    ingest = manifest(home, "ingest", NIGHT + DAY)
    assert found["stage_seconds"]["ingest",] == ingest["seconds"]
    assert found["stage_peak_memory_bytes"]["ingest",] == ingest["peak_memory_mb"] * 1024 * 1024
    folder = home.home / "lake" / "ingest" / f"run_date={NIGHT + DAY}"
    assert found["stage_rows"]["ingest",] == sum(pq.read_metadata(p).num_rows for p in folder.glob("*.parquet"))
    assert found["stage_bytes"]["ingest",] == sum(p.stat().st_size for p in folder.glob("*.parquet"))
    assert found["stage_seconds"]["publish",] == 1.5


def test_nothing_is_said_before_there_is_anything(tmp_path: Path) -> None:
    found = said(small_shop.shop(tmp_path / "nothing").config)
    assert set(found) == {"build_info", "target_up", "runs_kept"}
    assert found["runs_kept"] == {(): 0}


def test_a_closed_gate_is_seen_until_a_night_passes_it(tmp_path: Path) -> None:
    made = small_shop.shop(tmp_path).write()
    config, blocked = made.config, tmp_path / "blocked" / f"run_date={NIGHT + DAY}"
    assert said(config)["gate_passed"] == {(): 1}
    blocked.mkdir(parents=True)
    assert said(config)["gate_passed"] == {(): 0}
    small_shop.shop(tmp_path, night=NIGHT + DAY).write()
    assert said(config)["gate_passed"] == {(): 1}
    small_shop.shop(tmp_path, night=NIGHT + DAY, metrics=METRICS | {"gate": "overridden"}).write()
    assert said(config)["gate_passed"] == {(): 0}


def test_the_gate_of_an_old_night_that_is_run_again_says_nothing_of_the_newest(tmp_path: Path) -> None:
    config = small_shop.shop(tmp_path).write().config
    for night, passed in ((NIGHT - DAY, 1), (NIGHT, 0), (NIGHT + DAY, 0)):
        status.note(config, "evaluate", night, GateError("worse"))
        assert said(config)["gate_passed"] == {(): passed}


def test_how_a_stage_ended_is_kept_by_night_and_day(tmp_path: Path) -> None:
    config = small_shop.shop(tmp_path).config
    status.note(config, "features", NIGHT, ValueError("a secret"))
    status.note(config.so_far(datetime(2011, 10, 3, 14, tzinfo=UTC)), "features", NIGHT + DAY, None)
    (tmp_path / "monitoring" / "night.als.json").write_text("{half")
    found = said(config)
    assert found["stage_success"] == {("night", "features"): 0, ("day_so_far", "features"): 1}
    assert set(found["stage_night_timestamp_seconds"].values()) == {
        datetime(2011, 10, 2, tzinfo=UTC).timestamp(),
        datetime(2011, 10, 3, tzinfo=UTC).timestamp(),
    }
    assert all("secret" not in file.read_text() for file in (tmp_path / "monitoring").iterdir())


def test_reasons_and_names_of_any_kind_are_bounded(tmp_path: Path) -> None:
    """A mapping may give a reason for every row, with what the row says."""
    folder = artifacts.stage_dir(tmp_path / "lake", "ingest", NIGHT)
    folder.mkdir(parents=True)
    report = {f'rejected: "{n}"\n{"x" * 300}': 1 + (n == 7) for n in range(500)} | {"rejected: other": 9, "events": 1}
    artifacts.write_manifest(folder, {"stage": "ingest", "files": {}, "report": report})
    found = said(small_shop.shop(tmp_path).config)["rejected_rows"]
    assert len(found) <= facts.REASONS + 1
    assert sum(found.values()) == 501 + 9
    assert max(len(reason) for (reason,) in found) == 200


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
def test_both_targets_say_the_same(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = runs.make(kind, tmp_path / "home", request, monkeypatch)
    made = small_shop.shop(tmp_path / "home", metrics=METRICS)
    section = made.config.publish.model_copy(update={"target": kind, "settle_seconds": 2})
    made.config = made.config.model_copy(update={"publish": section})
    report = small_shop.go(best_sellers(made.write()))
    found = said(made.config)
    ((published,),) = reader.query("select published_at from current_runs")
    assert found["tables_valid_from_timestamp_seconds"] == {(): published.timestamp()}
    counted = {
        (name,): rows for name in ("recommendations", "user_profiles") for ((rows,),) in [counted_by(reader, name)]
    }
    assert {name: rows for name, rows in found["table_rows"].items() if name in counted} == counted
    assert found["active_run_info"] == {(report["run_id"],): 1}
    assert found["ndcg"] == {("for_you",): 0.36, ("discover",): 0.11}


def counted_by(reader: runs.Shop, name: str) -> list[tuple[Any, ...]]:
    return reader.query(f"select count(*) from current_{name}")


def test_a_target_that_is_away_leaves_what_the_lake_says(home: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://me:hunter22@127.0.0.1:1/shop")
    section = home.publish.model_copy(update={"target": "postgres"})
    found = said(home.model_copy(update={"publish": section}))
    assert found["target_up"] == {(): 0}
    assert "runs_kept" not in found
    assert found["input_rows"]["events",] == 1


def test_the_outcomes_are_those_of_the_newest_run_that_was_read(tmp_path: Path) -> None:
    rows = [
        runs.outcome("everyone", bucket_kind="overall", judged_run_id=run, was_active=active, ndcg=ndcg, days=days)
        for run, active, ndcg, days in (
            ("2011-09-25-dddddddd", True, 0.125, 7),
            ("2011-10-01-eeeeeeee", True, 0.25, 1),
            ("2011-10-01-ffffffff", False, 0.5, 1),
        )
    ]
    rows.append(runs.outcome("heavy", judged_run_id="2011-10-01-eeeeeeee", ndcg=0.75))
    made = small_shop.shop(tmp_path, outcomes=pa.Table.from_pylist(rows, schema=OUTCOMES)).write()
    found = said(made.config)
    assert found["outcome_ndcg"] == {("s",): 0.25}
    assert found["outcome_days"] == {("s",): 1}
    assert found["outcome_clicks"] == {("s",): 2}


def test_a_surface_of_another_kind_of_pool_has_its_pools_figures(tmp_path: Path) -> None:
    made = small_shop.shop(tmp_path, metrics=METRICS)
    surfaces = (*made.config.surfaces, Surface(name="more", k=4))
    made.config = made.config.model_copy(update={"surfaces": surfaces})
    small_shop.go(best_sellers(made.write()))
    assert said(made.config)["ndcg"]["more",] == 0.36
