"""The single list that takes part, on planted lists whose worth is known."""

import numpy as np
import pytest
from scipy import stats

from pipeline.features import shown
from pipeline.ground import lists
from pipeline.ground.artifacts import Memo
from pipeline.ranking import backstop, ensemble, finals, merging
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.finals import Final, Recipe
from pipeline.settings.config import Config
from tests.planted import Planted, plant, quality, read_json, window
from tests.ranking.test_shown_features import saying
from tests.ranking.test_shown_features import write as write_shown

PLAIN = Recipe((1.0,))


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A planted night with an empty fusion: the sources' lists are the members."""
    found = plant(tmp_path_factory.mktemp("planted"))
    out = found.out("fusion")
    (out / "sources.json").write_text("[]")
    for cutoff in found.cutoffs:
        cutoff.dir_in(out).mkdir()
    found.finish("fusion")
    return found


def merging_only(night: Planted, *members: str, **settings: object) -> Config:
    """A configuration that merges some sources' lists."""
    config = with_made_lists(night.config, night.sources)
    section = config.ensemble.model_copy(update={"members": members, **settings})
    return config.model_copy(update={"ensemble": section})


def chosen(night: Planted, config: Config) -> Recipe:
    """What the validation window teaches."""
    return backstop.choose(
        [window(night, "validate")], {"fusion": night.out("fusion"), **night.sources}, "all", PLAIN, config
    )


def test_a_single_list_that_is_better_takes_the_share_that_is_best_by_brute_force(night):
    config, cutoff = merging_only(night, "popularity"), window(night, "validate")
    singles = finals.read(cutoff, dict(night.sources), "all", config.fusion.sources)
    best = max(singles, key=lambda name: quality(cutoff, singles[name][0], "all"))
    bad, good, values = singles["popularity"], singles[best], {}
    for share in (0.0, *backstop.SHARES):
        standard = merging.gather(cutoff.targets(), cutoff.items, [bad, good])
        scores = max(1 - share, finals.TIES) * standard.standard[0] + share * standard.standard[1]
        order = np.lexsort((standard.pairs.items, -scores, standard.pairs.rows))
        rows, items = standard.pairs.rows[order], standard.pairs.items[order]
        top = np.stack([items[rows == row][:10] for row in range(len(cutoff.targets()))])
        values[share] = quality(cutoff, top, "all")
    found = chosen(night, config)
    assert found.single == best != "popularity"
    top = max(values, key=lambda share: values[share])
    assert abs(found.share - top) < 0.25  # between the best share and its neighbours in the grid
    assert values[top] > values[0.0]
    assert found.weights == PLAIN.weights


def test_all_windows_say_which_single_list_it_is(tmp_path):
    night = plant(tmp_path)
    config, newest = merging_only(night, "popularity"), window(night, "judge")
    fusion = config.fusion.model_copy(update={"sources": ("language_model", "als")})
    config = config.model_copy(update={"fusion": fusion})
    lists.write_list(newest.dir_in(night.sources["als"]), "all", "als", *nothing(len(newest.targets())))
    places = {"fusion": night.out("fusion"), **night.sources}
    windows = [cutoff for cutoff in night.cutoffs if cutoff.role == "label"]
    worth = {name: [] for name in config.fusion.sources}
    for cutoff in windows:
        for name, (items, _) in finals.read(cutoff, places, "all", list(worth)).items():
            worth[name] += [quality(cutoff, items, "all")] * len(cutoff.targets())
    assert max(worth, key=lambda name: np.mean(worth[name])) == "als"
    assert backstop.choose(windows, places, "all", PLAIN, config).single == "als"
    assert backstop.choose([newest], places, "all", PLAIN, config).single == "language_model"


def nothing(users: int) -> tuple[np.ndarray, np.ndarray]:
    """A list without an item."""
    return np.full((users, 1), -1), np.full((users, 1), -np.inf)


def test_many_users_choose_the_best_share_and_few_no_extreme():
    random, choices = np.random.default_rng(0), (0.0, 0.5, 1.0)
    worth = np.stack([np.full(5000, 0.3), np.full(5000, 0.32), np.full(5000, 0.31)])
    assert backstop.expected_best(choices, worth + random.normal(0, 0.1, 5000), 0) == 0.5
    few = np.array([[1.0, 0.0, 0.4], [0.0, 0.0, 0.0], [0.0, 1.0, 0.3]])
    # the first is better where its user draws more: Exp(1) each, so as often as not but for the third user's
    drawn = np.random.default_rng(1).exponential(size=(100_000, 3)) @ few.T
    expected = np.mean(np.asarray(choices)[drawn.argmax(axis=1)])
    assert abs(backstop.expected_best(choices, few, 0) - expected) < 0.12
    assert backstop.expected_best(choices, np.zeros((3, 4)), 0) == 0.0
    assert backstop.expected_best(choices, few, 0) == backstop.expected_best(choices, few, 0)


