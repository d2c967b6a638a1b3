import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import __main__ as command_line

SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
README = Path(__file__).parents[1] / "README.md"


def test_every_command_is_in_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    choices = next(a for a in command_line.parser()._actions if a.dest == "command").choices
    missing = [name for name in choices if f"python -m pipeline {name}" not in text]
    assert missing == []


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
