"""A key of JSON Lines counts wherever it first stands."""

from datetime import date
from pathlib import Path

from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

NIGHT = date(2024, 2, 29)


def test_a_key_that_first_stands_late_is_read(tmp_path: Path) -> None:
    lines = [row("u", f"i{n % 100}", "2024-02-29 10:00:00") | {"id": n} for n in range(100_001)]
    write(tmp_path / "log.jsonl", [*lines, row("v", "late", "2024-02-29 11:00:00") | {"id": -1, "campaign": "mail"}])
    mapping = MAPPING.replace("_file, _row", "campaign as session_id, id as event_id, _file, _row")
    found = {e["item_id"]: e["session_id"] for e in rows_of(ingest(shop(tmp_path, mapping=mapping), NIGHT))}
    assert len(found) == 101
    assert found["late"] == "mail"
    assert found["i0"] is None


def test_a_key_may_first_stand_in_a_later_file(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [row("u", "a", "2024-02-29 10:00:00") | {"id": n} for n in range(100_001)])
    write(tmp_path / "b.jsonl", [row("v", "b", "2024-02-29 11:00:00") | {"id": -1, "campaign": "mail"}])
    mapping = MAPPING.replace("_file, _row", "campaign as session_id, id as event_id, _file, _row")
    folder = ingest(shop(tmp_path, "*.jsonl", mapping=mapping), NIGHT)
    assert [e["session_id"] for e in rows_of(folder) if e["item_id"] == "b"] == ["mail"]
