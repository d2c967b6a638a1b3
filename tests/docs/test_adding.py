"""The pages on adding something, as written: the modules are made, the lines added, and the rest follows."""

import shutil
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline import sources
from pipeline.ground import artifacts, lists, sql
from pipeline.operations import stages
from pipeline.publication import tables
from pipeline.settings.sections import checks
from pipeline.sources import configuration
from tests.conftest import ROOT
from tests.docs.pages import blocks
from tests.small_shop import go
from tests.small_shop import shop as small_shop
from tests.sources import shop


def test_the_source_of_the_page_finds_the_missing_square(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, line, test = blocks((ROOT / "docs/adding/source.md").read_text(encoding="utf-8"), "python")
    module = ModuleType("pipeline.sources.together")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "together.py", "exec"), module.__dict__)
    for name, reads in eval(f"{{{line}}}").items():
        monkeypatch.setitem(sources.SOURCES, name, reads)
        monkeypatch.setitem(stages.STAGES, name, module.__name__)
    full = configuration._with_sections(tuple(sources.SOURCES))
    monkeypatch.setattr(shop, "FullConfig", full)
    known = {"Path": Path, "shop": shop, "stages": stages, "lists": lists, "artifacts": artifacts}
    exec(test, known)
    known["test_checkerboard_gives_back_the_missing_square"](tmp_path)


def test_the_table_of_the_page_is_published_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/adding/table.md").read_text(encoding="utf-8")
    (code, line), (check,) = blocks(page, "python"), blocks(page, "sql")
    module = ModuleType("pipeline.publication.tables.item_titles")
    exec(compile(code, "item_titles.py", "exec"), module.__dict__)
    assert line == f'NAMES = (..., "{module.TABLE.name}")\n'
    monkeypatch.setattr(tables, "PUBLISHED", (*tables.PUBLISHED, module))
    folder = shutil.copytree(sql.FOLDER, tmp_path / "sql")
    (folder / "checks" / "tables" / "item_titles.sql").write_text(check)
    monkeypatch.setattr(sql, "FOLDER", folder)
    monkeypatch.setattr(checks, "FOLDER", folder / "checks")
    made = small_shop(tmp_path / "home")
    config = made.config.model_copy(update={"checks": checks.Checks()})
    made.config = config
    run_id = go(made.write())["run_id"]
    titles = pq.read_table(config.tables / "parquet" / f"run_id={run_id}" / "item_titles.parquet").to_pylist()
    assert [row["item_id"] for row in titles] == sorted(row["item_id"] for row in titles)
    assert len(titles) > 0


def test_the_input_of_the_page_is_a_table_and_its_statement_casts_to_it() -> None:
    page = (ROOT / "docs/adding/input.md").read_text(encoding="utf-8")
    (code, line, _), (statement,) = blocks(page, "python"), blocks(page, "sql")
    made: dict[str, Any] = {}
    exec(code, made)
    table = made["MEMBERS"]
    assert line == "INPUTS = (..., MEMBERS)\n"
    with duckdb.connect() as connection:
        connection.execute(
            "create table mapped_members as "
            "select 'u1' as user_id, ' Gold ' as club, '2011-01-04' as arrived_at, 'a' as _file"
        )
        connection.execute(
            "create table log_files as "
            "select 'a' as _file, date '2011-01-03' as first_day, date '2011-01-03' as last_day"
        )
        for arrival, night in (("arrived_at", date(2011, 1, 4)), ("file", date(2011, 1, 3))):
            found = connection.execute(statement, {"arrival": arrival})
            assert [column[0] for column in found.description or ()] == ["arrival", *table.schema.names]
            assert found.fetchall() == [(night, "u1", "Gold")]
