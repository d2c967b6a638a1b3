"""Surfaces that keep the mix of what their users did, on a small shop, against lists and measures made by hand."""

import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import read_cutoffs
from pipeline.ground.errors import InputError
from pipeline.publication import mixing, publish
from pipeline.publication.mixing import PRIOR, Histories
from pipeline.settings.sections.data import InputFiles
from pipeline.settings.sections.publication import Allot, Explore, Surface
from pipeline.sources.configuration import load
from tests.mixed_by_hand import by_hand, far
from tests.small_shop import Shop, go, shop

CATEGORIES = ["mugs", "mugs", "pots", "gnomes", "pots", "boxes", None, ""]
NEW = [[1, 4, 6], [0, 4], [0]]
LISTS = [[0, 1, 6, 2, 3, 4], [2, 4, 3, 0, 7], [3, 6, 4, 1, 2]]
HISTORY = [(0, 0, 5, 20), (0, 2, 1, 3), (1, 2, 2, 10), (1, 3, 1, 4), (1, 5, 1, 4), (2, 6, 1, 2)]
"""What u2 did has no category, and i5 is sold out: nothing with its category can be shown."""
NAMES: list[str | None] = ["mugs", "pots", "gnomes"]
WEIGHTS = [2.0, 1.0, 0.5, 3.0, 9.0, 1.0]
K = 4


