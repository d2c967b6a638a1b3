"""Who is never shown what: the latest end of a night counts, and none is later than all."""

from datetime import date
from pathlib import Path

from pipeline.ground import artifacts
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 1)
MAPPING = "select seller as user_id, item as item_id, ends as valid_until, _file from raw"


def test_what_a_night_says_of_a_user_and_an_item(tmp_path: Path) -> None:
    write(tmp_path / f"log-{NIGHT}.csv", [row("u", "a", f"{NIGHT} 10:00:00")])
    said = [("u", "a", "2024-02-01"), ("u", "a", "2024-03-01"), ("u", "b", "2024-02-01"), ("u", "b", None)]
    said += [("v", "a", "soon"), ("", "a", None)]
    rows = [{"seller": seller, "item": item, "ends": ends} for seller, item, ends in said]
    write(tmp_path / f"own-{NIGHT}.csv", rows)
    (tmp_path / "own.sql").write_text(MAPPING)
    exclusions = {"files": "own-{year}-{month}-{day}.csv", "sql": "own.sql"}
    night = ingest(shop(tmp_path, "log-{year}-{month}-{day}.csv", ingest={"exclusions": exclusions}), NIGHT)
    assert rows_of(night, "exclusions") == [
        {"user_id": "u", "item_id": "a", "valid_until": date(2024, 3, 1)},
        {"user_id": "u", "item_id": "b", "valid_until": None},
        {"user_id": "v", "item_id": "a", "valid_until": None},  # what is not understood shows nothing
    ]
    report = artifacts.read_manifest(night)["report"]
    assert report["exclusions: for ever, as what valid_until says is no time"] == 1
    assert report["exclusions: left out, as user_id is missing"] == 1
