"""Noised counts of what is popular: what a person moves, what is released, and what it costs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.features.read import Cutoff, read_cutoffs
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import stages
from pipeline.privacy import accountant, noise, spending
from pipeline.sources import private_counts
from pipeline.sources.configuration import FullConfig
from tests.sources import shop

KEY = "a secret that is long enough"
NOISED: dict[str, Any] = {"epsilon_popular": 2.0, "epsilon_budget": 20.0, "contributions": 3}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(noise.VARIABLE, KEY)


def made(home: Path, values: np.ndarray, **privacy: Any) -> tuple[FullConfig, dict[str, Any]]:
    config = shop.config_for(home, privacy=NOISED | privacy)
    shop.write_features(config.lake, {shop.NIGHT: values})
    report: dict[str, Any] = stages.run_stage("popularity", shop.NIGHT, config)["report"]
    return config, report


def released(config: FullConfig) -> np.ndarray:
    found: np.ndarray = np.load(artifacts.stage_dir(config.lake, "popularity", shop.NIGHT) / private_counts.FILE)
    return found


def cutoff(folder: Path, values: np.ndarray, name: str) -> Cutoff:
    return read_cutoffs(shop.write_features(folder / name, {shop.NIGHT: values}))[0]


def likes(seed: int = 3) -> np.ndarray:
    return (np.random.default_rng(seed).random((30, 12)) < 0.3).astype(np.float32)


def test_the_counts_are_those_of_a_loop(tmp_path: Path) -> None:
    values = likes()
    wanted = np.zeros(12)
    for row in values:
        mine = np.flatnonzero(row)[:5]  # all are of today: of equal ages the lower index
        wanted[mine] += len(mine) ** -0.5
    assert private_counts.counts(cutoff(tmp_path, values, "lake"), 5) == pytest.approx(wanted)


@pytest.mark.parametrize("user", [0, 7, 29])
@pytest.mark.parametrize("most", [1, 3, 50])
def test_a_whole_person_moves_all_counts_by_at_most_one(tmp_path: Path, user: int, most: int) -> None:
    values = likes()
    without = values.copy()
    without[user] = 0
    apart = (private_counts.counts(cutoff(tmp_path, one, f"{n}"), most) for n, one in enumerate((values, without)))
    difference = np.subtract(*apart)
    assert np.linalg.norm(difference) == pytest.approx(1.0 if values[user].any() else 0.0)


def test_what_is_released_is_noised_once_and_said(tmp_path: Path) -> None:
    config, report = made(tmp_path, likes())
    plain = private_counts.counts(read_cutoffs(artifacts.stage_dir(config.lake, "features", shop.NIGHT))[0], 3)
    deviation = 1 / accountant.mu_of(2.0, 1e-5)
    drawn = (released(config) - plain) / deviation
    assert 0.3 < drawn.std() < 2
    assert len(np.unique(drawn)) == 12
    assert (report["epsilon_per_fit"], report["releases"], report["delta"]) == (2.0, 1, 1e-5)
    assert report["epsilon_spent"] == pytest.approx(2.0, abs=1e-4)
    assert report["private"] == "popularity/private_counts.npy; the table popular_items"
    assert KEY not in spending.path(config).read_text()


def test_a_rerun_costs_nothing_and_other_people_cost_again(tmp_path: Path) -> None:
    config, _ = made(tmp_path, likes())
    before = released(config)
    stages.run_stage("popularity", shop.NIGHT, config, force=True)
    assert np.array_equal(released(config), before)
    assert len(spending.read(config)) == 1
    other, report = made(tmp_path / "other", likes(4))
    assert not np.array_equal(released(other), before)
    assert report["releases"] == 1


def test_a_night_that_would_overspend_stops(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path, privacy=NOISED | {"epsilon_budget": 2.0})
    spending.spend(config, spending.Release("a", "als", "2011-04-01", "2011-04-01", 0.5))
    with pytest.raises(InputError, match=r"popularity: another release .* end what was promised of popular_items"):
        made(tmp_path, likes(), epsilon_budget=2.0)


def test_without_a_key_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(noise.VARIABLE)
    with pytest.raises(InputError, match=noise.VARIABLE):
        made(tmp_path, likes())


def test_nothing_is_written_where_nobody_asks(tmp_path: Path) -> None:
    config = shop.config_for(tmp_path)
    shop.write_features(config.lake, {shop.NIGHT: likes()})
    report = stages.run_stage("popularity", shop.NIGHT, config)["report"]
    assert "epsilon_spent" not in report
    assert not (artifacts.stage_dir(config.lake, "popularity", shop.NIGHT) / private_counts.FILE).exists()


def test_each_stage_has_the_settings_that_change_it(tmp_path: Path) -> None:
    plain, noised = shop.config_for(tmp_path), shop.config_for(tmp_path, privacy=NOISED)
    fitted = {"epsilon_per_fit": 3.0, "epsilon_budget": 20.0}
    factors, both, similar = (
        shop.config_for(tmp_path, privacy=fitted | more)
        for more in ({}, {"epsilon_popular": 2.0}, {"similar_items": True})
    )
    assert plain.digest("als") == noised.digest("als") != factors.digest("als") == both.digest("als")
    assert plain.digest("popularity") == factors.digest("popularity") != both.digest("popularity")
    assert plain.digest("publish") == factors.digest("publish") == both.digest("publish") != similar.digest("publish")
    assert factors.digest("als") == similar.digest("als")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"privacy": {"epsilon_popular": 1.0}}, "set epsilon_budget too"),
        ({"privacy": {"epsilon_popular": 0.001, "epsilon_budget": 1.0}}, "leaves nothing but noise"),
        (
            {"privacy": {"epsilon_popular": 3.0, "epsilon_budget": 1.0}},
            "does not pay for one release of epsilon_pop",
        ),
        ({"privacy": {"similar_items": True}}, "similar_items asks for noised item factors"),
        ({"privacy": {"epsilon_per_fit": 1.0, "epsilon_budget": 9.0}, "als": {"enabled": False}}, "is switched off"),
        ({"privacy": NOISED, "features": {"unsold_days": 90}}, "lets one purchase put an item into them"),
        (
            {
                "privacy": NOISED,
                "publish": {"segment_by": ["country"]},
                "ingest": {"users": {"files": "u.csv", "sql": "u.sql", "attributes": {"country": "word"}}},
            },
            "asks for segments of users",
        ),
    ],
)
def test_what_cannot_be_promised_is_refused(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        shop.config_for(tmp_path, **settings)


def test_only_four_weeks_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = cutoff(tmp_path, likes(), "lake")
    assert private_counts.counts(found, 5).any()
    monkeypatch.setattr(private_counts, "DAYS", 0)
    assert not private_counts.counts(found, 5).any()
