"""Rows of a night against loops over its tables, and what --config and --home come to."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import nights

ROWS = nights.Rows({"ann": 0, "bob": 1}, {"a": 0, "b": 1, "c": 2})
LOG = pa.table(
    {
        "user_id": ["bob", "ann", "eve", "bob", "bob", "ann"],
        "item_id": ["c", "a", "a", "c", "x", "b"],
        "time": [datetime(1970, 1, day, 12) for day in (3, 2, 2, 3, 2, 2)],
    }
)


def test_a_matrix_counts_the_rows_of_known_users_and_items() -> None:
    assert ROWS.matrix(LOG).toarray().tolist() == [[1, 1, 0], [0, 0, 2]]
    assert ROWS.matrix(LOG.slice(2, 1)).toarray().tolist() == [[0, 0, 0], [0, 0, 0]]


def test_actions_are_distinct_and_those_on_hidden_items_are_left_out() -> None:
    assert ROWS.actions(LOG, np.array([False, True, False])).tolist() == [[0, 0, 1], [1, 2, 2]]


def test_the_configuration_is_the_named_one_and_the_home_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path / "environment"))
    parser = nights.arguments("said")
    plain = nights.settings_of(parser.parse_args(["2011-05-08"]), {"fine_tune": {"steps": 7}})
    assert (plain.folder, plain.home, plain.fine_tune.steps) == (nights.EXAMPLE.parent, tmp_path / "environment", 7)
    deskdrop = nights.EXAMPLE.parents[1] / "deskdrop" / "pipeline.toml"
    named = nights.settings_of(parser.parse_args(["2016-10-02", "--config", str(deskdrop), "--home", str(tmp_path)]))
    assert (named.folder, named.home) == (deskdrop.parent, tmp_path)
