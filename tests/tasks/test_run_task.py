from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import day_so_far, stages
from pipeline.publication import handing_over
from pipeline.tasks import run_task
from tests.small_shop import NIGHT, go, shop


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
    assert (stage, night, named) == ("als", date(2011, 10, 2), {"force": True, "begun": True})
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


def test_the_night_is_the_shops_day(ran: list[tuple], tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text('timezone = "Asia/Kolkata"', encoding="utf-8")
    run_task.run_task("als", {}, datetime(2011, 10, 1, 20, 30, tzinfo=UTC), None)  # two at night there
    assert ran[0][1] == date(2011, 10, 2)


def test_a_day_so_far_is_run_up_to_its_moment(
    ran: list[tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_so_far, "_require_read", lambda until, config: None)
    (tmp_path / "pipeline.toml").write_text('timezone = "Asia/Kolkata"', encoding="utf-8")
    due = datetime(2011, 10, 2, 3, 30, 12, tzinfo=UTC)  # nine in the morning there
    folder = run_task.run_task("als", {"at": None}, due, None)
    stage, day, config = ran[0][:3]
    assert (stage, day, config.until) == ("als", date(2011, 10, 2), due.replace(second=0))
    assert folder.endswith("day_so_far/als/run_date=2011-10-02")
    run_task.run_task("als", {"at": "2011-10-01T18:00"}, due, None)
    assert ran[1][2].until == datetime(2011, 10, 1, 12, 30, tzinfo=UTC)
    with pytest.raises(InputError, match="has not come yet"):
        run_task.run_task("als", {"at": f"{datetime.now(UTC) + timedelta(days=2):%FT%H:%M}"}, None, None)


def test_a_backfill_refuses_a_run_date(ran: list[tuple]) -> None:
    dag_run = SimpleNamespace(run_type=SimpleNamespace(value="backfill"), run_after=None)
    with pytest.raises(InputError):
        run_task.run_task("als", {"run_date": "2011-10-02"}, datetime(2011, 10, 2, 2, tzinfo=UTC), dag_run)
    assert ran == []


def test_a_run_date_of_a_day_that_is_not_over_is_refused(ran: list[tuple]) -> None:
    later = datetime.now(UTC) + timedelta(days=30)
    with pytest.raises(InputError, match=f"{later.date()} is not over"):
        run_task.run_task("ingest", {"run_date": f"{later:%F}"}, None, None)
    with pytest.raises(InputError, match=f"{datetime.now(UTC).date()} is not over"):
        run_task.run_task("ingest", {}, datetime.now(UTC), None)
    assert ran == []
    yesterday = datetime.now(UTC) - timedelta(days=1)
    run_task.run_task("ingest", {"run_date": f"{yesterday:%F}"}, None, None)
    assert ran[0][1] == yesterday.date()


def test_an_unknown_surface_or_override_is_refused(ran: list[tuple]) -> None:
    with pytest.raises(InputError, match="for_you, discover"):
        run_task.run_task("als", {"run_date": "2011-10-02", "surfaces": ["checkout"]}, None, None)
    with pytest.raises(InputError, match="sead"):
        run_task.run_task("als", {"run_date": "2011-10-02", "overrides": {"sead": 1}}, None, None)


class Events(dict[str, SimpleNamespace]):
    """Airflow's `outlet_events`, as far as it is used."""

    def __missing__(self, outlet: str) -> SimpleNamespace:
        keys: list[str] = []
        self[outlet] = SimpleNamespace(add_partitions=keys.append, keys=keys, extra=None)
        return self[outlet]


def test_every_outlet_gets_the_night_as_a_partition_also_of_a_run_that_is_not_active(tmp_path: Path) -> None:
    folder = artifacts.stage_dir(tmp_path, "publish", date(2011, 10, 2))
    folder.mkdir(parents=True)
    artifacts.write_manifest(folder, {"report": {"run_id": "2011-10-02T0900-1", "activated": True}})
    so_far = Events()
    run_task.announce(["tables"], so_far, str(folder))
    assert so_far["tables"].keys == ["2011-10-02T0900"]
    artifacts.write_manifest(folder, {"report": {"run_id": "2011-10-02-1", "activated": False}})
    events = Events()
    run_task.announce(["tables"], events, str(folder))
    assert events["tables"].keys == ["2011-10-02"]
    assert events["tables"].extra == {"run_id": "2011-10-02-1", "active": False}


def test_who_answered_is_written_down_where_somebody_was_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ran: list[tuple]
) -> None:
    folder, noted = artifacts.stage_dir(tmp_path, "publish", date(2011, 10, 2)), []
    folder.mkdir(parents=True)
    artifacts.write_manifest(folder, {"report": {"run_id": "2011-10-02-1", "activated": True}})
    monkeypatch.setattr(handing_over, "approve", lambda _, *said: noted.append(said))
    at = datetime(2011, 10, 3, 5, tzinfo=UTC)
    for answer in (
        None,
        {"responded_by_user": {"id": "7", "name": "Ann"}, "responded_at": at},
        {"responded_by_user": {"id": "7", "name": ""}, "responded_at": at.isoformat()},
        {"responded_by_user": None, "responded_at": None},
    ):
        run_task.approved(str(folder), answer, {})
    moment = "2011-10-03T05:00:00+00:00"
    assert noted == [("2011-10-02-1", "Ann", moment), ("2011-10-02-1", "7", moment), ("2011-10-02-1", "somebody", "")]


def test_an_approval_asks_about_the_runs_night_and_surfaces(ran: list[tuple], tmp_path: Path) -> None:
    folder = artifacts.stage_dir(tmp_path / "lake", "evaluate", date(2011, 10, 2))
    folder.mkdir(parents=True)
    artifacts.write_manifest(folder, {"report": {"gate": "passed"}})
    approval = SimpleNamespace()
    run_task.fill_in(approval, {"run_date": "2011-10-02", "surfaces": ["discover"]}, None, None)
    assert "2011-10-02" in approval.subject
    assert "discover" in approval.body
    assert "for\\_you" not in approval.body
    with pytest.raises(InputError, match="not finished"):
        run_task.fill_in(approval, {"run_date": "2011-10-03"}, None, None)


def test_a_night_is_exported_to_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("", encoding="utf-8")
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(path))
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path))
    with pytest.raises(InputError, match="nothing is published"):
        run_task.export_night(None, "for_you")
    go(shop(tmp_path).write())
    for night in (NIGHT.isoformat(), None):
        assert run_task.export_night(night, "for_you") == str(tmp_path / f"exports/run_date={NIGHT}/for_you.jsonl")
    assert run_task.export_night(None, "checkout") is None
    with pytest.raises(InputError, match="a run of 2011-10-01"):
        run_task.export_night("2011-10-01", "for_you")
