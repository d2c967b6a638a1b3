"""The lists that a later night is compared with: those of a table that draws nothing and tries nothing."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.judging import champion
from pipeline.publication import publish
from pipeline.publication.tables.recommendations import TABLE
from pipeline.settings.sections.publication import Explore, Surface
from tests.publication.test_arms import USERS, crowd, experiment
from tests.publication.test_editorial import editors, rule
from tests.small_shop import NIGHT, Shop, go

PLAIN = (Surface(name="for_you", k=4), Surface(name="discover", repeats=False, k=4))
DRAWN = Explore(slots=(1, 2, 4), share=1.0, top=6)


def lists(made: Shop) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    order = [("surface", "ascending"), ("user_id", "ascending"), ("rank", "ascending")]
    found: list[dict[str, Any]] = publish.published_lists(made.config, run.run_id).sort_by(order).to_pylist()
    return found


def shown(made: Shop) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    table = pq.read_table(run.folder / TABLE.file, columns=["surface", "user_id", "rank", "item_id"])
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def drawing(surface: Surface) -> Surface:
    return surface.model_copy(update={"explore": DRAWN})


def test_a_table_that_draws_is_compared_by_what_it_would_show_without(tmp_path: Path) -> None:
    made = crowd(tmp_path / "drawn", surfaces=(PLAIN[0], drawing(PLAIN[1])))
    plain = crowd(tmp_path / "plain", surfaces=PLAIN)
    for one in (made, plain):
        go(one)
    assert shown(made) != shown(plain) == lists(plain)
    assert lists(made) == lists(plain)
    files = {path.name for path in made.config.tables.rglob("undrawn.*")}
    assert files == {"undrawn.discover.parquet"}
    assert not list(plain.config.home.rglob("undrawn.*"))


def test_a_table_with_arms_is_compared_by_what_it_would_show_everybody(tmp_path: Path) -> None:
    trial = experiment(b={"ensemble": {"final": "turned"}}, c={"surfaces": {"for_you": {"explore": {"slots": [1, 2]}}}})
    made = crowd(tmp_path / "arms", surfaces=PLAIN, experiment=trial)
    plain = crowd(tmp_path / "plain", surfaces=PLAIN)
    for one in (made, plain):
        go(one)
    assert shown(made) != shown(plain)
    assert lists(made) == lists(plain)


def test_what_editors_pinned_is_in_neither(tmp_path: Path) -> None:
    rules = (rule("pin", "i6", surface="discover", rank=2), rule("block", "i3", surface="discover"))
    found = []
    for name, surfaces in (("drawn", (PLAIN[0], drawing(PLAIN[1]))), ("plain", PLAIN)):
        made = crowd(tmp_path / name, surfaces=surfaces)
        publishing = made.config.publish.model_copy(update={"editorial": editors(tmp_path / name, rules)})
        made.config = made.config.model_copy(update={"publish": publishing, "folder": tmp_path / name})
        go(made)
        found.append(lists(made))
    assert found[0] == found[1]
    rows = [row for row in found[0] if row["surface"] == "discover"]
    assert rows
    assert not [row for row in rows if row["item_id"] in ("i3", "i6")]


def test_they_are_the_same_in_blocks_and_in_other_processes(tmp_path: Path) -> None:
    surfaces = tuple(map(drawing, PLAIN))
    one = crowd(tmp_path / "one", surfaces=surfaces)
    many = crowd(tmp_path / "many", surfaces=surfaces, workers=2, block_users=7)
    files = []
    for made in (one, many):
        go(made)
        (folder,) = made.config.tables.glob("parquet/run_id=*")
        files.append([(folder / f"undrawn.{surface.name}.parquet").read_bytes() for surface in PLAIN])
    assert files[0] == files[1]


@pytest.mark.parametrize("surfaces", [PLAIN, tuple(map(drawing, PLAIN))], ids=["plain", "drawn"])
def test_the_gate_meets_them_as_the_table_that_was_in_use(tmp_path: Path, surfaces: tuple[Surface, ...]) -> None:
    made = crowd(tmp_path, surfaces=surfaces)
    go(made)
    people, items = pa.array([f"u{u}" for u in range(USERS)]), pa.array([f"i{i}" for i in range(8)])
    setting = champion.Setting(date(2011, 10, 20), NIGHT, people, items, made.config)
    found = champion.find(setting, {})
    assert found is not None
    assert found.why == champion.IN_USE
    for pool, rows in (("all", made.all_lists), ("new", made.new_lists)):
        wanted = [[item for item in row if item != 5][:4] for row in rows]  # 5 is sold out
        met = found.lists[pool][:, :4].tolist()
        assert [row[: len(want)] for row, want in zip(met, wanted, strict=True)] == wanted
