"""`als` under [privacy]: what is released, what it costs, and that nothing is released without being written down."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.ground import artifacts, lists
from pipeline.ground.errors import InputError, TrainingError
from pipeline.operations import stages
from pipeline.privacy import accountant, noise, spending
from pipeline.sources import private_als
from pipeline.sources.configuration import FullConfig
from tests.sources import shop

KEY = "a secret that is long enough"
PRIVATE: dict[str, Any] = {
    "epsilon_per_fit": 900.0,
    "epsilon_budget": 5000.0,
    "items": 20,
    "factors": 2,
    "damping": 0.1,
}
EARLIER = shop.NIGHT - timedelta(days=14)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(noise.VARIABLE, KEY)


def config_for(home: Path, **privacy: Any) -> FullConfig:
    return shop.config_for(home, als={"reg": 0.1, "alpha": 5.0, "candidates": 3}, privacy=PRIVATE | privacy)


def made(config: FullConfig, board: np.ndarray, older: np.ndarray | None = None) -> dict[str, Any]:
    cutoffs = {shop.NIGHT: board} | ({} if older is None else {EARLIER: older})
    shop.write_features(config.lake, cutoffs)
    report: dict[str, Any] = stages.run_stage("als", shop.NIGHT, config)["report"]
    return report


def factors(config: FullConfig) -> np.ndarray:
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "als", shop.NIGHT), shop.NIGHT)
    found: np.ndarray = np.load(folder / "item_factors.npy")
    return found


def board(rows: int = 20) -> np.ndarray:
    return np.tile(shop.checkerboard(rows), (40, 1))  # forty people of each kind


def test_with_little_noise_the_board_gives_back_its_missing_squares(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    report = made(config, board())
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "als", shop.NIGHT), shop.NIGHT)
    items, _ = lists.read_list(folder, "new", "als")
    assert items[:, 0].tolist() == list(range(20)) * 40
    assert not {"loss", "pairs"} & set(report)  # no noise covers them


def test_the_report_says_what_it_cost_and_every_fit_is_written_down(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    report = made(config, board(), board()[:400])
    mu = accountant.mu_of(900.0, 1e-5)
    assert report["epsilon_spent"] == pytest.approx(accountant.epsilon_of(mu * 2**0.5, 1e-5), rel=1e-4)
    assert (report["epsilon_per_fit"], report["delta"], report["releases"]) == (900.0, 1e-5, 2)
    assert (
        report["private"]
        == "als/item_factors.npy, by user; of the tables similar_items alone, with privacy.similar_items"
    )
    found = spending.read(config)
    assert [release.cutoff for release in found] == [EARLIER.isoformat(), shop.NIGHT.isoformat()]
    assert spending.spent(found, 1e-5, since=shop.NIGHT) == pytest.approx(900.0, rel=1e-5)


def test_a_rerun_is_the_same_and_costs_nothing(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    made(config, board())
    before = factors(config)
    stages.run_stage("als", shop.NIGHT, config, force=True)
    assert np.array_equal(factors(config), before)
    assert len(spending.read(config)) == 1


def test_other_data_or_another_key_have_other_noise_and_cost_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_for(tmp_path, items=20, factors=20)
    made(config, board())
    before = factors(config)
    monkeypatch.setenv(noise.VARIABLE, KEY + " and another one")
    stages.run_stage("als", shop.NIGHT, config, force=True)
    assert (factors(config) != before).any()
    assert len(spending.read(config)) == 2


def test_a_run_that_would_overspend_stops_and_releases_nothing(tmp_path: Path) -> None:
    config = config_for(tmp_path, epsilon_budget=1000.0)
    with pytest.raises(
        InputError, match=r"als: another release .* privacy\.epsilon_budget is 1000 \(1 releases so far"
    ):
        made(config, board(), board()[:400])
    assert not artifacts.is_finished(artifacts.stage_dir(config.lake, "als", shop.NIGHT))
    assert len(spending.read(config)) == 1


def test_without_a_key_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(noise.VARIABLE)
    config = config_for(tmp_path)
    with pytest.raises(InputError, match=noise.VARIABLE):
        made(config, board())
    assert not spending.path(config).exists()


def test_too_few_people_for_the_noise_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing rises above the noise"):
        made(config_for(tmp_path, epsilon_per_fit=0.01), shop.checkerboard(20))


def test_damaged_spending_is_an_error(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    made(config, board())
    spending.path(config).write_text('{"key": 1')
    with pytest.raises(InputError, match=r"privacy\.jsonl is damaged"):
        stages.run_stage("als", shop.NIGHT, config, force=True)


def test_factors_without_noise_are_not_taken_for_noised_ones(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, als={"reg": 0.1, "alpha": 5.0, "candidates": 3})
    made(config, board())
    folder = artifacts.stage_dir(config.lake, "als", shop.NIGHT)
    with pytest.raises(InputError, match=r"made before .privacy. asked for noise"):
        spending.require_noised(folder)
    stages.run_stage("als", shop.NIGHT, config_for(tmp_path))
    spending.require_noised(folder)


def test_noise_without_a_budget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="set epsilon_budget too"):
        shop.config_for(tmp_path, privacy={"epsilon_per_fit": 3.0})


def test_what_is_off_changes_no_hash(tmp_path: Path) -> None:
    plain, off = shop.config_for(tmp_path), shop.config_for(tmp_path, privacy={"items": 7})
    on = config_for(tmp_path)
    assert plain.digest("als", "privacy") == off.digest("als") == plain.digest("als")
    assert on.digest("als") != shop.config_for(tmp_path, als={"reg": 0.1, "alpha": 5.0, "candidates": 3}).digest("als")
    assert on.digest("ease") == plain.digest("ease")


def test_a_larger_budget_fits_nothing_anew(tmp_path: Path) -> None:
    """Else a run that stopped for lack of budget would cost all its cut-offs again once it was raised."""
    config = config_for(tmp_path, epsilon_budget=1000.0)
    with pytest.raises(InputError, match="epsilon_budget is 1000"):
        made(config, board(), board()[:400])
    larger = config_for(tmp_path, epsilon_budget=5000.0)
    assert stages.run_stage("als", shop.NIGHT, larger)["report"]["releases"] == 2
    assert larger.digest("als") == config.digest("als")


@pytest.mark.parametrize("epsilon", [1.0, 3.0, 10.0])
def test_the_noise_of_both_releases_costs_what_was_asked_for(epsilon: float) -> None:
    """Each release moves by at most one (test_private_moments), so its mu is one over its deviation."""
    cost = private_als.Cost.of(epsilon, 1e-5)
    mus = [1 / cost.deviations.counts, 1 / cost.deviations.moments]
    assert accountant.epsilon_of(accountant.composed(mus), 1e-5) == pytest.approx(epsilon, rel=1e-6)
    assert mus[0] ** 2 / (mus[0] ** 2 + mus[1] ** 2) == pytest.approx(0.1)
