"""`nightjar check`: what it says of logs of which everything is known, and that it changes nothing."""

import gzip
import json
import tomllib
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import __main__ as command_line
from pipeline.operations import check, load_history
from pipeline.operations.checking.facts import Kind
from pipeline.settings import layers
from pipeline.sources import configuration
from tests.tiny_log import MAPPING, row, rows_of, shop, write

START = datetime(2024, 1, 1, 12, 0)
VALUES = MAPPING.replace("_file", 'try_cast("value" as double) as value, _file')


def at(number: int) -> str:
    """A time of its own for each number, on one of 90 days."""
    return str(START + timedelta(days=number % 90, seconds=number))


def day(number: int) -> str:
    return str(START + timedelta(days=number))


def checked(folder: Path, rows: Sequence[dict[str, Any]], file: str = "log.csv", **over: Any) -> check.Checked:
    write(folder / file, rows)
    return check.check(shop(folder, file, **over))


def test_what_is_said_of_a_log_is_what_is_in_it(tmp_path: Path) -> None:
    rows = [row(f"u{n % 10}", f"i{n % 10}", day(2 * n)) for n in range(40)]  # every pair four times
    rows += [row(f"u{n}", f"i{20 + n}", day(1), "view") for n in range(10)] + [row("", "i0", day(79), "view")]
    rows += [row("u1", "new", day(78)), dict(rows[0])]
    (tmp_path / "items.csv").write_text("item,title\n" + "".join(f"i{n},T{n if n else ''}\n" for n in range(15)))
    (tmp_path / "items.sql").write_text("select item as item_id, nullif(title, 'T') as title, _file from raw")
    items = {"items": {"files": "items.csv", "sql": "items.sql"}}
    found = checked(tmp_path, rows, ingest=items)
    events, facts = found.facts.events, found.facts
    assert events is not None
    assert (events.events, events.guests, events.users, events.items) == (52, 1, 10, 21)
    assert (str(events.first), str(events.last), found.night) == ("2024-01-01", "2024-03-20", date(2024, 3, 19))
    assert (events.median_events, events.most_events) == (5, 6)
    assert [(kind.name, kind.rows, kind.known) for kind in facts.kinds] == [("purchase", 42, True), ("view", 11, True)]
    assert (facts.repeats and (facts.repeats.pairs, facts.repeats.repeated)) == (10, 10)  # not the one of the last days
    assert facts.catalogue is not None
    assert (facts.catalogue.items, facts.catalogue.known, facts.catalogue.titled) == (15, 10, 9)
    assert (facts.catalogue.known_events, facts.catalogue.unused) == (41, 5)
    assert facts.fresh is not None
    last = [r for r in rows[:-1] if r["ts"] >= day(66)]  # the last 14 days
    assert (facts.fresh.events, facts.fresh.cold, facts.fresh.young) == (len(last), 1, 1)
    assert [(one.reason, one.rows, one.is_harmless) for one in facts.refused] == [
        ("duplicate of an earlier event", 1, True)
    ]
    assert (found.problems, facts.refused_share) == ([], 0.0)


@pytest.mark.parametrize("file", ["log.csv", "log.jsonl.gz", "log.parquet", "../beside/log.csv"])
def test_it_says_what_load_history_does_and_writes_nothing(tmp_path: Path, file: str) -> None:
    folder = tmp_path / "shop"
    rows = [
        row(f"u{n % 7}", f"i{n % 9}" if n % 20 else None, day(n % 50), "view" if n % 3 else "x") for n in range(300)
    ]
    (tmp_path / "beside").mkdir()
    write(folder / file, rows)
    loaded = shop(folder, file, ingest={"max_reject_share": 1.0})
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    found = check.check(loaded)
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before
    load_history.load_history(loaded, date(2024, 3, 1))
    nights = sorted((loaded.lake / "ingest").glob("run_date=*"))
    assert found.facts.events is not None
    assert found.facts.events.events == sum(len(rows_of(night)) for night in nights)
    refused: dict[str, int] = {}
    for night in nights:
        for one in rows_of(night, "rejects"):
            refused[one["reason"]] = refused.get(one["reason"], 0) + 1
    assert {one.reason: one.rows for one in found.facts.refused} == refused


