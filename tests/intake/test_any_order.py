"""Random nights, ingested in a random order, against an answer in plain Python: each event once, on its first night."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from pipeline.ground import artifacts
from pipeline.intake.refusals import CONFLICT, DUPLICATE, UNKNOWN_TYPE
from pipeline.operations import load_history, stages
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import rows_of, shop, write

MORE = int(os.environ.get("NIGHTJAR_EXAMPLES", "0"))
"""So many random examples, where somebody has the time, instead of a few that are always the same."""
PHASES = [phase for phase in Phase if phase is not Phase.explain]
FIRST = date(2024, 1, 1)
NO_ITEM = "item_id is missing"
COLUMNS = """
    "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type,
    try_cast(quantity as double) as quantity, _file, _row
"""


@dataclass(frozen=True)
class Line:
    """A line of the log; `night` is the number of the night on which it arrives, `hour` counts from the first one's
    beginning."""

    id: str
    user: str | None
    item: str | None
    hour: int
    type: str
    quantity: int
    night: int

    @property
    def at(self) -> str:
        return f"{FIRST + timedelta(days=self.hour // 24)} {self.hour % 24:02}:00:00"

    @property
    def what(self) -> tuple[Any, ...]:
        """Who did what when."""
        return (self.user, self.item, self.hour, self.type)

    def row(self) -> dict[str, Any]:
        said = {"id": self.id, "user": self.user, "item": self.item, "ts": self.at, "type": self.type}
        return said | {"quantity": self.quantity, "arrived": f"{FIRST + timedelta(days=self.night)} 23:00:00"}


@dataclass(frozen=True)
class Case:
    """What is delivered, and what is done: `None` loads the history up to a night, else the night is run.

    Attributes:
        lines: of the log, in its order.
        nights: how many there are.
        given_ids: whether the mapping selects the lines' ids.
        daily: whether the log is a file a night, or one file whose lines say when they arrived.
        steps: (number of a night, whether it is only this night); a night that is run again is forced.
    """

    lines: Sequence[Line]
    nights: int
    given_ids: bool
    daily: bool
    steps: Sequence[tuple[int, bool]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    nights = draw(st.integers(3, 4))
    lines = []
    for night in range(nights):
        for _ in range(draw(st.integers(2, 5))):
            if lines and draw(st.booleans()):  # something is sent again, perhaps after it was changed
                sent = draw(st.sampled_from(lines))
                changed = {"quantity": draw(st.sampled_from([sent.quantity, 9]))}
                if draw(st.booleans()):
                    changed["user"] = draw(st.sampled_from([sent.user, None, "v"]))
                lines.append(Line(**(vars(sent) | changed | {"night": night})))
                continue
            hour = draw(st.integers(0, night * 24 + 22))  # arrives that night, may be of a day before
            item, kind = (
                draw(st.sampled_from(["a", "b", "a", None])),
                draw(st.sampled_from(["view", "view", "view", "poke"])),
            )
            user = draw(st.sampled_from("uv") | st.none())
            lines.append(Line(draw(st.sampled_from("123")), user, item, hour, kind, draw(st.integers(1, 2)), night))
        lines.append(Line(f"of {night}", "u", "own", night * 24 + 22, "view", 1, night))
    every = draw(st.permutations(range(nights)))
    steps = [
        (night, draw(st.integers(0, 3)) > 0) for night in [*every, *draw(st.lists(st.sampled_from(every), max_size=2))]
    ]
    daily = draw(st.sampled_from([True, True, False]))
    return Case(lines, nights, draw(st.sampled_from([True, True, False])), daily, draw(st.permutations(steps)))


def answer(case: Case) -> list[tuple[list[tuple[Any, ...]], Counter[str]]]:
    """Night by night in order: what is taken, and why the rest is refused."""
    found, taken_ids = [], dict[Any, Line]()
    for night in range(case.nights):
        reasons, taken = Counter[str](), []
        rows = [(number, line) for number, line in enumerate(case.lines) if line.night == night]
        by_id: dict[Any, list[tuple[int, Line]]] = {}
        for number, line in rows:
            if line.item is None:
                reasons[NO_ITEM] += 1
            elif line.type == "poke":
                reasons[UNKNOWN_TYPE] += 1
            else:
                by_id.setdefault(line.id if case.given_ids else (*line.what, line.quantity), []).append((number, line))
        for id_, same in by_id.items():
            same.sort(key=lambda one: (one[1].hour, one[1].user is None, one[1].user, one[1].item, one[0]))
            if id_ not in taken_ids:
                taken_ids[id_] = same[0][1]
                taken.append((*same.pop(0)[1].what,))
            original = taken_ids[id_]
            for _, line in same:
                whose = {line.user, original.user} - {None}
                is_same = line.what[1:] == original.what[1:] and len(whose) < 2
                reasons[DUPLICATE if is_same else CONFLICT] += 1
        found.append((sorted(taken, key=repr), reasons))
    return found


def delivered(case: Case, folder: Path) -> FullConfig:
    select = "select " + ("id as event_id, " if case.given_ids else "")
    arrived = "" if case.daily else "try_cast(arrived as timestamp) as arrived_at, "
    mapping = f"{select}{arrived}{COLUMNS} from raw"
    limits = {"max_reject_share": 1, "arrival": "file" if case.daily else "arrived_at"}
    if not case.daily:
        write(folder / "log.jsonl", [line.row() for line in case.lines])
        return shop(folder, mapping=mapping, ingest=limits, threads=1)
    return shop(folder, "{year}-{month}-{day}.jsonl", mapping=mapping, ingest=limits, threads=1)


def done(config: FullConfig, case: Case) -> list[Path]:
    """Do the steps; the nights' folders. At no time has an event two nights."""
    folders = [artifacts.stage_dir(config.lake, "ingest", FIRST + timedelta(days=n)) for n in range(case.nights)]
    for number, alone in case.steps:
        night = FIRST + timedelta(days=number)
        nights = [number] if alone else list(range(number + 1))
        for sent in nights if case.daily else []:  # a file is there once its night is asked for
            rows = [line.row() for line in case.lines if line.night == sent]
            write(config.folder / f"{FIRST + timedelta(days=sent)}.jsonl", rows)
        if alone:
            stages.run_stage("ingest", night, config, force=artifacts.is_finished(folders[number]))
        else:
            load_history.load_history(config, night)
        ids = [event["event_id"] for folder in folders if artifacts.is_finished(folder) for event in rows_of(folder)]
        assert len(ids) == len(set(ids))
    return folders


