import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import __main__ as command_line
from tests.conftest import ROOT
from tests.tiny_log import row, shop, write

SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()


def test_every_command_does_something_and_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    choices = next(a for a in command_line.parser()._actions if a.dest == "command").choices
    assert set(choices) == set(command_line.COMMANDS)
    with pytest.raises(SystemExit):
        command_line.main(["--help"])
    said = capsys.readouterr().out
    assert [name for name in choices if not re.search(rf"^ +(\w+ +)?{name}  ", said, flags=re.MULTILINE)] == []


def test_the_shell_is_told_what_could_come_next(tmp_path: Path) -> None:
    line, told = "nightjar load-history --", tmp_path / "told"
    shell = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "IFS": "\n"}
    environment = os.environ | shell | {"_ARGCOMPLETE_STDOUT_FILENAME": str(told), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "pipeline"], env=environment, check=True, cwd=tmp_path)
    assert {"--until", "--before", "--force"} <= set(told.read_text().split())


def test_help_imports_no_library_of_the_models() -> None:
    ask = "import sys; from pipeline import __main__ as m; m.parser().format_help(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"torch", "pandas", "pyarrow", "numpy", "duckdb", "scipy", "lightgbm", "implicit", "airflow", "argcomplete"}
    assert heavy & set(run.stdout.split()) == set()


def test_a_night_s_settings_import_no_library_of_the_models() -> None:
    """Every task reads them: torch alone is two seconds and 180 MiB in each."""
    ask = "import sys; import pipeline.sources.configuration, pipeline.intake.ingest; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"torch", "transformers", "pandas", "scipy", "sklearn", "lightgbm", "implicit", "airflow"}
    assert heavy & set(run.stdout.split()) == set()


@pytest.mark.parametrize(
    "command",
    [
        ["show", "--query", "mu\udcffg"],
        ["show", "--user", "\udcff"],
        ["explain", "--item", "mug", "--user", "\udcff"],
        ["forget", "--user", "u1", "u\udcff2"],
    ],
)
def test_what_is_no_text_is_refused_with_its_byte(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["--quiet", *command]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(r"InputError: --(query|user) is not UTF-8: byte 0xff is no character of it\n", said)


def test_a_night_can_load_the_history_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(f"u{n % 5}", f"i{n % 9}", f"2024-01-{1 + n % 5:02} 10:00:00") for n in range(60)]
    loaded = shop(tmp_path)
    write(tmp_path / "log.jsonl", rows)
    (tmp_path / "pipeline.toml").write_text(
        f'home = "{loaded.home}"\n[ingest.events]\nfiles = "log.jsonl"\nsql = "events.sql"\n'
    )
    command = ["--config", str(tmp_path / "pipeline.toml"), "run", "--run-date", "2024-01-05", "--stages", "ingest"]
    nights = [loaded.lake / "ingest" / f"run_date=2024-01-0{day}" / "events.parquet" for day in range(1, 6)]
    assert command_line.main(command) == 0
    assert [night.is_file() for night in nights] == [False] * 4 + [True]
    assert command_line.main([*command, "--with-history"]) == 0
    assert all(night.is_file() for night in nights)
    assert "4 nights, 2024-01-01 .. 2024-01-04" in capsys.readouterr().out
    assert command_line.main([*command, "--with-history"]) == 0
    assert "history is loaded up to 2024-01-04" in capsys.readouterr().out


def test_the_first_night_of_all_has_no_history_before_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loaded = shop(tmp_path)
    write(tmp_path / "log.jsonl", [row(f"u{n}", "i", "2024-01-05 10:00:00") for n in range(30)])
    (tmp_path / "pipeline.toml").write_text(
        f'home = "{loaded.home}"\n[ingest.events]\nfiles = "log.jsonl"\nsql = "events.sql"\n'
    )
    command = ["--config", str(tmp_path / "pipeline.toml"), "run", "--run-date", "2024-01-05", "--stages", "ingest"]
    assert command_line.main([*command, "--with-history"]) == 0
    assert "no log row arrived before 2024-01-05, which is the first night" in capsys.readouterr().out


def test_the_code_says_where_its_files_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["where", "dags"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / "nightly_recommendations.py").is_file()


def test_the_configuration_in_force_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("seed = 2\n")
    arguments = ["--config", str(path), "--set", "horizon_days=7", "--set", "surfaces=[{name='only'}]", "config"]
    assert command_line.main(arguments) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["seed"], shown["horizon_days"], shown["surfaces"][0]["name"]) == (2, 7, "only")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "seed", "config"], "section.key=value"),
        (["--set", "als.factorz=1", "config"], "als.factorz"),
        (["run", "--run-date", "tomorrow"], "neither a night"),
        (["run", "--run-date", SOON], f"the day {SOON} is not over"),
        (["run", "--run-date", f"2011-10-02..{SOON}"], f"the day {SOON} is not over"),
        (["load-history", "--until", SOON], f"the day {SOON} is not over"),
        (["--config", "nowhere.toml", "status"], "nowhere.toml does not exist"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_1(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "pipeline.toml").write_text("")
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(tmp_path / "pipeline.toml"))
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path))
    assert command_line.main(arguments) == 1
    said = capsys.readouterr().err
    assert re.match(r"InputError: ", said)
    assert message in said
    assert said.count("\n") == 1
