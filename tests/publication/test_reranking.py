"""Rules, caps and diversity of a surface, against greedy lists made by hand, one user at a time."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.arrays import attention
from pipeline.ground.errors import InputError
from pipeline.publication import maker, mixing, publish, reranking
from pipeline.publication.surfaces import TOPPED_UP, Block, Cap, top_up
from pipeline.publication.tables import recommendations
from pipeline.settings.sections.data import InputFiles
from pipeline.settings.sections.publication import Surface
from pipeline.sources.configuration import FullConfig, load
from tests.small_shop import Shop, go, shop

RNG = np.random.default_rng(3)
USERS, CANDIDATES, ITEMS, K = 30, 25, 60, 12
NOBODY = np.zeros(USERS, dtype=np.int64)
"""Whose lists they are does not matter where no mix is kept."""
CATEGORIES = RNG.integers(-1, 5, ITEMS).astype(np.int32)
VECTORS = reranking.mixed(RNG.normal(size=(ITEMS, 4)), RNG.normal(size=(ITEMS, 6)), 0.3)


def candidates() -> Block:
    """Random lists of different lengths, scores falling along a row."""
    items = np.array([RNG.permutation(ITEMS)[:CANDIDATES] for _ in range(USERS)], dtype=np.int32)
    items[np.arange(CANDIDATES)[None, :] >= RNG.integers(0, CANDIDATES + 1, USERS)[:, None]] = -1
    scores = np.where(items >= 0, np.sort(RNG.random(items.shape), axis=1)[:, ::-1], -np.inf).astype(np.float32)
    return Block(items, scores, np.where(items >= 0, 3, TOPPED_UP).astype(np.int8))


def by_hand(row: list[int], k: int, diversity: float, most: int | None) -> list[int]:
    """Maximal marginal relevance of one user, one item at a time."""
    taken: list[int] = []
    left = [item for item in row if item >= 0]
    while left and len(taken) < k:
        held = [CATEGORIES[item] for item in taken]
        open_ = [i for i in left if most is None or CATEGORIES[i] < 0 or held.count(CATEGORIES[i]) < most]
        if not open_:
            break

        def worth(item: int) -> float:
            relevance = 1 / np.log2(2 + row.index(item))
            alike = max((float(VECTORS[item] @ VECTORS[other]) for other in taken), default=0.0)
            return float((1 - diversity) * relevance - diversity * alike)

        best = max(open_, key=worth)
        taken.append(best)
        left.remove(best)
    return taken


@pytest.mark.parametrize("diversity", [0.0, 0.2, 0.7, 1.0])
@pytest.mark.parametrize("most", [None, 2])
def test_lists_are_those_a_greedy_hand_would_make(diversity: float, most: int | None) -> None:
    block = candidates()
    none = np.zeros(0, dtype=np.float32)
    caps = (Cap(CATEGORIES, most),) if most else ()
    surface = Surface(name="s", diversity=diversity)
    found = reranking.SurfaceRules(surface, none, none, caps, VECTORS if diversity else None).choose(block, K, NOBODY)
    for row, items, scores in zip(block.items.tolist(), found.items.tolist(), found.scores, strict=True):
        wanted = by_hand(row, K, diversity, most)
        assert items == wanted + [-1] * (K - len(wanted))
        assert (np.diff(scores[: len(wanted)]) <= 0).all()
        assert np.isfinite(scores[: len(wanted)]).all()
    assert ((found.sources == TOPPED_UP) == (found.items < 0)).all()


def test_blocks_of_any_size_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    block, none = candidates(), np.zeros(0, dtype=np.float32)
    rules = reranking.SurfaceRules(Surface(name="s", diversity=0.4), none, none, (), VECTORS)
    whole = rules.choose(block, K, NOBODY)
    monkeypatch.setattr(reranking, "CELLS", 1)
    assert rules.choose(block, K, NOBODY).items.tobytes() == whole.items.tobytes()


def test_what_rules_forbid_a_user_is_asked_pair_by_pair() -> None:
    rng = np.random.default_rng(5)
    prices, usual = (rng.choice([1, 2, 3, 5, np.nan], size).astype(np.float32) for size in (20, 6))
    last_age = rng.integers(0, 60, 40).astype(np.float32)
    users, items = np.arange(6)[:, None], rng.integers(0, 20, (6, 9))
    rows = rng.integers(-1, 40, items.shape)
    surface = Surface(name="s", exclude_seen_days=30, min_price_ratio=0.6, max_price_ratio=1.6)
    found = reranking.SurfaceRules(surface, prices, usual).forbidden(users, items, rows, last_age)
    for user in range(6):
        for item, row, wrong in zip(items[user], rows[user], found[user], strict=True):
            lately = row >= 0 and last_age[row] < 30
            far = prices[item] < 0.6 * usual[user] or prices[item] > 1.6 * usual[user]
            assert wrong == (lately or far)
    plain = reranking.SurfaceRules(Surface(name="s"), prices, usual)
    assert not plain.personal
    assert not plain.forbidden(users, items, rows, last_age).any()


def test_an_item_at_the_edge_of_a_price_band_is_on_the_side_that_the_check_says() -> None:
    """In currencies of large numbers a step of float32 is more than the check lets pass."""
    rng = np.random.default_rng(0)
    usual = rng.uniform(1e5, 1e8, 3000).astype(np.float32)
    pairs = np.arange(3000)[:, None]
    for ratio in (1.1, 3.0, 3.3):
        prices = np.round(usual.astype(np.float64) * ratio).astype(np.float32)
        rules = reranking.SurfaceRules(Surface(name="s", max_price_ratio=ratio), prices, usual)
        found = rules.forbidden(pairs, pairs, np.full((3000, 1), -1), np.zeros(0, np.float32))[:, 0]
        with duckdb.connect() as connection:
            shown = pa.table({"price": prices, "mean_price": usual})
            check = f"select price > {ratio}::double * mean_price + 0.001 from shown"
            offends = np.array([row[0] for row in connection.register("shown", shown).execute(check).fetchall()])
        assert offends.any()
        assert not (offends & ~found).any()


def test_an_item_that_moved_up_scores_as_the_best_after_it() -> None:
    block = Block(np.array([[0, 1, 2, 3]], np.int32), np.array([[9, 8, 7, 6]], np.float32), np.zeros((1, 4), np.int8))
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    none = np.zeros(0, dtype=np.float32)
    found = reranking.SurfaceRules(Surface(name="s", diversity=0.9), none, none, (), vectors).choose(block, 4, NOBODY)
    assert found.items.tolist() == [[0, 3, 1, 2]]
    assert found.scores.tolist() == [[9, 8, 8, 7]]


def test_likeness_is_a_mix_of_cosines_and_one_alone_counts_whole() -> None:
    factors, vectors = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4))

    def cosines(values: np.ndarray) -> np.ndarray:
        unit = values / np.linalg.norm(values, axis=1, keepdims=True)
        return np.asarray(unit @ unit.T)

    both = reranking.mixed(factors, vectors, 0.3)
    np.testing.assert_allclose(both @ both.T, 0.3 * cosines(vectors) + 0.7 * cosines(factors), atol=1e-6)
    alone = reranking.mixed(None, vectors, 0.3)
    np.testing.assert_allclose(alone @ alone.T, cosines(vectors), atol=1e-6)
    with pytest.raises(ValueError, match="no vectors"):
        reranking.mixed(None, None, 0.3)


def test_a_cap_holds_for_what_is_topped_up_too() -> None:
    kinds = np.array([0, 0, 0, 1, 1, -1, -1, 0], dtype=np.int32)
    given = Block(np.array([[0, -1, -1, -1, -1]], np.int32), np.full((1, 5), -np.inf, np.float32), np.zeros((1, 5)))
    filled = top_up(given, np.array([1, 2, 3, 7, 4, 5, 6], np.int32), None, [Cap(kinds, 2)])
    assert filled.items.tolist() == [[0, 1, 3, 4, 5]]


# --- in a shop --------------------------------------------------------------------------------------------------------


def published(made: Shop, **rules: object) -> dict[str, list[str]]:
    """The items of every user's for_you, published with a rule."""
    first, *rest = made.config.surfaces
    ruled = Surface.model_validate(first.model_dump() | rules)
    made.config = made.config.model_copy(update={"surfaces": (ruled, *rest)})
    go(made.write())
    run = publish.active_run(made.config)
    assert run is not None
    rows = [r for r in pq.read_table(run.folder / "recommendations.parquet").to_pylist() if r["surface"] == "for_you"]
    return {u: [r["item_id"] for r in rows if r["user_id"] == u] for u in ("u0", "u1", "u2")}


