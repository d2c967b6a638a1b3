"""A mapping that fails on a few rows: they are refused with their place, and the rest is taken."""

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import failing_rows
from pipeline.operations import load_history
from tests.tiny_log import MAPPING, digests, ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 3)
CAST = MAPPING.replace("try_cast(ts as timestamp)", "ts::timestamp")
STRPTIME = MAPPING.replace("try_cast(ts as timestamp)", "strptime(ts, '%Y-%m-%d %H:%M:%S')")
JSON = MAPPING.replace("try_cast(ts as timestamp)", "(('{\"at\": \"' || ts || '\"}')::json->>'at')::timestamp")


def rows(bad: dict[int, str], number: int = 300) -> list[dict[str, Any]]:
    """A log of three days, a row a quarter of an hour; at some rows another time."""
    times = [f"2024-01-{1 + n // 100:02} {n % 100 // 5:02}:{n % 5 * 12:02}:00" for n in range(number)]
    return [row(f"u{n % 7}", f"i{n}", bad.get(n, times[n])) for n in range(number)]


@pytest.mark.parametrize("mapping", [CAST, STRPTIME, JSON])
@pytest.mark.parametrize("file", ["log.csv", "log.jsonl", "log.parquet"])
@pytest.mark.few(3)
def test_rows_on_which_a_mapping_fails_are_refused_with_their_place(
    tmp_path: Path, mapping: str, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {210: "2024-02-30 00:00:00", 299: "never"}
    write(tmp_path / file, rows(bad))
    with caplog.at_level(logging.WARNING):
        folder = ingest(shop(tmp_path, file, mapping), NIGHT)
    assert {e["item_id"] for e in rows_of(folder)} == {f"i{n}" for n in range(200, 300)} - {"i210", "i299"}
    refused = rows_of(folder, "rejects")
    assert [(r["file"], r["row"], r["reason"]) for r in refused] == [
        (file, n + 1, failing_rows.REASON) for n in sorted(bad)
    ]
    assert all(f"i{n}" in r["raw"] for n, r in zip(sorted(bad), refused, strict=True))
    assert any("events.sql fails on 2 rows, which are refused" in said for said in caplog.messages)


def test_rows_after_it_keep_their_places_and_an_absent_column_is_null(tmp_path: Path) -> None:
    made = rows({210: "never"})
    made[250]["type"] = "unknown"
    write(tmp_path / "log.csv", made)
    mapping = CAST.replace("_file, _row", "absent as query, _file, _row")
    folder = ingest(shop(tmp_path, "log.csv", mapping), NIGHT)
    assert [(r["row"], r["reason"]) for r in rows_of(folder, "rejects")] == [
        (211, failing_rows.REASON),
        (251, "event_type is not in features.event_types"),
    ]
    assert {e["query"] for e in rows_of(folder)} == {None}


def test_night_by_night_and_in_one_pass_are_the_same(tmp_path: Path) -> None:
    nights = [date(2024, 1, 1) + timedelta(days=n) for n in range(3)]
    for way in ("nights", "history"):
        write(tmp_path / way / "log.csv", rows({0: "never", 120: "never", 250: "never"}))
    one, other = shop(tmp_path / "nights", "log.csv", CAST), shop(tmp_path / "history", "log.csv", CAST)
    for night in nights:
        ingest(one, night)
    load_history.load_history(other, nights[-1])
    folders = [[artifacts.stage_dir(c.lake, "ingest", night) for night in nights] for c in (one, other)]
    assert [digests(folder) for folder in folders[0]] == [digests(folder) for folder in folders[1]]
    assert [len(rows_of(folder, "rejects")) for folder in folders[0]] == [1, 1, 1]


def test_a_mapping_that_fails_on_many_rows_or_on_the_whole_stops(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", rows(dict.fromkeys(range(failing_rows.MOST + 1), "never")))
    said = (
        r"events\.sql fails on a row; cast with try_cast.* \(on more than 100 rows, the first is row 1 of .*log\.csv\)"
    )
    with pytest.raises(InputError, match=said):
        ingest(shop(tmp_path, "log.csv", CAST), NIGHT)
    write(tmp_path / "whole" / "log.csv", rows({}))
    together = MAPPING.replace(
        "from raw", "from raw where (select (min(ts) || max(ts))::timestamp from raw) is not null"
    )
    with pytest.raises(InputError, match=r"events\.sql fails on a row; cast with try_cast"):
        ingest(shop(tmp_path / "whole", "log.csv", together), NIGHT)


def test_of_pseudonyms_nothing_of_the_row_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_PSEUDONYM_KEY", "k" * 64)
    write(tmp_path / "log.csv", rows({250: "never"}))
    folder = ingest(shop(tmp_path, "log.csv", CAST, ingest={"pseudonyms": True}), NIGHT)
    assert [(r["row"], r["raw"]) for r in rows_of(folder, "rejects")] == [(251, None)]


def test_a_mapping_that_fails_on_a_large_share_of_a_small_log_stops(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", rows({3: "never", 4: "never"}, number=20))
    with pytest.raises(InputError, match=r"on 2 of 20 rows, the first is row 4 of .*log\.csv\)"):
        ingest(shop(tmp_path, "log.csv", CAST), date(2024, 1, 1))
