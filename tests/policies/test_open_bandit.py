"""A real log of two policies that ran side by side: each is judged by the other's log, and by its own."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.policies import estimators, intervals
from pipeline.policies.logged import Logged, Support

LOG = Path(__file__).parent / "open_bandit" / "impressions.parquet"
CAMPAIGNS = ("all", "men", "women")
Columns = dict[str, Any]


def shown(policy: str, campaign: str) -> Columns:
    table = pq.read_table(LOG)
    table = table.filter(pc.and_(pc.equal(table["policy"], policy), pc.equal(table["campaign"], campaign)))
    return {name: table.column(name).to_numpy() for name in ("item_id", "position", "click", "propensity")}


def judged(log: Columns, target: np.ndarray) -> Logged:
    return Logged(log["click"].astype(float), log["propensity"], target, np.arange(len(target)))


def chances_of_thompson(campaign: str, items: int) -> np.ndarray:
    """[3, items] with which it showed each item at each position over the week, which is what it draws a slot with."""
    log = shown("bts", campaign)
    counts = np.zeros((3, items))
    np.add.at(counts, (log["position"] - 1, log["item_id"]), 1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("policy", ["random", "bts"])
@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_a_policy_by_its_own_log_is_what_it_earned(policy: str, campaign: str) -> None:
    log = shown(policy, campaign)
    own = judged(log, log["propensity"])
    assert Support.of(own).refusal() is None
    assert estimators.ips(own).value == estimators.snips(own).value == log["click"].mean()


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_thompson_sampling_by_the_uniform_log(campaign: str) -> None:
    """Its interval holds what it earned itself, in every campaign that is not refused."""
    log, earned = shown("random", campaign), shown("bts", campaign)["click"].mean()
    chances = chances_of_thompson(campaign, log["item_id"].max() + 1)
    found = judged(log, chances[log["position"] - 1, log["item_id"]])
    assert Support.of(found).refusal() is None
    for estimate in (estimators.ips, estimators.snips):
        known = intervals.interval(estimate(found), 1_000, 1)
        assert known.low <= earned <= known.high


@pytest.mark.parametrize(("campaign", "effective"), [("all", 340), ("men", 656), ("women", 2)])
def test_the_uniform_policy_by_thompson_samplings_log_is_refused(campaign: str, effective: int) -> None:
    """What it believes in it shows again and again, and little else: chances down to one in a million."""
    log = shown("bts", campaign)
    found = Support.of(judged(log, np.full(len(log["click"]), 1 / (log["item_id"].max() + 1))))
    assert found.refusal() == f"an effective sample of {effective} of 10,000 rows; 1,000 are needed"
    assert found.mean_weight == pytest.approx({"all": 1.01, "men": 0.94, "women": 3.13}[campaign], abs=0.01)
