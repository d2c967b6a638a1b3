"""Pseudonyms: the SQL's hashes are Python's, nothing plain is on disk, one key per history."""

import hashlib
import hmac
import os
from datetime import date
from pathlib import Path

import duckdb
import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.operations import load_history
from pipeline.privacy import pseudonyms
from pipeline.sources import configuration
from tests.on_disk import everything_under
from tests.tiny_log import MAPPING, digests, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

NIGHT, NEXT = date(2024, 1, 1), date(2024, 1, 2)
KEY = "a-key-of-the-test-0123456789"
WITH_SESSIONS = MAPPING.replace("_file", "session as session_id, id as event_id, _file")
LOG = [
    row("person-Ä'7\\x41", "a", "2024-01-01 10:00:00") | {"session": "trolley-1", "id": "event-1"},
    row("person-2", "a", "2024-01-01 11:00:00") | {"session": "trolley-2", "id": None},
    row(None, "a", "2024-01-01 12:00:00") | {"session": None, "id": "event-3"},
    row("person-2", None, "2024-01-01 13:00:00") | {"session": "trolley-2", "id": "event-4"},
    row("person-2", "b", "2024-01-02 09:00:00") | {"session": "trolley-2", "id": "event-1"},
]
SETTINGS = {"pseudonyms": True, "max_reject_share": 1}


def plain_hmac(text: str, secret: bytes = KEY.encode()) -> str:
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def plain_hmac_bytes(text: str, secret: bytes) -> bytes:
    return hmac.new(secret, text.encode(), hashlib.sha256).digest()


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, KEY)


@pytest.mark.parametrize("secret", [b"0123456789abcdef", b"k" * 64, b"longer than a block " * 9])
def test_sql_and_python_agree(monkeypatch: pytest.MonkeyPatch, secret: bytes) -> None:
    monkeypatch.setitem(os.environb, pseudonyms.VARIABLE.encode(), secret)
    ids = ["a", "Ä \\x41 'q'", "x" * 300, None]
    purposes: dict[str, pseudonyms.Purpose] = {"user_id": "user", "session_id": "session", "event_id": "event"}
    with duckdb.connect() as connection:
        rows = [(n, text, text, text) for n, text in enumerate(ids)]
        connection.execute("create table shown (_row int, user_id text, session_id text, event_id text)")
        connection.executemany("insert into shown values (?, ?, ?, ?)", rows)
        pseudonyms.hide(connection, connection.table("shown"), purposes, into="hidden")
        found = connection.execute("from hidden order by _row").fetchall()
        assert connection.execute("select getvariable('keys')").fetchall() == [(None,)], "the keys are forgotten"
    keys = [secret, *(plain_hmac_bytes(f"nightjar: {purpose}", secret) for purpose in ("session", "event"))]
    assert found == [(n, *[text and plain_hmac(text, key) for key in keys]) for n, text in enumerate(ids)]


@pytest.mark.usefixtures("_key")
def test_nothing_plain_is_written(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    shop_config = shop(tmp_path, "log.csv", mapping=WITH_SESSIONS, ingest=SETTINGS)
    folder = ingest_night(shop_config, NIGHT)
    events = rows_of(folder)
    assert [e["user_id"] for e in events] == [plain_hmac(LOG[0]["user"]), plain_hmac("person-2"), None]
    assert pseudonyms.stored(shop_config, "person-2") == events[1]["user_id"]
    assert len({e["session_id"] for e in events}) == 3
    assert events[2]["session_id"] is None
    assert [r["raw"] for r in rows_of(folder, "rejects")] == [None]
    written = everything_under(shop_config.home)
    for secret in ("person-", "trolley", "event-1", KEY):
        assert secret.encode() not in written
    ingest_night(shop_config, NEXT)  # the same event again: known by its pseudonym
    assert rows_of(artifacts.stage_dir(shop_config.lake, "ingest", NEXT)) == []


@pytest.mark.usefixtures("_key")
def test_history_is_the_same_bytes_as_nights(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    one, many = (
        shop(tmp_path, "log.csv", mapping=WITH_SESSIONS, ingest=SETTINGS, home=tmp_path / h) for h in ("one", "many")
    )
    load_history.load_history(one, NEXT)
    for night in (NIGHT, NEXT):
        assert digests(artifacts.stage_dir(one.lake, "ingest", night)) == digests(ingest_night(many, night))


@pytest.mark.parametrize("secret", [None, "", "too short"])
def test_a_missing_or_short_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None) -> None:
    monkeypatch.delenv(pseudonyms.VARIABLE, raising=False)
    if secret is not None:
        monkeypatch.setenv(pseudonyms.VARIABLE, secret)
    write(tmp_path / "log.csv", LOG)
    with pytest.raises(InputError, match=r"NIGHTJAR_PSEUDONYM_KEY.*at least 16") as error:
        ingest_night(shop(tmp_path, "log.csv", mapping=WITH_SESSIONS, ingest=SETTINGS), NIGHT)
    assert "too short" not in str(error.value)


def test_a_history_has_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "log.csv", LOG)
    plain = shop(tmp_path, "log.csv", mapping=WITH_SESSIONS, ingest={"max_reject_share": 1})
    hidden = shop(tmp_path, "log.csv", mapping=WITH_SESSIONS, ingest=SETTINGS)
    ingest_night(plain, NIGHT)
    monkeypatch.setenv(pseudonyms.VARIABLE, KEY)
    with pytest.raises(InputError, match=r"another ingest\.pseudonyms.*load-history --until 2024-01-02 --force"):
        ingest_night(hidden, NEXT)
    load_history.load_history(hidden, NEXT)
    monkeypatch.setenv(pseudonyms.VARIABLE, KEY + "!")
    with pytest.raises(InputError, match="another key") as error:
        load_history.load_history(hidden, NIGHT)  # the later night would stay under the old key
    assert KEY not in str(error.value)
    load_history.load_history(hidden, NEXT)
    assert rows_of(artifacts.stage_dir(hidden.lake, "ingest", NIGHT))[1]["user_id"] == plain_hmac(
        "person-2", (KEY + "!").encode()
    )


def test_the_key_is_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pseudonyms.VARIABLE, KEY)
    assert KEY not in f"{pseudonyms.key()!r} {pseudonyms.key()} {configuration.FullConfig().model_dump_json()}"
