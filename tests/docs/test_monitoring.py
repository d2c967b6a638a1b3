"""The page about monitoring against the code: its figures, its alerts, its settings."""

import re
import tomllib

import yaml

from pipeline.operations.monitoring.metrics import METRICS
from pipeline.sources.configuration import FullConfig
from tests.conftest import ROOT
from tests.docs.pages import blocks

TEXT = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
NAMES = {metric.full_name for metric in METRICS}


def test_the_table_is_the_registry() -> None:
    rows = re.findall(r"^\| `(nightjar_\w+)` \| (.*?) \| (.*) \|$", TEXT, flags=re.MULTILINE)
    assert rows == [(m.full_name, ", ".join(f"`{name}`" for name in m.labels), m.meaning) for m in METRICS]


def test_every_figure_that_is_named_exists() -> None:
    assert set(re.findall(r"\bnightjar_[a-z_]+", TEXT)) <= NAMES


def test_the_alerts_are_rules_about_figures() -> None:
    (rules,) = blocks(TEXT, "yaml")
    (group,) = yaml.safe_load(rules)["groups"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) > 4
    for rule in group["rules"]:
        assert set(re.findall(r"nightjar_\w+", rule["expr"])) & NAMES
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_settings_are_taken() -> None:

    (settings,) = blocks(TEXT, "toml")
    monitoring = FullConfig.model_validate(tomllib.loads(settings)).monitoring
    assert monitoring.valid_by == "06:00"
    assert monitoring.textfile is not None
