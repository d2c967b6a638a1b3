"""What is written about things: counted as of the night, unusual where it is, and forgotten with its authors."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import forget, load_history, stages
from pipeline.settings.config import Config
from pipeline.sources import configuration
from pipeline.words import entities
from tests.on_disk import everything_under
from tests.tiny_log import digests, row, rows_of, shop, write
from tests.words import desk

FIRST = date(2024, 1, 1)
NIGHT = FIRST + timedelta(days=29)
MAPPING = """
select id as document_id, said as text, moment as time, who as author, 'news' as kind, about as entities,
    tags as labels, _file, _row
from raw
"""


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def news(number: int, on: date, *about: str, **over: Any) -> dict[str, Any]:
    """A text about some things; no two are the same."""
    said = f"words about {' and '.join(about)}, number{number}"
    when = {"moment": f"{on} 12:00:00", "who": f"w{number % 7}"}
    return {"id": f"n{number}", "said": said, "about": list(about), "tags": None} | when | over


def usual() -> list[dict[str, Any]]:
    """Thirty days of two texts about each of twelve things, and three about none."""
    found = [news(1000 * n + 10 * t + k, day(n), f"thing{t}") for n in range(30) for t in range(12) for k in range(2)]
    return found + [news(1000 * n + 900 + k, day(n)) for n in range(30) for k in range(3)]


def paper(folder: Path, documents: list[dict[str, Any]], **over: Any) -> Config:
    """A shop whose documents stand in a file a night."""
    for number in range(30):
        write(folder / f"log-{day(number)}.csv", [row("u", "a", f"{day(number)} 10:00:00")])
        mine = [json.dumps(one) for one in documents if one["moment"].startswith(str(day(number)))]
        (folder / f"said-{day(number)}.jsonl").write_text("\n".join(mine) + "\n")
    (folder / "said.sql").write_text(MAPPING)
    given = {"ingest": {"documents": {"files": "said-{year}-{month}-{day}.jsonl", "sql": "said.sql"}}}
    section = {"enabled": True, "days": 3, "past_days": 20} | over.pop("entities", {})
    return shop(folder, "log-{year}-{month}-{day}.csv", **given, entities=section, **over)


def run(config: Config, night: date = NIGHT) -> Path:
    load_history.load_history(config, night)
    if stages.is_there("classify", config):
        stages.run_stage("classify", night, config)
    stages.run_stage("entities", night, config)
    return config.lake / "entities" / f"run_date={night}"


def burst(**over: Any) -> list[dict[str, Any]]:
    """A dozen texts more about a thing."""
    said = [f"recall of lamps, thing3 burns {how}" for how in "abcdefghijkl"]
    return [news(90_000 + n, NIGHT, "thing3", said=one) | over for n, one in enumerate(said)]


def test_a_burst_is_told_with_its_words_and_nothing_else_is(tmp_path: Path) -> None:
    config = paper(tmp_path, [*usual(), *burst()])
    folder = run(config)
    (found,) = rows_of(folder, "unusual")
    assert (found["entity"], found["day"], found["texts"]) == ("thing3", NIGHT, 14)
    assert found["expected"] == pytest.approx(2, abs=0.3)
    assert found["false_share"] < 0.001
    assert set(found["words"]) >= {"recall", "lamps", "burns"}
    assert found["document_id"].startswith("n900")
    assert 0.5 < found["novelty"] <= 1
    days = {(one["entity"], one["day"]): one for one in rows_of(folder, "days")}
    assert set(days) == {(f"thing{t}", day(n)) for t in range(12) for n in (27, 28, 29)}
    assert {one["texts"] for key, one in days.items() if key != ("thing3", NIGHT)} == {2}
    assert {one["mean"] for one in days.values()} == {None}
    report = artifacts.read_manifest(folder)["report"]
    counted = {"documents": 23 * 27 + 12, "entities": 12, "days": 36, "unusual": 1, "unusual tonight": 1}
    assert {name: report[name] for name in counted} == counted


def test_a_text_counts_once_a_day_however_often_it_is_said(tmp_path: Path) -> None:
    folder = run(paper(tmp_path, [*usual(), *(one | {"said": "the same to all"} for one in burst())]))
    assert rows_of(folder, "unusual") == []
    assert {one["texts"] for one in rows_of(folder, "days") if one["entity"] == "thing3"} == {2, 3}


def test_names_are_trimmed_and_counted_once_a_text(tmp_path: Path) -> None:
    odd = news(1, NIGHT, " thing3 ", "thing3", "", "x" * 201)
    json_text = news(2, NIGHT) | {"about": json.dumps(["thing3"])}
    folder = run(paper(tmp_path, [odd, json_text]))
    assert [(one["entity"], one["texts"]) for one in rows_of(folder, "days")] == [("thing3", 2)]


def test_what_a_text_is_about_may_be_said_by_a_later_row(tmp_path: Path) -> None:
    config = paper(tmp_path, [news(1, day(28))])
    told = {"id": "n1", "said": None, "moment": None, "who": None, "about": ["thing3"], "tags": None}
    write(tmp_path / f"said-{NIGHT}.jsonl", [told])
    assert [(one["entity"], one["day"], one["texts"]) for one in rows_of(run(config), "days")] == [
        ("thing3", day(28), 1)
    ]


def test_what_arrives_later_moves_no_byte(tmp_path: Path) -> None:
    documents = [*usual(), *burst()]
    night = day(28)
    plain = digests(run(paper(tmp_path / "a", [one for one in documents if one["moment"] < str(NIGHT)]), night))
    assert digests(run(paper(tmp_path / "b", documents), night)) == plain
    config = paper(tmp_path / "c", documents)
    load_history.load_history(config, NIGHT)  # the later night is there when the earlier one is made
    stages.run_stage("entities", night, config)
    assert digests(config.lake / "entities" / f"run_date={night}") == plain


def test_a_document_that_comes_late_counts_for_its_day_from_then_on(tmp_path: Path) -> None:
    late = [one | {"moment": f"{day(28)} 12:00:00"} for one in burst()]
    config = paper(tmp_path, usual())
    path = tmp_path / f"said-{NIGHT}.jsonl"
    path.write_text(path.read_text() + "\n".join(map(json.dumps, late)) + "\n")
    load_history.load_history(config, NIGHT)
    stages.run_stage("entities", day(28), config)
    assert rows_of(config.lake / "entities" / f"run_date={day(28)}", "unusual") == []
    (found,) = rows_of(run(config), "unusual")
    assert (found["entity"], found["day"], found["texts"]) == ("thing3", day(28), 14)


def test_the_tone_of_a_day_is_that_of_its_labels(tmp_path: Path) -> None:
    moods = ["good", "bad"]
    documents = [one | {"tags": {"mood": moods[n % 2]}} for n, one in enumerate(usual())]
    angry = burst(tags={"mood": "bad"})
    sets = {"model": "none", "label_sets": {"mood": {"wanted": 1}}}
    values = {"sentiment": "mood", "values": {"good": 1, "bad": -1}}
    folder = run(paper(tmp_path, [*documents, *angry], classify=sets, entities=values))
    days = {(one["entity"], one["day"]): one for one in rows_of(folder, "days")}
    found = days["thing3", NIGHT]
    assert (found["labelled"], found["mean"]) == (14, pytest.approx(-12 / 14))
    assert found["usual"] == pytest.approx(0)
    assert found["change_high"] < 0
    assert days["thing4", NIGHT]["change_low"] < 0 < days["thing4", NIGHT]["change_high"]


def test_a_day_is_a_day_of_the_shops_time_zone(tmp_path: Path) -> None:
    evening = [news(1, day(20), "thing1", moment=f"{day(20)}T02:00:00Z")]
    folder = run(paper(tmp_path, evening, timezone="America/New_York", entities={"days": 20}))
    assert [one["day"] for one in rows_of(folder, "days")] == [day(19)]


def test_an_author_who_is_forgotten_is_counted_no_more(tmp_path: Path) -> None:
    config = paper(tmp_path, [*usual(), *burst(who="anna")])
    folder = run(config)
    forget.forget(config, ["anna"], NIGHT)
    assert not folder.is_dir()
    assert b"burns" not in everything_under(config.home)
    assert rows_of(run(config), "unusual") == []


def test_who_wrote_all_that_a_night_has_is_forgotten_too(tmp_path: Path) -> None:
    config = paper(tmp_path, [news(1, day(28), "thing3", who="anna"), news(2, NIGHT, "thing3", who="otto")])
    run(config)
    forget.forget(config, ["anna"], NIGHT)
    assert rows_of(config.lake / "ingest" / f"run_date={day(28)}", "documents") == []
    assert b'number1"' not in everything_under(config.home)
    assert [one["texts"] for one in rows_of(run(config), "days")] == [1]


def test_a_night_that_knows_a_text_goes_with_the_id_in_it(tmp_path: Path) -> None:
    config = paper(tmp_path, [*usual(), *(one | {"said": f"anna-77 {one['said']}"} for one in burst())])
    folder = run(config)
    features = config.lake / "features" / f"run_date={NIGHT}"  # a night that can tell whom it knows
    features.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": ["u"]}), features / "users.parquet")
    forget.forget(config, ["anna-77"], NIGHT, also_in_text=True)
    assert not folder.is_dir()
    assert features.is_dir()


def test_a_shop_that_does_not_ask_has_no_such_stage(tmp_path: Path) -> None:
    config = desk.desk(tmp_path, 1)
    assert "entities" not in stages.of(config)
    assert "entities" not in stages.read_by("publish", config)


NO_LABELS = [
    ('sentiment = "mood"', "has no entities.values"),
    ("values = {good = 1}", "has no entities.sentiment"),
    ('sentiment = "mood"\nvalues = {good = 1}', "is no label set: classify.label_sets has none"),
]


@pytest.mark.parametrize(("said", "what"), NO_LABELS)
def test_a_tone_without_its_labels_is_refused(tmp_path: Path, said: str, what: str) -> None:
    paper(tmp_path, [])
    documents = '[ingest.documents]\nfiles = "said-{year}-{month}-{day}.jsonl"\nsql = "said.sql"\n'
    path = tmp_path / "pipeline.toml"
    path.write_text(f"{documents}[entities]\nenabled = true\n{said}\n")
    with pytest.raises(InputError, match=what):
        configuration.load(path)
    sets = '[classify.label_sets.mood]\noutside = ["good"]\n'
    path.write_text(f'{documents}{sets}[entities]\nenabled = true\nsentiment = "mood"\nvalues = {{good = 1}}\n')
    with pytest.raises(InputError, match=r"says what good is worth, and classify\.label_sets\.mood\.outside"):
        configuration.load(path)
    path.write_text(f"{documents}[entities]\nenabled = true\npast_days = 6\n")
    with pytest.raises(InputError, match="past_days"):
        configuration.load(path)
    path.write_text("[entities]\nenabled = true\n")
    with pytest.raises(InputError, match=r"entities.enabled is true, and there is no \[ingest.documents\]"):
        configuration.load(path)


def test_the_words_of_a_day_are_of_its_language_and_do_not_tell_it(tmp_path: Path) -> None:
    burst = [
        news(5000 + n, day(29), "thing1", said=f"der Hersteller ruft zurück, nr{n}", tongue="de") for n in range(20)
    ]
    before = [news(7000 + n, day(20 + n), "thing1", said=f"der Preis der Ware, nr{n}", tongue="de") for n in range(3)]
    more = [news(8000 + n, day(n), "thing1") for n in range(30)]
    told = {}
    for name, languages in (("one", {}), ("two", {"declared": ["en", "de"], "guess": False})):
        documents = [*({"tongue": "en"} | one for one in [*usual(), *more]), *burst, *before]
        config = paper(tmp_path / name, documents, languages=languages)
        mapping = MAPPING.replace("tags as labels", "tags as labels, tongue as language")
        (tmp_path / name / "said.sql").write_text(mapping)
        load_history.load_history(config, NIGHT)
        for stage in (*(["languages"] if languages else []), "entities"):
            stages.run_stage(stage, NIGHT, config)
        (found,) = rows_of(config.lake / "entities" / f"run_date={NIGHT}", "unusual")
        told[name] = set(found["words"])
        assert found["document_id"] in {one["id"] for one in burst}
    assert "der" in told["one"]
    assert "der" not in told["two"]
    assert {"hersteller", "ruft"} <= told["two"]


def test_the_language_of_a_day_is_one_that_is_known() -> None:
    documents = np.array([f"d{n}" for n in range(8)], dtype=object)
    known = {"d0": "en", "d1": "en", "d5": "en", "d6": "de"}  # of three more today nobody knows it
    today, past = entities._in_one_language(np.arange(5), np.arange(5, 8), documents, known)
    assert (today.tolist(), past.tolist()) == ([0, 1], [5])
    today, past = entities._in_one_language(np.arange(2, 5), np.arange(5, 8), documents, known)
    assert (today.tolist(), past.tolist()) == ([2, 3, 4], [7])