def test_of_a_large_log_parts_are_read_and_places_are_the_files_own(tmp_path: Path) -> None:
    rows = [row(f"u{n % 50}", f"i{n % 90}", day(n // 10)) for n in range(3000)]
    bad = [5, 1510, 2990]
    for n in bad:
        rows[n] = row("u", f"bad{n}", "2024-02-30 00:00:00")
    write(tmp_path / "log.csv.gz", rows)
    found = check.check(shop(tmp_path, "log.csv.gz"), rows=300)
    assert not found.is_whole
    assert (found.inputs["events"].rows, found.facts.events and found.facts.events.events) == (299, 296)
    (refused,) = found.facts.refused
    assert [(place.line, place.is_exact) for place in refused.examples] == [(n + 2, True) for n in bad]
    lines = gzip.decompress((tmp_path / "log.csv.gz").read_bytes()).decode().splitlines()
    assert all(f"bad{n}" in lines[place.line - 1] for n, place in zip(bad, refused.examples, strict=True) if place.line)
    assert found.facts.events is not None
    assert (found.facts.events.first, found.facts.events.last) == (date(2024, 1, 1), date(2024, 10, 26))
    assert found.facts.fresh is None  # of a part nobody knows what is new


def test_an_error_in_a_part_names_the_shops_file_and_its_line(tmp_path: Path) -> None:
    rows = [f"u{n},i{n % 9},{day(n // 40)},view" for n in range(4000)]
    rows[2030] = f'u,"i,{day(0)},view'
    (tmp_path / "log.csv").write_text("\n".join(["user,item,ts,type", *rows]) + "\n")
    ingest = {"events": {"files": "log.csv", "sql": "events.sql", "quotes": "always"}}
    found = check.check(shop(tmp_path, "log.csv", ingest=ingest), rows=300)
    (problem,) = found.problems
    assert problem.startswith(f"{tmp_path / 'log.csv'}: line 2032: a quotation mark that is not closed")
    unquoted = check.check(shop(tmp_path, "log.csv"), rows=300)
    assert unquoted.problems == []
    assert unquoted.facts.events is not None
    assert str(unquoted.facts.events.last) == day(3999 // 40)[:10]


def test_settings_that_are_proposed_make_the_log_one_that_is_taken(tmp_path: Path) -> None:
    kinds = ["rating", "Product Viewed", "dis\x1blike", "shown", "odd 'one' \u202e"]
    rows = [row(f"u{n % 40}", f"i{n % 30}", at(n), kinds[n % 5]) | {"value": n // 5 % 5 + 1} for n in range(1000)]
    found = checked(tmp_path, rows, mapping=VALUES)
    assert len(found.problems) == 1
    assert found.problems[0].startswith("80.0% of the rows are refused, more than ingest.max_reject_share = 0.05")
    proposed = tomllib.loads(found.settings)
    types = proposed["features"]["event_types"]
    assert set(types) == set(kinds)
    assert types["rating"] == {"weight": 1, "label": True, "neutral": 3}
    assert types["shown"] == {"weight": 0, "shown": True}
    assert types["Product Viewed"]["weight"] == 0.1
    loaded = shop(tmp_path, "log.csv", mapping=VALUES)
    again = check.check(configuration.FullConfig.model_validate(layers.merge(loaded.model_dump(), proposed)))
    assert (again.problems, again.facts.refused, again.settings) == ([], [], "")


def test_a_short_log_gets_a_calendar_that_fits(tmp_path: Path) -> None:
    found = checked(tmp_path, [row(f"u{n % 9}", f"i{n % 30}", day(n % 40)) for n in range(400)])
    proposed = tomllib.loads(found.settings)
    assert (proposed["horizon_days"], proposed["label_windows"]) == (7, 3)
    assert min(configuration.FullConfig.model_validate(proposed).label_cutoffs(date(2024, 2, 8))) > START.date()


def test_a_log_without_the_goal_is_said(tmp_path: Path) -> None:
    found = checked(tmp_path, [row(f"u{n % 9}", f"i{n % 30}", day(n), "view") for n in range(200)])
    assert found.problems == []
    assert any("no event of the goal (purchase)" in said for said in found.warnings)
    assert tomllib.loads(found.settings)["features"]["event_types"] == {"view": {"weight": 1, "label": True}}


def test_many_unknown_types_are_no_types() -> None:
    from pipeline.operations.checking import advice
    from pipeline.operations.checking.facts import Facts

    kinds = [Kind(f"sku-{n}", 10, False, 0, None, None, 0) for n in range(30)]
    assert advice.toml(Facts(kinds=kinds), configuration.FullConfig()) == ""


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("select 1 as item_id from raw", "must also select"),
        ("from nowhere", "must be one SELECT from raw"),
        (MAPPING.replace("try_cast(ts as timestamp)", "nonsense(ts)"), "nonsense"),
        (None, "events.sql: [Errno 2]"),
    ],
)
def test_the_command_fails_where_a_night_would(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mapping: str | None, words: str
) -> None:
    write(tmp_path / "log.csv", [row("u\x1b[2J1", "i", day(0))])
    if mapping:
        (tmp_path / "events.sql").write_text(mapping)
    (tmp_path / "pipeline.toml").write_text('[ingest.events]\nfiles = "*.csv"\nsql = "events.sql"\n')
    assert command_line.main(["--config", str(tmp_path / "pipeline.toml"), "check"]) == 1
    said = capsys.readouterr()
    assert words in said.err
    assert words in " ".join(said.out.split())
    assert not [c for c in said.out + said.err if unicodedata.category(c) in {"Cc", "Cf"} and c != "\n"]


def test_the_command_speaks_to_people_and_to_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(f"u{n % 9}", "i\x1b[2J", "never" if n == 7 else at(n)) for n in range(900)]
    write(tmp_path / "log.jsonl", rows)
    (tmp_path / "events.sql").write_text(MAPPING)
    path = tmp_path / "pipeline.toml"
    path.write_text('[ingest.events]\nfiles = "*.jsonl"\nsql = "events.sql"\n')
    assert command_line.main(["--config", str(path), "check"]) == 0
    said = capsys.readouterr().out
    assert "899 of 9 users and 1 items" in said
    assert "log.jsonl, line 8: {" in said
    assert f"nightjar --config {path} run --run-date 2024-03-29 --with-history" in said
    assert "\x1b" not in said
    assert command_line.main(["--config", str(path), "check", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["can_run"], found["events"]["events"], found["night"]) == (True, 899, "2024-03-29")
    assert found["refused"][0]["examples"][0] | {"raw": ""} == {
        "file": "log.jsonl", "line": 8, "is_exact": True, "raw": "",
    }  # fmt: skip


def test_a_shop_without_files_is_told_so(tmp_path: Path) -> None:
    found = check.check(shop(tmp_path, "nothing/*.csv"))
    assert "no log file matches 'nothing/*.csv'" in found.problems[0]
    assert str(tmp_path) in found.problems[0]


def test_a_copy_that_could_not_be_made_is_said_before_the_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(f"u{n}", "a", at(n)) for n in range(30)]
    copies = {"serving": {"kind": "redis", "connection": "serving"}}
    monkeypatch.delenv("NIGHTJAR_CONNECTION_SERVING", raising=False)
    found = checked(tmp_path, rows, publish={"copies": copies})
    assert [text for text in found.warnings if "set NIGHTJAR_CONNECTION_SERVING" in text]
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SERVING", "redis://127.0.0.1:1")  # it is not asked whether it answers
    again = checked(tmp_path, rows, publish={"copies": copies})
    assert not [text for text in again.warnings if "NIGHTJAR_CONNECTION_SERVING" in text]
