"""What the DAG's shape depends on is read from the shop's file, and never an error."""

from pathlib import Path

import pytest

from pipeline.ground import shop_file


@pytest.mark.parametrize(
    ("text", "number"),
    [("shards = 4", 4), ("", 1), ("shards = 0", 1), ("shards = true", 1), ('shards = "4"', 1), ("shards = ", 1)],
)
def test_shards_are_those_of_the_file_and_one_where_it_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, number: int
) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(path))
    assert shop_file.shards() == number


def test_a_file_that_is_not_there_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_CONFIG", str(tmp_path / "none.toml"))
    assert shop_file.said() == {}
