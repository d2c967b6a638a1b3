"""A page per published table."""

import re
from collections.abc import Iterator

from markdown.extensions.toc import slugify

from docs.generate.links import ROOT
from pipeline.publication import tables
from pipeline.published.contract import RUN_ID, Column, PublishedTable
from pipeline.published.histories import HISTORIES


def published() -> tuple[PublishedTable, ...]:
    """The published tables, and what databases have beside them: the one place that says where they are declared."""
    return (*tables.published(), *HISTORIES)


def queries(table: str) -> Iterator[str]:
    """Links to the queries of sql/README.md that read a table, by what readers know it as."""
    text = (ROOT / "sql" / "README.md").read_text(encoding="utf-8")
    for section in re.split(r"^## (?=\d)", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        if re.search(rf"\b{table}\b", body):
            yield f"* [{heading}](../queries.md#{slugify(heading, '-')})"


def page(table: PublishedTable) -> str:
    """The page of a table: what a row is, its columns, how rows are found, who reads it."""
    within = "" if table.of_all_runs else "Within a run "
    found = f"{within}{_named(table.key)} is unique." if table.key else "A run has one row."
    indexes = f"PostgreSQL has an index on it, DuckDB one on `{table.index}`." if table.index else ""
    people = "Rows are about people: `nightjar forget` removes theirs from every run." if table.about_users else ""
    later = "A run published before this table existed shows none of it." if table.added_later else ""
    read = list(queries(table.view))
    rows = f"The rows of the active run are `{table.view}`."
    if table.of_all_runs:
        rows = "It has every run that the database remembers, and stands in the database alone."
    parts = [
        f"# {table.name}",
        f"{table.grain[0].upper()}{table.grain[1:]}. {rows}",
        "\n".join(["| column | type | what it holds |", "|---|---|---|", *map(_row, (RUN_ID, *table.columns))]),
        " ".join(filter(None, [found, indexes, people, later])),
        *(["## Queries that read it", "\n".join(read)] if read else []),
    ]
    return "\n\n".join(parts) + "\n"


def _row(column: Column) -> str:
    unknown = "; null where unknown" if column.nullable else ""
    return f"| `{column.name}` | {column.kind} | {column.meaning}{unknown} |"


def _named(columns: tuple[str, ...]) -> str:
    return f"({', '.join(f'`{name}`' for name in columns)})"


def overview(those: tuple[PublishedTable, ...]) -> str:
    """The page that lists all of them."""
    rows = [
        f"| [`{t.name}`]({t.name}.md) | {t.grain} | {', '.join(f'`{column.name}`' for column in t.columns)} |"
        for t in those
    ]
    text = """# The published tables

What applications read. Every night publishes a run, whole: beside the active one, checked, and then made active in one
step, so a reader sees the old run or the new one. `current_*` views show the active run. In DuckDB a run is a file and
`<home>/tables/current.duckdb` a symbolic link to the active one; [PostgreSQL](../postgresql.md) holds all kept runs in
one database; a Parquet copy is always kept beside. [Reading the tables](../queries.md) has the queries an application
runs. Every table has `run_id` first.
"""
    return "\n".join([text, "| table | what a row is | columns |", "|---|---|---|", *rows]) + "\n"
