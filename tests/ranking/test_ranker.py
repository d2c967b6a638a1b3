"""The rankers' arithmetic: the correction for drawn negatives, and averaged seeds."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.ranking import ranker
from pipeline.ranking.frames import Frame
from pipeline.ranking.pairs import Pairs
from pipeline.settings.sections.lists import Ranker
from tests.planted import small


def frame(users: int, candidates: int, seed: int) -> tuple[Frame, np.ndarray]:
    """Pairs with one feature whose true log-odds are -3 + 1.5 x; returns them and the true probabilities."""
    rng = np.random.default_rng(seed)
    keys = np.arange(users * candidates)
    x = rng.normal(size=len(keys)).astype(np.float32)
    truth = 1 / (1 + np.exp(3 - 1.5 * x))
    pairs = Pairs(np.arange(users, dtype=np.int32), candidates, keys)
    known = np.zeros(len(keys), dtype=bool)
    acted = rng.random(len(keys)) < truth
    return Frame(pairs, ("x",), x[:, None], ~known, np.zeros(len(keys), np.int8), acted), truth


def test_the_correction_undoes_the_draw():
    made, truth = frame(3000, 200, 0)  # everybody acts on something: 200 candidates, 7 % of them
    sample = ranker.draw(made, 20, (0,))
    assert sample.acted.mean() > 3 * made.acted.mean()
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6).fit(sample.features, sample.acted)
    learned = model.decision_function(made.features)
    corrected = learned + ranker.prior_correction(np.array([200]), 20)[0]
    assert (1 / (1 + np.exp(-learned))).mean() > 3 * truth.mean()
    # The draw is from the others only, so what is undone is the share of them: about 7 % more of a pair's odds.
    assert 1 / (1 + np.exp(-corrected)) == pytest.approx(truth, abs=0.03)
    exact = learned + np.log(20 / (200 - 200 * truth.mean()))
    assert 1 / (1 + np.exp(-exact)) == pytest.approx(truth, abs=0.02)


def test_who_has_few_candidates_kept_them_all():
    assert ranker.prior_correction(np.array([0, 10, 30, 60]), 30) == pytest.approx([0, 0, 0, -np.log(2)])


def test_seeds_are_averaged_and_saved_side_by_side(tmp_path):
    made, _ = frame(200, 50, 1)
    config = small(tmp_path, seeds=3, rounds=5)
    sample = ranker.draw(made, 20, (0,))
    settings = config.fusion.rankers["hybrid_binary"]
    boosters = ranker.fit(sample, settings, config)
    ranker.write(boosters, tmp_path / "all.hybrid.txt")
    assert {p.name for p in tmp_path.glob("*.txt")} == {"all.hybrid.txt", "all.hybrid.2.txt", "all.hybrid.3.txt"}
    kept = np.ones(len(made.fresh), dtype=bool)
    each = [ranker.score([booster], made, kept, 1) for booster in boosters]
    assert not (each[0] == each[1]).all()
    again = ranker.score(ranker.read(tmp_path / "all.hybrid.txt"), made, kept, 1)
    assert again == pytest.approx(np.mean(each, axis=0), abs=1e-5)


@pytest.mark.parametrize("objective", ["lambdarank", "binary", "rank_xendcg"])
def test_a_model_is_the_same_for_any_number_of_threads_and_beside_others(tmp_path, objective):
    made, _ = frame(300, 50, 1)
    config, sample = small(tmp_path, rounds=20, min_leaf=5), ranker.draw(made, 20, (0,))
    alone = written(ranker.fit(sample, Ranker(objective=objective), config, 1), tmp_path)
    assert written(ranker.fit(sample, Ranker(objective=objective), config, 3), tmp_path) == alone
    assert "num_threads" not in alone

    def fitted(seed: int, threads: int) -> list:
        return ranker.fit(sample, Ranker(objective=objective, seed=seed), config, threads)

    beside = [written(found, tmp_path) for found in ranker.side_by_side(fitted, range(6), 2)]
    one_by_one = [written(fitted(seed, 1), tmp_path) for seed in range(6)]
    assert beside == one_by_one
    assert beside[1] == alone  # whose seed is 1
    assert len(set(beside)) == 6


def written(boosters: list, folder: Path) -> str:
    """The text of the one model."""
    ranker.write(boosters, folder / "x.txt")
    return (folder / "x.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("given", "threads"), [(3, [1, 1, 1]), (2, [2, 2]), (1, [5]), (0, [])])
def test_threads_are_shared_out(given, threads):
    found = list(ranker.side_by_side(lambda one, threads: (one, threads), range(given), 5 if given < 3 else 3))
    assert found == list(enumerate(threads))


@pytest.mark.parametrize("acted", [[True], [True, False], [True, True, True] + [False] * 147])
@pytest.mark.parametrize("objective", ["lambdarank", "binary", "rank_xendcg"])
def test_where_pairs_tell_nothing_apart_there_is_no_model(tmp_path, acted, objective):
    """One pair stops LightGBM; a pair or two, or three hits among too few for a leaf, give all the same score."""
    n = len(acted)
    known = np.random.default_rng(0).normal(size=(n, 2)).astype(np.float32)
    sample = ranker.Sample(("x", "y"), known, np.array(acted), np.ones(n, bool), np.zeros(n, np.int64))
    assert sample.teaches == (n > 1)
    if sample.teaches:
        config = small(tmp_path, rounds=5, min_leaf=100)
        assert ranker.fit(sample, Ranker(objective=objective), config) == []


def test_a_ranker_may_have_another_objective_for_new_items() -> None:
    both, own = Ranker(), Ranker(new_objective="binary")
    assert [both.within(pool, True).objective for pool in ("all", "new")] == ["lambdarank", "lambdarank"]
    assert [own.within(pool, True).objective for pool in ("all", "new")] == ["lambdarank", "binary"]
    assert [own.within(pool, False).objective for pool in ("all", "new")] == ["binary", "binary"]


@pytest.mark.parametrize(("objective", "said"), [("lambdarank", False), ("binary", True)])
def test_a_saved_model_says_whether_its_scores_are_log_odds(tmp_path, objective, said):
    random, n = np.random.default_rng(0), 2000
    known = random.normal(size=(n, 2)).astype(np.float32)
    sample = ranker.Sample(("x", "y"), known, known[:, 0] > 0.5, np.ones(n, bool), np.arange(n) // 20)
    ranker.write(ranker.fit(sample, Ranker(objective=objective), small(tmp_path, rounds=2)), tmp_path / "x.txt")
    assert ranker.minimises_log_loss(tmp_path / "x.txt") is said
    assert not ranker.minimises_log_loss(tmp_path / "none.txt")
