"""An offer's last day: the latest that a night says, none where it says the offer without one; and what is no day."""

from datetime import date
from pathlib import Path
from typing import Any

from pipeline.ground import artifacts
from tests.tiny_log import ingest, row, rows_of, shop, write

NIGHT = date(2024, 1, 1)
MAPPING = "select who as user_id, what as item_id, ends as valid_until, _file from raw"


def offer(who: str, what: str, ends: str | None) -> dict[str, Any]:
    return {"who": who, "what": what, "ends": ends}


def test_the_latest_end_of_a_night_counts_and_none_is_later_than_all(tmp_path: Path) -> None:
    write(tmp_path / f"log-{NIGHT}.csv", [row("u", "a", f"{NIGHT} 10:00:00")])
    rows = [offer("u", "a", "2024-02-01"), offer("u", "a", "2024-03-01"), offer("v", "a", "2024-02-01")]
    rows += [offer("u", "b", "2024-02-01"), offer("u", "b", None), offer("w", "a", "soon")]
    write(tmp_path / f"offers-{NIGHT}.csv", rows)
    (tmp_path / "offers.sql").write_text(MAPPING)
    offers = {"files": "offers-{year}-{month}-{day}.csv", "sql": "offers.sql"}
    night = ingest(shop(tmp_path, "log-{year}-{month}-{day}.csv", ingest={"offers": offers}), NIGHT)
    assert rows_of(night, "offers") == [
        {"user_id": "u", "item_id": "a", "valid_until": date(2024, 3, 1)},
        {"user_id": "u", "item_id": "b", "valid_until": None},
        {"user_id": "v", "item_id": "a", "valid_until": date(2024, 2, 1)},
    ]
    report = artifacts.read_manifest(night)["report"]
    assert report["offers: left out, as what valid_until says is no time"] == 1
