"""Databases of older versions, each as a file of statements: <target>_<SCHEMA_VERSION>.sql.

Whoever raises SCHEMA_VERSION adds the files of the version before: what its statements make, and a run's rows.
"""

import os
from pathlib import Path

from tests.published.targets.runs import A, Shop

FOLDER = Path(__file__).parent


def make_older(shop: Shop, version: int = 0) -> None:
    """Give a shop without runs the database of an older version, in which the run A is active."""
    statements = (FOLDER / f"{shop.kind}_{version}.sql").read_text()
    if shop.kind == "duckdb":
        import duckdb

        path = shop.config.tables / "runs" / f"{A}.duckdb"
        path.parent.mkdir(parents=True)
        with duckdb.connect(str(path)) as file:
            file.execute("set timezone = 'UTC'").fetchall()
            for statement in filter(str.strip, statements.split(";\n")):
                file.execute(statement).fetchall()
        shop.target.activate(A, published=True)
    else:
        import psycopg

        with psycopg.connect(os.environ["NIGHTJAR_DSN"]) as connection:
            for statement in filter(str.strip, statements.split(";\n")):
                connection.execute(statement.encode())