def test_nothing_configured_is_as_before(tmp_path: Path) -> None:
    assert published(shop(tmp_path))["u0"] == ["i0", "i1", "i4", "i2"]


def test_what_a_user_had_lately_is_hidden_for_days(tmp_path: Path) -> None:
    lists = published(shop(tmp_path), exclude_seen_days=10)
    # u0 had i2 three days ago and i0 twenty; u1 had i2 ten days ago; u2 had i1 today and i3 forty days ago.
    assert lists["u0"] == ["i0", "i1", "i4", "i3"]
    assert lists["u1"] == ["i2", "i3", "i7", "i0"]
    assert lists["u2"] == ["i3", "i6", "i0", "i2"]


def test_a_price_band_hides_what_is_far_from_the_usual(tmp_path: Path) -> None:
    made = shop(tmp_path, mean_prices=[2.0, None, 4.0])  # item i costs i
    lists = published(made, min_price_ratio=0.5, max_price_ratio=1.5)
    assert lists["u0"] == ["i1", "i2", "i3"]  # i4 is too dear, i0 too cheap, and nothing else is left
    assert lists["u1"] == ["i2", "i3", "i7", "i0"]
    assert lists["u2"] == ["i3", "i6", "i2", "i4"]


def test_prices_of_two_currencies_are_not_compared(tmp_path: Path) -> None:
    money = ["EUR", "JPY", None, *["EUR"] * 5]
    with pytest.raises(InputError, match=r"'for_you': min_price_ratio.* compare prices, .* some in EUR, JPY"):
        published(shop(tmp_path, currencies=money), max_price_ratio=1.5)
    assert published(shop(tmp_path / "no_ratio", currencies=money))
    assert published(shop(tmp_path / "one", currencies=["EUR", None] * 4), max_price_ratio=1.5)