def test_few_users_do_not_choose_an_extreme_even_where_they_agree():
    found = [backstop.shrunk(1.0, users) for users in (0, backstop.PRIOR, 100 * backstop.PRIOR)]
    assert found == pytest.approx([0.125, 0.5625, 1.0], abs=0.01)
    # as the mean of all their votes, those of the prior for the usual one
    votes = [0.25] * 30 + [backstop.USUAL] * backstop.PRIOR
    assert backstop.shrunk(0.25, 30) == pytest.approx(np.mean(votes))


def test_a_ranker_that_has_learned_more_needs_less_of_a_single_list() -> None:
    """As two estimates are weighed best, by one over their variance, where one of them has n or m observations."""
    single, one, n, m = 2.0, 30.0, 8, 12
    shares = [(1 / single) / (1 / single + 1 / (one / observed)) for observed in (n, m)]
    assert backstop.for_learned(shares[0], n / m) == pytest.approx(shares[1])
    assert [backstop.for_learned(share, 0.5) for share in (0.0, 0.5, 1.0)] == [0.0, pytest.approx(1 / 3), 1.0]
    assert backstop.for_learned(0.3, 1.0) == 0.3


def test_what_a_judged_ranker_had_learned_from_is_counted_in_windows(night) -> None:
    """One that had learned from nothing counts as half of one that has learned from one window."""
    windows = [cutoff for cutoff in night.cutoffs if cutoff.role == "label"]
    for judged in windows:
        before = [w for w in windows if (judged.cutoff - w.cutoff).days >= night.config.horizon_days]
        found = backstop._learned(judged, windows, night.config)
        assert found == (len(before) + 1) / (len(windows) + 1)
    assert backstop._learned(windows[-1], windows[-1:], night.config) == 0.5


def test_what_is_worse_than_the_best_beyond_noise_is_not_chosen() -> None:
    random = np.random.default_rng(2)
    steady = random.random(400)
    near, far = steady + random.normal(0.0, 0.3, 400), steady - 0.2 + random.normal(0.0, 0.3, 400)
    values = np.stack([steady, near, far])
    assert backstop.as_good(values) == [0, 1]
    for n in (0, 1, 2):  # as a test of the paired differences says
        best = values[values.mean(axis=1).argmax()]
        statistic = stats.ttest_rel(best, values[n]).statistic if (best != values[n]).any() else 0
        assert (n in backstop.as_good(values)) == (statistic < backstop.NOISE)
    assert backstop.as_good(np.ones((3, 5))) == [0, 1, 2]
    assert backstop.as_good(np.array([[0.3], [0.2]])) == [0]


def test_where_no_merged_list_was_made_nothing_is_chosen(night):
    config, newest = merging_only(night, "hybrid"), window(night, "judge")
    assert backstop.choose([newest], {"fusion": night.out("fusion"), **night.sources}, "all", PLAIN, config) == PLAIN


def test_the_final_list_is_never_worse_than_the_best_single_one_where_it_was_chosen(night, monkeypatch):
    """By a ranker that will learn nothing more."""
    monkeypatch.setattr(backstop, "_learned", lambda *_: 1.0)
    config, cutoff = merging_only(night, "popularity"), window(night, "validate")
    places = {"fusion": night.out("fusion"), **night.sources}
    final = Final.of(cutoff, places, "all", chosen(night, config), config).block(slice(None))[1][0]
    singles = finals.read(cutoff, places, "all", config.fusion.sources)
    assert quality(cutoff, final, "all") >= max(quality(cutoff, items, "all") for items, _ in singles.values())


def test_of_a_list_that_is_clearly_worse_no_more_than_a_little_is_taken(night):
    config = merging_only(
        night, "als"
    )  # of all lists it hears the truth with the least noise, popularity with the most
    fusion = config.fusion.model_copy(update={"sources": ("popularity",)})
    assert chosen(night, config.model_copy(update={"fusion": fusion})).share < backstop.USUAL + 0.02  # which is usual


@pytest.mark.parametrize("settings", [{"backstop": False}, {"final": "popularity"}])
def test_who_wants_a_certain_list_gets_it(night, settings):
    assert chosen(night, merging_only(night, "popularity", **settings)) == PLAIN


def test_without_a_window_the_merged_list_stands_alone(night):
    config = merging_only(night, "popularity")
    assert backstop.choose([], dict(night.sources), "all", PLAIN, config) == PLAIN


