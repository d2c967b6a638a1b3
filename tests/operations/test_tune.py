"""The search on a tiny log: who buys an item buys it again, so the own history must get all the weight."""

import tomllib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.ground.errors import InputError
from pipeline.operations import load_history, stages, tune
from pipeline.operations.tuning.trials import Goal, pools_of
from pipeline.settings import layers
from pipeline.sources import configuration
from tests import tiny_log

NIGHT = date(2011, 5, 1)
GOAL = Goal("buy_again", (NIGHT - timedelta(days=7), NIGHT), ("all",))
KNOBS = '[buy_again]\n"popularity.power" = { low = 0.0, high = 3.0 }\n"popularity.history" = { choices = ["count"] }\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> configuration.FullConfig:
    """Sixty days of thirty loyal users; popularity misleads, as each third of them buys items of its own."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(1)
    rows = []
    for user in range(30):
        own = [user % 3 * 8 + k for k in rng.choice(8, 3, replace=False)]
        for day in range(0, 60, 3):
            at = NIGHT - timedelta(days=59 - day)
            rows.append(tiny_log.row(f"u{user}", f"i{rng.choice(own)}", f"{at} 12:00:00"))
    tiny_log.write(folder / "log.jsonl", sorted(rows, key=lambda row: row["ts"]))
    made = tiny_log.shop(folder, label_windows=5, popularity={"power": 2.5}, ingest={"allow_empty": True})
    load_history.load_history(made, until=NIGHT)
    return made


def test_a_search_finds_what_is_better_keeps_it_and_goes_on(shop: configuration.FullConfig, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text(KNOBS)
    out = tmp_path / "tuned.toml"
    out.write_text("[als]\nreg = 7.0\n")
    found = tune.run(shop, GOAL, out, number=4, knobs_from=space)
    assert found.trials == 4
    assert found.value >= found.before
    again = tune.run(shop, GOAL, out, number=5, knobs_from=space)
    assert again.trials == 5
    written = tomllib.loads(out.read_text())
    assert written == layers.merge({"als": {"reg": 7.0}}, {"popularity": written["popularity"]})
    assert set(written["popularity"]) == {"power", "history"}
    assert "# buy_again: NDCG" in out.read_text()
    assert configuration.FullConfig.model_validate(layers.merge(shop.model_dump(), written)).als.reg == 7.0


def test_the_first_trial_is_what_is_in_force(shop: configuration.FullConfig, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text('[buy_again]\n"popularity.power" = { low = 0.0, high = 1.0 }\n')  # 2.5 is in force
    found = tune.run(shop, GOAL, tmp_path / "tuned.toml", number=1, knobs_from=space)
    assert found.settings == {"popularity.power": 2.5}
    assert found.value == found.before


def test_a_trial_leaves_the_shop_s_own_lake_alone(shop: configuration.FullConfig) -> None:
    assert {folder.name for folder in shop.lake.iterdir()} == {"ingest"}


def test_only_what_the_list_needs_is_run() -> None:
    assert Goal("als", (), ("all",)).stages == ["features", "als"]
    assert Goal("language_model", (), ("all",)).stages == ["features", "fine_tune", "language_model"]
    everything = [
        stage for stage in stages.STAGES if stage not in {"ingest", "evaluate", "publish", "outcomes", *stages.APART}
    ]
    assert Goal("final", (), ("all",)).stages == everything
    assert pools_of("buy_again", ("all", "new")) == ("all",)
    assert pools_of("ease", ("new",)) == ("new",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[ease]\n"ease.reg" = { low = 1.0, high = 2.0 }\n', r"no table \[buy_again\]: it can make better ease"),
        ('[buy_again]\n"popularity.strength" = { low = 1.0, high = 2.0 }\n', "no setting 'popularity.strength'"),
        ('[buy_again]\n"popularity.power" = { low = 2.0, high = 1.0 }\n', "low first"),
        (
            '[buy_again]\n"label_windows" = { choices = [8, 12] }\n',
            "label_windows: what is tried is a setting",
        ),
        (
            '[buy_again]\n"fusion.rankers.hybrid.leaves" = { choices = [8] }\n',
            "leaves: what is tried is a setting",
        ),
        ('[buy_again]\n"popularity.power" = { low = 0.0, high = 1.0, log = true }\n', "begins above 0"),
        ('[buy_again]\n"popularity.power" = { low = 0.0, high = 1.0, choices = [1] }\n', "not both"),
    ],
)
def test_a_knob_that_is_none_is_named(shop: configuration.FullConfig, tmp_path: Path, text: str, said: str) -> None:
    space = tmp_path / "space.toml"
    space.write_text(text)
    with pytest.raises(InputError, match=said):
        tune.run(shop, GOAL, tmp_path / "tuned.toml", number=1, knobs_from=space)


def test_a_night_that_was_never_ingested_is_named(shop: configuration.FullConfig, tmp_path: Path) -> None:
    goal = Goal("buy_again", (NIGHT + timedelta(days=30),), ("all",))
    with pytest.raises(InputError, match=r"2011-05-31 is not ingested: python -m pipeline load-history"):
        tune.run(shop, goal, tmp_path / "tuned.toml", number=1)


def test_the_shipped_space_is_one_of_settings_that_exist() -> None:
    from pipeline.operations.tuning import space

    for name in layers.read_toml(space.SHIPPED, ""):
        assert space.read(space.SHIPPED, name, configuration.FullConfig())
