"""The benchmark of copies, on a run of a few users."""

from pathlib import Path

import pytest

from benchmarks import copies
from benchmarks.publication import RUN_ID, K
from tests.redis_server import Server

USERS = 7


def test_every_way_is_measured_and_has_the_run(
    tmp_path: Path, redis_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = copies.COPIES["redis"].model_copy(update={"prefix": "benchmark"})
    monkeypatch.setitem(copies.COPIES, "redis", section)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_BENCHMARK", redis_server.url)
    found = copies.measure(USERS, 2, tmp_path)
    assert list(found) == ["duckdb", "redis", "delta"]
    client = redis_server.client()
    load = client.get("benchmark:active")
    assert load == f"{RUN_ID}-00000001"
    assert client.hlen(f"benchmark:{load}:recommendations:for_you") == USERS

    import duckdb
    from deltalake import DeltaTable

    lists = DeltaTable(str(tmp_path / "lakehouse" / "recommendations")).to_pyarrow_table()
    assert lists.num_rows == USERS * K
    with duckdb.connect(str(tmp_path / "tables" / "current.duckdb"), read_only=True) as tables:
        assert tables.execute("select count(*) from current_recommendations").fetchall() == [(USERS * K,)]