def test_the_stage_publishes_it_says_so_and_credits_its_items(night, tmp_path):
    config = merging_only(night, "popularity")
    out = tmp_path / "ensemble" / "run_date=2011-10-02"
    out.mkdir(parents=True)
    report = ensemble.run(**night.given, fusion=night.out("fusion"), config=config, memo=Memo(out), out=out)
    recipe = Recipe.from_json(read_json(out / "weights.json")["publish"]["all"])
    assert recipe.single is not None
    assert report[f"publish.all.single.{recipe.single}"] == recipe.share > 0
    folder = window(night, "publish").dir_in(out)
    items, _ = lists.read_list(folder, "all", "final")
    codes = np.load(folder / "all.final.sources.npy")
    assert ((codes >= 0) == (items >= 0)).all()
    assert config.fusion.sources.index(recipe.single) in set(codes.ravel().tolist())


def test_a_list_alone_is_filled_up_and_its_ties_are_settled_by_the_merged_one():
    merged = (np.array([[4, 3, 2, 1]], dtype=np.int32), np.array([[4.0, 3.0, 2.0, 1.0]], dtype=np.float32))
    single = (np.array([[1, 2, -1, -1]], dtype=np.int32), np.array([[5.0, 5.0, -np.inf, -np.inf]], dtype=np.float32))
    ((items, scores),) = finals.mixtures(merged, single, [1.0], np.array([0]), 5)
    assert items.tolist() == [[4, 3, 2, 1]]  # a list without spread says nothing: the merged one orders everything
    single = (single[0], np.array([[5.0, 4.0, -np.inf, -np.inf]], dtype=np.float32))
    ((items, scores),) = finals.mixtures(merged, single, [1.0], np.array([0]), 5)
    assert items.tolist() == [[1, 4, 3, 2]]
    assert (np.diff(scores) < 0).all()


def test_a_list_that_few_windows_have_is_not_the_best_of_all(tmp_path):
    """As `trending`, of a shop whose items lived days when it was young: tonight there is no such list."""
    night = plant(tmp_path)
    config = merging_only(night, "popularity")
    fusion = config.fusion.model_copy(update={"sources": ("language_model", "trending")})
    config = config.model_copy(update={"fusion": fusion})
    windows = [cutoff for cutoff in night.cutoffs if cutoff.role == "label"]
    oldest = windows[-1]
    best = finals.read(oldest, dict(night.sources), "all", ["als"])["als"]
    lists.write_list(oldest.dir_in(night.sources["als"]), "all", "trending", *best)
    worth = {name: quality(oldest, finals.read(oldest, dict(night.sources), "all", [name])[name][0], "all")
             for name in ("language_model", "trending")}  # fmt: skip
    assert worth["trending"] > worth["language_model"]
    places = {"fusion": night.out("fusion"), **night.sources}
    assert backstop.choose(windows, places, "all", PLAIN, config).single == "language_model"


def test_a_hit_counts_less_the_more_its_item_was_looked_at() -> None:
    looks = np.array([0.0, 1.0, 3.0, 0.0])
    np.testing.assert_allclose(backstop.rarity(looks), [1.0, 0.5, 0.25, 1.0])
    assert backstop.rarity(None) is None
    assert backstop.rarity(np.zeros(3)) is None


def test_where_the_log_says_what_was_shown_lists_are_judged_by_what_is_rare(tmp_path):
    night = plant(tmp_path)
    cutoff, config = window(night, "validate"), saying(merging_only(night, "popularity"))
    write_shown(cutoff, 5, 0.2)
    looks = np.zeros(cutoff.items)
    table = shown.read_items(cutoff)
    looks[table["item_index"].to_numpy()] = table["examined"].to_numpy()
    places = {"fusion": night.out("fusion"), **night.sources}
    judge = backstop._Judge(cutoff, places, "all", config)
    items = finals.read(cutoff, dict(night.sources), "all", ["als"])["als"][0]
    acted = {(row["user_index"], row["item_index"]) for row in cutoff.labels().to_pylist()}
    expected = [
        sum(
            looks.mean() / (looks[item] + looks.mean()) / np.log2(rank + 2)
            for rank, item in enumerate(items[row][:10].tolist())
            if (cutoff.targets()[row], item) in acted
        )
        for row in judge.judged
    ]
    np.testing.assert_allclose(judge.single("als"), expected, rtol=1e-5)
    assert (judge.single("nobody made this") == 0).all()
    assert (backstop._Judge(cutoff, places, "all", merging_only(night, "popularity")).single("als") != expected).any()
