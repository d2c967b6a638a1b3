"""The macros of sql/features/macros.sql give the same bits on both engines, whatever the sizes and signs."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.engine import spark
from pipeline.engine.tables import tables
from pipeline.ground import sql
from pipeline.settings.config import Config
from tests.engine.cluster import require_spark

pytestmark = pytest.mark.slow
QUERY = """
select g, whole(sum(units(x))) as total, whole(sum(units(x)) filter (where x < 0)) as below, middle(x) as median,
    whole(sum_of_units(x)) as halved
from given
group by g
order by g
"""
SCHEMA = pa.schema([("g", pa.int64()), *((name, pa.float64()) for name in ("total", "below", "median", "halved"))])
EDGES = (0.0, -0.0, 1e9, -1e9, 2**-60, -(2**-60), -1e-19, 0.5, -0.5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """sql/ with the macros and a statement of the test's own."""
    (tmp_path / "features").mkdir()
    for name in ("macros", "text_macros"):
        shutil.copy(sql.FOLDER / "features" / f"{name}.sql", tmp_path / "features")
    (tmp_path / "sums_of_the_test.sql").write_text(QUERY, encoding="utf-8")
    monkeypatch.setattr(sql, "FOLDER", tmp_path)
    return tmp_path


def test_sums_and_medians_have_the_same_bits(folder: Path) -> None:
    require_spark()
    rng = np.random.default_rng(1)
    size = 10.0 ** rng.integers(-20, 9, 50_000)
    values = np.concatenate([rng.normal(size=len(size)) * size, EDGES])
    given = pa.table({"g": rng.integers(0, 5_000, len(values)), "x": values})
    found = []
    for engine in ("local", "spark"):
        cluster = {"master": "local[2]", "partitions": 2, "sql_from_events": 50_000}
        config = Config.model_validate({"engine": engine, "spark": cluster})
        with tables(config, folder, len(values)) as where:
            where.execute("features/macros")
            found.append(where.query("sums_of_the_test", SCHEMA, {"given": given}))
    spark.session(config).stop()
    assert found[0].column("halved").equals(found[0].column("total"))
    for name in SCHEMA.names:
        local, on_spark = (table[name].combine_chunks().fill_null(-1.25).view(pa.int64()) for table in found)
        assert local.equals(on_spark), name
