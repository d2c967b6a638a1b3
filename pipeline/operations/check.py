"""`nightjar check`: what the pipeline would make of a shop's logs, in seconds, and without writing anything.

A bounded sample of the raw files is copied into a folder of its own and goes through the same reading, mapping and
judging as a night's log does (pipeline.intake.staging). What is said holds of the sample; where it is not all there is,
that is said too.
"""

import dataclasses
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.ground.errors import InputError
from pipeline.intake import delivery, left_out, staging
from pipeline.operations.checking import advice, facts, samples, words
from pipeline.operations.checking.facts import Facts
from pipeline.operations.checking.samples import InputSample, Sample
from pipeline.publication import following
from pipeline.publication.content import phrases
from pipeline.settings.config import Config
from pipeline.words import guessing

FOREVER = date(9000, 1, 1)
PARTS = 3
"""A sample has a beginning, a middle and an end."""


@dataclass
class Checked:
    """What was found of a shop's logs.

    Attributes:
        config: the shop's.
        inputs: its files, by their tables' names.
        facts: what is in them.
        problems: why a night could not run, or load-history; none where they could.
        warnings: what a night would warn of.
        settings: what pipeline.toml should say instead of what it says, as TOML.
    """

    config: Config
    inputs: dict[str, InputSample] = field(default_factory=dict)
    facts: Facts = field(default_factory=Facts)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settings: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether all rows were looked at."""
        return all(one.is_whole for one in self.inputs.values())

    @property
    def night(self) -> date | None:
        """The last night that is complete, to begin with."""
        events = self.facts.events
        return (events.complete or events.last) if events else None


def check(config: Config, rows: int = samples.ROWS) -> Checked:
    """Look at a shop's logs; nothing is written but to a folder that is removed again.

    Args:
        config: the shop's.
        rows: of each input that are looked at, about.
    """
    checked = Checked(config)
    with TemporaryDirectory(prefix="nightjar-check-") as folder, _heard() as warnings:
        sample = samples.begin(config, Path(folder))
        try:
            samples.fill(sample, max(rows, PARTS))
            checked.inputs = sample.inputs
            with staging.staged(sample.config, FOREVER, Path(folder)) as connection:
                left_out.say(connection, delivery.mapping_of(sample.config), date.min, date.max)
                checked.facts = facts.gather(connection, sample)
        except InputError as error:
            checked.inputs = sample.inputs
            checked.problems.append(_own(str(error), sample))
        checked.warnings = [_own(text, sample) for text in warnings]
    if not checked.problems:
        checked.problems = _problems(checked.facts, config)
        checked.warnings += _doubts(checked.facts, config)
    try:
        following.require(config)
    except InputError as error:  # perhaps only here: a night is not published where its log is checked
        checked.warnings.append(f"the night's end, publish, would not begin here: {error}")
    try:
        guessing.require(config)
    except InputError as error:
        checked.warnings.append(f"the stage languages would not begin here: {error}")
    try:
        phrases.require(config)
    except InputError as error:
        checked.warnings.append(f"the stage content would not end here: {error}")
    checked.settings = advice.toml(checked.facts, config)
    return checked


def _own(text: str, sample: Sample) -> str:
    """A message about the sample as one about the shop's files, and the lines of a copied part as those of its file."""
    for one in (one for of in sample.inputs.values() for name, one in of.sampled.items() if not one.is_whole):
        copy = sample.copy_of(one.file)
        header = 1 if one.kind == "csv" else 0

        def place(found: re.Match[str], one: samples.Sampled = one, header: int = header) -> str:
            return f"{found[1]}{one.place(int(found[2]) - header) if int(found[2]) > header else found[2]}"

        text = re.sub(rf"({re.escape(str(copy))}: line )(\d+)", place, text)
    return sample.own(text)


def _problems(found: Facts, config: Config) -> list[str]:
    """What stops a night that can be read."""
    problems = []
    if not found.events or not found.events.events:
        problems.append("no row of the log becomes an event")
    elif found.refused_share > config.ingest.max_reject_share:
        problems.append(
            f"{found.refused_share:.1%} of the rows are refused, more than ingest.max_reject_share = "
            f"{config.ingest.max_reject_share}: mend the log or its mapping"
        )
    return problems


def _doubts(found: Facts, config: Config) -> list[str]:
    """What a night can run with, and should not."""
    types = config.features.event_types
    if not found.events or not found.events.events or any(types[k.name].label for k in found.kinds if k.known):
        return []
    goals = ", ".join(name for name, kind in types.items() if kind.label)
    return [f"the log has no event of the goal ({goals}): nothing can be learned, or judged"]


def described(checked: Checked, command: str) -> str:
    """For people.

    Args:
        checked: what was found.
        command: how the command line is called with the shop's configuration, for the next command.
    """
    lines = words.files(checked.inputs)
    if checked.facts.events is not None:
        lines += words.facts(checked.facts, checked.config, checked.is_whole)
        lines += words.refused(checked.facts, checked.config)
    lines += words.said("warnings", checked.warnings)
    lines += words.said("what stops a night", checked.problems)
    if checked.settings:
        lines += ["", "settings, to be put in place of those in pipeline.toml", "", checked.settings.rstrip()]
    if checked.night and not checked.problems:
        lines += ["", "next:", f"  {command} run --run-date {checked.night} --with-history"]
    return "\n".join(lines)


def as_json(checked: Checked) -> str:
    """For machines: what `described` says, as one JSON object."""
    found = {
        "can_run": not checked.problems,
        "problems": checked.problems,
        "warnings": checked.warnings,
        "is_whole": checked.is_whole,
        "inputs": {name: _input(one) for name, one in checked.inputs.items()},
        **dataclasses.asdict(checked.facts),
        "refused_share": checked.facts.refused_share,
        "night": checked.night,
        "settings": checked.settings,
    }
    return json.dumps(found, indent=2, default=str)


def _input(of: InputSample) -> dict[str, Any]:
    days = [day for file in of.files for day in (file.first_day, file.last_day) if day is not None]
    return {
        "files": len(of.files),
        "bytes": of.bytes,
        "first_day": min(days, default=None),
        "last_day": max(days, default=None),
        "is_whole": of.is_whole,
        "rows": of.rows,
    }


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What the pipeline warns of meanwhile, which is not logged: it speaks of the sample's files."""
    logger, handler = logging.getLogger("pipeline"), _Listener()
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.said
    finally:
        logger.propagate = before
        logger.removeHandler(handler)