def test_a_category_is_capped_and_no_category_is_not(tmp_path: Path) -> None:
    made = shop(tmp_path, categories=["mugs", "mugs", "tea", None, "tea", "", None, None])
    assert published(made, max_per_category=1)["u0"] == ["i0", "i4", "i3", "i6"]


def test_pins_stand_whatever_the_diversity_and_the_cap(tmp_path: Path) -> None:
    made = shop(tmp_path, categories=["mugs"] * 8)
    (tmp_path / "editors.csv").write_text("kind,surface,item_id,rank\npin,for_you,i1,1\n")
    (tmp_path / "editors.sql").write_text("select * from raw")
    section = made.config.publish.model_copy(update={"editorial": InputFiles(files="editors.csv", sql="editors.sql")})
    made.config = made.config.model_copy(update={"publish": section, "folder": tmp_path})
    lists = published(made, max_per_category=1, diversity=0.5)
    assert lists["u0"] == ["i1", "i0"]


def test_what_is_shown_much_pays_for_it_and_scores_do_not_rise(tmp_path: Path) -> None:
    lists = [[0, 1, 4], [0, 2, 3], [0, 6]]
    made = shop(tmp_path, all_lists=lists)
    shown = published(made, long_tail=1.0)
    run = publish.active_run(made.config)
    assert run is not None
    chance = np.array([1, 0.75, 0.5], np.float32)  # small_shop's, of each place
    padded = np.array([[*row, *[-1] * (3 - len(row))] for row in lists])
    may = np.array([i != 5 for i in range(8)])
    price = attention.prices(padded, np.tile(chance, (3, 1)), may, 4, 1.0)
    assert price[0] == price.max() > 0.25, "everybody is shown it first"
    for user, row in enumerate(lists):
        wanted = sorted(row, key=lambda item: -(chance[row.index(item)] - price[item]))
        assert shown[f"u{user}"][: len(row)] == [f"i{item}" for item in wanted]
    assert sum(found[0] == "i0" for found in shown.values()) < 3
    rows = pq.read_table(run.folder / "recommendations.parquet").to_pylist()
    scores = [row["score"] for row in rows if row["surface"] == "for_you" and row["user_id"] == "u0"]
    assert scores == sorted(scores, reverse=True)


