"""How each stage ended when it was last run, kept where a stage that failed leaves nothing else.

    <home>/monitoring/<flow>.<stage>.json     night or day_so_far: for what night it was, the error's class

An error's text is not kept: it may quote what a file says.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from pipeline.settings.config import SO_FAR, Config

FOLDER = "monitoring"
NIGHT = "night"


@dataclass(frozen=True)
class Ended:
    """How a stage ended.

    Attributes:
        flow: "night", or "day_so_far".
        stage, run_date: what was run; the date as ISO has it.
        error: the class of the error that ended it; "": it ended well.
    """

    flow: str
    stage: str
    run_date: str
    error: str = ""

    @property
    def night(self) -> date:
        """What it was run for."""
        return date.fromisoformat(self.run_date)


def note(config: Config, stage: str, run_date: date, error: BaseException | None) -> None:
    """Keep how a stage ended, in place of how it ended before."""
    flow = NIGHT if config.until is None else SO_FAR
    ended = Ended(flow, stage, run_date.isoformat(), type(error).__name__ if error is not None else "")
    file = _folder(config) / f"{flow}.{stage}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}.partial")
    beside.write_text(json.dumps(asdict(ended)) + "\n", encoding="utf-8")
    beside.replace(file)


def read(config: Config) -> Iterator[Ended]:
    """How every stage ended of which it is known, in the order of their names; what is damaged is left out."""
    for file in sorted(_folder(config).glob("*.json")):
        try:
            ended = Ended(**json.loads(file.read_text(encoding="utf-8")))
            ended.night  # noqa: B018  of a date that is none, there is nothing to say
        except (OSError, ValueError, TypeError):
            continue
        yield ended


def _folder(config: Config) -> Path:
    return config.home / FOLDER
