"""The lists that a later night is compared with: those of the models, whatever surfaces make of them."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.judging import champion
from pipeline.publication import publish
from pipeline.settings.sections.publication import Explore, Surface
from tests.publication.test_arms import USERS, crowd, experiment
from tests.publication.test_editorial import editors, rule
from tests.small_shop import NIGHT, Shop, go

WIDE = 12
"""More than there are items, so that a list is as long as it can be."""
PLAIN = (Surface(name="for_you", k=WIDE), Surface(name="discover", repeats=False, k=WIDE))
PEOPLE, ITEMS = pa.array([f"u{u}" for u in range(USERS)]), pa.array([f"i{i}" for i in range(8)])
TRIAL = experiment(b={"ensemble": {"final": "turned"}}, c={"surfaces": {"for_you": {"diversity": 0.5}}})
SHAPED = [
    {"explore": Explore(slots=(1, 2, 4), top=6)},
    {"k": 3},
    {"max_per_category": 1},
    {"diversity": 0.5},
    {"exclude_seen_days": 3},
]


def shaped(**changes: Any) -> tuple[Surface, ...]:
    return tuple(surface.model_copy(update=changes) for surface in PLAIN)


def kept(made: Shop) -> set[str]:
    (folder,) = made.config.tables.glob("parquet/run_id=*")
    return {path.name for path in folder.glob("final.*")}


def met(made: Shop) -> dict[str, np.ndarray]:
    """The lists that a night two weeks later meets."""
    found = champion.find(champion.Setting(date(2011, 10, 20), NIGHT, PEOPLE, ITEMS, made.config), {})
    assert found is not None
    assert found.why == champion.IN_USE
    return found.lists


def require_models(lists: dict[str, np.ndarray], made: Shop) -> None:
    """The lists are the ensemble's, as deep as any metric looks."""
    for pool, rows in (("all", made.all_lists), ("new", made.new_lists)):
        assert [[item for item in row if item >= 0] for row in lists[pool].tolist()] == [list(row) for row in rows]


@pytest.mark.parametrize("changes", SHAPED, ids=lambda changes: next(iter(changes)))
def test_a_table_whose_lists_are_shaped_is_met_as_its_models_made_it(tmp_path: Path, changes: dict[str, Any]) -> None:
    made = crowd(tmp_path, surfaces=shaped(**changes))
    go(made)
    assert kept(made) == {"final.all.parquet", "final.new.parquet"}
    require_models(met(made), made)


def test_one_with_arms_too(tmp_path: Path) -> None:
    made = crowd(tmp_path, surfaces=PLAIN, experiment=TRIAL)
    go(made)
    assert kept(made) == {"final.all.parquet", "final.new.parquet"}
    require_models(met(made), made)


def test_one_that_editors_changed_too(tmp_path: Path) -> None:
    made = crowd(tmp_path, surfaces=PLAIN)
    rules = (rule("pin", "i6", surface="discover", rank=2), rule("block", "i3", surface="discover"))
    publishing = made.config.publish.model_copy(update={"editorial": editors(tmp_path, rules)})
    made.config = made.config.model_copy(update={"publish": publishing, "folder": tmp_path})
    go(made)
    assert kept(made) == {"final.new.parquet"}
    assert met(made)["new"].tolist() == [[*row, *[-1] * (5 - len(row))] for row in made.new_lists]


def test_published_lists_are_enough_where_nothing_shapes_them(tmp_path: Path) -> None:
    made = crowd(tmp_path, surfaces=PLAIN)
    go(made)
    assert kept(made) == set()
    lists = met(made)
    for pool, rows in (("all", made.all_lists), ("new", made.new_lists)):
        wanted = [[item for item in row if item != 5] for row in rows]  # 5 is sold out
        found = lists[pool].tolist()
        assert [row[: len(want)] for row, want in zip(found, wanted, strict=True)] == wanted


def test_variants_of_a_product_shape_lists_too(tmp_path: Path) -> None:
    made = crowd(tmp_path, surfaces=PLAIN)
    made.parents = ["i0", "i0", *[None] * 6]
    go(made.write())
    assert kept(made) == {"final.all.parquet", "final.new.parquet"}


def test_they_are_as_deep_as_any_metric_looks(tmp_path: Path) -> None:
    made = crowd(tmp_path, surfaces=shaped(k=2))
    shallow = made.config.evaluate.model_copy(update={"k": 3, "deep": 5})
    made.config = made.config.model_copy(update={"evaluate": shallow})
    go(made)
    assert met(made)["all"].tolist() == [list(row[:5]) for row in made.all_lists]


def test_one_surface_of_a_pool_is_enough(tmp_path: Path) -> None:
    short = Surface(name="short", k=3)
    made = crowd(tmp_path, surfaces=(*PLAIN, short))
    go(made)
    assert kept(made) == set()
    assert met(made)["all"].shape[1] > 3, "the longer one stands for the pool"
    assert publish.published_lists(made.config, publish.active_run(made.config).run_id).num_rows  # type: ignore[union-attr]