BACKWARDS = Case(
    lines=[
        Line("1", "u", "a", 1, "view", 1, 0),
        Line("1", "u", "a", 1, "view", 9, 1),
        Line("1", "u", "b", 1, "view", 1, 2),
    ],
    nights=3,
    given_ids=True,
    daily=True,
    steps=[(2, True), (1, True), (0, True)],
)
"""Of three nights the last one first, each with the same id."""


def require(partition: Path, night: int, case: Case, taken: list[tuple[Any, ...]], reasons: Counter[str]) -> None:
    """A partition holds what the answer says, and its manifest tells the same."""
    rows = rows_of(partition)
    hours = [(e["event_time"].date() - FIRST).days * 24 + e["event_time"].hour for e in rows]
    found = [(e["user_id"], e["item_id"], hour, e["event_type"]) for e, hour in zip(rows, hours, strict=True)]
    assert sorted(found, key=repr) == taken
    assert Counter(r["reason"] for r in rows_of(partition, "rejects")) == reasons
    report, lines = artifacts.read_manifest(partition)["report"], sum(line.night == night for line in case.lines)
    assert report["events"] + report["rejects"] == report["quality"]["rows"] == lines
    assert report["quality"]["duplicates"] == reasons[DUPLICATE]
    assert artifacts.read_manifest(partition)["files"] == artifacts.describe(partition)


@settings(max_examples=MORE or 6, derandomize=not MORE, deadline=None, database=None, phases=PHASES)
@example(BACKWARDS)
@given(cases())
def test_each_event_is_once_and_on_the_night_it_first_arrived(case: Case) -> None:
    expected = answer(case)
    with tempfile.TemporaryDirectory() as folder:
        config = delivered(case, Path(folder))
        for night, (partition, (taken, reasons)) in enumerate(zip(done(config, case), expected, strict=True)):
            again = [r["reason"] for r in rows_of(partition, "rejects")]
            # what a night had refused before the event was known for which there are others keeps its reason
            either = reasons[DUPLICATE] + reasons[CONFLICT]
            told = reasons + Counter({DUPLICATE: again.count(DUPLICATE), CONFLICT: again.count(CONFLICT)})
            told.subtract({DUPLICATE: reasons[DUPLICATE], CONFLICT: reasons[CONFLICT]})
            assert told[DUPLICATE] + told[CONFLICT] == either
            require(partition, night, case, taken, told if case.given_ids else reasons)
        ordered = config.model_copy(update={"home": Path(folder) / "ordered"})
        in_order = replace(case, steps=[(case.nights - 1, False)])
        for night, (partition, (taken, reasons)) in enumerate(zip(done(ordered, in_order), expected, strict=True)):
            require(partition, night, case, taken, reasons)
