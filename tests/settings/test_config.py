from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.settings import layers
from pipeline.settings.sections.publication import Surface
from pipeline.sources import configuration

SUNDAY = date(2011, 10, 2)


def toml(folder: Path, text: str) -> Path:
    path = folder / "pipeline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_overrides_the_defaults_and_overrides_override_the_file(tmp_path: Path) -> None:
    path = toml(tmp_path, "horizon_days = 7\nseed = 3\n")
    loaded = configuration.load(path, {"seed": 4})
    assert (loaded.horizon_days, loaded.seed, loaded.refresh_days) == (7, 4, 7)
    assert loaded.folder == tmp_path


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"als\.factorz"):
        configuration.load(toml(tmp_path, "[als]\nfactorz = 3\n"))


def test_a_file_that_is_missing_or_not_toml_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml does not exist"):
        configuration.load(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match=r"pipeline\.toml is not TOML"):
        configuration.load(toml(tmp_path, "[[["))


def test_the_home_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_HOME", str(tmp_path / "home"))
    assert configuration.load(toml(tmp_path, "")).lake == tmp_path / "home" / "lake"


def test_without_a_name_it_is_the_example_shop_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NIGHTJAR_CONFIG", raising=False)
    assert configuration.load().folder == Path(__file__).resolve().parents[2] / "examples" / "online_retail"


@pytest.mark.parametrize("days_later", range(7))
def test_a_week_shares_its_anchor_and_label_windows(days_later: int) -> None:
    night = SUNDAY + timedelta(days=days_later)
    loaded = configuration.FullConfig()
    assert loaded.anchor(night) == SUNDAY
    assert loaded.label_cutoffs(night) == loaded.label_cutoffs(SUNDAY)
    assert loaded.anchor(SUNDAY + timedelta(days=7)) != SUNDAY


def test_four_weeks_share_a_fine_tuned_model_that_knows_nothing_later_than_any_of_them() -> None:
    loaded = configuration.FullConfig()
    days = [SUNDAY + timedelta(days=n) for n in range(28)]
    assert {loaded.tuned_at(day) for day in days} == {SUNDAY}  # 2011-10-02 is a multiple of 28 days
    assert all(min(loaded.label_cutoffs(SUNDAY)) <= min(loaded.label_cutoffs(day)) for day in days)
    assert loaded.tuned_at(SUNDAY + timedelta(days=28)) == SUNDAY + timedelta(days=28)
    weekly = configuration.FullConfig(tuning_days=7)
    assert [weekly.tuned_at(day) for day in days] == [weekly.anchor(day) for day in days]


def test_no_fold_learns_from_a_window_that_is_not_over_where_it_is_applied() -> None:
    loaded = configuration.FullConfig()
    folds = loaded.folds(SUNDAY)
    assert folds == {"validate": date(2011, 9, 4), "judge": date(2011, 9, 18), "publish": SUNDAY}
    for applied_at in folds.values():
        windows = loaded.learnable(SUNDAY, applied_at)
        assert windows
        assert all(cutoff + timedelta(days=14) <= applied_at for cutoff in windows)


def test_the_digest_knows_its_own_section_and_what_is_shared_only() -> None:
    base = configuration.FullConfig()
    assert base.digest("als") == configuration.FullConfig(home=Path("elsewhere")).digest("als")
    assert base.digest("als") != configuration.FullConfig(seed=1).digest("als")
    other_surfaces = configuration.FullConfig(surfaces=(Surface(name="only"),))
    assert base.digest("als") == other_surfaces.digest("als")
    assert base.digest("publish") != other_surfaces.digest("publish")


def test_too_few_label_windows_for_the_folds_are_refused(tmp_path: Path) -> None:
    assert configuration.FullConfig(label_windows=5).learnable(SUNDAY, date(2011, 9, 4)) == (date(2011, 8, 21),)
    with pytest.raises(InputError, match="label_windows must be at least 5"):
        configuration.load(toml(tmp_path, "label_windows = 4\nwindow_stride_days = 7"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("surfaces = []", "surfaces"),
        ("surfaces = [{name = 'a'}, {name = 'a', repeats = false}]", "same name"),
        ("[ensemble]\nmembers = []", "ensemble.members"),
        ("[ensemble]\nmembers = ['hybrid', 'hybrid']", "twice"),
        ("[ensemble]\nfinal = 'nope'", "must be one of weighted"),
        ("[features.event_types]\nview = {weight = 1.0}", "label = true"),
    ],
)
def test_what_would_fail_late_is_refused_at_once(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        configuration.load(toml(tmp_path, text))


def test_a_profile_lies_under_the_file_and_what_was_tuned_over_it(tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text("[als]\nreg = 7.0\n")
    text = 'profile = "fast"\ntuned = "tuned.toml"\n[als]\nfactors = 8\nreg = 1.0\n'
    loaded = configuration.load(toml(tmp_path, text), {"als": {"alpha": 9.0}})
    assert (loaded.label_windows, loaded.als.factors, loaded.als.reg, loaded.als.alpha) == (8, 8, 7.0, 9.0)
    assert not configuration.load(toml(tmp_path, "[als]\nfactors = 8\n"), {"profile": "fast"}).enabled("item_knn")


def test_a_profile_or_a_tuned_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no profile 'quick': there are default, fast"):
        configuration.load(toml(tmp_path, 'profile = "quick"\n'))
    with pytest.raises(InputError, match=r"tuned\.toml does not exist: run `python -m pipeline tune`"):
        configuration.load(toml(tmp_path, 'tuned = "tuned.toml"\n'))


def test_every_profile_is_a_configuration() -> None:
    for path in layers.PROFILES.glob("*.toml"):
        assert configuration.load(overrides={"profile": path.stem}).profile == path.stem


@pytest.mark.parametrize(
    ("text", "calendar"),
    [
        ("", (14, 7, 7)),
        ("horizon_days = 7", (7, 7, 7)),
        ("horizon_days = 1", (1, 1, 1)),
        ("horizon_days = 1\nrefresh_days = 7", (1, 7, 1)),
        ("horizon_days = 28", (28, 7, 7)),
        ("horizon_days = 28\nlabel_windows = 5", (28, 7, 14)),
        ("horizon_days = 28\nlabel_windows = 12\nwindow_stride_days = 14", (28, 7, 14)),
    ],
)
def test_the_calendar_follows_the_horizon(tmp_path: Path, text: str, calendar: tuple[int, int, int]) -> None:
    loaded = configuration.load(toml(tmp_path, text))
    assert (loaded.horizon_days, loaded.refresh_days, loaded.window_stride_days) == calendar


def test_a_long_horizon_has_windows_enough_also_in_the_fast_profile(tmp_path: Path) -> None:
    loaded = configuration.load(toml(tmp_path, 'profile = "fast"\nhorizon_days = 28'))
    folds = loaded.folds(SUNDAY)
    assert folds["validate"] + timedelta(days=28) <= folds["judge"]
    assert folds["judge"] + timedelta(days=28) <= SUNDAY


@pytest.mark.parametrize("name", ["links", "offers"])
def test_what_the_frames_have_columns_of_is_learned_anew_where_it_comes_or_goes(name: str) -> None:
    base = configuration.FullConfig()
    more = configuration.FullConfig.model_validate({"ingest": {name: {"files": "f.csv", "sql": "f.sql"}}})
    assert [base.digest(stage) == more.digest(stage) for stage in ("features", "fusion", "als")] == [False, False, True]
