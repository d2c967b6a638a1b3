"""A task's log, traceback and causes included, quotes nothing of the files that the worker reads."""

import traceback
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipeline.ground.errors import InputError, PublishError
from pipeline.operations import stages
from pipeline.tasks import run_task
from pipeline.tasks.content import kept_back
from tests import tiny_log

NIGHT = date(2024, 2, 29)
SECRET = "hunter2_and_more"


def logged(error: BaseException) -> str:
    """What a log shows of an error."""
    return "".join(traceback.format_exception(error))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop's folder with a log of one night and a pipeline.toml that the environment names."""
    tiny_log.write(tmp_path / "log.jsonl", [tiny_log.row("u", "a", f"{NIGHT} 10:00:00")])
    (tmp_path / "events.sql").write_text(tiny_log.MAPPING)
    (tmp_path / "pipeline.toml").write_text('[ingest.events]\nfiles = "log.jsonl"\nsql = "events.sql"\n')
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(tmp_path / "pipeline.toml"))
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path / "home"))
    return tmp_path


def ingest_by_task() -> InputError:
    with pytest.raises(InputError) as caught:
        run_task.run_task("ingest", {"run_date": NIGHT.isoformat()}, None, None)
    return caught.value


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        (f"PASSWORD={SECRET}\n", "Parser Error at line 1, column 1"),
        (f'select "user",\n {SECRET} from raw', "selects columns that are none (events has the columns"),
        (
            tiny_log.MAPPING.replace("try_cast(ts as timestamp)", f"cast(ts || '{SECRET}' as timestamp)"),
            "fails on a row; cast with try_cast: Conversion Error",
        ),
    ],
)
def test_a_mapping_s_error_names_its_place_in_a_task_and_its_text_at_the_command_line(
    shop: Path, mapping: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.__main__ import main

    (shop / "events.sql").write_text(mapping)
    error = ingest_by_task()
    assert place in str(error)
    assert "events.sql" in str(error)
    assert SECRET not in logged(error)
    assert main(["--quiet", "run", "--run-date", NIGHT.isoformat(), "--stages", "ingest"]) == 1
    assert SECRET in capsys.readouterr().err


def test_a_configuration_that_is_no_toml_is_not_quoted(shop: Path) -> None:
    (shop / "tuned.toml").write_text(f"[als]\n{SECRET} = 1\n{SECRET} = 2\n")
    (shop / "pipeline.toml").write_text('tuned = "tuned.toml"\n')
    error = ingest_by_task()
    assert "tuned.toml is not TOML (line 3, column" in str(error)
    assert SECRET not in logged(error)


@pytest.mark.parametrize(
    "overrides",
    [
        {"folder": "/", "ingest": {"events": {"files": "proc/self/environ", "format": "csv", "delimiter": "/"}}},
        {"ingest": {"events": {"files": "log.jsonl", "sql": "/proc/self/environ"}}},
        {"home": "/tmp/elsewhere"},
        {"tuned": "/proc/self/environ"},
    ],
)
def test_who_triggers_a_run_sees_nothing_of_the_environment(
    shop: Path, overrides: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", SECRET)
    ran: list[object] = []
    monkeypatch.setattr(stages, "run_stage", lambda *given, **named: ran.append(given))
    with pytest.raises(InputError, match="cannot be set from outside") as caught:
        run_task.run_task("ingest", {"run_date": NIGHT.isoformat(), "overrides": overrides}, None, None)
    assert not ran
    assert SECRET not in logged(caught.value)


def test_causes_are_not_shown_and_classes_stay() -> None:
    def fails() -> None:
        try:
            duckdb.connect().execute(f"select cast('{SECRET}' as integer)")
        except duckdb.Error as error:
            raise PublishError("x.duckdb could not be written") from error

    with pytest.raises(PublishError) as caught, kept_back():
        fails()
    assert str(caught.value) == "x.duckdb could not be written"
    assert SECRET not in logged(caught.value)
    assert "in fails" in logged(caught.value)


def test_an_error_that_nobody_foresaw_says_what_kind_it_is() -> None:
    with pytest.raises(RuntimeError, match="DuckDB: Conversion Error") as caught, kept_back():
        duckdb.connect().execute("select cast(? as integer)", [SECRET]).fetchall()
    assert SECRET not in logged(caught.value)
    with pytest.raises(ZeroDivisionError), kept_back():
        1 / 0  # noqa: B018