SURFACES = (
    Surface(name="plain", k=K),
    Surface(name="soft", k=K, calibrated_mix=0.3),
    Surface(name="firm", k=K, calibrated_mix=0.95),
    Surface(name="discover", k=K, repeats=False),
    Surface(name="ruled", k=K, calibrated_mix=0.5, long_tail=0.5, max_per_category=1, explore=Explore(slots=(3,))),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop with decayed weights, published on SURFACES; editors pin i4 on one."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "editors.csv").write_text("kind,surface,item_id,rank\npin,ruled,i4,1\n")
    (folder / "editors.sql").write_text("select * from raw")
    found = shop(folder, categories=CATEGORIES, all_lists=LISTS, new_lists=NEW, bought=HISTORY)
    section = found.config.publish.model_copy(update={"editorial": InputFiles(files="editors.csv", sql="editors.sql")})
    found.config = found.config.model_copy(update={"publish": section, "folder": folder, "surfaces": SURFACES})
    weighed(found.write())
    go(found)
    return found


def weighed(found: Shop, weights: list[float] = WEIGHTS) -> None:
    path = found.folder("features") / f"cutoff={found.night}" / "interactions.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("confidence")
    table = table.set_column(place, table.schema.field("confidence"), pa.array(weights, pa.float32()))
    pq.write_table(table, path, row_group_size=2)  # u1's rows are in two groups


def rows(found: Shop, table: str) -> list[dict[str, Any]]:
    run = publish.active_run(found.config)
    assert run is not None
    return list(pq.read_table(run.folder / f"{table}.parquet").to_pylist())


def lists(found: Shop, surface: str) -> dict[str, list[int]]:
    named: dict[str, list[int]] = defaultdict(list)
    for row in rows(found, "recommendations"):
        if row["surface"] == surface:
            named[row["user_id"]].append(int(row["item_id"].removeprefix("i")))
    return named


def mixes() -> list[dict[str, float]]:
    """p of each user, by hand, drawn to everybody's as PRIOR has it."""
    own: list[dict[str, float]] = [defaultdict(float) for _ in LISTS]
    squares = [0.0] * len(LISTS)
    for (user, item, _, _), weight in zip(HISTORY, WEIGHTS, strict=True):
        if (name := CATEGORIES[item]) and name != "boxes":
            own[user][name] += weight
            squares[user] += weight**2
    totals = [sum(mix.values()) for mix in own]
    shares = [{c: w / total for c, w in mix.items()} for mix, total in zip(own, totals, strict=True)]
    everybody = {c: sum(mix.get(c, 0) for mix in shares[:2]) / 2 for c in NAMES}
    items = [total**2 / square if square else 0 for total, square in zip(totals, squares, strict=True)]
    return [
        {c: (n * mix.get(c, 0) + PRIOR * everybody[c]) / (n + PRIOR) for c in NAMES} if n else {}
        for n, mix in zip(items, shares, strict=True)
    ]


def code(item: int) -> int:
    """A number of the item's category, -1 for none that counts."""
    return NAMES.index(CATEGORIES[item]) if CATEGORIES[item] in NAMES else -1


def numbered(wanted: dict[str, float]) -> dict[int, float]:
    return {NAMES.index(name): share for name, share in wanted.items()}


def metrics(found: Shop) -> dict[str, float]:
    return dict(json.loads(rows(found, "runs")[0]["metrics"]))


@pytest.mark.parametrize("surface", SURFACES[:3], ids=lambda surface: surface.name)
def test_lists_are_those_that_a_hand_would_make(made: Shop, surface: Surface) -> None:
    found = lists(made, surface.name)
    chance = np.linspace(1, 0.5, max(map(len, LISTS))).astype(np.float32)  # small_shop's, of each place
    unit = float(chance[:K].mean())  # what lists show without a mix, all alike
    for user, (row, wanted) in enumerate(zip(LISTS, mixes(), strict=True)):
        values = [float(c) / unit for c in chance[: len(row)]]
        order = by_hand(values, [code(item) for item in row], numbered(wanted), surface.calibrated_mix, k=K)
        assert found[f"u{user}"] == [row[place] for place in order]
    assert found["u2"] == LISTS[2][:K], "who did nothing that has a category keeps the list"
    assert (found["u0"] == LISTS[0][:K]) == (surface.name == "plain")


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_scores_do_not_rise(made: Shop, surface: Surface) -> None:
    for user in ("u0", "u1", "u2"):
        shown = [
            row for row in rows(made, "recommendations") if (row["user_id"], row["surface"]) == (user, surface.name)
        ]
        scores = [row["score"] for row in shown]
        assert scores == sorted(scores, reverse=True)


def test_prices_caps_pins_and_slots_go_with_it(made: Shop) -> None:
    for items in lists(made, "ruled").values():
        assert items[0] == 4
        of = [code(item) for place, item in enumerate(items, 1) if place not in (1, 3)]  # pinned, drawn
        assert all(of.count(one) == 1 for one in of if one >= 0)


def test_every_night_says_how_far_lists_are(made: Shop) -> None:
    said, far_of = metrics(made), {}
    for surface in SURFACES[:4]:
        of = lists(made, surface.name)
        each = [
            far(numbered(wanted), [code(item) for item in of[f"u{user}"]])
            for user, wanted in enumerate(mixes())
            if wanted
        ]
        pool = "all" if surface.repeats else "new"
        far_of[surface.name] = said[f"{pool}.{surface.name}.miscalibration"]
        assert far_of[surface.name] == pytest.approx(np.mean(each), abs=1e-6)
    assert far_of["firm"] < far_of["plain"]


def test_a_history_in_parts_is_summed_by_user_and_category(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    bought = sorted({(int(u), int(i), 1, 1.0) for u, i in rng.integers(0, (5, 8), (30, 2))})
    found = shop(tmp_path, bought=bought, all_lists=[[0]] * 5, new_lists=[[0]] * 5).write()
    weights = rng.choice([0, 0.5, 1, 4], len(bought)).tolist()
    weighed(found, weights)
    groups = np.array([0, 1, 1, -1, 2, 0, -1, 2], dtype=np.int32)
    some = np.array([1, 2, 4])
    (cutoff,) = read_cutoffs(found.folder("features"))
    whole, asked = Histories.read(cutoff, groups), Histories.read(cutoff, groups, some)
    assert asked.shares.toarray().tolist() == whole.shares[some].toarray().tolist()
    assert asked.items.tolist() == whole.items[some].tolist()
    for user in range(5):
        mine = [(groups[i], w) for (u, i, *_), w in zip(bought, weights, strict=True) if u == user and groups[i] >= 0]
        total = sum(w for _, w in mine)
        wanted = [sum(w for c, w in mine if c == code) / total if total else 0 for code in range(3)]
        assert whole.shares[user].toarray()[0] == pytest.approx(wanted)
        assert whole.items[user] == pytest.approx(total**2 / sum(w**2 for _, w in mine) if total else 0)
    assert whole.wanted(np.arange(5)).sum(axis=1) == pytest.approx((whole.items > 0).astype(float))


def test_only_categories_that_the_surface_can_show_count() -> None:
    words = pa.chunked_array([["a", "b", None, "", "a", "c"]])
    night = SimpleNamespace(items={"brand": words}, shown={"s": np.array([True, False, True, True, False, True])})
    night.items = pa.table({"brand": words})
    found = mixing.shown_groups(night, Surface(name="s", calibrated_by="brand"))  # type: ignore[arg-type]
    assert found.tolist() == [0, -1, -1, -1, 0, 1]


def test_where_nothing_that_is_shown_tonight_has_a_category_lists_are_as_without_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The night goes on: the mapping is right, and tomorrow other items are shown."""
    items = pa.table({"category": ["a", None, ""]})
    night = SimpleNamespace(items=items, shown={"s": np.array([False, True, True])})
    assert mixing.Mix.of(night, Surface(name="s", calibrated_mix=0.5), 0.1) is None  # type: ignore[arg-type]
    assert "surface 's'" in caplog.text


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    surface = Surface(name="for_you", k=4, calibrated_mix=0.5)
    found = shop(tmp_path / "a")
    found.config = found.config.model_copy(update={"surfaces": (surface,)})
    with pytest.raises(InputError, match="surface 'for_you': calibrated_mix keeps the mix of category, and no item"):
        go(found.write())
    found = shop(tmp_path / "b", categories=CATEGORIES)
    found.config = found.config.model_copy(update={"surfaces": (surface,)})
    found.write()
    (found.folder("ensemble") / f"cutoff={found.night}" / "all.final.probability.npy").unlink()
    with pytest.raises(InputError, match="surface 'for_you': calibrated_mix weighs probabilities"):
        go(found)
    for other, said in (
        ({"diversity": 0.2}, "calibrated_mix and diversity exclude each other"),
        ({"allot": Allot()}, "allot and calibrated_mix exclude each other"),
        ({"added": {}}, "added and calibrated_mix exclude each other"),
    ):
        with pytest.raises(ValueError, match=said):
            Surface(name="s", calibrated_mix=0.5, **other)


def test_what_is_mixed_is_a_word_of_the_items(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    items = '[ingest.items]\nfiles = "i.csv"\nsql = "i.sql"\nattributes = { brand = "word", stars = "number" }\n'
    for name, said in (("brand", ""), ("stars", "is a number"), ("maker", "is no attribute of the items")):
        path.write_text(f'{items}[[surfaces]]\nname = "s"\ncalibrated_mix = 0.5\ncalibrated_by = "{name}"\n')
        if not said:
            assert load(path).surfaces[0].calibrated_by == name
            continue
        with pytest.raises(InputError, match=f"surface 's': calibrated_by = '{name}' {said}, and a word is needed"):
            load(path)
