"""What a person who must approve a night is shown: the gate's comparison, in Markdown that no text can break."""

from datetime import date
from typing import Any

from pipeline.ground import artifacts, keeping
from pipeline.settings.config import Config

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
MARKUP = "\\`*_[](){}#|~!:@$"
"""What means something within a line, links and mentions included; no text stands at the beginning of one."""


def question(config: Config, night: date) -> tuple[str, str]:
    """The headline and the body, Markdown.

    Args:
        config: the run's configuration.
        night: its `evaluate` is finished.
    Raises:
        InputError: it is not.
    """
    folder = artifacts.stage_dir(config.lake, "evaluate", night)
    keeping.bring(folder)
    found = artifacts.read_manifest(folder)["report"]
    names = ", ".join(surface.name for surface in config.surfaces)
    facts = {
        "Gate": found.get("gate"),
        "Table in use": found.get("champion"),
        "Judged on what users did after": found.get("judged_cutoff"),
        "Lists": names,
        "Report": folder / "report.html",
    }
    lines = [f"* {title}: {escaped(value)}" for title, value in facts.items()]
    return f"Publish the tables of {night.isoformat()}?", "\n".join([*lines, "", *_table(config, found)])


def _table(config: Config, found: dict[str, Any]) -> list[str]:
    """Per pool: tonight's figure with its 95 % interval, and the difference to the opponent with its own."""
    settings = config.evaluate
    metric = settings.gate_metric
    k = found.get("deep" if metric == "recall" else "k", "")
    rows = ["| pool | lists | tonight | against | difference |", "|---|---|---|---|---|"]
    for pool in config.pools:
        surfaces = ", ".join(s.name for s in config.surfaces if config.pool(s) == pool) or "none"
        name = f"{pool}.final.{metric}"
        tonight = _interval(found, name, "") if name in found else "not judged"
        against = found.get(f"{pool}.opponent", "nothing")
        difference = _interval(found, f"{pool}.opponent", ".difference") if f"{pool}.opponent" in found else ""
        cells = [f"{pool}", surfaces, f"{metric}@{k} {tonight}", against, difference]
        rows.append("| " + " | ".join(map(escaped, cells)) + " |")
    return rows


def _interval(found: dict[str, Any], name: str, middle: str) -> str:
    sign = "+" if middle else ""
    said = f"{found[name + middle]:{sign}.4f}"
    if f"{name}.low" in found:
        said += f" [{found[f'{name}.low']:{sign}.4f}, {found[f'{name}.high']:{sign}.4f}]"
    return said


def escaped(text: object) -> str:
    """Text that Markdown and HTML show as it is, on one line."""
    return "".join(map(_character, " ".join(str(text).split())))


def _character(character: str) -> str:
    if character in ENTITIES:
        return ENTITIES[character]
    if character in MARKUP:
        return f"\\{character}"
    return character if character.isprintable() else "\ufffd"
