"""What the orchestrator must know of the shop's file before any task runs: read cheaply, and never an error.

A file that is not there, or says something wrong, has the defaults; the tasks say what is wrong with it.
"""

import os
import tomllib
from pathlib import Path


def said() -> dict[str, object]:
    """The file as it is, without what lies under it or over it; empty where it cannot be read."""
    path = Path(os.environ.get("NIGHTJAR_CONFIG") or "pipeline.toml")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def shards() -> int:
    """How many tasks share the users of a stage, `shards` in the file: what the DAG looks like depends on it."""
    number = said().get("shards")
    return number if isinstance(number, int) and number > 1 else 1


def has_answers() -> bool:
    """Whether questions get answers, `k` of [answer] in the file: only then there is such a task."""
    section = said().get("answer")
    return isinstance(section, dict) and bool(section.get("k"))


def has_label_sets() -> bool:
    """Whether documents get labels, [classify.label_sets.NAME] in the file: only then there is such a task."""
    section = said().get("classify")
    return isinstance(section, dict) and bool(section.get("label_sets"))


def checks_content() -> bool:
    """Whether items and documents are checked or limited, [[content.checks]] or [[content.limits]] in the file."""
    section = said().get("content")
    return isinstance(section, dict) and bool(section.get("checks") or section.get("limits"))


def tells_languages() -> bool:
    """Whether documents are told apart by language, `declared` of [languages]: only then there is such a task."""
    section = said().get("languages")
    return isinstance(section, dict) and bool(section.get("declared"))


def counts_entities() -> bool:
    """Whether what is written about things is counted, entities.enabled in the file: only then there is such a task."""
    section = said().get("entities")
    return isinstance(section, dict) and section.get("enabled") is True


def has_topics() -> bool:
    """Whether what is written is put into topics, topics.enabled in the file: only then there is such a task."""
    section = said().get("topics")
    return isinstance(section, dict) and section.get("enabled") is True
