"""The page of all settings against the configuration itself."""

import json
import re
from collections.abc import Iterator
from typing import Any

from docs.generate import settings
from pipeline.settings.sections.base import Section
from pipeline.sources.configuration import FullConfig

PAGE = settings.page()
KEYS = dict(re.findall(r"^### `([^`]+)` .*?\n\n(.*?)\n\{: \.facts \}", PAGE, flags=re.MULTILINE | re.DOTALL))


def plain(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key that is no Section, with its default."""
    for name, inner in value:
        if isinstance(inner, Section):
            yield from plain(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", inner


def test_every_key_is_there_with_its_default() -> None:
    dumped = FullConfig().model_dump(mode="json")
    for key, _ in plain(FullConfig()):
        if key == "surfaces":
            continue
        value: Any = dumped
        for part in key.split("."):
            value = value[part]
        shown = "not set" if value is None else "what the machine has" if key == "threads" else json.dumps(value)
        if len(shown) < 100:
            assert shown in KEYS[key], key


def test_every_key_has_a_meaning() -> None:
    assert [key for key, text in KEYS.items() if text.strip().count("\n\n") == 0] == []


def test_ranges_are_said() -> None:
    assert "whole number, at least 1 ·" in KEYS["als.factors"]
    assert "number, at least 0, at most 1 ·" in KEYS["publish.max_churn"]
    assert "one of `full`, `lora`, `adalora`, `prefix`, `head` ·" in KEYS["fine_tune.mode"]
    assert "text · needed" in KEYS["ingest.events.files"]
    assert "path, or not set · default: not set" in KEYS["tuned"]


def test_what_is_within_tables_and_lists_is_there() -> None:
    assert {
        "features.event_types.NAME.weight",
        "surfaces[].k",
        "fusion.rankers.NAME.leaves",
        "fine_tune.tasks.query",
    } <= set(KEYS)


def test_every_section_has_a_heading_that_can_be_linked() -> None:
    for name, value in FullConfig():
        if isinstance(value, Section):
            assert f"## `{name}` {{#{name}}}" in PAGE
