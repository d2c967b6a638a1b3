"""Tables that do not fit in memory lie in a file while a stage runs, and change nothing that it writes."""

import shutil
from pathlib import Path

import pytest

from pipeline.engine import duck_tables
from pipeline.engine.tables import tables
from pipeline.ground import sql
from tests.engine import whole_shop


@pytest.mark.slow
def test_a_stage_writes_the_same_files_where_its_tables_lie_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory, in_file = whole_shop.config_of(tmp_path / "memory"), whole_shop.config_of(tmp_path / "file")
    whole_shop.write(in_memory)
    shutil.copytree(in_memory.lake / "ingest", in_file.lake / "ingest")
    files: list[Path | None] = []
    connect = sql.connect

    def watched(*args: object) -> object:
        files.append(args[4] if isinstance(args[4], Path) else None)
        return connect(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(sql, "connect", watched)
    made = whole_shop.features_of(in_memory)
    monkeypatch.setattr(duck_tables, "EVENT_BYTES", 2**40)
    assert whole_shop.features_of(in_file) == made
    assert files[0] is None
    assert files[1] is not None
    assert len(made) > 10


def test_the_file_is_there_while_it_is_needed_and_gone_after(tmp_path: Path) -> None:
    config = whole_shop.config_of(tmp_path / "home")
    most = config.memory_limit_mb * 2**20 // duck_tables.EVENT_BYTES
    for events, expected in ((most, []), (most + 1, [".tables.duckdb"])):
        with tables(config, tmp_path, events) as made:
            made.execute("features/macros")
            assert [path.name for path in tmp_path.glob(".tables.duckdb")] == expected
    assert not list(tmp_path.glob(".tables*"))
