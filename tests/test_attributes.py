"""A shop where taste depends on the country, from raw files to published tables, for who has done next to nothing."""

import random
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts
from pipeline.operations import show, stages
from pipeline.operations.load_history import load_history
from pipeline.sources.configuration import FullConfig
from tests.tiny_log import row, shop, write

START, DAYS, USERS, LOCAL, NEUTRAL = date(2024, 1, 1), 70, 400, 20, 8
NIGHT = START + timedelta(days=DAYS - 1)
LANDS = ("FR", "DE", "IT")
SETTINGS: dict[str, Any] = {
    "profile": "fast",
    "horizon_days": 7,
    "label_windows": 5,
    "als": {"factors": 8},
    "fusion": {"rounds": 40, "min_leaf": 20, "ablation": False},
    "publish": {"segment_by": ["country"], "popular_k": LOCAL},
}
ATTRIBUTES = {"country": "word", "colour": "word", "age": "number"}
MAPPING = "select who as user_id, land as country, colour, age, _file from raw"


def land_of(user: int) -> str:
    return LANDS[user * 7 % 5 % 3]


def local(land: str) -> set[str]:
    """What only one country likes."""
    return {f"{land}{n}" for n in range(LOCAL)}


def log(seed: int = 0) -> list[dict[str, Any]]:
    """Users come one after the other; each buys something that all countries like, then what the own one does."""
    rng, rows = random.Random(seed), []
    for user in range(USERS):
        first = user * DAYS // USERS
        rows.append(row(f"u{user}", f"any{rng.randrange(NEUTRAL)}", f"{START + timedelta(days=first)} 10:00:00"))
        for day in range(first + 1, DAYS):
            if rng.random() < 0.12:
                item = rng.choice(sorted(local(land_of(user))))
                rows.append(row(f"u{user}", item, f"{START + timedelta(days=day)} 10:00:00"))
    return rows


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> FullConfig:
    """The shop's night, run."""
    folder = tmp_path_factory.mktemp("lands")
    rng = random.Random(1)
    write(folder / "log.jsonl", log())
    people = [{"who": f"u{u}", "land": land_of(u)} for u in range(USERS)]
    people += [{"who": "visitor", "land": "IT"}, {"who": "stranger", "land": "PT"}, {"who": "nobody", "land": None}]
    people = [one | {"colour": rng.choice("rgb"), "age": rng.randrange(20, 60)} for one in people]
    write(folder / "people.jsonl", people)
    (folder / "people.sql").write_text(MAPPING)
    users = {"files": "people.jsonl", "sql": "people.sql", "attributes": ATTRIBUTES}
    config = shop(folder, ingest={"users": users}, **SETTINGS)
    load_history(config, NIGHT)
    stages.run(NIGHT, config)
    return config


@pytest.mark.slow
def test_taste_that_depends_on_the_country_is_found(config: FullConfig) -> None:
    with duckdb.connect(str(config.tables / "current.duckdb"), read_only=True) as tables:
        segments = dict(
            tables.execute("select segment, list(item_id order by rank) from popular_items group by all").fetchall()
        )
        shown = tables.execute(
            "select user_id, item_id from recommendations where surface = 'discover' and rank <= 5"
        ).fetchall()
    assert set(segments) >= {"all", *(f"country:{land}" for land in LANDS)}
    for land in LANDS:
        best = segments[f"country:{land}"][:10]
        assert set(best) <= local(land) | {f"any{n}" for n in range(NEUTRAL)}
        assert len(set(best) & local(land)) >= 8
    had: dict[str, set[str]] = {}
    for line in log():
        had.setdefault(line["user"], set()).add(line["item"])
    cold = {user for user, items in had.items() if all(item.startswith("any") for item in items)}
    assert len(cold) > 20
    right = [item in local(land_of(int(user[1:]))) for user, item in shown if user in cold]
    assert sum(right) > 0.9 * len(right)
    fold = artifacts.stage_dir(config.lake, "fusion", NIGHT) / "fold=publish"
    gain = {
        one["feature"]: one["gain"]
        for one in pq.read_table(fold / "importance.parquet", partitioning=None).to_pylist()
        if one["pool"] == "new"
    }
    told = {name: gain[name] for name in ("country.taste", "demographic.score", "demographic.rank_new")}
    assert sum(told.values()) > 10 * (gain["colour.taste"] + gain["age.of_user"]), (told, gain)


@pytest.mark.slow
def test_who_is_known_by_attributes_alone_gets_the_list_of_a_segment(config: FullConfig) -> None:
    text = show.user(config, "visitor")
    assert "the shop says: age " in text
    assert "country IT" in text
    assert "popular_items, segment country:IT" in text
    assert text.count("  IT") >= 8
    for user in ("stranger", "nobody", "never heard of"):
        assert "popular_items, segment all" in show.user(config, user)
    assert "country PT" in show.user(config, "stranger"), "a country of whom nobody acts is no segment"
