"""What is read a block at a time against the whole table, whatever the row groups."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.arrays.blocks import blocks, rows_for
from pipeline.features.read import History, rows_matrix
from pipeline.ground.errors import InputError

COLUMNS = ["user_index", "item_index", "decay_90"]
RNG = np.random.default_rng(3)
DENSE = np.where(RNG.random((60, 9)) < 0.3, RNG.random((60, 9)), 0).astype(np.float32)
DENSE[[5, 59]] = 0  # users without a history


@pytest.fixture(params=[1, 7, 1000], ids=lambda rows: f"{rows} rows a group")
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    users, items = DENSE.nonzero()
    columns = [users.astype(np.int32), items.astype(np.int32), DENSE[users, items]]
    pq.write_table(pa.table(columns, names=COLUMNS), tmp_path / "x.parquet", row_group_size=request.param)
    return tmp_path / "x.parquet"


def dense(table: pa.Table, users: np.ndarray) -> np.ndarray:
    values = table.column("decay_90").to_numpy()
    return np.asarray(rows_matrix(table, values, users, DENSE.shape[1]).toarray())


@pytest.mark.parametrize("size", [1, 13, 60])
def test_blocks_of_users_are_the_rows_of_the_whole(path: Path, size: int) -> None:
    with History(path, COLUMNS) as history:
        assert history.rows == np.count_nonzero(DENSE)
        for block in blocks(60, size):
            users = np.arange(60)[block]
            assert (dense(history.of(users), users) == DENSE[users]).all()


@pytest.mark.parametrize("users", [[], [5], [0, 5, 31, 58, 59], list(range(0, 60, 2))], ids=str)
def test_scattered_users_are_the_rows_of_the_whole(path: Path, users: list[int]) -> None:
    chosen = np.array(users, dtype=np.int64)
    for read in (History.of, History.among):
        with History(path, COLUMNS) as history:
            assert (dense(read(history, chosen), chosen) == DENSE[chosen]).all()


def test_only_the_row_groups_of_the_block_are_held(path: Path) -> None:
    with History(path, COLUMNS) as history:
        history.of(np.arange(60))
        most = len(history._read)
        history.of(np.array([30]))
        assert len(history._read) <= min(most, 1 + np.count_nonzero(DENSE[30]))


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run stage 'features' first"):
        History(tmp_path / "interactions.parquet", COLUMNS)


@pytest.mark.parametrize(("width", "rows"), [(1, 100), (10, 100), (50, 20), (2000, 1), (0, 100)])
def test_rows_for_a_budget_of_cells(width: int, rows: int) -> None:
    assert rows_for(width, 100, cells=1000) == rows
