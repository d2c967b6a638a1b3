"""Whoever may trigger a run, or write a tuned file, may say what models do and not where anything is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from pipeline.ground.errors import InputError
from pipeline.operations.tuning import space
from pipeline.settings import layers, outside
from pipeline.settings.sections.base import Section
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig
from tests.conftest import SMALL

# Texts that may be given: each is held to a pattern of lower case words.
NAMES = {"profile", "ensemble.final", "ensemble.members", "evaluate.baseline", "fusion.sources"}
PLACES = re.compile(
    r"(^|_)(home|folder|path|files?|dir|sql|where|tuned|url|uri|dsn|host|model|revision|target|schema|editorial)($|_)"
)


def fields(kind: type[Section] = FullConfig, at: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting of the configuration, by its name with dots."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from fields(field.annotation, f"{at}{name}.")
        else:
            yield f"{at}{name}", field


def nested(name: str, value: Any) -> dict[str, Any]:
    return space.nested({name: value})


def test_no_path_no_text_and_nothing_that_names_a_place_may_come_from_outside() -> None:
    everything = dict(fields())
    assert len(everything) > 200
    is_text = re.compile(r"\bstr\b|Path|Any|InputFiles\b")
    texts = {name for name, field in everything.items() if is_text.search(str(field.annotation))}
    keyed = {"checks.severity", "features.event_types", "fusion.rankers"}  # only their keys are texts
    named = {name for name in everything if PLACES.search(name.rpartition(".")[2])}
    assert {"home", "folder", "tuned", "publish.schema_name", "ingest.events", "ingest.items"} <= texts
    assert {"publish.target", "fine_tune.model"} <= named
    for name in (texts - NAMES - keyed) | named:
        assert outside.kept(FullConfig, nested(name, "x")) == [name]


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"folder": "/"}, "folder"),
        ({"home": "/tmp/elsewhere"}, "home"),
        ({"tuned": "/proc/self/environ"}, "tuned"),
        ({"ingest": {"events": {"files": "proc/self/environ", "sql": "events.sql"}}}, "ingest.events"),
        ({"ingest": {"events": {"delimiter": "/"}}}, "ingest.events"),
        ({"ingest": {"items": {"sql": "/etc/passwd"}}}, "ingest.items"),
        ({"ingest": {"pseudonyms": False}}, "ingest.pseudonyms"),
        ({"publish": {"editorial": {"files": "x", "sql": "/etc/passwd"}}}, "publish.editorial"),
        ({"publish": {"target": "postgres"}}, "publish.target"),
        ({"publish": {"schema_name": "other"}}, "publish.schema_name"),
        ({"publish": {"keep_runs": 1}}, "publish.keep_runs"),
        ({"fine_tune": {"model": "/tmp/model"}}, "fine_tune.model"),
        ({"fine_tune": {"track": ["wandb"]}}, "fine_tune.track"),
        ({"surfaces": [{"name": "a", "where": "array_length(range(1000000000)) > 3"}]}, "surfaces"),
        ({"retention": {"event_days": 1}}, "retention.event_days"),
        ({"threads": 1024}, "threads"),
    ],
)
def test_what_is_the_shops_own_is_refused_by_name_and_without_its_value(given: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=rf"^overrides: {re.escape(key)} cannot be set from outside") as caught:
        outside.require(FullConfig, given, "overrides")
    assert "/etc" not in str(caught.value)
    assert "/proc" not in str(caught.value)


def test_what_changes_models_and_checks_may_be_set() -> None:
    free = {
        "profile": "fast",
        "seed": 3,
        "als": {"factors": 8, "values": "count", "enabled": False},
        "checks": {"severity": {"volume": "warn"}},
        "ingest": {"allow_empty": True},
        "features": {"event_types": {"purchase": {"weight": 2.0, "label": True}}},
        "fusion": {"rankers": {"one": {"leaves": 7}}, "sources": ["als"]},
        "ensemble": {"members": ["one"], "final": "one"},
        "evaluate": {"block": False, "k": 20},
        "publish": {"activate_older": True},
    }
    outside.require(FullConfig, free, "overrides")
    outside.require(FullConfig, SMALL, "overrides")
    assert configuration.load(overrides=free).ensemble.final == "one"


def test_everything_that_tune_tries_may_stand_in_a_tuned_file() -> None:
    for knobs in layers.read_toml(space.SHIPPED, "").values():
        outside.require(FullConfig, space.nested(knobs), "space.toml")


def test_a_knob_of_the_shops_own_is_refused_before_anything_is_tried(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text('[als]\n"fine_tune.model" = { choices = ["none", "/tmp/model"] }\n')
    with pytest.raises(InputError, match=r"space\.toml: fine_tune\.model cannot be set from outside"):
        space.read(path, "als", FullConfig())


def test_a_tuned_file_is_from_outside_and_the_command_line_is_not(tmp_path: Path) -> None:
    path, tuned = tmp_path / "pipeline.toml", tmp_path / "tuned.toml"
    path.write_text('tuned = "tuned.toml"\n')
    tuned.write_text('home = "/tmp/elsewhere"\n[publish]\ntarget = "postgres"\n')
    with pytest.raises(InputError, match=r"tuned\.toml: home, publish\.target cannot be set from outside"):
        configuration.load(path)
    tuned.write_text("[als]\nfactors = 8\n")
    loaded = configuration.load(path, {"home": tmp_path, "publish": {"target": "postgres"}})
    assert (loaded.home, loaded.publish.target, loaded.als.factors) == (tmp_path, "postgres", 8)


@pytest.mark.parametrize("name", ["../../x", "a/b", "", "a.b", "A", "x" * 101])
@pytest.mark.parametrize("section", ["rankers", "members", "final", "baseline", "sources"])
def test_a_list_s_name_is_no_path(section: str, name: str) -> None:
    given: dict[str, Any] = {
        "rankers": {"fusion": {"rankers": {name: {}}}},
        "members": {"ensemble": {"members": [name]}},
        "final": {"ensemble": {"final": name}},
        "baseline": {"evaluate": {"baseline": name}},
        "sources": {"fusion": {"sources": [name]}},
    }[section]
    with pytest.raises(InputError, match=section):
        configuration.load(overrides=given)
