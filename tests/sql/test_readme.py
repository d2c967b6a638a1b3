"""The queries of sql/README.md, as they stand there, in both targets; PostgreSQL's plans are what the page says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import sql
from pipeline.publication import stores
from pipeline.publication.tables import published
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.postgres import Server
from tests.published.targets.runs import bound, checked, history, outcome

PAGE = (sql.FOLDER / "README.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## (?=\d)", PAGE, flags=re.MULTILINE)[1:]
QUERIES = {int(s.partition(".")[0]): re.findall(r"```sql\n(.*?)```", s, flags=re.DOTALL)[0] for s in SECTIONS}
RUNS = ("2011-10-02-aaaaaaaa", "2011-10-03-bbbbbbbb")
USERS, ITEMS, K = 800, 200, 30
PARAMS = {
    "user_id": "u7",
    "item_id": "i3",
    "surface": "discover",
    "segment": "country:7",
    "search": "query 7",
    "audience": "buyers",
}
VALUES = {3: {"segment": "country:nowhere"}, 7: {"segment": "heavy", "surface": "for_you"}}
CATALOGUE = "create {kind} table items as select 'i' || n as item_id, 'title' as title, n % 3 as stock from {numbers}"
YESTERDAY = """
create {kind} table yesterday as
select 'u7' as user_id, 'discover' as surface, n as rank, 'i' || (n * 2) as item_id from {numbers}
"""


def item(user: int, surface: int, rank: int) -> str:
    """Lists of one user overlap: `discover` is `for_you`, three ranks on."""
    return f"i{(user + rank + 3 * surface) % ITEMS}"


def outcomes(surfaces: tuple[str, ...]) -> list[dict[str, Any]]:
    """Eleven earlier runs on every surface."""
    return [
        outcome("everyone", bucket_kind="overall", surface=name, judged_run_id=f"2011-09-{d}-dddddddd", days=32 - d)
        for name in surfaces
        for d in range(20, 31)
    ]


def audiences() -> list[dict[str, Any]]:
    """Of every item the users whose numbers follow on its own, each with a chance that floats have exactly."""
    return [
        {"audience": name, "about": f"i{i}", "rank": r, "user_id": f"u{(i + r) % USERS}", "score": max(0, 1 - r / 64)}
        for name in ("buyers", "others")
        for i in range(ITEMS)
        for r in range(1, 121)
    ]


def write(folder: Path, run_id: str) -> Path:
    """A run large enough for the planner to look for an index."""
    surfaces = ("for_you", "discover")
    reason = {"score": 1.0, "source": "als", "reason": "because"}
    rows: dict[str, list[dict[str, Any]]] = {
        "recommendations": [
            {"surface": name, "user_id": f"u{u}", "rank": r, "item_id": item(u, s, r)} | reason
            for s, name in enumerate(surfaces)
            for u in range(USERS)
            for r in range(1, K + 1)
        ],
        "similar_items": [
            {"item_id": f"i{i}", "rank": r, "similar_item_id": f"i{(i + r) % ITEMS}", "score": 0.5 * r}
            for i in range(ITEMS)
            for r in range(1, K + 1)
        ],
        "popular_items": [
            {"segment": name, "rank": r, "item_id": f"i{r + 5}", "score": 100 - r}
            for name in ("all", "new_arrivals", *(f"country:{c}" for c in range(100)))
            for r in range(1, K + 1)
        ],
        "search_results": [
            {"query": f"query {q}", "rank": r, "item_id": f"i{q + r}", "score": 1 - r / 64}
            for q in range(200)
            for r in range(1, K + 1)
        ],
        "user_profiles": [
            {
                "user_id": f"u{u}",
                "segment": ("new", "light", "heavy")[u % 3 if u % 50 == 0 else 1],
                "top_categories": ["tea"],
                "events": u,
                "last_event_time": None,
            }
            for u in range(USERS)
        ],
        "recommendation_outcomes": outcomes(surfaces),
        "audiences": audiences(),
        "data_checks": [checked("runs", "passed")],
        "runs": history(run_id).to_pylist(),
    }
    folder.mkdir(parents=True)
    for table in published():
        complete = [{"run_id": run_id} | row for row in rows.get(table.name, [])]
        pq.write_table(pa.Table.from_pylist(complete, schema=table.schema), folder / table.file)
    return folder


@pytest.fixture(scope="module")
def databases(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """Two runs in DuckDB and in PostgreSQL, the later active; a connection to each, with the application's tables."""
    home = tmp_path_factory.mktemp("page")
    folders = {run_id: write(home / run_id, run_id) for run_id in RUNS}
    dsn = postgres.create_database("page")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NIGHTJAR_DSN", dsn)
        for kind in ("duckdb", "postgres"):
            target = stores.target(FullConfig(home=home, threads=1, publish=Publish(target=kind)))
            (home / "tables").mkdir(exist_ok=True)
            for run_id, folder in folders.items():
                target.load(run_id, folder, history(*RUNS))
                target.activate(run_id, published=True)
    with (
        duckdb.connect(str(home / "tables" / "current.duckdb"), read_only=True) as file,
        psycopg.connect(dsn, autocommit=True) as server,
    ):
        server.execute("set search_path = nightjar")
        for text in (CATALOGUE, YESTERDAY):
            file.execute(text.format(kind="temporary", numbers=f"range({ITEMS}) as t (n)"))
            server.execute(text.format(kind="temporary", numbers=f"generate_series(0, {ITEMS - 1}) as t (n)"))
        server.execute("analyze items")
        yield file, server


