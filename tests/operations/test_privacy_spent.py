"""What `nightjar privacy` says, against sums by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.__main__ import main
from pipeline.ground.errors import InputError
from pipeline.ground.nights import parse_nights
from pipeline.operations import privacy_spent
from pipeline.privacy import accountant, spending
from pipeline.privacy.spending import Release
from pipeline.sources.configuration import FullConfig
from tests.sources import shop

DELTA = 1e-5
FIT, COUNTS = accountant.mu_of(3.0, DELTA), accountant.mu_of(1.0, DELTA)


def config_for(home: Path, budget: float = 60.0) -> FullConfig:
    return shop.config_for(home, privacy={"epsilon_per_fit": 3.0, "epsilon_budget": budget})


def spent_by(config: FullConfig) -> None:
    """A first night that fits three cut-offs, and a usual one."""
    fits = [("2011-04-10", "2011-05-01"), ("2011-04-24", "2011-05-01"), ("2011-05-01", "2011-05-01")]
    for number, (cutoff, night) in enumerate([*fits, ("2011-05-02", "2011-05-02")]):
        spending.spend(config, Release(f"a{number}", "als", cutoff, night, FIT))
    for night in ("2011-05-01", "2011-05-02"):
        spending.spend(config, Release(f"p{night}", "popularity", night, night, COUNTS))


def epsilon(fits: int, counts: int) -> float:
    return accountant.epsilon_of((fits * FIT**2 + counts * COUNTS**2) ** 0.5, DELTA)


def test_the_table_has_what_each_cost_and_what_all_cost_together(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    spent_by(config)
    said = str(privacy_spent.run(config, parse_nights("2011-04-30")[0])).splitlines()
    rows = {row.split()[0]: row.split()[1:] for row in said[3:6]}
    assert rows == {
        "als": ["4", "2011-05-02", "3.00", f"{epsilon(4, 0):.2f}"],
        "popularity": ["2", "2011-05-02", "1.00", f"{epsilon(0, 2):.2f}"],
        "all": ["6", "2011-05-02", "3.00", f"{epsilon(4, 2):.2f}"],
    }
    assert f"Who joined on 2011-04-30 was in releases that cost epsilon {epsilon(2, 2):.2f} together." in said


@pytest.mark.parametrize("budget", [9.0, 20.0, 60.0])
def test_so_many_nights_more_are_within_the_budget_and_one_more_is_not(tmp_path: Path, budget: float) -> None:
    config = config_for(tmp_path, budget)
    spent_by(config)
    left = privacy_spent.run(config).nights_left()
    assert epsilon(4 + left, 2 + left) <= budget
    assert epsilon(5 + left, 3 + left) > budget


def test_a_day_with_several_moments_costs_each_of_them(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    for number in range(4):
        spending.spend(config, Release(f"p{number}", "popularity", "2011-05-01", "2011-05-01", COUNTS))
    left = privacy_spent.run(config).nights_left()
    assert epsilon(0, 4 + 4 * left) <= 60.0 < epsilon(0, 4 + 4 * (left + 1))


def test_nothing_spent_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with pytest.raises(InputError, match="nothing was released through noise yet"):
        privacy_spent.run(config_for(tmp_path))
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path))
    assert main(["privacy"]) == 1
    release = Release("k", "als", "2011-05-01", "2011-05-01", FIT)
    (tmp_path / spending.NAME).write_text(json.dumps(release.__dict__) + "\n")
    assert main(["privacy", "--since", "2011-05-02"]) == 0
    assert "cost epsilon 0.00 together" in capsys.readouterr().out
