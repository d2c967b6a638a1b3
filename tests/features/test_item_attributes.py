"""Attributes of items: in surfaces' conditions and at cut-offs, as they were known on each day."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.features.read import read_cutoffs, read_items
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import inputs
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig
from tests.features.made_up import NIGHT, START, build, config_at, made_up, number, said, write_lake
from tests.tiny_log import digests

KINDS = {"colour": "word", "stars": "number", "released": "date"}
RED = {"name": "red", "where": "colour = 'red' and stars >= 2 and released <= $valid_on - 20"}
(TABLE,) = inputs.ITEMS.also


def config_of(home: Path, surfaces: list[dict[str, Any]], **attributes: str) -> FullConfig:
    items = {"files": "items.csv", "sql": "items.sql", "attributes": attributes}
    return config_at(home, ingest={"items": items}, surfaces=surfaces)


def spoken() -> list[dict[str, Any]]:
    """What is said of items: colours that change, stars that come late, days."""
    found = []
    for i in range(20):
        for arrived in range(i % 9, 73, 17):
            colour = "red" if (i + arrived) % 3 else "blue"
            found.append({"item_id": f"i{i}", "name": "colour", "value": colour, "arrived": arrived})
        found.append({"item_id": f"i{i}", "name": "stars", "value": f"{i % 5}.0", "arrived": i % 9 + 2 * (i % 11)})
        released = START + timedelta(days=3 * i - 20)
        found.append({"item_id": f"i{i}", "name": "released", "value": str(released), "arrived": i % 9})
    return found


def lake(config: FullConfig) -> list[dict[str, Any]]:
    events, words = made_up(), spoken()
    firsts = {(one["item_id"], one["arrived"]) for one in words}
    write_lake(config, events, [said(item, None, arrived) for item, arrived in sorted(firsts)])
    for n in range((NIGHT - START).days + 1):
        folder = artifacts.stage_dir(config.lake, "ingest", START + timedelta(days=n))
        tonight = [{k: v for k, v in one.items() if k != "arrived"} for one in words if one["arrived"] == n]
        pq.write_table(pa.Table.from_pylist(tonight, TABLE.schema), TABLE.path(folder))
        artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
    return events


def known(item: str, name: str, by: date) -> str | None:
    """What was said last by a day; of an item of which nothing was said by then, what was said first."""
    mine = [one for one in spoken() if one["item_id"] == item]
    last = max(number(by), min((one["arrived"] for one in mine), default=0))
    words = [one for one in mine if one["name"] == name and one["arrived"] <= last]
    return max(words, key=lambda one: one["arrived"])["value"] if words else None


def is_red(item: str, by: date) -> bool:
    colour, stars, released = (known(item, name, by) for name in KINDS)
    if colour != "red" or stars is None or released is None:
        return False
    return float(stars) >= 2 and date.fromisoformat(released) <= by + timedelta(days=1 - 20)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night of a shop whose items have attributes, of which a surface makes a condition."""
    config = config_of(tmp_path_factory.mktemp("made"), [{"name": "for_you"}, RED], **KINDS)
    lake(config)
    return build(config)


def test_a_condition_asks_what_was_known_on_the_day(made: Path) -> None:
    folder = made
    ids = read_items(folder, ["item_id"]).column("item_id").to_pylist()
    for cutoff in read_cutoffs(folder):
        expected = [is_red(item, cutoff.cutoff) for item in ids[: cutoff.items]]
        eligible = cutoff.eligible("red-all")
        assert eligible is not None
        assert eligible.tolist() == expected
        assert any(expected)
        assert not all(expected)


def test_tonights_items_have_the_attributes_as_columns(made: Path) -> None:
    items = read_items(made).to_pylist()
    for one in items:
        colour, stars, released = (known(one["item_id"], name, NIGHT) for name in KINDS)
        assert one["colour"] == colour
        assert one["stars"] == (None if stars is None else float(stars))
        assert one["released"] == (None if released is None else date.fromisoformat(released))


def test_at_a_cutoff_nothing_counts_that_was_said_later(made: Path) -> None:
    folder = made
    ids = read_items(folder, ["item_id"]).column("item_id").to_pylist()
    for cutoff in read_cutoffs(folder):
        table = cutoff.item_attributes()
        assert table is not None
        found = {(r["attribute"], ids[r["item_index"]]): r["word"] or r["number"] for r in table.to_pylist()}
        expected: dict[tuple[str, str], Any] = {}
        for one in sorted(spoken(), key=lambda one: one["arrived"]):
            if one["arrived"] <= number(cutoff.cutoff) and one["item_id"] in ids[: cutoff.items]:
                expected[one["name"], one["item_id"]] = one["value"]
        for (name, item), value in expected.items():
            if name == "stars":
                expected[name, item] = float(value)
            if name == "released":
                expected[name, item] = (cutoff.cutoff - date.fromisoformat(value)).days
        assert found == expected


def test_what_is_not_declared_changes_nothing(tmp_path: Path) -> None:
    made = []
    for name in ("plain", "undeclared"):
        config = config_of(tmp_path / name, [{"name": "for_you"}])
        lake(config)
        if name == "plain":
            for folder in artifacts.partitions_until(config.lake, "ingest", NIGHT):
                TABLE.path(folder).unlink()
                artifacts.write_manifest(folder, {"files": artifacts.describe(folder)})
        made.append(digests(build(config)))
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("colour = 'red' and stars > 3 and released > $valid_on - 30", None),
        ("size = 'XL'", r"surfaces\.0: .*items has no column size"),
        ("stars", r"is a DOUBLE: write a condition"),
        ("released = 'a word'", "is not a condition"),
    ],
)
def test_conditions_on_attributes_are_checked_when_the_configuration_is_read(
    tmp_path: Path, where: str, words: str | None
) -> None:
    path = tmp_path / "pipeline.toml"
    attributes = 'attributes = { colour = "word", stars = "number", released = "date" }'
    surface = f'[[surfaces]]\nname = "some"\nwhere = "{where}"\n'
    path.write_text(f'{surface}[ingest.items]\nfiles = "i.csv"\nsql = "i.sql"\n{attributes}\n')
    if words is None:
        assert configuration.load(path).surfaces[0].where == where
        path.write_text(f'{surface}[ingest.items]\nfiles = "i.csv"\nsql = "i.sql"\n')
        words = "items has no column colour"
    with pytest.raises(InputError, match=words):
        configuration.load(path)
