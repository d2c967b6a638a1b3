"""How the published answers to queries have done since: what people chose after they had searched, and its rank.

Judged is one run: the newest that applications read whose horizon is over, and before there is one the oldest. A choice
counts once for a person, query and item. Its query is answered by search_results, and where that has no row of it and
there are search_terms, by their sums, as an application looks it up (docs/search.md). Of many queries a sample is
asked, always the same one. One item is right, so NDCG@10 is 1 / log2(1 + rank), and MAP@5 is 1 / rank up to the fifth.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import artifacts, sql
from pipeline.publication import query_terms, stores
from pipeline.publication.tables import search_results, search_terms
from pipeline.settings.config import Config

FILE = "search.json"
"""Of the stage `outcomes`; of a shop without queries there is none."""
MOST = 50
"""Ranks that count."""
QUERIES = 5000
"""Distinct queries that are asked at most."""
CHOICES = pa.schema([pa.field(name, pa.string()) for name in ("query", "item_id", "who")])
ASKED = pa.schema([pa.field("query", pa.string()), pa.field("term", pa.string())])
SUMS = ("ndcg", "reciprocal_rank", "average_precision")
ANSWERS = pa.schema(
    [
        pa.field("part", pa.string()),
        pa.field("choices", pa.int64()),
        pa.field("answered", pa.int64()),
        *(pa.field(name, pa.float64()) for name in SUMS),
    ]
)


@dataclass(frozen=True)
class Searched:
    """How a run's answers did.

    Attributes:
        run_id, days: which run, and of how many days the choices are.
        part: "all", "known" (in search_results) or "new".
        choices: that judge.
        no_result: share of them whose query had no answer.
        ndcg, reciprocal_rank, average_precision: means.
    """

    run_id: str
    days: int
    part: str
    choices: int
    no_result: float
    ndcg: float
    reciprocal_rank: float
    average_precision: float


def write(
    connection: Any, judged: pa.Table, nights: Sequence[Path], *, run_date: date, config: Config, out: Path
) -> None:
    """Write how the run did, where it answers queries and anybody has searched since.

    Args:
        connection: an in-memory DuckDB.
        judged: outcomes.JUDGED_RUNS.
        nights: the partitions of the stage `ingest` up to tonight.
        run_date: tonight.
        config: the horizon, the event types.
        out: receives search.json.
    """
    run = _chosen(judged, run_date, config)
    if run is None:
        return
    until = min(run_date, run["run_date"] + timedelta(days=config.horizon_days))
    since = [night for night in nights if artifacts.run_date_of(night) > run["run_date"]]
    choices = _choices(connection, since, (run["run_date"], until), config)
    if not choices.num_rows:
        return
    folder = stores.archive(config).path(run["run_id"])
    found = [asdict(row) for row in _judge(connection, choices, folder, run["run_id"], (until - run["run_date"]).days)]
    (out / FILE).write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read(outcomes: Path) -> tuple[Searched, ...]:
    """How the run did, as a whole and in its parts; nothing where there is nothing to say."""
    path = outcomes / FILE
    return tuple(Searched(**row) for row in json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else ()


def section(rows: Sequence[Searched]) -> list[tuple[str, str]]:
    """The report's part: (title, HTML)."""
    if not rows:
        return []
    head = ("queries", "choices", "no result", "NDCG@10", "MAP@5", "MRR")
    names = {"all": "all", "known": "in search_results", "new": "not in search_results"}
    lines = [
        (
            names[row.part],
            f"{row.choices:,}",
            f"{row.no_result:.1%}",
            *(f"{value:.3f}" for value in (row.ndcg, row.average_precision, row.reciprocal_rank)),
        )
        for row in rows
    ]
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    told = (
        f"Run {escape(rows[0].run_id)}: what people chose after they had searched in the {rows[0].days} days after it."
    )
    table = f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{cells}</table>"
    return [("How queries were answered", f"<p>{told}</p>{table}")]


def scalars(rows: Sequence[Searched]) -> dict[str, float]:
    """For the manifest."""
    names = ("ndcg", "reciprocal_rank", "no_result")
    return {f"search.{name}": getattr(row, name) for row in rows if row.part == "all" for name in names}


def _chosen(judged: pa.Table, run_date: date, config: Config) -> dict[str, Any] | None:
    """The run that is judged; None: none has answers that applications read."""
    archive = stores.archive(config)
    rows = [
        row
        for row in judged.to_pylist()
        if row["was_active"]
        and any(_rows(archive.path(row["run_id"]) / name.TABLE.file) for name in (search_results, search_terms))
    ]
    over = [row for row in rows if (run_date - row["run_date"]).days >= config.horizon_days]
    return over[-1] if over else next(iter(rows), None)


def _rows(path: Path) -> int:
    return pq.read_metadata(path).num_rows if path.is_file() else 0


def _choices(connection: Any, nights: Sequence[Path], days: tuple[date, date], config: Config) -> pa.Table:
    """CHOICES of the days after a night until another, that arrived in these nights."""
    if not nights:
        return CHOICES.empty_table()
    given: dict[str, Any] = {
        "partitions": [str(night / "events.parquet") for night in nights],
        "acting": sorted(name for name, kind in config.features.event_types.items() if kind.weight > 0),
        "judged_night": days[0],
        "until": days[1],
    }
    sql.execute(connection, "features/text_macros").fetchall()
    return sql.query(connection, "outcomes/search_choices", CHOICES, **given)


def _judge(connection: Any, choices: pa.Table, folder: Path, run_id: str, days: int) -> list[Searched]:
    """All choices, and those of queries that are known and that are new."""
    known = pc.unique(choices.column("query")).to_pylist()
    queries = sorted(known, key=lambda query: sha256(query.encode()).digest())
    asked = sorted(queries[:QUERIES])
    terms = [{"query": query, "term": term} for query in asked for term in query_terms.terms(query)]
    relations = {
        "sampled": choices.filter(pc.is_in(choices.column("query"), pa.array(asked, pa.string()))),
        "asked_terms": pa.Table.from_pylist(terms, schema=ASKED),
    }
    for name, table in (("results", search_results.TABLE), ("terms", search_terms.TABLE)):
        if (path := folder / table.file).is_file():
            connection.read_parquet(str(path), hive_partitioning=False).create_view(name)
        else:
            relations[name] = table.schema.empty_table()
    sql.execute(connection, "features/macros").fetchall()
    parts = sql.query(connection, "outcomes/search_answers", ANSWERS, relations, most=MOST).to_pylist()
    whole = {name: sum(part[name] for part in parts) for name in ANSWERS.names if name != "part"}
    return [_mean(part, run_id, days) for part in ({"part": "all"} | whole, *parts)]


def _mean(part: dict[str, Any], run_id: str, days: int) -> Searched:
    """The means of what was summed."""
    choices = part["choices"]
    means = {name: round(part[name] / choices, 6) for name in SUMS}
    return Searched(run_id, days, part["part"], choices, round(1 - part["answered"] / choices, 6), **means)
