"""A CSV whose last line was cut off when its night read it, in its last column: the whole line is what counts."""

import csv
import gzip
import logging
import random
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.operations import load_history, stages
from pipeline.settings.config import Config
from tests.cases import some_slow
from tests.tiny_log import ingest, rows_of, shop

NIGHTS = [date(2024, 1, 1) + timedelta(days=n) for n in range(4)]
HEADER = "user,ts,type,item,price\n"
HASHED = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type,
    try_cast(price as double) as price, _file, _row
from raw
"""
NAMED = HASHED.replace("select ", "select ts || item as event_id, ", 1)
LAST_IS = {
    "item": ("user,ts,type,price,item\n", "u,{ts},purchase,1,{cut}"),
    "price": ("user,ts,type,item,price\n", "u,{ts},purchase,i,{cut}"),
    "type": ("user,ts,item,price,type\n", "u,{ts},i,1,{cut}"),
}
FILES = "log-{year}-{month}-{day}.csv"
Values = list[tuple[Any, ...]]


def line(night: date, hour: int, price: str = "1.5", item: str = "i") -> str:
    return f"u,{night} {hour:02}:00:00,purchase,{item},{price}\n"


def cut_shop(folder: Path, mapping: str = HASHED, files: str = FILES) -> Config:
    return shop(folder, files, mapping, ingest={"max_reject_share": 1})


def put(folder: Path, night: date, text: str) -> Path:
    path = folder / f"log-{night}.csv"
    path.write_text(HEADER + text)
    return path


def events(config: Config, *nights: date) -> Values:
    """The events of some nights: when, what and for how much."""
    found = []
    for night in nights:
        rows = rows_of(artifacts.stage_dir(config.lake, "ingest", night))
        found += [(f"{row['event_time']:%d %H}", row["event_type"], row["item_id"], row["price"]) for row in rows]
    return sorted(found)


def reasons(config: Config, night: date) -> list[str]:
    return [row["reason"] for row in rows_of(artifacts.stage_dir(config.lake, "ingest", night), "rejects")]


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was warned of, whatever else is logged."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def counts(config: Config, *nights: date) -> int:
    """Lines that nights say they took, refused or dropped."""
    total = 0
    for night in nights:
        report = artifacts.read_manifest(artifacts.stage_dir(config.lake, "ingest", night))["report"]
        total += report["events"] + sum(n for key, n in report.items() if key.startswith("rejected: "))
    return total


@pytest.mark.parametrize(
    ("mapping", "loaded"),
    some_slow(product((HASHED, NAMED), (True, False)), fast=lambda mapping, loaded: (mapping == HASHED) == loaded),
)
def test_the_value_is_the_whole_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mapping: str, loaded: bool
) -> None:
    config, (first, second, third, _) = cut_shop(tmp_path, mapping), NIGHTS
    path = put(tmp_path, first, line(first, 9) + line(first, 10, "13.34").removesuffix("4\n"))
    if loaded:
        load_history.load_history(config, first)
    else:
        ingest(config, first)
    assert events(config, first) == [("01 09", "purchase", "i", 1.5), ("01 10", "purchase", "i", 13.3)]
    path.write_text(HEADER + line(first, 9) + line(first, 10, "13.34") + line(first, 11))
    put(tmp_path, second, line(second, 9))
    with caplog.at_level(logging.WARNING):
        ingest(config, second)
    assert f"{path.name}: its last line was cut off when {first} read it" in caplog.text
    assert events(config, first) == [("01 09", "purchase", "i", 1.5)]
    assert reasons(config, first) == ["cut off when its night read it"]
    late = [("01 10", "purchase", "i", 13.34), ("01 11", "purchase", "i", 1.5)]
    assert events(config, second) == [*late, ("02 09", "purchase", "i", 1.5)]
    assert counts(config, first, second) == 5, "four lines, one of them read twice"
    before = events(config, first), events(config, second), reasons(config, first)
    stages.run_stage("ingest", second, config, force=True)
    assert (events(config, first), events(config, second), reasons(config, first)) == before, "run again it stays"
    put(tmp_path, third, line(third, 9))
    caplog.clear()
    ingest(config, third)
    assert events(config, third) == [("03 09", "purchase", "i", 1.5)]
    assert not warned(caplog)
    stages.run_stage("ingest", first, config, force=True)
    assert events(config, first) == [("01 09", "purchase", "i", 1.5), *late], "its own again"
    assert events(config, second) == [("02 09", "purchase", "i", 1.5)]
    assert not reasons(config, first)


@pytest.mark.parametrize(
    ("last", "cut", "rest", "taken"),
    [
        ("item", "a1", "2", ("purchase", "a12", 1.0)),  # an item that nobody sells
        ("type", "purch", "ase", ("purchase", "i", 1.0)),  # refused at first
        ("price", "", "7", ("purchase", "i", 7.0)),  # as if it had none
        ("price", "1.", "25", ("purchase", "i", 1.25)),
        ("price", "x", "7", ("purchase", "i", None)),  # none either way
    ],
)
@pytest.mark.few(1)
def test_whatever_was_made_of_it(tmp_path: Path, last: str, cut: str, rest: str, taken: tuple[Any, ...]) -> None:
    config, (first, second, *_) = cut_shop(tmp_path), NIGHTS
    header, form = LAST_IS[last]
    path = tmp_path / f"log-{first}.csv"
    path.write_text(header + form.format(ts=f"{first} 09:00:00", cut=cut))
    ingest(config, first)
    whole = form.format(ts=f"{first} 09:00:00", cut=cut + rest)
    path.write_text(header + whole + "\n")
    put(tmp_path, second, line(second, 9))
    ingest(config, second)
    assert not events(config, first)
    assert len(reasons(config, first)) == 1
    assert events(config, second) == [("01 09", *taken), ("02 09", "purchase", "i", 1.5)]


def test_a_time_that_was_cut_off_hides_no_other_row_without_one(tmp_path: Path) -> None:
    mapping = HASHED.replace("from raw", "from raw where type <> 'noise'")
    config, (first, second, *_) = cut_shop(tmp_path, mapping, "log.csv"), NIGHTS
    header, path = "user,item,price,type,ts\n", tmp_path / "log.csv"
    rows = [f"u,i,1,purchase,{first} 09:00:00\n", f"u,i,2,purchase,{first} 10:00:00\n", "u,i,3,purchase,\n"]
    path.write_text(header + "".join(rows[:2]).removesuffix("1 10:00:00\n"))
    ingest(config, first)
    assert (len(events(config, first)), len(reasons(config, first))) == (1, 1)
    path.write_text(header + "".join(rows) + f"u,i,4,purchase,{second} 10:00:00\n")
    ingest(config, second)
    assert [e[3] for e in events(config, first, second)] == [1.0, 2.0, 4.0]
    assert len(reasons(config, second)) == 1, "the row without a time"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_file_whose_last_line_has_no_end_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    """Its writer writes the end of a line before the next one."""
    config, path = cut_shop(tmp_path, files="log.csv"), tmp_path / "log.csv"
    text = HEADER.strip()
    for night in NIGHTS[:3]:
        text += ending + line(night, 9).strip()
        path.write_text(text, newline="")
        with caplog.at_level(logging.WARNING):
            ingest(config, night)
    assert events(config, *NIGHTS[:3]) == [(f"0{n} 09", "purchase", "i", 1.5) for n in range(1, 4)]
    assert not warned(caplog)


def test_a_file_that_is_written_anew_was_not_cut_off(tmp_path: Path) -> None:
    """Where its last row was there stands another now, which begins alike."""
    config, (first, second, *_) = cut_shop(tmp_path), NIGHTS
    rows = [line(first, 9, "1.25"), line(first, 9, "1.2"), line(first, 9, "3")]
    path = put(tmp_path, first, rows[2] + rows[1])
    ingest(config, first)
    before = events(config, first)
    path.write_text(HEADER + rows[1] + rows[0] + rows[2])
    put(tmp_path, second, line(second, 9))
    ingest(config, second)
    assert events(config, first) == before
    assert ("01 09", "purchase", "i", 1.25) in events(config, second)


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_is_rotated_before_it_is_whole(tmp_path: Path, packed: bool) -> None:
    """Under a name that has no day: it is known by how it begins."""
    config, (first, second, *_) = cut_shop(tmp_path, files="log*.{csv,csv.gz}"), NIGHTS
    path, old = tmp_path / "log.csv", tmp_path / f"log.1.csv{'.gz' * packed}"
    path.write_text(HEADER + line(first, 9) + line(first, 10, "13.34").removesuffix("4\n"))
    ingest(config, first)
    whole = (HEADER + line(first, 9) + line(first, 10, "13.34")).encode()
    old.write_bytes(gzip.compress(whole) if packed else whole)
    path.write_text(HEADER + line(second, 9))
    ingest(config, second)
    assert [e[3] for e in events(config, first)] == [1.5]
    assert [e[3] for e in events(config, second)] == [13.34, 1.5]


def test_a_line_that_came_late_can_be_cut_off_as_well(tmp_path: Path) -> None:
    config, (first, second, third, _) = cut_shop(tmp_path, NAMED), NIGHTS
    path = put(tmp_path, first, line(first, 9))
    ingest(config, first)
    put(tmp_path, second, line(second, 9))
    path.write_text(HEADER + line(first, 9) + line(first, 10, "13.34").removesuffix("4\n"))
    ingest(config, second)
    assert ("01 10", "purchase", "i", 13.3) in events(config, second)
    path.write_text(HEADER + line(first, 9) + line(first, 10, "13.34"))
    put(tmp_path, third, line(third, 9))
    ingest(config, third)
    whole = ("01 10", "purchase", "i", 13.34)
    assert events(config, second) == [("02 09", "purchase", "i", 1.5)]
    assert events(config, third) == [whole, ("03 09", "purchase", "i", 1.5)]
    stages.run_stage("ingest", first, config, force=True)
    assert events(config, first) == [("01 09", "purchase", "i", 1.5), whole]
    assert events(config, second, third) == [("02 09", "purchase", "i", 1.5), ("03 09", "purchase", "i", 1.5)]
    assert reasons(config, second) == ["cut off when its night read it"]
    assert not reasons(config, third)


def test_pseudonyms_are_noted_by_nothing_that_can_be_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_PSEUDONYM_KEY", "a secret of some length")
    config = shop(tmp_path, FILES, NAMED, ingest={"max_reject_share": 1, "pseudonyms": True})
    first, second, *_ = NIGHTS
    path = put(tmp_path, first, line(first, 9) + line(first, 10, "13.34").removesuffix("4\n"))
    ingest(config, first)
    path.write_text(HEADER + line(first, 9) + line(first, 10, "13.34"))
    put(tmp_path, second, line(second, 9))
    ingest(config, second)
    assert [e[3] for e in events(config, first, second)] == [1.5, 13.34, 1.5]


@pytest.mark.parametrize("seed", some_slow(((seed,) for seed in range(8)), fast=lambda seed: seed % 2 == 1))
@pytest.mark.few(1)
def test_a_log_that_is_read_wherever_its_writer_was(tmp_path: Path, seed: int) -> None:
    """Cut off at any byte, night by night; once it is whole, each line is one event, as a CSV reader has it."""
    rng = random.Random(seed)
    columns = ["user", "type", "item", "price", "ts"]
    rng.shuffle(columns)
    header, daily = ",".join(columns) + "\n", rng.random() < 0.5
    mapping = NAMED.replace("ts || item", 'ts || "user"') if rng.random() < 0.5 else HASHED
    config = cut_shop(tmp_path, mapping, FILES if daily else "log.csv")
    whole = dict.fromkeys(NIGHTS, "")
    for night in NIGHTS:
        for number in range(rng.randint(2, 5)):
            values = {
                "user": f"u{number}",
                "type": "purchase",
                "item": f"i{rng.randint(1, 120)}",
                "price": rng.choice(["1.5", "13.34", "2", "20", "200"]),
                "ts": f"{night} {8 + number:02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}",
            }
            whole[night] += ",".join(values[name] for name in columns) + "\n"
    for number, night in enumerate(NIGHTS):
        known = [whole[day] for day in NIGHTS[: number + 1]]
        if number < len(NIGHTS) - 1:
            known[-1] = known[-1][: rng.randint(1, len(known[-1]))]
        if daily:
            for day, text in zip(NIGHTS, known, strict=False):
                (tmp_path / f"log-{day}.csv").write_text(header + text)
        else:
            (tmp_path / "log.csv").write_text(header + "".join(known))
        ingest(config, night)
    rows = csv.DictReader((header + "".join(whole.values())).splitlines())
    expected = sorted((row["ts"], row["user"], row["type"], row["item"], float(row["price"])) for row in rows)
    found = [
        (f"{row['event_time']:%F %T}", row["user_id"], row["event_type"], row["item_id"], row["price"])
        for night in NIGHTS
        for row in rows_of(artifacts.stage_dir(config.lake, "ingest", night))
    ]
    assert sorted(found) == expected
