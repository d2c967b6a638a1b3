"""A night with every table that shows items or documents, from raw files to tables; some of these are held back."""

import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.operations import explain, stages
from pipeline.operations.forget import forget
from pipeline.operations.load_history import load_history
from pipeline.publication import publish
from pipeline.publication.tables import published_by
from pipeline.settings.config import Config
from tests.publication.content.test_content import texts_of
from tests.tiny_log import row, shop, write

START, DAYS, USERS, THINGS = date(2024, 1, 1), 30, 24, 18
NIGHT = START + timedelta(days=DAYS - 1)
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 3,
    "als": {"factors": 4},
    "fusion": {"rounds": 5, "ablation_rounds": 2},
    "publish": {
        "similar_k": 5,
        "similar_min_buyers": 1,
        "search_terms": 20,
        "audiences": [{"name": "buyers", "surface": "for_you", "k": 20}],
        "editorial": {"files": "rules.csv", "sql": "rules.sql"},
    },
    "explanations": {"ranks": 2},
    "fairness": {"groups": ["popularity"]},
    "surfaces": [{"name": "for_you", "k": 6}, {"name": "discover", "repeats": False, "k": 6}],
    "classify": {"model": "none", "label_sets": {"tone": {"precision": 0.6}}},
    "answer": {"k": 2, "model": "none"},
    "topics": {"enabled": True, "model": "none", "fewest": 1, "likeness": 0.1},
    "entities": {"enabled": True},
}
CONTENT: dict[str, Any] = {
    "checks": [
        {"name": "banned", "severity": "block", "file": "banned.txt"},
        {"name": "abuse", "severity": "block", "label_set": "tone", "labels": ["rude"], "of": ["items", "documents"]},
    ],
    "limits": [{"name": "age", "item": "min_age", "user": "born"}],
}
ITEMS = "select id as item_id, id || ' ' || word as title, word as category, min_age, _file from raw"
SAID = (
    "select id as document_id, text, moment as time, who as author, kind, thread as thread_id, about as entities, "
    "labels, _file, _row from raw"
)
WORDS = ["lamp", "chair", "poison", "rug", "vase", "desk"]
HELD = {f"t{thing}" for thing in range(THINGS) if WORDS[thing % 6] == "poison"} | {"t4"}
"""By a word, and t4, which a rude document names."""


def log() -> list[dict[str, Any]]:
    rng, rows = random.Random(5), []
    for day in range(DAYS):
        at = f"{START + timedelta(days=day)} 10:00:00"
        for user in range(USERS):
            if rng.random() < 0.5:
                thing = (user + 3 * rng.randrange(6)) % THINGS
                found = row(f"u{user}", f"t{thing}", at)
                rows.append(found | {"query": WORDS[thing % 6]})
    return rows


