"""The command that shows an experiment, and says how to end it."""

import json
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.__main__ import main
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.judging import arm_words
from pipeline.judging import arms as judged
from pipeline.operations import arms
from pipeline.settings.sections.experiment import Experiment
from pipeline.settings.sections.publication import Explore
from pipeline.sources.configuration import FullConfig

OVER = {
    "ensemble": {"final": "als"},
    "surfaces": {"for_you": {"diversity": 0.4, "explore": {"slots": [2, 4]}}, "discover": {"explore": False}},
}
MADE = {"name": "trial", "since": "2026-11-20"}
CONTROL = {"name": "control", "share": 0.5}
TRIAL = Experiment.model_validate(
    {
        "name": "trial",
        "since": "2026-11-20",
        "arms": [
            {"name": "control", "share": 0.5},
            {"name": "b", "share": 0.25, "overlay": OVER},
            {"name": "c", "share": 0.2, "overlay": {"ensemble": {"final": "borda"}}},
        ],
    }
)


def home(folder: Path, **changes: Any) -> FullConfig:
    return FullConfig(home=folder, experiment=TRIAL.model_copy(update=changes))


def looked(config: FullConfig, night: date, bounds: dict[str, tuple[float | None, float | None]]) -> None:
    """Write what a night knows: by arm the interval of its actions on for_you."""
    folder = artifacts.stage_dir(config.lake, "outcomes", night)
    folder.mkdir(parents=True)
    row = {"day": night, "surface": "for_you", "measure": "actions", "users": 1234, "user_days": 5000, "total": 600}
    rows = [row | {"arm": "control", "mean": 0.12}]
    for arm, (low, high) in bounds.items():
        rows.append(row | {"arm": arm, "mean": 0.15, "difference": 0.03, "low": low, "high": high})
    rows += [one | {"measure": "clicks", "total": 0, "mean": 0.0, "low": None} for one in rows]
    pq.write_table(pa.Table.from_pylist(rows, schema=judged.LOOKS), folder / judged.LOOKS_FILE)
    pq.write_table(judged.USERS.empty_table(), folder / judged.USERS_FILE)
    said = {"experiment": config.experiment.made_of, "through": night.isoformat()}
    (folder / judged.STATE_FILE).write_text(json.dumps(said), encoding="utf-8")
    artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})


def test_it_shows_the_arms_what_they_earned_and_a_verdict(tmp_path: Path) -> None:
    config = home(tmp_path)
    looked(config, date(2026, 11, 21), {"b": (-0.1, 0.2), "c": (None, None)})
    looked(config, date(2026, 11, 22), {"b": (0.01, 0.05), "c": (-0.2, 0.3)})
    found = arms.show(config)
    assert "experiment trial, since 2026-11-20; users by the hash of trial:user_id" in found
    assert "  b          25%  1,234\n" in found
    assert (
        '  b has ensemble.final = "als", surfaces.for_you.diversity = 0.4, surfaces.for_you.explore = {slots = [2, 4]}'
        in found
    )
    assert "  control has what the shop has" in found
    assert "up to 2026-11-22" in found
    assert "0.1500        +0.0300  +0.0100 to +0.0500" in found
    assert "clicks" not in found.partition("what users did")[2]  # nobody logs any
    assert found.endswith(
        "by actions:\n  for_you: b is better than control\n"
        "  for_you: nothing can be said yet of c: it may be better than control or worse"
    )
    other = home(tmp_path, metric="clicks")
    assert "nothing can be said yet of b: too few users have any clicks" in arms.show(other)


def test_of_drawn_slots_what_is_not_a_default_is_said(tmp_path: Path) -> None:
    given = {"slots": [3], "policy": "learned", "reward": "visits", "top": 50, "temperature": 1.0}  # two are defaults
    arm = {"name": "b", "share": 0.25, "overlay": {"surfaces": {"for_you": {"explore": given}}}}
    found = arms.show(home(tmp_path, arms=Experiment.model_validate(MADE | {"arms": [CONTROL, arm]}).arms))
    said = found.partition("surfaces.for_you.explore = ")[2].splitlines()[0]
    assert said == '{slots = [3], policy = "learned", reward = "visits"}'
    read = Experiment.model_validate(
        MADE
        | {
            "arms": [
                CONTROL,
                arm
                | {"overlay": {"surfaces": {"for_you": {"explore": tomllib.loads(f"explore = {said}")["explore"]}}}},
            ]
        }
    )
    assert read.arms[1].overlay.surfaces["for_you"].explore == Explore.model_validate(given)


def test_worse_is_said_too_and_that_nothing_is_known(tmp_path: Path) -> None:
    config = home(tmp_path)
    assert arms.show(config).endswith("no day has been counted yet: the first is, on the night after the first tables")
    looked(config, date(2026, 11, 21), {"b": (-0.3, -0.1), "c": (None, None)})
    assert "for_you: b is worse than control" in arms.show(config)
    changed = home(tmp_path, salt="other")  # another experiment, of which nothing is known
    assert "no day has been counted yet" in arms.show(changed)


def test_how_to_end_it_is_printed_as_settings(tmp_path: Path) -> None:
    config = home(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    found = arms.end(config, "b")
    assert sorted(tmp_path.rglob("*")) == before
    said = found.split("# in the table [[surfaces]] that has name = ")
    ensemble = tomllib.loads(said[0])["ensemble"]
    assert ensemble == {"final": "als", "members": [*config.ensemble.members, "als"]}
    assert FullConfig.model_validate({"ensemble": ensemble}).ensemble.final == "als"
    name, _, settings = said[1].partition("\n")
    assert name == '"for_you"'
    assert tomllib.loads(settings) == {"diversity": 0.4, "explore": {"slots": [2, 4]}}
    assert said[2] == '"discover"\n# remove explore'
    assert tomllib.loads(arms.end(config, "c")) == {"ensemble": {"final": "borda"}}
    assert tomllib.loads(arms.end(config, "control")) == {}
    with pytest.raises(InputError, match="has no arm 'd', only control, b, c"):
        arms.end(config, "d")


def test_without_an_experiment_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"give the shop's file an \[experiment\]"):
        arms.show(home(tmp_path).model_copy(update={"experiment": Experiment()}))
    path = tmp_path / "pipeline.toml"
    path.write_text(f'home = "{tmp_path / "home"}"\n', encoding="utf-8")
    assert main(["--config", str(path), "arms"]) == 1
    assert "the settings have no experiment" in capsys.readouterr().err


def test_the_report_has_a_part_of_it(tmp_path: Path) -> None:
    config = home(tmp_path)
    looked(config, date(2026, 11, 22), {"b": (0.01, 0.05), "c": (None, None)})
    known = judged.latest(config, date(2026, 11, 30))
    assert known is not None
    ((title, html),) = arm_words.section(known, TRIAL)
    assert title == "Experiment trial"
    assert "<li>for_you: b is better than control</li>" in html
    assert "<td>+0.0100 to +0.0500</td>" in html
    assert arm_words.section(None, TRIAL) == []
    assert arm_words.section(replace(known, looks=known.looks.slice(0, 0)), TRIAL) == []