def test_prices_need_probabilities(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    part = made.folder("ensemble") / f"cutoff={made.night}"
    (part / "all.final.probability.npy").unlink()
    surface = Surface(name="for_you", k=4, long_tail=1.0)
    made.config = made.config.model_copy(update={"surfaces": (surface,)})
    with pytest.raises(InputError, match="surface 'for_you': long_tail weighs probabilities"):
        go(made)


def test_diversity_without_any_vectors_is_refused(tmp_path: Path) -> None:
    made = shop(tmp_path)
    off = {name: getattr(made.config, name).model_copy(update={"enabled": False}) for name in ("als", "language_model")}
    made.config = made.config.model_copy(update=off)
    with pytest.raises(InputError, match="surface 'for_you': diversity needs the vectors"):
        published(made, diversity=0.3)


def test_rules_that_make_no_sense_are_refused_when_the_configuration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    for text, complaint in (
        ("diversity = 1.5", "less than or equal to 1"),
        ("min_price_ratio = 2.0\nmax_price_ratio = 1.0", "surface 's': min_price_ratio 2.0 is above"),
        ('where = "prize > 1"', "surface 's': where = 'prize > 1' cannot be used: items has no column prize"),
    ):
        path.write_text(f'[[surfaces]]\nname = "s"\n{text}\n')
        with pytest.raises(InputError, match=complaint):
            load(path)


def test_categories_of_empty_text_are_none() -> None:
    found = mixing.codes(pa.chunked_array([["a", None, "", "b", "a"]]))
    assert found.tolist()[1:3] == [-1, -1]
    assert found[0] == found[4] != found[3]
    assert FullConfig().surfaces[0].is_personal is False


def test_a_calibrated_score_is_published_and_what_is_topped_up_is_no_likelier(tmp_path: Path) -> None:
    made = shop(tmp_path).write()
    folder = made.folder("ensemble") / f"cutoff={made.night}"
    np.save(folder / "all.final.probability.npy", np.tile(np.array([0.5, 0.4, 0.25, 0.125], np.float32), (3, 1)))
    go(made)
    run = publish.active_run(made.config)
    assert run is not None
    rows = pq.read_table(run.folder / "recommendations.parquet").to_pylist()
    mine = [row["score"] for row in rows if (row["surface"], row["user_id"]) == ("for_you", "u0")]
    assert mine == [0.5, 0.25, 0.125, 0.125]  # i5 is sold out; the last is a popular item, for all users likelier


@pytest.mark.parametrize(("least", "lengths"), [(1, [2, 1, 3]), (3, [3, 3]), (4, [6]), (100, [6])])
def test_pieces_are_put_together_in_their_order(least: int, lengths: list[int]) -> None:
    parts = np.split(np.arange(6), [2, 3])
    found = list(recommendations.gathered(({"rank": part, "user": -part} for part in parts), least))
    assert [len(piece["rank"]) for piece in found] == lengths
    assert np.concatenate([piece["rank"] for piece in found]).tolist() == list(range(6))
    assert all((piece["user"] == -piece["rank"]).all() for piece in found)
    assert list(recommendations.gathered([], least)) == []


def test_what_is_topped_up_is_as_likely_as_for_anybody() -> None:
    items = np.array([[3, 1, 2, -1], [0, 2, 1, 3]], dtype=np.int32)
    sources = np.array([[0, -2, -2, -2], [-2, -2, -2, -2]], dtype=np.int8)
    scores = np.array([[0.3, -1, -2, -np.inf], [-1, -2, -3, -4]], dtype=np.float32)
    rates = np.array([0.04, 0.5, 0.02, 0.01], dtype=np.float32)
    rated = maker._rated(Block(items, scores, sources), rates)
    assert rated.scores[0, :3].tolist() == pytest.approx([0.3, 0.3, 0.02])
    assert rated.scores[1].tolist() == pytest.approx([0.04, 0.02, 0.02, 0.01])
