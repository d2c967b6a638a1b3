"""The shares of every row of a planted night, against what the stages wrote."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.explanation import sharing
from pipeline.explanation.drivers import ACTIVITY, ANYBODY, PLACE, RULES
from pipeline.explanation.scores import Asked, Scores
from pipeline.ground import lists
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.ranking import calibration, ensemble, fusion
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Framed
from tests.planted import Planted, plant

TOP = 20


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A planted night that has been fused."""
    found = plant(tmp_path_factory.mktemp("planted"), rounds=15, ablation=False)
    memo = Memo(found.out("fusion"))
    fusion.run(**found.given, config=found.config, memo=memo, out=memo.out)
    found.finish("fusion", memo)
    return found


def merged(night: Planted, out: Path, **settings: object) -> Path:
    """The ensemble with some settings."""
    section = night.config.ensemble.model_copy(update=settings)
    config = night.config.model_copy(update={"ensemble": section})
    out.mkdir(parents=True)
    ensemble.run(**night.given, fusion=night.out("fusion"), config=config, memo=Memo(out), out=out)
    return out


def explained(night: Planted, out: Path, pool: str, **settings: object) -> tuple[Scores, Asked, np.ndarray]:
    """The shares of the first places of every user's list."""
    section = night.config.ensemble.model_copy(update=settings)
    config = with_made_lists(night.config.model_copy(update={"ensemble": section}), night.sources)
    cutoff = night.cutoffs[0]
    at = calibration.Applied("publish", cutoff, {"fusion": night.out("fusion"), **night.sources})
    scores = Scores.read(at, out, pool, config)
    items = lists.read_list(cutoff.dir_in(out), pool, "final")[0][:, :TOP]
    chance = np.load(cutoff.dir_in(out) / f"{pool}.final.probability.npy")[:, :TOP]
    block = slice(0, len(items))
    rows, columns = np.nonzero(items >= 0)
    asked = Asked(block, rows, items[rows, columns].astype(np.int64), columns + 1, chance[rows, columns].astype(float))
    return scores, asked, scores.explain(asked, Framed.read(cutoff, night.sources, config).of(block)[""])


@pytest.mark.parametrize("pool", ["all", "new"])
@pytest.mark.parametrize("calibrated", ["platt", "isotonic"])
def test_shares_add_up_to_the_log_odds_of_every_row(night: Planted, tmp_path: Path, pool: str, calibrated: str) -> None:
    out = merged(night, tmp_path / "run_date=2011-10-02", calibration=calibrated)
    scores, asked, found = explained(night, out, pool, calibration=calibrated)
    assert len(found) > 500
    assert found.sum(axis=1) == pytest.approx(sharing.log_odds(asked.chance), abs=1e-6)
    assert np.isfinite(found).all()
    assert np.abs(found[:, scores.drivers.place("als")]).mean() > 0.05


def test_what_is_left_to_anybody_is_the_same_for_all_items_of_a_user(night: Planted, tmp_path: Path) -> None:
    """Were a tree or a list forgotten, what it told of an item would be found there."""
    out = merged(night, tmp_path / "run_date=2011-10-02", backstop=False)
    scores, asked, _ = explained(night, out, "all", backstop=False)
    config = with_made_lists(night.config, night.sources)
    frame = Framed.read(night.cutoffs[0], night.sources, config).of(asked.block)[""]
    trees = scores._trees(asked, frame, 1)
    terms = scores._merged(asked, trees)
    z = scores._standard(scores.listed["weighted"], asked)[0]
    assert terms.sum(axis=1) == pytest.approx(z, abs=1e-5)
    both = np.all([~np.isnan(scores._at(scores.listed[n], asked)[1]) for n in config.ensemble.members], axis=0)
    rest = terms[:, scores.drivers.place(ANYBODY)]
    for row in np.unique(asked.rows):
        mine = rest[(asked.rows == row) & both]
        assert np.ptp(mine) == pytest.approx(0, abs=2e-5)
    slope = 1.7
    odds = slope * scores._odds(asked) - scores._of_odds(asked, trees, slope).sum(axis=1)
    for row in np.unique(asked.rows):
        mine = odds[(asked.rows == row) & both]
        assert np.ptp(mine) == pytest.approx(0, abs=2e-5)


def test_rules_have_no_share_where_a_list_falls_by_itself(night: Planted, tmp_path: Path) -> None:
    out = merged(night, tmp_path / "run_date=2011-10-02")
    scores, asked, found = explained(night, out, "all")
    first = asked.ranks == 1
    before = found[first].sum(axis=1) - found[first, scores.drivers.place(RULES)]
    curve, acting = scores.fitted.curve, scores.acting[scores.at.cutoff.targets()][asked.rows[first]]
    raw = acting * curve.probability(scores._odds(asked)[first], asked.ranks[first])
    assert before == pytest.approx(sharing.log_odds(raw), abs=1e-6)
    assert np.median(np.abs(found[:, scores.drivers.place(RULES)])) < 0.2
    assert np.ptp(found[:, scores.drivers.place(ACTIVITY)]) > 0


def test_a_single_list_that_takes_part_has_its_share(night: Planted, tmp_path: Path) -> None:
    out = merged(night, tmp_path / "run_date=2011-10-02", backstop=False)
    scores, asked, _ = explained(night, out, "all", backstop=False)
    alone = lists.read_list(night.cutoffs[0].dir_in(night.folders["als"]), "all", "als")
    scores.listed["als"] = alone  # type: ignore[index]
    mixed = Scores(**{**scores.__dict__, "recipe": type(scores.recipe)(scores.recipe.weights, "als", 0.5)})
    frame = Framed.read(night.cutoffs[0], night.sources, scores.config).of(asked.block)[""]
    terms = mixed._merged(asked, mixed._trees(asked, frame, 1))
    own = 0.5 * mixed._standard(alone, asked)[0]
    without = scores._merged(asked, scores._trees(asked, frame, 1))
    place = scores.drivers.place("als")
    assert terms[:, place] == pytest.approx(0.5 * without[:, place] + own)


def test_a_voted_order_is_a_driver_of_its_own(night: Planted, tmp_path: Path) -> None:
    out = merged(night, tmp_path / "run_date=2011-10-02", final="borda", backstop=False)
    scores, asked, found = explained(night, out, "all", final="borda", backstop=False)
    assert found.sum(axis=1) == pytest.approx(sharing.log_odds(asked.chance), abs=1e-6)
    frame = Framed.read(night.cutoffs[0], night.sources, scores.config).of(asked.block)[""]
    placed = scores._of_place(asked, scores._trees(asked, frame, 1), -0.3)
    assert np.ptp(placed[:, scores.drivers.place(PLACE)]) > 0
    assert not np.delete(placed, scores.drivers.place(PLACE), axis=1).any()


def test_settings_that_were_changed_since_are_told(night: Planted, tmp_path: Path) -> None:
    out = merged(night, tmp_path / "run_date=2011-10-02")
    scores, asked, _ = explained(night, out, "all")
    frame = Framed.read(night.cutoffs[0], night.sources, scores.config).of(asked.block)[""]
    other = type(frame)(**{**frame.__dict__, "names": tuple(reversed(frame.names))})
    with pytest.raises(InputError, match="was taught other features than the settings now say"):
        scores.explain(asked, other)
