"""The registry: what an entry must be, and that one entry and one statement are a new input table."""

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from pipeline.ground import artifacts, schemas, sql
from pipeline.ground.errors import InputError
from pipeline.intake import inputs, staging
from pipeline.intake.inputs import InputTable
from pipeline.operations import forget, load_history
from pipeline.privacy import pseudonyms, suppression
from pipeline.settings import config as settings
from pipeline.settings.config import Config
from pipeline.settings.sections.data import ITEM_COLUMNS, USER_COLUMNS, DescribedInputFiles, Ingest, InputFiles
from pipeline.settings.sections.publication import Publish
from pipeline.sources.configuration import FullConfig
from tests.intake.inputs.members import MEMBERS, STATEMENT
from tests.on_disk import everything_under
from tests.tiny_log import digests, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

MONDAY, TUESDAY = date(2024, 1, 1), date(2024, 1, 2)
LOG = [
    row("person-1", "a", "2024-01-01 10:00:00"),
    row("person-2", "a", "2024-01-02 10:00:00"),
]
PEOPLE = {
    MONDAY: [{"who": "person-1", "land": "fr"}, {"who": "person-2", "land": "de"}, {"who": "person-2", "land": "de"}],
    TUESDAY: [{"who": "person-2", "land": None}, {"who": None, "land": "it"}, {"who": "x" * 300, "land": "es"}],
}
SAID = {MONDAY: [("person-1", "FR"), ("person-2", "DE")], TUESDAY: [("person-2", None)]}
MAPPING = "select who as user_id, land as country, _file from raw"


@pytest.fixture
def a_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Config]:
    """Registers the table, writes a shop that has it, and gives its configurations."""
    shutil.copytree(sql.FOLDER, tmp_path / "sql")
    (tmp_path / "sql" / "ingest" / "members.sql").write_text(STATEMENT)
    monkeypatch.setattr(sql, "FOLDER", tmp_path / "sql")
    monkeypatch.setattr(inputs, "INPUTS", (*inputs.INPUTS, MEMBERS))
    write(tmp_path / "log.csv", LOG)
    for night, rows in PEOPLE.items():
        write(tmp_path / "members" / f"{night}.jsonl", rows)

    def configured(home: str = "home", mapping: str = MAPPING, **ingest: Any) -> Config:
        (tmp_path / "members.sql").write_text(mapping)
        files = {"files": "members/{year}-{month}-{day}.jsonl", "sql": "members.sql"}
        plain = shop(tmp_path, "log.csv", home=tmp_path / home, ingest={"max_reject_share": 1} | ingest)
        return full().model_validate(dict(plain) | {"ingest": plain.ingest.model_dump() | {"members": files}})

    return configured


def full() -> type[Config]:
    """The configuration that pipeline.sources.configuration makes of the registry as it is."""
    return create_model("FullConfig", __base__=FullConfig, ingest=(inputs.section(), inputs.section()()))


def said(config: Config, night: date) -> list[tuple[str, str | None]]:
    folder = artifacts.stage_dir(config.lake, "ingest", night)
    return [(one["user_id"], one["country"]) for one in rows_of(folder, "members")]


def test_its_files_are_found_mapped_and_kept_per_night(a_shop: Callable[..., Config]) -> None:
    config = a_shop()
    for night in (MONDAY, TUESDAY):
        folder = ingest_night(config, night)
        assert said(config, night) == SAID[night], "the row without an id and the one with a long one are left out"
        assert artifacts.read_manifest(folder)["report"]["members"] == len(SAID[night])
        assert "members.parquet" in artifacts.read_manifest(folder)["files"]
        assert len(rows_of(folder)) == 1, "events are what they were"


def test_a_night_without_its_files_has_none_of_its_rows(a_shop: Callable[..., Config]) -> None:
    config = a_shop()
    (config.folder / "members" / f"{TUESDAY}.jsonl").unlink()
    assert rows_of(ingest_night(config, TUESDAY), "members") == []
    (config.folder / "members" / f"{MONDAY}.jsonl").unlink()
    assert rows_of(ingest_night(config, MONDAY), "members") == []


