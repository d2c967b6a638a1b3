"""The table `search_terms`: its sums are a query's scores, whatever the query; the documents' look-up finds them."""

import re
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.sparse import csr_matrix

from pipeline.operations import show
from pipeline.publication import publish, query_terms
from pipeline.publication.tables import search_terms
from tests.conftest import ROOT
from tests.small_shop import Shop, go, shop

ASKED: dict[str, Any] = {
    "queries": [("mug", {0: 3, 5: 9}), ("pekoe", {2: 8})],
    "query_vectors": np.array([[1, 0.1, 0], [0, 1, 0]]),
}
QUERIES = [
    "mug",
    "red mgu",
    "TEAPOT",
    "pekoe",
    "gardn gnome",
    "xyzzy",
    "",
    "box sold",
    "\u0930\u093f\u092e",
    "PEKOE\ufe0f \u0130\u200d",
]
HOSTILE = "'; drop table search_terms; -- <b>%s $k</b> \u0130\U0001f3ba"


def published(home: Path, most: int = 50, **changes: Any) -> Shop:
    made = shop(home, **changes)
    section = made.config.publish.model_copy(update={"search_terms": most})
    made.config = made.config.model_copy(update={"publish": section})
    made.write()
    go(made)
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return published(tmp_path_factory.mktemp("terms"), **ASKED)


def rows(made: Shop) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    return pq.read_table(run.folder / "search_terms.parquet").to_pylist()


def documented() -> Any:
    """The look-up of docs/search.md."""
    text = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n# look-up\n(.*?)```", text, flags=re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    return found["look_up"]


@pytest.mark.parametrize(
    "query",
    [
        "mug",
        "red mgu",
        "TEAPOT",
        "pekoe",
        "gardn gnome",
        "xyzzy",
        HOSTILE,
        "",
        "box sold",
        "\u0930\u093f\u092e",
        "PEKOE\ufe0f \u0130\u200d",
    ],
)
def test_the_documented_look_up_finds_the_scores(made: Shop, query: str) -> None:
    choices = csr_matrix(np.array([[3, 0, 0, 0, 0, 9, 0, 0], [0, 0, 8, 0, 0, 0, 0, 0]], dtype=np.float32))
    scores = query_terms.fit(made.titles, ["mug", "pekoe"], choices).scores([query]).toarray()[0]
    expected = {
        f"i{i}": score + 0.6 * np.log(made.buyers[i] + 1) for i, score in enumerate(scores) if score > 0 and i != 5
    }
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as connection:
        found = documented()(connection, query)
    assert [item for item, _ in found] == sorted(expected, key=lambda item: -expected[item])
    np.testing.assert_allclose([score for _, score in found], sorted(expected.values(), reverse=True), rtol=1e-5)


def test_an_item_is_found_by_what_people_call_it(made: Shop) -> None:
    with duckdb.connect(str(made.config.tables / "current.duckdb"), read_only=True) as connection:
        assert documented()(connection, "pekoe tee")[0][0] == "i2"


def test_it_holds_only_what_may_be_shown_sorted(made: Shop) -> None:
    found = rows(made)
    assert "i5" not in {row["item_id"] for row in found}
    assert found == sorted(found, key=lambda row: (row["term"], row["rank"]))
    mugs = [row["item_id"] for row in found if row["term"] == " mug "]
    assert mugs == ["i0", "i1"]


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    found = rows(published(tmp_path, most=1))
    assert {row["rank"] for row in found} == {1}
    assert len(found) == len({row["term"] for row in found})


def test_pieces_have_the_rows_of_the_whole(made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_terms, "ROWS", 7)
    again = published(tmp_path, **ASKED)
    whole, pieces = ([{**row, "run_id": ""} for row in rows(one)] for one in (made, again))
    assert whole == pieces


def test_without_queries_titles_are_found(tmp_path: Path) -> None:
    bare = published(tmp_path, queries=(), query_vectors=None)
    with duckdb.connect(str(bare.config.tables / "current.duckdb"), read_only=True) as connection:
        assert documented()(connection, "teapott")[0][0] == "i2"


def test_a_shop_that_does_not_ask_has_no_such_table(tmp_path: Path) -> None:
    run_of = shop(tmp_path).write()
    go(run_of)
    run = publish.active_run(run_of.config)
    assert run is not None
    assert not (run.folder / "search_terms.parquet").exists()


def test_a_person_at_a_terminal_sees_the_answers_to_any_query(made: Shop, tmp_path: Path) -> None:
    words = show.search(made.config, "  Pekoe   TEE ").splitlines()
    assert words[0].startswith('search_terms for "pekoe tee"')
    assert "TEA POT" in words[2]
    assert show.search(made.config, "mug").startswith('search_results for "mug"')
    assert "nobody" in show.search(made.config, "xyzzy")
    plain = shop(tmp_path).write()
    go(plain)
    assert "nobody" in show.search(plain.config, "tea")
