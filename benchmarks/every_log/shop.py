"""What a shop of this benchmark is: a folder as a user would write it, its nights, and what may be shown when."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from benchmarks import scoring
from benchmarks.scoring import Acted, Lists

FOLDERS = Path(__file__).parent / "folders"
EXAMPLES = Path(__file__).parents[2] / "examples"


class MissingError(Exception):
    """A shop's data are not on this machine; the message says where they come from."""


@dataclass(frozen=True)
class Seen:
    """A night as the raw logs tell it, read without the pipeline.

    Attributes:
        folder: of the shop; `benchmarks/events/<its name>.sql` reads its logs.
        night: the last day whose events are known.
        horizon: for how long what users do afterwards is the truth.
    """

    folder: Path
    night: date
    horizon: timedelta

    @cached_property
    def events(self) -> pa.Table:
        """Rows user_id, item_id, time, weight up to the night; a weight of 0: seen or disliked, no goal."""
        return scoring.events(self.folder, scoring.BEGINNING, self.night)

    @cached_property
    def goals(self) -> pa.Table:
        """Those of `events` that the lists are for."""
        return _of_weight(self.events)

    @cached_property
    def latest(self) -> list[tuple[str, datetime]]:
        """Item and time of every user's last act for the goal on every item they acted on."""
        latest = self.goals.group_by(["user_id", "item_id"]).aggregate([("time", "max")])
        return list(zip(latest["item_id"].to_pylist(), latest["time_max"].to_pylist(), strict=True))

    @cached_property
    def history(self) -> Acted:
        """What each user had acted on, in whatever way."""
        return scoring.grouped(scoring.pairs(self.events))

    @cached_property
    def truth(self) -> Acted:
        """What each user then did for the goal."""
        later = scoring.events(self.folder, self.night, self.night + self.horizon)
        return scoring.grouped(scoring.pairs(_of_weight(later)))


def _of_weight(events: pa.Table) -> pa.Table:
    return events.filter(pc.greater(events["weight"], 0))


def _any(item: str) -> bool:
    return True


def _everything(seen: Seen) -> set[str] | None:
    return None


def _no_offers(seen: Seen) -> Mapping[str, set[str]] | None:
    return None


def _no_rules(seen: Seen, users: Sequence[str]) -> Mapping[str, Lists]:
    return {}


@dataclass(frozen=True)
class Own:
    """What sets a surface apart from "any item, always".

    Attributes:
        belongs: whether an item is of the surface's kind; nothing else is in its truth or in a simple list of it.
        offer: the items that may be shown after a night, None: all; simple lists hold no others.
        rules: lists by name that somebody who knows the trade would write down, for some users.
        offered: what each user may be shown of the offer, as no more was offered to her, None: all of it; who is not
            there may be shown nothing. Simple lists hold no others.
    """

    belongs: Callable[[str], bool] = _any
    offer: Callable[[Seen], set[str] | None] = _everything
    rules: Callable[[Seen, Sequence[str]], Mapping[str, Lists]] = _no_rules
    offered: Callable[[Seen], Mapping[str, set[str]] | None] = _no_offers

    def shown_by(self, seen: Seen) -> Callable[[str, str], bool]:
        """Whether the surface may show a user an item after a night."""
        offer, offered = self.offer(seen), self.offered(seen)

        def may_be_shown(user: str, item: str) -> bool:
            if not self.belongs(item) or (offer is not None and item not in offer):
                return False
            return offered is None or item in offered.get(user, ())

        return may_be_shown


@dataclass(frozen=True)
class Shop:
    """A log of this benchmark.

    Attributes:
        name: of its folder and of `benchmarks/events/<name>.sql`.
        nights: those that are reported, chosen by the calendar before any result was seen.
        tuning: those on which settings and code may be chosen; all of them, with their horizon, before the reported.
        write: makes the shop's folder below a given one unless it is there, and returns it. Raises MissingError.
        own: what sets a surface apart, by its name.
    """

    name: str
    nights: tuple[date, ...]
    tuning: tuple[date, ...]
    write: Callable[[Path], Path]
    own: Mapping[str, Own] = field(default_factory=dict)


def example(name: str) -> Callable[[Path], Path]:
    """A `write` of a shop that is shipped: its folder among the examples."""

    def write(out: Path) -> Path:
        return EXAMPLES / name

    return write


def made(name: str, logs: Callable[[Path], None]) -> Callable[[Path], Path]:
    """A `write` of a shop whose settings and mappings are in `folders`, and whose logs a function writes.

    Args:
        name: of the shop.
        logs: writes the raw files into the shop's folder; they are written once.
    """

    def write(out: Path) -> Path:
        folder, whole = out / name, out / name / "whole"
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            logs(folder)
            whole.touch()
        for file in (FOLDERS / name).iterdir():
            shutil.copyfile(file, folder / file.name)
        return folder

    return write


def write_csv(table: pa.Table, path: Path) -> None:
    """A table as a CSV file, compressed by zstd."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.output_stream(path, compression="zstd") as stream:
        csv.write_csv(table, stream)