def params(number: int) -> dict[str, str]:
    return {k: v for k, v in (PARAMS | VALUES.get(number, {})).items() if f"${k}" in QUERIES[number]}


def in_postgres(server: Any, number: int, before: str = "") -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = server.execute(before + bound(QUERIES[number], PARAMS), params(number)).fetchall()
    return rows


@pytest.mark.parametrize("number", QUERIES)
def test_both_targets_give_the_same_rows(databases: tuple[Any, Any], number: int) -> None:
    file, server = databases
    rows = file.sql(QUERIES[number], params=params(number)).to_arrow_table()
    found = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    assert found == in_postgres(server, number)
    assert found


def test_there_are_thirteen_and_their_answers_are_right(databases: tuple[Any, Any]) -> None:
    _, server = databases
    assert list(QUERIES) == list(range(1, 14))
    mine = {rank: item(7, 1, rank) for rank in range(1, K + 1)}
    assert [(r, i) for r, i, _ in in_postgres(server, 1)] == list(mine.items())
    in_stock = [(r, i) for r, i in mine.items() if int(i[1:]) % 3]
    assert [row[:2] for row in in_postgres(server, 2)] == in_stock[:10]
    assert in_postgres(server, 3) == [(r, f"i{r + 5}") for r in range(1, 11)]
    assert [row[1] for row in in_postgres(server, 4)] == [f"i{3 + r}" for r in range(1, 13)]
    shown = {item(7, s, r) for s in (0, 1) for r in range(1, K + 1)}
    assert [row[0] for row in in_postgres(server, 5)] == [
        i for r in range(1, K + 1) if (i := f"i{r + 5}") not in shown
    ][:10]
    assert {row[0] for row in in_postgres(server, 6)} == {"light"}
    heavy = [u for u in range(0, USERS, 50) if u % 3 == 2]
    assert len(in_postgres(server, 7)) == 3 * len(heavy)
    assert in_postgres(server, 8)[0][0] == RUNS[1]
    same = [r for r, i in mine.items() if i == f"i{2 * r}"]
    assert [row[2] for row in in_postgres(server, 9)] == [r for r in mine if r not in same]
    once = [row[2] for row in in_postgres(server, 10)]
    assert sorted(once) == sorted(shown)
    assert [row[:2] for row in in_postgres(server, 12)] == [(r, f"i{7 + r}") for r in range(1, min(K, 20) + 1)]
    assert [row[:2] for row in in_postgres(server, 13)] == [(r, f"u{3 + r}") for r in range(1, 64)]
    nights = [(f"2011-09-{day}-dddddddd", 32 - day) for day in range(30, 19, -1)]
    assert [row[:2] for row in in_postgres(server, 11)] == nights


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.mark.parametrize("number", QUERIES)
def test_the_plan_is_what_the_page_says(databases: tuple[Any, Any], number: int) -> None:
    section = next(s for s in SECTIONS if s.startswith(f"{number}."))
    said = re.search(r"Plan: (.*?)\.(?:\s|$)", section, flags=re.DOTALL)
    assert said is not None
    ((plan,),) = in_postgres(databases[1], number, before="explain (analyze, format json) ")
    executed = [node for node in nodes(plan[0]["Plan"]) if node.get("Actual Loops")]
    indexed = {
        n["Relation Name"].rpartition("_")[0]
        for n in executed
        if n["Node Type"] in {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}
    }
    for table in re.findall(r"on (\w+_?\w+)", said[1].replace("and on", "on")):
        assert table in indexed, plan
    scanned = [n["Relation Name"] for n in executed if n["Node Type"] == "Seq Scan"]
    pointers = {"active_run", "runs", "items", "yesterday"}
    if "no index" not in said[1]:
        assert set(scanned) <= pointers, plan
    opened = {n["Relation Name"] for n in executed if n.get("Relation Name", "").startswith("recommendations")}
    assert opened <= {"recommendations_2"}
