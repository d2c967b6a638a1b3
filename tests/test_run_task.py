from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import run_task, stages
from pipeline.errors import InputError


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    calls: list[tuple] = []
    path = tmp_path / "pipeline.toml"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(path))
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path))
    monkeypatch.setattr(stages, "run_stage", lambda *args, **named: calls.append((*args, named)))
    return calls


def test_parameters_reach_the_stage(ran: list[tuple]) -> None:
    params = {"run_date": "2011-10-02", "force": True, "overrides": {"seed": 5}, "surfaces": ["discover"]}
    folder = run_task.run_task("als", params, None, None)
    stage, night, config, named = ran[0]
    assert (stage, night, named) == ("als", date(2011, 10, 2), {"force": True})
    assert config.seed == 5
    assert [surface.name for surface in config.surfaces] == ["discover"]
    assert config.evaluate.block is False
    assert folder.endswith("lake/als/run_date=2011-10-02")


def test_a_scheduled_run_takes_its_night_from_the_logical_date(ran: list[tuple]) -> None:
    dag_run = SimpleNamespace(
        run_type=SimpleNamespace(value="scheduled"), run_after=datetime(2011, 10, 3, 2, tzinfo=UTC)
    )
    run_task.run_task("als", {}, datetime(2011, 10, 2, 2, tzinfo=UTC), dag_run)
    assert ran[0][1] == date(2011, 10, 2)


def test_a_backfill_refuses_a_run_date(ran: list[tuple]) -> None:
    dag_run = SimpleNamespace(run_type=SimpleNamespace(value="backfill"), run_after=None)
    with pytest.raises(InputError):
        run_task.run_task("als", {"run_date": "2011-10-02"}, datetime(2011, 10, 2, 2, tzinfo=UTC), dag_run)
    assert ran == []


def test_an_unknown_surface_or_override_is_refused(ran: list[tuple]) -> None:
    with pytest.raises(InputError, match="for_you, discover"):
        run_task.run_task("als", {"run_date": "2011-10-02", "surfaces": ["checkout"]}, None, None)
    with pytest.raises(InputError, match="sead"):
        run_task.run_task("als", {"run_date": "2011-10-02", "overrides": {"sead": 1}}, None, None)
