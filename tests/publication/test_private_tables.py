"""`popular_items` and `similar_items` that see people through noise only: nothing else moves a byte of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.publication import publish
from pipeline.settings.sections.privacy import Privacy
from pipeline.sources import private_counts
from tests.small_shop import Shop, go, shop

NOISED = np.array([3.5, 9.25, -2.0, 4.0, 8.0, 100.0, 0.5, 7.0])
BUDGET = {"epsilon_budget": 10.0}


def published(
    home: Path, counts: np.ndarray | None = NOISED, *, privacy: dict[str, Any], noised: bool = True, **changes: Any
) -> Shop:
    made = shop(home, **changes)
    section = made.config.publish.model_copy(update={"popular_k": 6})
    made.config = made.config.model_copy(update={"privacy": Privacy(**BUDGET, **privacy), "publish": section})
    folders, counted = made.write().folders(), made.folder("popularity")
    if made.config.privacy.enabled:
        als = artifacts.read_manifest(made.folder("als")) | {"report": {"epsilon_spent": 3.0}}
        artifacts.write_manifest(made.folder("als"), als)
    if made.config.privacy.texts and noised:
        texts = artifacts.read_manifest(made.folder("language_model")) | {"report": {"epsilon_spent": 3.0}}
        artifacts.write_manifest(made.folder("language_model"), texts)
    counted.mkdir(parents=True)
    if counts is not None:
        np.save(counted / private_counts.FILE, counts)
    artifacts.write_manifest(counted, {"stage": "popularity", "files": artifacts.describe(counted), "report": {}})
    folders["sources"] |= {"popularity": counted}
    out = made.config.lake / "publish" / f".run_date={made.night}.partial"
    out.mkdir(parents=True)
    publish.run(**folders, run_date=made.night, config=made.config, out=out)
    return made


def rows(made: Shop, table: str) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    return pq.read_table(run.folder / f"{table}.parquet").drop(["run_id"]).to_pylist()


def test_popular_items_are_those_of_the_noised_counts(tmp_path: Path) -> None:
    found = rows(published(tmp_path, privacy={"epsilon_popular": 1.0}), "popular_items")
    of_all = [(row["item_id"], row["score"]) for row in found if row["segment"] == "all"]
    assert of_all == [("i1", 9.25), ("i4", 8.0), ("i7", 7.0), ("i3", 4.0), ("i0", 3.5), ("i6", 0.5)]  # i5 is sold out
    assert [row["item_id"] for row in found if row["segment"] == "new_arrivals"] == ["i4"]
    assert {row["segment"] for row in found} == {"all", "new_arrivals"}


def test_nothing_that_people_did_moves_popular_items(tmp_path: Path) -> None:
    others = {
        "bought": [(0, 3, 5, 1), (1, 6, 2, 1), (2, 6, 1, 0)],
        "buyers": [0, 0, 1, 90, 3, 0, 20, 7],
        "trend": [9.0, 1.0, 7.0, 3.0, 1.0, 1.0, 1.0, 1.0],
        "lifetime_hours": 30.0,
    }
    asked = {"epsilon_popular": 1.0}
    mine, theirs = published(tmp_path / "a", privacy=asked), published(tmp_path / "b", privacy=asked, **others)
    assert rows(mine, "popular_items") == rows(theirs, "popular_items")


def test_nothing_but_the_factors_moves_similar_items(tmp_path: Path) -> None:
    asked = {"epsilon_per_fit": 3.0, "similar_items": True}
    plain = shop(tmp_path)
    others = {"buyers": [0, 0, 1, 90, 3, 0, 20, 7], "vectors": plain.vectors[::-1].copy()}
    mine, theirs = (published(tmp_path / n, privacy=asked, **o) for n, o in (("a", {}), ("b", others)))
    found = rows(mine, "similar_items")
    assert found == rows(theirs, "similar_items")
    assert {row["item_id"] for row in found} == {"i0", "i1", "i2", "i3", "i5", "i6"}  # i4 and i7 have no factors
    assert [row["reason"] for row in rows(mine, "recommendations")] == [
        row["reason"] for row in rows(published(tmp_path / "d", privacy={}), "recommendations")
    ]
    other = published(tmp_path / "c", privacy=asked, factors=plain.factors[::-1].copy())
    assert rows(other, "similar_items") != found


def test_noised_texts_fill_in_where_there_are_no_factors(tmp_path: Path) -> None:
    asked = {"epsilon_texts": 1.0, "similar_items": True}
    others = {"buyers": [0, 0, 1, 90, 3, 0, 20, 7]}
    both = rows(published(tmp_path / "both", privacy=asked | {"epsilon_per_fit": 3.0}), "similar_items")
    assert {row["item_id"] for row in both} == {f"i{n}" for n in range(8)}
    by_factors = rows(
        published(tmp_path / "f", privacy={"epsilon_per_fit": 3.0, "similar_items": True}), "similar_items"
    )
    assert [row for row in both if row["item_id"] not in ("i4", "i7")] == by_factors
    alone = rows(published(tmp_path / "a", privacy=asked), "similar_items")
    factors = {"factors": shop(tmp_path).factors[::-1].copy()}
    assert alone == rows(published(tmp_path / "b", privacy=asked, **others, **factors), "similar_items")
    assert [row for row in alone if row["item_id"] in ("i4", "i7")] == [
        row for row in both if row["item_id"] in ("i4", "i7")
    ]


def test_texts_of_an_encoder_without_noise_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"language_model.* was made before .privacy. asked for noise"):
        published(tmp_path, privacy={"epsilon_texts": 1.0, "similar_items": True}, noised=False)


def test_without_the_counts_there_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"private_counts\.npy is missing: run stage 'popularity' again"):
        published(tmp_path, None, privacy={"epsilon_popular": 1.0})


def test_a_shop_that_promises_nothing_reads_no_noise(tmp_path: Path) -> None:
    made = replace(published(tmp_path, privacy={}))
    assert next(row for row in rows(made, "popular_items"))["score"] == 9.0


@pytest.mark.parametrize("most", [0, 5])
def test_queries_that_no_noise_chose_are_refused(tmp_path: Path, most: int) -> None:
    """The features are from before noise was asked for; with `search_terms`, and without."""
    made = shop(tmp_path)
    section = made.config.publish.model_copy(update={"search_terms": most})
    asked = Privacy(epsilon_queries=1.0, **BUDGET)
    made.config = made.config.model_copy(update={"privacy": asked, "publish": section})
    made.write()
    with pytest.raises(InputError, match=r"features.* was made before .privacy. asked for noise"):
        go(made)
