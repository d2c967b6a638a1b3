"""What databases were asked for lies below the home: on every machine of one in a store, and not for ever."""

import json
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.ground import artifacts, keeping
from pipeline.ground.errors import InputError
from pipeline.intake.databases import answers
from pipeline.operations import check, forget, load_history, prune
from pipeline.settings.sections.data import InputFiles
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from pipeline.store import leases
from tests.on_disk import everything_under
from tests.store.machines import machine
from tests.tiny_log import digests, ingest, row, rows_of, shop

FIRST, LAST = date(2024, 1, 1), date(2024, 1, 4)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]
FILES = "logs/{year}-{month}-{day}.parquet"
LOG = [row(user, item, f"{day} 1{n}:00:00") for day in DAYS for n, (user, item) in enumerate(["ax", "by", "cx"])]
LOG += [row("left-out", "x", f"{FIRST} 15:00:00", "cancelled")]
WHERE = " where type <> 'cancelled'"

Opened = Callable[..., FullConfig]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of SQLite with LOG, known as the connection `shop`."""
    file = tmp_path / "shop.db"
    with sqlite3.connect(file) as connection:
        connection.execute('create table log ("user" text, item text, ts text, type text)')
        connection.executemany("insert into log values (:user, :item, :ts, :type)", LOG)
    monkeypatch.setenv("NIGHTJAR_CONNECTION_SHOP", f"sqlite://{file}")
    return file


@pytest.fixture
def opened(database: Path, tmp_path: Path) -> Opened:
    """The shop with a home, and catalogue items of every day from the same database."""

    def at(home: Path, **over: object) -> FullConfig:
        folder = tmp_path / "shop"
        config = shop(folder, FILES, home=home)
        (folder / "events.sql").write_text((folder / "events.sql").read_text() + WHERE)
        (folder / "query.sql").write_text("select * from log where ts >= $night and ts < $next order by ts, user")
        (folder / "titles.sql").write_text("select distinct item, ts from log where ts >= $night order by item, ts")
        (folder / "items.sql").write_text("select item as item_id, upper(item) as title, _file from raw")
        events = {"files": FILES, "sql": "events.sql", "connection": "shop", "query": "query.sql", "since": FIRST}
        items = events | {"files": f"items/{FILES[5:]}", "sql": "items.sql", "query": "titles.sql"}
        content = config.model_dump(exclude_none=True) | {"ingest": {"events": events, "items": items}} | over
        return FullConfig.model_validate(content)

    return at


def names(config: FullConfig) -> list[str]:
    return sorted(path.relative_to(config.asked).as_posix() for path in config.asked.rglob("*.parquet"))


def test_nothing_is_written_into_the_shops_folder(opened: Opened, tmp_path: Path) -> None:
    config = opened(tmp_path / "home")
    before = everything_under(tmp_path / "shop")
    load_history.load_history(config, DAYS[2])
    folder = ingest(config, LAST)
    assert len(rows_of(folder)) == 3
    assert everything_under(tmp_path / "shop") == before
    assert names(config) == sorted(f"{kind}/{day}.parquet" for kind in ("items", "logs") for day in DAYS)
    manifest = (folder / artifacts.MANIFEST).read_text()
    assert f"logs/{LAST}.parquet" in manifest
    assert str(tmp_path) not in manifest


def test_check_looks_at_them(opened: Opened, tmp_path: Path) -> None:
    config = opened(tmp_path / "home")
    assert any(f"{config.asked}" in problem for problem in check.check(config).problems)
    load_history.load_history(config, LAST)
    checked = check.check(config)
    assert checked.problems == []
    expected = [config.asked / "logs" / f"{day}.parquet" for day in DAYS]
    assert [file.path for file in checked.inputs["events"].files] == expected
    assert checked.facts.events is not None
    assert checked.facts.events.events == 12


def test_to_forget_somebody_removes_them_and_a_night_goes_on(opened: Opened, database: Path, tmp_path: Path) -> None:
    config = opened(tmp_path / "home")
    load_history.load_history(config, DAYS[2])
    ingest(config, LAST)
    assert b"left-out" in everything_under(config.home)
    (receipt,) = forget.forget(config, ["left-out"], LAST)
    assert names(config) == [f"items/{day}.parquet" for day in DAYS]
    assert b"left-out" not in everything_under(config.home)
    assert {"table": "asked", "files": 4} in json.loads(receipt.read_text())["removed"]
    with sqlite3.connect(database) as connection:
        connection.execute(f"insert into log values ('d', 'x', '{LAST + timedelta(days=1)} 10:00:00', 'purchase')")
    assert [event["user_id"] for event in rows_of(ingest(config, LAST + timedelta(days=1)))] == ["d"]
    load_history.load_history(config, LAST)
    assert len(rows_of(artifacts.stage_dir(config.lake, "ingest", FIRST))) == 3


def test_prune_removes_those_of_old_days(opened: Opened, tmp_path: Path) -> None:
    config = opened(tmp_path / "home")
    load_history.load_history(config, LAST)
    assert prune.prune(config).folders == []
    config = config.model_copy(update={"retention": config.retention.model_copy(update={"asked_days": 1})})
    would = prune.prune(config, dry_run=True)
    assert len(names(config)) == 8
    freed = prune.prune(config)
    assert freed.folders == would.folders
    assert names(config) == [f"{kind}/{day}.parquet" for kind in ("items", "logs") for day in DAYS[2:]]
    assert "4 files of what databases were asked for" in prune.describe(freed, dry_run=False)


def test_another_machine_has_them_too(
    opened: Opened, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 2.0)
    monkeypatch.setattr(leases, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(keeping, "_KEEPERS", {})
    plain = opened(tmp_path / "plain")
    for home in ("one", "other"):
        machine(f"file://{tmp_path}/bucket/shop", tmp_path / home)
    one, other = opened(tmp_path / "one"), opened(tmp_path / "other")
    for config in (plain, one):
        load_history.load_history(config, DAYS[2])
        ingest(config, LAST)
    database.unlink()
    load_history.load_history(other, LAST)
    assert names(other) == names(one) == names(plain)
    for day in DAYS:
        night = artifacts.stage_dir(other.lake, "ingest", day)
        assert digests(night) == digests(artifacts.stage_dir(plain.lake, "ingest", day))
    forget.forget(other, ["a"], LAST)
    with artifacts.lock(one.asked):
        assert names(one) == [f"items/{day}.parquet" for day in DAYS]
    assert b"left-out" not in everything_under(tmp_path / "bucket")


def test_two_queries_do_not_become_one_file(opened: Opened, tmp_path: Path) -> None:
    config = opened(tmp_path / "home")
    assert config.ingest.items is not None
    items = config.ingest.items.model_copy(update={"files": FILES})
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"items": items})})
    with pytest.raises(InputError, match="files of its own"):
        ingest(config, FIRST)


def test_who_asks_no_database_has_no_such_folder(tmp_path: Path) -> None:
    config = shop(tmp_path, "log.jsonl")
    assert not answers.is_any(config)
    with pytest.raises(ValueError, match="connection"):
        Publish(editorial=InputFiles(files="e.parquet", sql="e.sql", connection="shop", query="q.sql"))
