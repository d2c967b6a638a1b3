"""A server that writes a shop's daily logs, independent of how they are read: zones, rotation, lateness, dirt, ends."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from pathlib import Path
from zoneinfo import ZoneInfo

MAPPING = """
select id as event_id, "user" as user_id, item as item_id, type as event_type,
    try_cast(ts as timestamptz) as event_time, try_cast(written as timestamptz) as arrived_at, _file, _row
from raw
where type is distinct from 'noise'
"""
ITEMS = "select item as item_id, 'Item of ' || id as title, _file from raw"
COLUMNS = ("id", "user", "item", "ts", "type", "written")
TYPE, NOISE = "purchase", "noise"


@dataclass(frozen=True)
class Line:
    """One line of a log.

    Attributes:
        id: of its event; a line that is sent again has the same.
        time: of the event; None: its text is no time.
        written: when the server wrote it.
        file_day: the day in its file's name.
        visible: the first night that sees it.
        kind: the event's type; None: the line itself cannot be read. The mapping leaves out NOISE.
    """

    id: str
    time: datetime | None
    written: datetime
    file_day: date
    visible: date
    kind: str | None

    def text(self, is_csv: bool) -> str:
        """As it stands in a file of CSV, or of JSON Lines."""
        if self.kind is None:
            return self.id + 2 * len(COLUMNS) * "," if is_csv else '{"id": "' + self.id
        time = self.time.isoformat() if self.time else "never"
        values = (self.id, f"u{self.id}", f"i{len(self.id)}", time, self.kind, self.written.isoformat())
        return ",".join(values) if is_csv else json.dumps(dict(zip(COLUMNS, values, strict=True)))


@dataclass(frozen=True)
class Server:
    """How a server writes.

    Attributes:
        zone: whose midnights its files are changed at.
        offset: how long after midnight that is; before, if negative.
        lateness: the longest time between an event and its line.
        growth: up to so many nights after its own a file goes on, or is not there at all.
        sorted: whether a file's lines are in the order of their writing.
        ends: of its lines, one after another. A carriage return alone is for CSV; else they are JSON.
        anew: whether every few days files are written anew in another order.
    """

    zone: str
    offset: timedelta
    lateness: timedelta
    growth: int
    sorted: bool
    ends: tuple[str, ...] = ("\n",)
    is_csv: bool = False
    anew: bool = False

    def log(self, first: date, days: int, lines: int, seed: int) -> list[Line]:
        """The lines of some days, by file; in each in the order in which they stand there."""
        rng = random.Random(seed)
        begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
        written: list[Line] = []
        for number in range(lines):
            if written and rng.random() < 0.15:
                again = rng.choice(written)
                time, kind, name = again.time, again.kind, again.id
                at = again.written + rng.random() * timedelta(days=1)
            else:
                time = begin + rng.random() * timedelta(days=days)
                at = time + (rng.random() * self.lateness if rng.random() < 0.3 else timedelta(seconds=1))
                name, kind = f"e{number}", rng.choices([TYPE, "poke", NOISE, None], [15, 1, 3, 1])[0]
                time = None if rng.random() < 0.05 else time.replace(microsecond=0)
            file_day = (at - self.offset).astimezone(ZoneInfo(self.zone)).date()
            written.append(Line(name, time, at, file_day, file_day, kind))
        if not self.sorted:
            rng.shuffle(written)
        else:
            written.sort(key=lambda line: line.written)
        return self._seen_late(written, rng) if self.growth else sorted(written, key=lambda line: line.file_day)

    def _seen_late(self, lines: list[Line], rng: random.Random) -> list[Line]:
        """The same lines, the end of some files some nights later: appended, or delivered whole."""
        files: dict[date, list[Line]] = {}
        for line in lines:
            files.setdefault(line.file_day, []).append(line)
        found = []
        for day, of_file in sorted(files.items()):
            late = rng.choice([0, 0, rng.randrange(len(of_file) + 1), len(of_file)])
            nights = timedelta(days=rng.randint(1, self.growth))
            whole = len(of_file) - late
            found += of_file[:whole] + [Line(**(vars(line) | {"visible": day + nights})) for line in of_file[whole:]]
        return found

    def write(self, folder: Path, lines: list[Line], night: date) -> None:
        """Write the files as a night finds them, and beside them, of what they are about, the items'."""
        files: dict[date, list[Line]] = {}
        for line in lines:
            if line.visible <= night:
                files.setdefault(line.file_day, []).append(line)
        for day, of_file in files.items():
            if self.anew:
                random.Random(f"{day} {night.toordinal() // 2}").shuffle(of_file)
            self._write(folder / f"{day}.{'csv' if self.is_csv else 'jsonl'}", of_file)
            self._write(folder / f"items-{day}.{'csv' if self.is_csv else 'jsonl'}", of_file)

    def _write(self, path: Path, lines: list[Line]) -> None:
        texts = [*([",".join(COLUMNS)] if self.is_csv else []), *(line.text(self.is_csv) for line in lines)]
        path.write_bytes("".join(text + end for text, end in zip(texts, cycle(self.ends), strict=False)).encode())
