"""What about X's Y, from the files of a night to its answers: who names what, and which relations hold."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.answers import fusion, naming
from pipeline.answers.asked import texts_of
from pipeline.ground import artifacts
from pipeline.intake.inputs.documents import DOCUMENTS
from pipeline.intake.inputs.relations import RELATIONS
from pipeline.operations import load_history
from pipeline.settings.config import Config
from pipeline.words.documents import Documents
from tests.answers import counter
from tests.tiny_log import digests, rows_of, write

N0, N1, N2 = (counter.night_of(n) for n in range(3))
MAPPING = "select a as thing, how as relation, b as other_thing, until as valid_until, _file, _row from raw"
ANSWERS = {
    "a-cell": ("Ten hours when new, and less after two years of use.", ["cell"]),
    "a-plug": ("Ten minutes are enough for a call of an hour.", ["plug"]),
    "a-nova": ("Ten of them come in a box.", ["nova"]),
    "a-other": ("Ten days from the day on which we sent it.", None),
}


def relation(thing: str | None, how: str | None, other: str | None, until: str | None = None) -> dict[str, Any]:
    return {"a": thing, "how": how, "b": other, "until": until}


def shop(folder: Path, nights: int = 1, relations: bool = True, **over: Any) -> Config:
    """Answers that no word tells apart; what they are about does."""
    config = counter.counter(folder, nights, {"min_questions": 1, "same": 0.95, "k": 4}, **over)
    if not relations:
        return config
    (folder / "relations.sql").write_text(MAPPING)
    files = {"files": "relations-{year}-{month}-{day}.csv", "sql": "relations.sql"}
    return counter.counter(
        folder, nights, {"min_questions": 1, "same": 0.95, "k": 4}, ingest={"relations": files}, **over
    )


def said(folder: Path, night: date, *questions: dict[str, Any]) -> None:
    """Questions of a night, which name what they name, and the answers."""
    (folder / "said.sql").write_text(counter.MAPPING.replace("tags as labels", "tags as labels, about as entities"))
    rows = [counter.answer("card", night) | {"id": n, "said": t, "about": about} for n, (t, about) in ANSWERS.items()]
    counter.say(folder, night, [*rows, *questions])


def asks(number: int, night: date, text: str, about: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return counter.question(number, night, "card") | {"said": text, "about": about} | more


def first(folder: Path) -> dict[str, tuple[str, str]]:
    """Of the questions by their id, the first answer and why."""
    examples = {one["cluster_id"]: one["document_id"] for one in rows_of(folder, "clusters")}
    best = [one for one in rows_of(folder, "answers") if one["rank"] == 1]
    return {examples[one["cluster_id"]]: (one["document_id"], one["why"]) for one in best}


def test_what_about_a_thing_and_its_part_is_answered_by_one_hop(tmp_path: Path) -> None:
    config = shop(tmp_path)
    said(
        tmp_path,
        N0,
        asks(1, N0, "how long is its battery good for", ["nova"]),
        asks(2, N0, "does my Nova have a charger that is quick"),
        asks(3, N0, "what else should I know", ["nova"], thread="t2"),
        asks(4, N0, "and the battery", thread="t2"),
        asks(5, N0, "when will it be here"),
    )
    write(tmp_path / f"relations-{N0}.csv", [relation("nova", "battery", "cell"), relation("nova", "charger", "plug")])
    folder = counter.run(config, N0)
    found = first(folder)
    assert found["q1"] == ("a-cell", "it is about cell, the battery of nova")
    assert found["q2"] == ("a-plug", "it is about plug, the charger of nova")
    assert found["q3"] == ("a-nova", "it is about nova, as the question")
    assert found["q4"] == ("a-cell", "it is about cell, the battery of nova")
    assert found["q5"][1].endswith("the question")
    assert artifacts.read_manifest(folder)["report"]["relations"] == 2


def lake(folder: Path, nights: dict[date, list[tuple[str, str | None, str, date | None]]], **over: Any) -> Config:
    """The relations of nights, which no file was read for."""
    config = shop(folder, **over)
    for night, rows in nights.items():
        made = artifacts.stage_dir(config.lake, "ingest", night)
        made.mkdir(parents=True)
        table = [dict(zip(RELATIONS.schema.names, one, strict=True)) for one in rows]
        pq.write_table(pa.Table.from_pylist(table, RELATIONS.schema), made / "relations.parquet")
        pq.write_table(DOCUMENTS.schema.empty_table(), made / "documents.parquet")
        artifacts.write_manifest(made, {"files": artifacts.describe(made)})
    return config


def holding(config: Config, night: date) -> list[tuple[str, str | None, str]]:
    """The relations of a night."""
    documents = Documents.read(night, config, ())
    found = naming.read(night, documents, *(texts_of(documents, kind) for kind in ("question", "answer")), config)
    if found is None:
        return []
    known = found.relations
    return list(zip(known.names[known.thing], known.relation, known.names[known.other], strict=True))


def test_a_relation_holds_until_its_last_day_and_a_later_night_may_say_otherwise(tmp_path: Path) -> None:
    cell, plug, box = ("nova", "battery", "cell"), ("nova", None, "plug"), ("nova", "box", "carton")
    nights = {N0: [(*cell, N1), (*plug, None)], N2: [(*plug, N0), (*cell, N2 + timedelta(days=1)), (*box, None)]}
    config = lake(tmp_path, nights)
    # the tables of N1's run are read from the day after on
    assert [holding(config, night) for night in (N0, N1, N2)] == [[plug, cell], [plug], [cell, box]]
    over = {"features": {"items_snapshot": "full"}}
    config = lake(tmp_path / "full", {N0: [(*cell, None), (*plug, None)], N1: [(*box, None)]}, **over)
    assert [holding(config, night) for night in (N0, N1, N2)] == [[plug, cell], [box], [box]]
    assert holding(lake(tmp_path / "over", {N0: [(*cell, N0)]}), N0) == []


@pytest.mark.parametrize("late", [None, N1])
def test_relations_of_nobody_or_of_later_nights_change_no_byte(tmp_path: Path, late: date | None) -> None:
    made = []
    for name in ("without", "with"):
        config = shop(tmp_path / name, 2, relations=name == "with")
        said(tmp_path / name, N0, asks(1, N0, "how long is its battery good for", ["nova"]))
        if late and name == "with":
            write(tmp_path / name / f"relations-{late}.csv", [relation("nova", "battery", "cell")])
            load_history.load_history(config, late)
        made.append(digests(counter.run(config, N0)))
    assert made[0] == made[1]


def test_weights_are_learned_anew_only_when_a_relation_is_new(tmp_path: Path) -> None:
    config = shop(tmp_path, 3)
    resolved = asks(2, N0, "how is the battery", ["nova"], tags={"resolved": "a-cell"})
    said(tmp_path, N0, asks(1, N0, "how long is its battery good for", ["nova"]), resolved)
    write(tmp_path / f"relations-{N0}.csv", [relation("nova", "battery", "cell")])
    write(tmp_path / f"relations-{N2}.csv", [relation("nova", "charger", "plug")])
    folders = [counter.run(config, night) for night in (N0, N1, N2)]
    assert ["fusion" in artifacts.read_manifest(folder)["linked"] for folder in folders] == [False, True, False]
    weights = fusion.load(folders[0] / "fusion").weights
    assert weights == pytest.approx(fusion.fixed_weights(6))
