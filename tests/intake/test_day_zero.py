"""A log without a row before the first event ever came, and after it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import InputError
from pipeline.operations.load_history import NoHistoryError, load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import MAPPING, ingest, row, rows_of, write

FIRST = date(2024, 1, 1)
NEXT = FIRST + timedelta(days=1)
ALL_THERE_IS = "select id as item_id, title, _file, _row from raw"
ARRIVING = "select id as item_id, title, try_cast(added as timestamp) as arrived_at, _file, _row from raw"
HEADER = "user,item,ts,type\n"


def a_shop(folder: Path, items: str | None = ALL_THERE_IS, log: str = HEADER) -> FullConfig:
    """A catalogue of two, the second of which came on NEXT, and a log."""
    (folder / "log.csv").write_text(log)
    (folder / "events.sql").write_text(MAPPING)
    (folder / "items.csv").write_text(f"id,title,added\na,RED MUG,{FIRST} 08:00:00\nb,TEA POT,{NEXT} 08:00:00\n")
    given: dict[str, Any] = {"events": {"files": "log.csv", "sql": "events.sql"}}
    if items is not None:
        (folder / "items.sql").write_text(items)
        given["items"] = {"files": "items.csv", "sql": "items.sql"}
    return FullConfig.model_validate(
        {"home": folder / "home", "folder": folder, "threads": 2, "memory_limit_mb": 512, "ingest": given}
    )


def test_a_catalogue_without_events_is_a_night(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = ingest(a_shop(tmp_path), FIRST)
    assert rows_of(folder) == []
    assert [item["item_id"] for item in rows_of(folder, "items")] == ["a", "b"]
    assert "no event ever arrived, so what is published is made of the catalogue alone" in caplog.text


@pytest.mark.parametrize("items", [ALL_THERE_IS, ARRIVING])
def test_so_is_the_next_one_and_the_one_after(tmp_path: Path, items: str) -> None:
    config = a_shop(tmp_path, items)
    for night in (FIRST, NEXT, NEXT + timedelta(days=1)):
        assert rows_of(ingest(config, night)) == []
    assert load_history(a_shop(tmp_path, items), NEXT).startswith("           ")


def test_where_events_came_once_a_night_without_any_stops(tmp_path: Path) -> None:
    config = a_shop(tmp_path)
    ingest(config, FIRST)
    write(tmp_path / "log.csv", [row("u", "a", f"{NEXT} 10:00:00")])
    assert len(rows_of(ingest(config, NEXT))) == 1
    with pytest.raises(InputError, match=r"no log row arrived on 2024-01-03.*allow_empty"):
        ingest(config, NEXT + timedelta(days=1))


def test_where_every_row_was_refused_once_a_night_without_any_stops(tmp_path: Path) -> None:
    config = a_shop(tmp_path)
    lenient = config.model_copy(update={"ingest": config.ingest.model_copy(update={"max_reject_share": 1})})
    write(tmp_path / "log.csv", [row("u", None, f"{FIRST} 10:00:00")])
    assert len(rows_of(ingest(lenient, FIRST), "rejects")) == 1
    with pytest.raises(InputError, match="no log row arrived on 2024-01-02"):
        ingest(lenient, NEXT)


def test_without_a_catalogue_there_is_nothing_to_publish(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no log row arrived on 2024-01-01"):
        ingest(a_shop(tmp_path, items=None), FIRST)
    with pytest.raises(NoHistoryError, match="no log row arrived by 2024-01-01"):
        load_history(a_shop(tmp_path, items=None), FIRST)


def test_a_catalogue_of_earlier_nights_is_to_be_loaded_first(tmp_path: Path) -> None:
    config = a_shop(tmp_path, ARRIVING)
    with pytest.raises(InputError, match=r"2 rows of items arrived before 2024-01-09.*load-history --until 2024-01-09"):
        ingest(config, date(2024, 1, 9))
    load_history(config, date(2024, 1, 9))
    assert rows_of(ingest(config, date(2024, 1, 10))) == []
