"""Topics of a night: named, counted, told in words, and nothing that comes later moves a byte."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import forget, stages
from pipeline.settings.config import Config
from pipeline.sources import configuration
from tests.on_disk import everything_under
from tests.tiny_log import digests, row, rows_of, shop, write

FIRST = date(2024, 1, 1)
NIGHTS = [FIRST + timedelta(days=n) for n in range(4)]
MAPPING = """
select id as document_id, said as text, moment as time, who as author, 'news' as kind, about as entities, _file, _row
from raw
"""
SAID = {
    "strike": "the union of pilots calls a strike over wages at the airport",
    "harvest": "farmers expect a poor harvest of wheat after the dry summer",
    "rates": "the central bank leaves its interest rate where it was",
}


def news(topic: str, night: date, number: int, **over: Any) -> dict[str, Any]:
    """A text about a topic; no two are the same."""
    made = {"id": f"{topic}{night.day}-{number}", "said": f"{SAID[topic]}, report{number}x{night.day}"}
    return made | {"moment": f"{night} 10:{number:02d}:00", "who": f"w{number}", "about": [topic.upper()]} | over


def paper(folder: Path, days: list[list[dict[str, Any]]], **section: Any) -> Config:
    """A shop with a file of documents a night, known by their words alone."""
    for night, documents in zip(NIGHTS, days, strict=False):
        write(folder / f"log-{night}.csv", [row("u", "a", f"{night} 10:00:00")])
        (folder / f"said-{night}.jsonl").write_text("\n".join(map(json.dumps, documents)) + "\n")
    (folder / "said.sql").write_text(MAPPING)
    documents = {"files": "said-{year}-{month}-{day}.jsonl", "sql": "said.sql"}
    given = {"enabled": True, "model": "none", "days": 1, "past_days": 3, "fewest": 2} | section
    return shop(folder, "log-{year}-{month}-{day}.csv", ingest={"documents": documents}, topics=given)


def run(config: Config, *nights: date) -> list[Path]:
    for night in nights:
        for stage in ("ingest", "topics"):
            stages.run_stage(stage, night, config)
    return [config.lake / "topics" / f"run_date={night}" for night in nights]


def plenty() -> list[list[dict[str, Any]]]:
    """Three days of two topics; on the third one is new, another gone."""
    numbers = {"strike": (2, 3, 30), "harvest": (4, 4, 0), "rates": (0, 0, 3)}
    return [[news(t, NIGHTS[n], k) for t, of in numbers.items() for k in range(of[n])] for n in range(3)]


def by_entity(folder: Path) -> dict[str, dict[str, Any]]:
    return {one["entities"][0]: one for one in rows_of(folder, "topics")}


def test_topics_keep_their_names_grow_and_are_told(tmp_path: Path) -> None:
    first, second, third = map(by_entity, run(paper(tmp_path, plenty()), *NIGHTS[:3]))
    assert {n: (one["rank"], one["documents"]) for n, one in first.items()} == {"HARVEST": (1, 4), "STRIKE": (2, 2)}
    assert {one["documents_before"] for one in first.values()} == {None}
    assert set(third) == {"STRIKE", "RATES"}
    assert third["STRIKE"]["topic_id"] == second["STRIKE"]["topic_id"] == first["STRIKE"]["topic_id"]
    assert first["HARVEST"]["topic_id"] == second["HARVEST"]["topic_id"]
    found = third["STRIKE"]
    assert (found["documents"], found["documents_before"], found["direction"]) == (30, 3, "rising")
    assert found["growth"] == pytest.approx(10)
    assert found["growth_low"] < 10 < found["growth_high"]
    assert set(found["words"]) <= set(SAID["strike"].split())
    assert found["first_seen"].date() == NIGHTS[0]
    assert third["RATES"]["first_seen"].date() == NIGHTS[2]
    assert found["document_id"].startswith("strike3")
    assert (third["RATES"]["documents_before"], third["RATES"]["growth"]) == (0, None)


def test_nothing_after_the_night_moves_a_byte_and_a_night_again_has_the_same(tmp_path: Path) -> None:
    plain = paper(tmp_path / "a", plenty()[:2])
    *_, folder = run(plain, *NIGHTS[:2])
    before = digests(folder)
    other = paper(tmp_path / "b", plenty())
    for night in NIGHTS[:3]:
        stages.run_stage("ingest", night, other)
    run(other, NIGHTS[0])
    (later,) = run(other, NIGHTS[1])
    assert digests(later) == before
    stages.run_stage("topics", NIGHTS[1], other, force=True)
    assert digests(later) == before


def test_a_night_alone_has_the_topics_and_here_the_names_of_nights_in_turn(tmp_path: Path) -> None:
    *_, turn = run(paper(tmp_path / "a", plenty()), *NIGHTS[:3])
    alone = paper(tmp_path / "b", plenty())
    for night in NIGHTS[:3]:
        stages.run_stage("ingest", night, alone)
    (folder,) = run(alone, NIGHTS[2])
    assert rows_of(folder, "topics") == rows_of(turn, "topics")


def test_a_night_is_made_again_when_the_one_before_it_changes(tmp_path: Path) -> None:
    *_, turn = run(paper(tmp_path / "a", plenty()), *NIGHTS[:3])
    config = paper(tmp_path / "b", plenty())
    for night in NIGHTS[:3]:
        stages.run_stage("ingest", night, config)
    (folder,) = run(config, NIGHTS[2])
    assert artifacts.read_manifest(folder)["report"]["after"] is None
    run(config, *NIGHTS[:2])
    (folder,) = run(config, NIGHTS[2])
    assert digests(folder) == digests(turn)
    made = (folder / "manifest.json").stat().st_mtime_ns
    run(config, NIGHTS[2])
    assert (folder / "manifest.json").stat().st_mtime_ns == made


def test_a_text_that_is_said_again_counts_once(tmp_path: Path) -> None:
    same = [news("rates", NIGHTS[0], n, said=SAID["rates"]) for n in range(9)]
    some = [news("strike", NIGHTS[0], n) for n in range(2)]
    (folder,) = run(paper(tmp_path, [[*same, *some]]), NIGHTS[0])
    assert list(by_entity(folder)) == ["STRIKE"]
    report = artifacts.read_manifest(folder)["report"]
    assert {name: report[name] for name in ("documents", "texts", "topics", "rows")} == {
        "documents": 11,
        "texts": 3,
        "topics": 2,
        "rows": 1,
    }


def test_without_documents_or_with_one_or_without_words_there_are_no_faults(tmp_path: Path) -> None:
    odd = [news("strike", NIGHTS[2], n, said="! 7 %"[: n + 2]) for n in range(4)]
    folders = run(paper(tmp_path, [[], [news("strike", NIGHTS[1], 0)], odd], fewest=1), *NIGHTS[:3])
    assert [len(rows_of(folder, "topics")) for folder in folders] == [0, 1, 1]
    assert {tuple(one["words"]) for one in rows_of(folders[2], "topics")} == {()}


def test_what_a_forgotten_person_wrote_is_in_no_night(tmp_path: Path) -> None:
    config = paper(tmp_path, plenty()[:2])
    run(config, *NIGHTS[:2])
    authors = pq.read_table(config.lake / "topics" / f"run_date={NIGHTS[0]}" / "authors.parquet")
    assert authors["user_id"].to_pylist() == [f"w{n}" for n in range(4)]
    forget.forget(config, ["w3"], date(2024, 2, 1))
    assert not list((config.lake / "topics").glob("run_date=*"))
    folder = run(config, NIGHTS[1])[0]
    assert by_entity(folder)["HARVEST"]["documents"] == 3
    assert b"w3" not in everything_under(config.lake)


def test_an_encoder_encodes_a_text_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = paper(tmp_path, [*plenty(), []])
    reports = [artifacts.read_manifest(folder)["report"] for folder in run(config, *NIGHTS)]
    assert [one["encoded"] for one in reports] == [6, 7, 33, 0]


def test_who_does_not_ask_has_no_stage_and_who_asks_wrongly_is_told(tmp_path: Path) -> None:
    config = paper(tmp_path, [[]], enabled=False)
    assert "topics" not in stages.of(config)
    (tmp_path / "plain.toml").write_text("[topics]\nenabled = true\n")
    with pytest.raises(InputError, match=r"topics.enabled is true, and there is no \[ingest.documents\]"):
        configuration.load(tmp_path / "plain.toml")
    (tmp_path / "plain.toml").write_text("[topics]\nenabled = true\ndays = 20\n")
    with pytest.raises(InputError, match="set past_days to 40 or more"):
        configuration.load(tmp_path / "plain.toml")


def test_a_file_of_the_night_before_is_what_its_schema_says(tmp_path: Path) -> None:
    (folder,) = run(paper(tmp_path, plenty()), NIGHTS[0])
    members = pq.read_table(folder / "members.parquet")
    assert members.schema.types == [pa.string(), pa.string()]
    assert members.num_rows == 6