def documents() -> list[dict[str, Any]]:
    """Questions with an answer each, polite and rude ones; a fifth of the labels is known."""
    rows = []
    for number in range(120):
        day, rude = START + timedelta(days=number // 4), number % 5 == 0
        text = f"you fool, nonsense about number{number}" if rude else f"kindly tell me about item number{number}"
        poison = " with poison" if number % 17 == 0 else ""
        said = {"thread": f"n{number // 2}", "moment": f"{day} 0{8 + number % 2}:{number % 60:02d}:00"}
        said |= {"id": f"d{number}", "text": text + poison, "who": f"u{number % USERS}"}
        about = ([] if number < 115 else ["t4"]) if rude else ["t0"]
        said |= {"kind": "answer" if number % 2 else "question", "about": about}
        rows.append(said | {"labels": {"tone": "rude" if rude else "kind"} if number % 3 else None})
    return rows


def a_shop(folder: Path, **over: Any) -> Config:
    write(folder / "log.jsonl", log())
    write(folder / "said.jsonl", documents())
    things = [{"id": f"t{n}", "word": WORDS[n % 6], "min_age": 18 if n == 1 else None} for n in range(THINGS)]
    (folder / "items.jsonl").write_text("".join(json.dumps(one) + "\n" for one in things))
    write(folder / "users.jsonl", [{"id": f"u{n}", "born": f"{1990 + n}-01-31"} for n in range(USERS)])
    (folder / "banned.txt").write_text("# of no use\nPOISON\n")
    (folder / "rules.csv").write_text("kind,surface,item_id,rank,factor,valid_from,valid_until,note\npin,,t2,1,,,,\n")
    for name, text in (
        ("rules", "select * from raw"),
        ("items", ITEMS),
        ("said", SAID),
        ("users", "select id as user_id, born, _file from raw"),
    ):
        (folder / f"{name}.sql").write_text(text)
    ingest = {
        "items": {"files": "items.jsonl", "sql": "items.sql", "attributes": {"min_age": "number"}},
        "users": {"files": "users.jsonl", "sql": "users.sql", "attributes": {"born": "date"}},
        "documents": {"files": "said.jsonl", "sql": "said.sql"},
    }
    mapping = (
        'select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, '
        "query, _file, _row from raw"
    )
    return shop(folder, mapping=mapping, ingest=ingest, **(SETTINGS | over))


def named(config: Config) -> dict[str, set[str]]:
    """Every text in the active run's tables, by table."""
    run = publish.active_run(config)
    assert run is not None
    tables = {table.name: pq.read_table(run.folder / table.file).to_pylist() for table in published_by(config)}
    return {name: {text for one in rows for text in texts_of(one)} for name, rows in tables.items()}


@pytest.mark.slow
def test_what_is_blocked_is_in_no_table_of_a_night_that_asks_for_all_of_them(tmp_path: Path) -> None:
    config = a_shop(tmp_path, content=CONTENT)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    content = artifacts.stage_dir(config.lake, "content", NIGHT)
    found = pq.read_table(content / "findings.parquet").to_pylist()
    held = {row["id"] for row in found if row["is_held"]}
    assert {name for name in held if name.startswith("t")} == HELD
    rude = {f"d{number}" for number in range(120) if number % 5 == 0 or number % 17 == 0}
    assert {name for name in held if name.startswith("d")} == rude
    tables = named(config)
    ids = {f"t{n}" for n in range(THINGS)} | {f"d{n}" for n in range(120)}
    show = {name for name, texts in tables.items() if texts & ids}
    assert show >= {"recommendations", "similar_items", "popular_items", "search_results", "search_terms", "audiences"}
    assert show >= {"answers", "topics", "explanations", "entity_sentiment"}
    for name in set(tables) - {"document_labels", "labels_wanted"}:
        assert not tables[name] & held, name
        assert not [
            text for text in tables[name] if "poison" in text and name not in {"search_results", "search_terms"}
        ]
    lists = pq.read_table(publish.active_run(config).folder / "recommendations.parquet").to_pylist()  # type: ignore[union-attr]
    of_age = {f"u{n}" for n in range(USERS) if 1990 + n <= 2006}
    assert {row["user_id"] for row in lists if row["item_id"] == "t1"} <= of_age
    assert "What is held back" in (artifacts.stage_dir(config.lake, "evaluate", NIGHT) / "report.html").read_text()
    assert "content check 'banned' holds it back" in explain.item(config, "u2", "t2")
    run = publish.active_run(config)
    assert run is not None
    waiting = pq.read_table(run.folder / "review.parquet")
    assert "u0" in waiting["user_id"].to_pylist()
    forget(config, ["u0"], NIGHT)
    assert "u0" not in pq.read_table(run.folder / "review.parquet")["user_id"].to_pylist()
    assert not content.exists()


@pytest.mark.slow
def test_a_shop_that_checks_nothing_has_no_such_stage_and_says_nothing_of_it(tmp_path: Path) -> None:
    config = a_shop(tmp_path)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    assert not (config.lake / "content").exists()
    assert "content" not in artifacts.read_manifest(artifacts.stage_dir(config.lake, "publish", NIGHT))["config"]
    run = publish.active_run(config)
    assert run is not None
    assert not (run.folder / "review.parquet").exists()
    assert "t2" in named(config)["recommendations"]