@pytest.mark.parametrize("hidden", [False, True])
def test_history_is_the_same_bytes_as_nights(
    a_shop: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, "a-key-of-the-test-0123456789")
    one, many = a_shop("one", pseudonyms=hidden), a_shop("many", pseudonyms=hidden)
    load_history.load_history(one, TUESDAY)
    for night in (MONDAY, TUESDAY):
        ours = digests(artifacts.stage_dir(one.lake, "ingest", night))
        assert ours == digests(ingest_night(many, night))
        names = ("events", "items", "links", "offers", "exclusions", "rejects", "members", "users", "item_attributes")
        assert ours.keys() == {f"{name}.parquet" for name in names}


def test_history_begins_with_its_first_row(a_shop: Callable[..., Config]) -> None:
    config, before = a_shop(allow_empty=True), MONDAY - timedelta(days=3)
    write(config.folder / "members" / f"{before}.jsonl", PEOPLE[MONDAY])
    load_history.load_history(config, TUESDAY)
    assert said(config, before) == SAID[MONDAY]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (
            "select who as user_id, land, _file from raw",
            r"members\.sql selects columns that are none \(members has .*\): land$",
        ),
        ("select land as country, _file from raw", r"members\.sql must also select \['user_id'\]"),
        (
            "select who as user_id, cast('x' as int) as country, _file from raw",
            r"members\.sql fails on a row; cast with",
        ),
        ("selekt", r"members\.sql: .*selekt"),
    ],
)
def test_a_mapping_that_breaks_its_contract_is_refused(a_shop: Callable[..., Config], mapping: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        ingest_night(a_shop(mapping=mapping), MONDAY)


def test_a_row_says_when_it_became_known(a_shop: Callable[..., Config]) -> None:
    config = a_shop()
    undated = InputFiles(files="members/*.jsonl", sql="members.sql")
    config = config.model_copy(update={"ingest": config.ingest.model_copy(update={"members": undated})})
    with pytest.raises(InputError, match=r"members\.sql must select arrived_at"):
        ingest_night(config, MONDAY)
    (config.folder / "members.sql").write_text(MAPPING.replace("_file", "timestamp '2024-01-01' as arrived_at, _file"))
    ingest_night(config, MONDAY)
    assert said(config, MONDAY) == sorted([*SAID[MONDAY], *SAID[TUESDAY]], key=str)


def test_its_ids_become_the_pseudonyms_of_the_log(
    a_shop: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, "a-key-of-the-test-0123456789")
    config = a_shop(pseudonyms=True)
    folder = ingest_night(config, MONDAY)
    hashes = {pseudonyms.stored(config, who): land for who, land in SAID[MONDAY]}
    assert dict(said(config, MONDAY)) == hashes
    assert rows_of(folder)[0]["user_id"] in hashes
    assert b"person-" not in everything_under(config.home)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_person_is_forgotten_and_not_taken_again(
    a_shop: Callable[..., Config], monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, "a-key-of-the-test-0123456789")
    config = a_shop(pseudonyms=hidden)
    for night in (MONDAY, TUESDAY):
        ingest_night(config, night)
    (receipt,) = forget.forget(config, ["person-2"], TUESDAY)
    assert json.loads(receipt.read_text())["rows"] == {
        "events": 1,
        "members": 2,
        "users": 0,
        "offers": 0,
        "exclusions": 0,
        "documents": 0,
        "searches": 0,
        "rejects": 0,
        "published": 0,
        "database": 0,
    }
    assert said(config, MONDAY) == [(pseudonyms.stored(config, "person-1"), "FR")]
    assert said(config, TUESDAY) == []
    for night in (MONDAY, TUESDAY):
        folder = artifacts.stage_dir(config.lake, "ingest", night)
        assert artifacts.read_manifest(folder)["files"] == artifacts.describe(folder)
    load_history.load_history(config, TUESDAY)
    assert [who for night in (MONDAY, TUESDAY) for who, _ in said(config, night)] == [
        pseudonyms.stored(config, "person-1")
    ]
    assert b"person-2" not in everything_under(config.home)


def test_nights_from_before_the_table_stay_as_they_are(tmp_path: Path, a_shop: Callable[..., Config]) -> None:
    config = a_shop()
    for night in (MONDAY, TUESDAY):
        (ingest_night(config, night) / "members.parquet").unlink()
    forget.forget(config, ["person-1"], TUESDAY)
    assert rows_of(artifacts.stage_dir(config.lake, "ingest", MONDAY)) == []
    assert [e["user_id"] for e in rows_of(artifacts.stage_dir(config.lake, "ingest", TUESDAY))] == ["person-2"]


def test_those_on_the_list_are_left_out_before_anything_is_written(a_shop: Callable[..., Config]) -> None:
    config = a_shop()
    with suppression.lock(config, alone=True):
        suppression.add(config, ["person-1"])
    ingest_night(config, MONDAY)
    assert said(config, MONDAY) == SAID[MONDAY][1:]


# --- the entries ------------------------------------------------------------------------------------------------------


def test_every_input_has_its_field_in_the_configuration_and_no_other_has() -> None:
    fields = {
        f"{name}.{field}"
        for name, section in (("ingest", Ingest), ("publish", Publish))
        for field, given in section.model_fields.items()
        if given.annotation in (InputFiles | None, DescribedInputFiles | None)
    }
    assert fields == {table.key for table in inputs.INPUTS}
    assert inputs.section() is Ingest, "those that are shipped are described there"


def test_an_unknown_input_is_refused_when_the_configuration_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text('[ingest.members]\nfiles = "members.csv"\nsql = "members.sql"\n')
    with pytest.raises(InputError, match=r"ingest\.members: there is no such key"):
        settings.load(FullConfig, path)
    monkeypatch.setattr(inputs, "INPUTS", (*inputs.INPUTS, MEMBERS))
    assert settings.load(full(), path).ingest.members == InputFiles(files="members.csv", sql="members.sql")
    path.write_text('[ingest.visitors]\nfiles = "members.csv"\nsql = "members.sql"\n')
    with pytest.raises(InputError, match=r"ingest\.visitors: there is no such key"):
        settings.load(full(), path)


def test_every_nightly_input_has_its_statements() -> None:
    for table in inputs.nightly():
        for kept in (table, *table.also):
            assert sql.statement(f"ingest/{kept.name}")
    for kept in inputs.night_tables():
        assert "$first" in sql.statement(kept.night)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"person": ("country",)}, r"person names \['country'\]"),
        ({"pseudonyms": {"country": "user"}}, r"pseudonyms names \['country'\]"),
        ({"ids": ("id",)}, r"ids names \['id'\]"),
        ({"needed": frozenset({"_row"})}, r"needed names \['_row'\]"),
        ({"dictionary": ("land",)}, r"dictionary names \['land'\]"),
        ({"ids": ("user_id", "country"), "person": ("country", "user_id")}, "in the order of the schema"),
    ],
)
def test_an_entry_that_contradicts_itself_is_no_entry(given: dict[str, Any], words: str) -> None:
    sound = {
        "name": "members",
        "schema": MEMBERS.schema,
        "needed": MEMBERS.needed,
        "beside": MEMBERS.beside,
        "ids": MEMBERS.ids,
    }
    with pytest.raises(ValueError, match=f"members: .*{words}"):
        InputTable(**(sound | given))


def test_no_attribute_is_called_as_a_column_is() -> None:
    made = {"item_index", "price_band", "first_seen", "valid_on"}
    assert inputs.ITEMS.columns - {"_file", "_row"} | {"rows"} | made == ITEM_COLUMNS
    assert {*schemas.ITEMS.names, "valid_on"} <= ITEM_COLUMNS
    assert inputs.USERS.columns - {"_file", "_row"} == USER_COLUMNS


def test_what_a_mapping_may_select() -> None:
    assert inputs.ITEMS.columns == (set(inputs.ITEMS.schema.names) - {"rows"}) | {"arrived_at", "_file", "_row"}
    assert "outcome" not in inputs.EDITORIAL.columns
    assert inputs.EVENTS.empty().schema.names == ["arrival", *inputs.EVENTS.schema.names]


def test_a_table_without_rows_is_the_same_each_time_it_is_staged() -> None:
    for _ in range(2):  # the second time from what was remembered of the first
        connection = sql.connect(1, 256)
        for table in inputs.night_tables():
            staging.stage_none(connection, table)
            found, expected = connection.table(table.staged), connection.from_arrow(table.empty())
            assert found.to_arrow_table() == expected.to_arrow_table()
