"""The page on what was shown: its clients, its mappings and its settings do what it says."""

import io
import json
import shutil
import subprocess
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.settings.sections.publication import Explore, Surface
from tests.conftest import ROOT
from tests.docs.pages import blocks
from tests.publication.test_explored_surface import explored
from tests.tiny_log import ingest, rows_of, shop

PAGE = (ROOT / "docs/feedback.md").read_text(encoding="utf-8")
PYTHON, JAVASCRIPT = (blocks(PAGE, kind)[0] for kind in ("python", "js"))
PLAIN, ARRAYS = blocks(PAGE, "sql")
SURFACE, REWARD, TYPES = (tomllib.loads(block) for block in blocks(PAGE, "toml"))
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """What an application reads for a user."""
    made = explored(tmp_path_factory.mktemp("shop"), policy="softmax")
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as file:
        asked = "from current_recommendations where user_id = 'u1' and surface = 'discover' order by rank"
        found: Rows = file.sql(asked).to_arrow_table().to_pylist()
    return found


def by_python(kind: str, rows: Rows) -> str:
    names: dict[str, Any] = {}
    exec(PYTHON, names)
    log = io.StringIO()
    names["log_events"](kind, rows, log)
    return log.getvalue()


def by_javascript(kind: str, rows: Rows) -> str:
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node")
    call = f"logEvents({json.dumps(kind)}, {json.dumps(rows)}, (text) => process.stdout.write(text));"
    return subprocess.run([node, "-e", JAVASCRIPT + call], capture_output=True, check=True, text=True).stdout


@pytest.mark.parametrize("client", [by_python, by_javascript])
def test_what_a_client_logs_is_what_the_table_said(tmp_path: Path, shown: Rows, client: Any) -> None:
    config = shop(tmp_path, "log.jsonl", PLAIN, features=TYPES["features"])
    text = client("impression", shown) + client("click", shown[1:2])
    (tmp_path / "log.jsonl").write_text(text)
    night = date.fromisoformat(json.loads(text.splitlines()[-1])["at"][:10])
    events = rows_of(ingest(config, night))
    assert [event["event_type"] for event in events].count("click") == 1
    found = sorted((event for event in events if event["event_type"] == "impression"), key=lambda e: e["rank_shown"])
    columns = {"user_id": "user_id", "item_id": "item_id", "surface": "surface", "rank_shown": "rank"}
    columns |= {"run_id_shown": "run_id", "propensity": "propensity"}
    assert [[event[c] for c in columns] for event in found] == [[row[c] for c in columns.values()] for row in shown]
    assert {row["propensity"] for row in shown} > {1.0}


def test_a_line_with_a_whole_list_is_an_event_per_slot(tmp_path: Path) -> None:
    line = json.loads("".join(text.removeprefix("--") for text in ARRAYS.splitlines()[:2]))
    config = shop(tmp_path, "log.jsonl", ARRAYS, features=TYPES["features"], ingest={"max_reject_share": 1})
    odd = [line | {"items": []}, line | {"items": "none"}, line | {"user": "u2", "propensities": None}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(one) + "\n" for one in [line, *odd]))
    folder = ingest(config, date(2026, 11, 22))
    found = [(e["user_id"], e["item_id"], e["rank_shown"], e["propensity"]) for e in rows_of(folder)]
    assert sorted(found, key=str) == [
        ("u1", "a", 1, 1.0),
        ("u1", "b", 2, 0.01),
        ("u2", "a", 1, None),
        ("u2", "b", 2, None),
    ]
    assert [row["reason"] for row in rows_of(folder, "rejects")] == ["item_id is missing"] * 2


def test_the_surface_of_the_page_explores() -> None:
    (surface,) = (Surface.model_validate(given) for given in SURFACE["surfaces"])
    assert surface.explore is not None
    assert surface.explore.slots == (4, 9)
    assert Explore.model_validate(REWARD["surfaces"]["explore"]).reward == "visits"
