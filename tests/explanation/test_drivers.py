"""Which driver a feature speaks for."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.explanation.drivers import KINDS, Drivers, driver_of
from pipeline.ranking.candidate_lists import with_made_lists
from pipeline.ranking.frames import Framed
from tests.planted import plant


@pytest.mark.parametrize(
    ("feature", "driver"),
    [
        ("als.score", "als"),
        ("ease.rank_new", "ease"),
        ("own_count", "history"),
        ("user_actions", "habits"),
        ("user_log_price", "price"),
        ("item_buyers_28", "popularity"),
        ("item_trend_week", "popularity"),
        ("item_first_age", "age"),
        ("linked_lift", "offers"),
        ("shown_in_vain", "impressions"),
        ("country.taste", "attributes"),
        ("score.of_user", "attributes"),  # an attribute may be called as one likes
        ("text_affinity", "text"),
        ("neighbours_7", "neighbours"),
    ],
)
def test_a_feature_speaks_for_one_driver(feature: str, driver: str) -> None:
    assert driver_of(feature, {"als", "ease"}) == driver


def test_a_feature_that_nobody_has_placed_is_refused() -> None:
    with pytest.raises(ValueError, match=r"feature 'moon_phase' speaks for no driver: say in pipeline\.explanation"):
        driver_of("moon_phase", {"als"})
    with pytest.raises(ValueError, match=r"'lost\.rank'"):
        driver_of("lost.rank", {"als"})


def test_every_feature_of_a_night_has_its_driver(tmp_path: Path) -> None:
    night = plant(tmp_path)
    config = with_made_lists(night.config, night.sources)
    frame = Framed.read(night.cutoffs[0], night.sources, config).of(slice(0, 3))[""]
    drivers = Drivers.of(config.fusion.sources)
    gather = drivers.gather(frame.names, config.fusion.sources)
    assert (gather.sum(axis=1) == 1).all()
    spoken = {drivers.names[column] for column in np.flatnonzero(gather.any(axis=0))}
    assert {*config.fusion.sources, "history", "habits", "popularity", "age", "price"} <= spoken
    assert set(drivers.names) == {*config.fusion.sources, *KINDS}
