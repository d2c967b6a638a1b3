"""Shops that have just begun: a table every time, with a plain sentence about what it is worth."""

import random
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from pipeline import __main__ as command_line

START = date(2024, 1, 1)
THINGS = ("MUG", "TEA POT", "LUNCH BAG", "T-LIGHT HOLDER", "NAPKINS", "CAKE TIN", "WALL CLOCK", "DOORMAT")
COLOURS = ("RED", "BLUE", "PINK", "GREEN", "WHITE")
TITLES = {f"i{n:02}": f"{COLOURS[n % 5]} {THINGS[n // 5]}" for n in range(40)}
HEADER = "user,item,ts,type\n"
EVENTS = """
select "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time, type as event_type, _file, _row
from raw
"""
TOML = """
profile = "fast"
threads = 2
horizon_days = {horizon}
[ingest.events]
files = "events.csv"
sql = "events.sql"
[ingest.items]
files = "items.csv"
sql = "items.sql"
"""


def log(users: int, days: int) -> str:
    """Each day some of the users come; everybody likes the first items better than the last ones."""
    rng = random.Random(1)
    lines = [
        f"u{user},i{int(40 * rng.random() ** 2):02},{START + timedelta(days=day)} 1{rng.randrange(10)}:00:00,{kind}\n"
        for day in range(days)
        for user in range(users)
        if rng.random() < 0.4
        for kind in rng.choices(["view", "purchase"], k=2)
    ]
    return HEADER + "".join(lines)


class Shop:
    """A folder with a catalogue, a log and a configuration."""

    def __init__(self, folder: Path, events: str, horizon: int = 14) -> None:
        self.folder = folder
        (folder / "events.csv").write_text(events)
        (folder / "events.sql").write_text(EVENTS)
        (folder / "items.csv").write_text("item,title\n" + "".join(f"{i},{t}\n" for i, t in TITLES.items()))
        (folder / "items.sql").write_text("select item as item_id, title, _file, _row from raw")
        (folder / "pipeline.toml").write_text(TOML.format(horizon=horizon))

    def run(self, night: date) -> int:
        """`run --with-history` of a night; its exit code."""
        command = ["--config", str(self.folder / "pipeline.toml"), "--set", f"home={self.folder / 'home'}"]
        return command_line.main([*command, "run", "--with-history", "--run-date", str(night)])

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """The answer of the published tables."""
        with duckdb.connect(str(self.folder / "home" / "tables" / "current.duckdb"), read_only=True) as tables:
            return tables.execute(query).fetchall()

    def report(self, night: date) -> str:
        """The night's page."""
        return (self.folder / "home" / "lake" / "evaluate" / f"run_date={night}" / "report.html").read_text()


@pytest.mark.slow
def test_a_catalogue_without_events_is_published_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path, HEADER)
    assert shop.run(START) == 0
    assert shop.rows("select count(*) from current_recommendations") == [(0,)]
    segments = shop.rows("select segment, count(*) from current_popular_items group by segment order by segment")
    assert segments == [("all", 40), ("new_arrivals", 40)]
    alike = shop.rows("select item_id, similar_item_id from current_similar_items where rank <= 4")
    assert len(alike) == 160
    share = sum(TITLES[str(a)].split(" ", 1)[1] == TITLES[str(b)].split(" ", 1)[1] for a, b in alike) / len(alike)
    assert share > 0.9
    assert "Nobody has done anything yet, so the tables are made of the catalogue alone" in shop.report(START)

    second, third, fourth = (START + timedelta(days=n) for n in (1, 2, 3))
    with (tmp_path / "items.csv").open("a") as file:
        file.write("i99,RED DOORMAT\n")
    assert shop.run(second) == 0
    assert shop.rows("select item_id from current_popular_items where segment = 'all' and rank = 1") == [("i99",)]
    (tmp_path / "events.csv").write_text(f"{HEADER}u1,i03,{third} 10:00:00,purchase\n")
    assert shop.run(third) == 0
    assert {row[0] for row in shop.rows("select user_id from current_recommendations")} == {"u1"}
    assert shop.rows("select item_id from current_popular_items where segment = 'all' and rank = 1") == [("i03",)]
    capsys.readouterr()
    assert shop.run(fourth) != 0
    assert f"no log row arrived on {fourth}" in capsys.readouterr().err
    assert {row[0] for row in shop.rows("select user_id from current_recommendations")} == {"u1"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("users", "days", "horizon"), [(30, 1, 14), (30, 1, 28), (40, 7, 14), (300, 7, 28), (3, 2, 14)]
)
def test_a_young_log_is_published_and_says_that_nobody_can_tell(
    tmp_path: Path, users: int, days: int, horizon: int
) -> None:
    shop, night = Shop(tmp_path, log(users, days), horizon), START + timedelta(days=days - 1)
    assert shop.run(night) == 0
    known = {line.split(",")[0] for line in (tmp_path / "events.csv").read_text().splitlines()[1:]}
    assert {row[0] for row in shop.rows("select user_id from current_recommendations")} == known
    text = shop.report(night)
    assert "Nobody can tell yet whether these lists are better than a list of best-sellers" in text
    assert not shop.rows("select * from current_recommendations where reason like '%ew this month%'")


@pytest.mark.slow
@pytest.mark.parametrize("days", [28, 60])
def test_a_hundred_users_get_tables_night_after_night(tmp_path: Path, days: int) -> None:
    """What they like is nothing but popular, so that what is learned can lose to best-sellers."""
    shop, night = Shop(tmp_path, log(100, days + 2), horizon=days // 4), START + timedelta(days=days - 1)
    for later in range(3):
        today = night + timedelta(days=later)
        assert shop.run(today) == 0
        assert shop.rows("select count(distinct user_id) from current_recommendations") == [(100,)]
        assert shop.rows("select max(run_date) from current_runs") == [(today,)]
        assert "95 % interval" in shop.report(today)


@pytest.mark.slow
def test_lists_that_were_shown_and_nothing_else_are_a_beginning_too(tmp_path: Path) -> None:
    shown = "".join(f"u{user},i{item:02},{START} 10:00:00,impression\n" for user in range(9) for item in range(12))
    shop = Shop(tmp_path, HEADER + shown)
    with (tmp_path / "pipeline.toml").open("a") as file:
        file.write("[features.event_types]\npurchase = {label = true}\nimpression = {weight = 0, shown = true}\n")
    assert shop.run(START) == 0
    assert shop.rows("select count(*) from current_recommendations") == [(0,)]
    assert shop.rows("select count(*) from current_popular_items where segment = 'all'") == [(40,)]
    assert "Nobody has done anything yet, so the tables are made of the catalogue alone" in shop.report(START)
    second = START + timedelta(days=1)
    (tmp_path / "events.csv").write_text(f"{HEADER}{shown}u1,i03,{second} 10:00:00,purchase\n")
    assert shop.run(second) == 0
    assert {row[0] for row in shop.rows("select user_id from current_recommendations")} == {"u1"}
