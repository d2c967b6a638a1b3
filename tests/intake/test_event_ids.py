"""Event ids that are not unique: another event under an id that was taken is no repetition, and many of them stop."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.intake.refusals import CONFLICT, DUPLICATE
from pipeline.operations import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import MAPPING, ingest, row, rows_of, shop, write

NIGHTS = [date(2024, 1, 1) + timedelta(days=n) for n in range(10)]
WITH_ID = MAPPING.replace("select ", "select id as event_id, quantity, ", 1)
REMEDY = "select no event_id in the mapping"
PER_DAY = 20


def line(id_: object, user: str, item: str, at: str, quantity: int = 1) -> dict[str, Any]:
    return row(user, item, at) | {"id": id_, "quantity": quantity}


def counted(folder: Path, anew: bool = True, **over: Any) -> FullConfig:
    """Ten days' files of twenty events each, whose ids are a counter that starts anew every day, or does not."""
    for number, night in enumerate(NIGHTS):
        ids = [n + (0 if anew else number * PER_DAY) for n in range(PER_DAY)]
        rows = [line(id_, f"u{id_ % 3}", f"i{number}", f"{night} 10:00:{id_ % 60:02}") for id_ in ids]
        write(folder / f"{night}.jsonl", rows)
    return shop(folder, "{year}-{month}-{day}.jsonl", **{"mapping": WITH_ID} | over)


def reasons(folder: Path) -> Counter[str]:
    return Counter(r["reason"] for r in rows_of(folder, "rejects"))


def test_a_counter_that_starts_anew_every_day_stops_and_names_the_remedy(tmp_path: Path) -> None:
    config = counted(tmp_path)
    with pytest.raises(InputError, match=f"180 of 200 log rows .*(?s:.*){CONFLICT}(?s:.*){REMEDY}"):
        load_history.load_history(config, NIGHTS[-1])
    ingest(config, NIGHTS[0])
    with pytest.raises(InputError, match=f"20 of 20 log rows .*(?s:.*){REMEDY}"):
        ingest(config, NIGHTS[1])
    assert "200 events taken" in load_history.load_history(counted(tmp_path, mapping=MAPPING), NIGHTS[-1])


def test_it_stops_an_earlier_night_too_and_nothing_of_the_later_one_is_lost(tmp_path: Path) -> None:
    config = counted(tmp_path)
    (tmp_path / f"{NIGHTS[4]}.jsonl").unlink()  # its neighbour's file, by which the later one would have known already
    later = ingest(config, NIGHTS[5])
    with pytest.raises(InputError, match=f"20 of the 20 events of {NIGHTS[5]} have ids of other events.*{REMEDY}"):
        ingest(config, NIGHTS[0])
    with pytest.raises(InputError, match=f"of {NIGHTS[5]} have ids of other events, .* {NIGHTS[0]} .. {NIGHTS[0]};"):
        load_history.load_history(config, NIGHTS[0])
    assert len(rows_of(later)) == PER_DAY
    assert not artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", NIGHTS[0]))


def test_unique_ids_are_fine_and_few_that_are_not_are_counted(tmp_path: Path) -> None:
    config = counted(tmp_path, anew=False)
    again = [line(0, "u9", "other", "2024-01-02 11:00:00"), line(1, "u1", "i0", "2024-01-01 10:00:01", quantity=3)]
    with (tmp_path / "2024-01-02.jsonl").open("a", encoding="utf-8") as file:
        write(tmp_path / "more.jsonl", again)
        file.write((tmp_path / "more.jsonl").read_text())
    (tmp_path / "more.jsonl").unlink()
    said = load_history.load_history(config.model_copy(update={"home": tmp_path / "one"}), NIGHTS[-1])
    assert f"1 rejected: {CONFLICT}" in said
    ingest(config, NIGHTS[0])
    assert reasons(ingest(config, NIGHTS[1]))[CONFLICT] == 1


@pytest.mark.parametrize("order", [NIGHTS[:3], NIGHTS[2::-1]], ids=["in order", "backwards"])
def test_the_event_is_the_first_to_arrive_in_any_order_of_nights(tmp_path: Path, order: list[date]) -> None:
    sent = [
        ("a", "2024-01-01 10:00:00", 1),
        ("a", "2024-01-01 10:00:00", 7),  # sent again, with another quantity
        ("b", "2024-01-03 10:00:00", 1),  # another event under the same id
    ]
    for night, (item, at, quantity) in zip(NIGHTS, sent, strict=False):
        own = line(str(night), "u", "own", f"{night} 12:00:00")
        write(tmp_path / f"{night}.jsonl", [line("x", "u", item, at, quantity), own])
    settings = {"arrival": "file", "max_reject_share": 0.5}
    config = shop(tmp_path, "{year}-{month}-{day}.jsonl", mapping=WITH_ID, ingest=settings)
    for night in order:
        ingest(config, night)
    folders = [artifacts.stage_dir(config.lake, "ingest", night) for night in NIGHTS[:3]]
    taken = [[(e["item_id"], e["quantity"]) for e in rows_of(folder)] for folder in folders]
    assert taken == [[("a", 1), ("own", 1)], [("own", 1)], [("own", 1)]]
    assert [reasons(folder) for folder in folders] == [{}, {DUPLICATE: 1}, {CONFLICT: 1}]
    reports = [artifacts.read_manifest(folder)["report"] for folder in folders]
    assert [report["quality"]["duplicates"] for report in reports] == [0, 1, 0]
    assert reports[2][f"rejected: {CONFLICT}"] == 1


def test_what_events_are_is_read_of_no_night_that_has_none_of_the_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = counted(tmp_path, anew=False)
    load_history.load_history(config, NIGHTS[8])
    write(tmp_path / "2024-01-10.jsonl", [line(n, "u", "i", "2024-01-10 10:00:00") for n in range(200, 220)])
    asked, execute = [], sql.execute

    def noted(connection: Any, name: str, **params: Any) -> Any:
        if name == "ingest/other_nights_what":
            asked.append(params["nights"])
        return execute(connection, name, **params)

    monkeypatch.setattr(sql, "execute", noted)
    ingest(config, NIGHTS[9])
    assert asked == []
    repeated = [line(70, "u1", "i3", "2024-01-04 10:00:10"), line(221, "u", "i", "2024-01-10 10:00:00")]
    write(tmp_path / "2024-01-10.jsonl", repeated)
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"arrival": "file"})})
    artifacts.remove(artifacts.stage_dir(config.lake, "ingest", NIGHTS[9]))
    assert reasons(ingest(config, NIGHTS[9])) == {DUPLICATE: 1}
    assert asked == [[NIGHTS[3]]]
