"""The comparison on a made-up shop of loyal buyers, judged once more with plain Python from the log."""

import math
import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import __main__ as command_line
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import compare
from pipeline.operations.compare import Compared
from pipeline.operations.comparing import scores, simple, tuning
from pipeline.operations.load_history import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import row, shop, write

START, DAYS, USERS, ITEMS = date(2024, 1, 1), 70, 40, 24
NIGHTS = (START + timedelta(days=DAYS - 8), START + timedelta(days=DAYS - 1))
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 4,
    "als": {"factors": 8},
    "item_knn": {"enabled": False},
    "fusion": {"rounds": 10, "ablation": False},
    "evaluate": {"resamples": 200},
}


def log() -> list[dict[str, Any]]:
    """Everybody buys now one of three items of their own, now any."""
    rng, rows = random.Random(3), []
    for day in range(DAYS):
        for user in range(USERS):
            if rng.random() < 0.3:
                own = rng.random() < 0.8
                item = (user * 5 + rng.randrange(3)) % ITEMS if own else rng.randrange(ITEMS)
                rows.append(row(f"u{user}", f"i{item:02}", f"{START + timedelta(days=day)} 10:00:00"))
    return rows


def files_of(folder: Path) -> dict[str, str]:
    """What every file of a lake holds, locks aside."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(folder).as_posix(): artifacts.file_sha256(path) for path in paths}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    folder = tmp_path_factory.mktemp("shop")
    write(folder / "log.jsonl", log())
    config = shop(folder, **SETTINGS)
    load_history(config, NIGHTS[-1])
    return config


@pytest.fixture(scope="module")
def compared(loaded: FullConfig) -> Compared:
    before = files_of(loaded.lake)
    found = compare.run(loaded, reversed(NIGHTS), number=2, out=loaded.home / "told" / "compare.md")
    assert files_of(loaded.lake) == before
    assert not (loaded.home / "compare").exists()
    return found


def popularity_by_hand(config: FullConfig, days: int, *, new: bool) -> tuple[float, int]:
    """NDCG@10 of the popularity of so many days, users' nights averaged first; and how many users there are."""
    bought = [(r["user"], r["item"], date.fromisoformat(r["ts"][:10])) for r in log()]
    first = {item: min(day for _, one, day in bought if one == item) for _, item, _ in bought}
    per_user: dict[str, list[float]] = {}
    for night in NIGHTS:
        cutoff = config.folds(night)["judge"]
        had: dict[str, set[str]] = {}
        for user, item, day in bought:
            if day <= cutoff:
                had.setdefault(user, set()).add(item)
        lately = {(user, item) for user, item, day in bought if cutoff - timedelta(days=days) < day <= cutoff}
        buyers = Counter(item for _, item in lately)
        order = sorted(buyers, key=lambda item: (-buyers[item], first[item], item))  # equal ones as they came
        window = {(u, i) for u, i, day in bought if cutoff < day <= cutoff + timedelta(days=config.horizon_days)}
        for user, owned in had.items():
            wanted = {item for u, item in window if u == user and not (new and item in owned)}
            if wanted:
                shown = [item for item in order if not (new and item in owned)][:10]
                gained = sum(1 / math.log2(rank + 2) for rank, item in enumerate(shown) if item in wanted)
                ideal = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(wanted))))
                per_user.setdefault(user, []).append(gained / ideal)
    return float(np.mean([np.mean(values) for values in per_user.values()])), len(per_user)


@pytest.mark.slow
@pytest.mark.parametrize(("pool", "at"), [("all", 0), ("new", 1)])
@pytest.mark.parametrize("days", [7, 28])
def test_popularity_scores_as_counted_by_hand(
    compared: Compared, loaded: FullConfig, pool: str, at: int, days: int
) -> None:
    table = compared.tables[at]
    assert (table.pool, table.nights) == (pool, 2)
    line = next(line for line in table.lines if line.name == f"popularity, {days} days")
    value, users = popularity_by_hand(loaded, days, new=pool == "new")
    assert (line.ndcg, table.users) == (pytest.approx(value, abs=1e-9), users)


@pytest.mark.slow
def test_all_simple_lists_stand_beside_the_published_one(compared: Compared, loaded: FullConfig) -> None:
    every, new = ([line.name for line in table.lines] for table in compared.tables)
    single = {"als", "ease", "item_knn", "ridge", "user_knn", "language_model"}  # item_knn though the shop has it off
    windows = {f"popularity, {days} days" for days in simple.WINDOWS}
    assert every[0] == new[0] == scores.PUBLISHED
    assert set(every) == {scores.PUBLISHED, "buy_again"} | single | windows
    assert set(new) == {scores.PUBLISHED} | single | windows
    published = compared.tables[0].lines[0]
    assert published.ndcg > 2 * popularity_by_hand(loaded, 28, new=False)[0]


@pytest.mark.slow
def test_what_is_told(compared: Compared, loaded: FullConfig) -> None:
    said, written = str(compared), (loaded.home / "told" / "compare.md").read_text()
    for text in (said, written):
        assert "tuned in 2 trials each" in text
        assert all(f"{name}: NDCG" in text for name in ("als", "ease", "item_knn", "user_knn", "buy_again"))
        for surface, table in zip(("for_you", "discover"), compared.tables, strict=True):
            assert f"{surface}: the published list is " in text
            assert f"the best simple list ({table.best}): NDCG@10" in text
            assert "So few users tell little" in text
    assert written.count("| **published** |") == 2


def test_settings_are_looked_for_before_anything_judges(loaded: FullConfig) -> None:
    night = tuning.tuned_on(NIGHTS, loaded)
    window_ends = loaded.folds(night)["judge"] + timedelta(days=loaded.horizon_days)
    assert window_ends <= min(loaded.folds(judged)["judge"] for judged in NIGHTS)


@pytest.mark.parametrize("unknown", [NIGHTS[-1] + timedelta(days=1), START - timedelta(days=400)])
def test_a_night_that_was_never_ingested_is_named(loaded: FullConfig, unknown: date) -> None:
    with pytest.raises(InputError, match=f"night {unknown} is not ingested: python -m pipeline load-history --until"):
        compare.run(loaded, (NIGHTS[0], unknown))
    with pytest.raises(InputError, match="--trials -1 is no number of trials"):
        compare.run(loaded, NIGHTS, number=-1)


def test_a_user_counts_once_and_differences_are_paired() -> None:
    """Ann is judged twice; the better list is better for each by exactly .1, so its interval is a point."""
    given = [["ann", "bob"], ["ann"]]
    best = [np.array([[0.2, 0.5], [0.6, 0.1]]), np.array([[0.4, 0.7]])]
    nights = [
        scores.Judged(users, {scores.PUBLISHED: found + 0.1, "als": found, "slow": found * 0})
        for users, found in zip(given, best, strict=True)
    ]
    table = scores.table("all", nights, FullConfig())
    assert (table.users, table.nights, table.best, table.surfaces) == (2, 2, "als", ("for_you",))
    published, als, slow = table.lines
    assert (als.ndcg, als.recall) == (pytest.approx((0.3 + 0.6) / 2), pytest.approx((0.6 + 0.1) / 2))
    assert (published.low, published.high) == (pytest.approx(0.1), pytest.approx(0.1))
    assert (published.word, als.word, slow.word) == ("better", "as good as", "worse")
    assert scores.table("new", [scores.Judged([], {})], FullConfig()).lines == ()


@pytest.mark.slow
def test_the_command_line_compares(loaded: FullConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pipeline.toml").write_text(
        f'home = "{loaded.home}"\nprofile = "fast"\nhorizon_days = 7\nlabel_windows = 4\n'
        f'[ingest.events]\nfiles = "log.jsonl"\nsql = "events.sql"\n[als]\nfactors = 8\n[fusion]\nrounds = 10\n'
    )
    arguments = ["--quiet", "--config", str(tmp_path / "pipeline.toml"), "compare", "--nights", str(NIGHTS[0])]
    assert command_line.main([*arguments, "--trials", "0"]) == 0
    said = capsys.readouterr().out
    assert "No simple list was tuned (--trials 0)." in said
    assert "discover: the published list is " in said
