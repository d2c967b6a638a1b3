"""Those who asked to be forgotten are not taken from the logs again."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.operations import load_history
from pipeline.privacy import pseudonyms, suppression
from tests.on_disk import everything_under
from tests.tiny_log import MAPPING, row, rows_of, shop, write
from tests.tiny_log import ingest as ingest_night

NIGHT = date(2024, 1, 1)
KEY = "a-key-of-the-test-0123456789"
GONE = "person-77"
LOG = [
    row(GONE, "a", "2024-01-01 10:00:00") | {"friend": None, "session": "s1"},
    row("person-7", "a", "2024-01-01 11:00:00") | {"friend": GONE, "session": "s2"},
    row(GONE, None, "2024-01-01 12:00:00") | {"friend": None, "session": "s3"},
    row("person-7", None, "2024-01-01 13:00:00") | {"friend": GONE, "session": "s4"},
    row("person-7", None, "2024-01-01 14:00:00") | {"friend": "x", "session": "s5"},
    row(None, "b", "2024-01-01 15:00:00") | {"friend": None, "session": GONE},
    row("b", GONE, "2024-01-01 16:00:00") | {"friend": None, "session": "s6"},
]
MAPPED = MAPPING.replace("_file", "session as session_id, _file")


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("hidden", [False, True])
def test_their_rows_are_dropped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, hidden: bool
) -> None:
    monkeypatch.delenv(pseudonyms.VARIABLE, raising=False)
    if key or hidden:
        monkeypatch.setenv(pseudonyms.VARIABLE, key or KEY)
    write(tmp_path / "log.csv", LOG[:6])
    config = shop(tmp_path, "log.csv", mapping=MAPPED, ingest={"max_reject_share": 1, "pseudonyms": hidden})
    with suppression.lock(config, alone=True):
        suppression.add(config, [GONE])
    folder = ingest_night(config, NIGHT)
    taken = [r["user_id"] for r in rows_of(folder)]
    assert taken == [pseudonyms.stored(config, "person-7")]
    reasons = [(r["row"], r["reason"], bool(r["raw"])) for r in rows_of(folder, "rejects")]
    asked = "its user asked to be forgotten"
    assert reasons == [
        (1, asked, False),
        (3, asked, False),
        (4, "item_id is missing", False),  # it names the person in another column
        (5, "item_id is missing", not hidden),
        (6, asked, False),
    ]
    assert GONE.encode() not in everything_under(config.home)
    assert (suppression.path(config).stat().st_mode & 0o777) == 0o600


def test_an_item_may_have_the_same_id(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", LOG)
    config = shop(tmp_path, "log.csv", mapping=MAPPED, ingest={"max_reject_share": 1})
    with suppression.lock(config, alone=True):
        suppression.add(config, [GONE])
    assert [(e["user_id"], e["item_id"]) for e in rows_of(ingest_night(config, NIGHT))][-1] == ("b", GONE)


def test_rows_of_the_forgotten_do_not_stop_a_night(tmp_path: Path) -> None:
    write(tmp_path / "log.csv", [LOG[0], row("u", "b", "2024-01-01 09:00:00") | {"friend": None, "session": None}])
    config = shop(tmp_path, "log.csv", mapping=MAPPED, ingest={"max_reject_share": 0})
    with suppression.lock(config, alone=True):
        suppression.add(config, [GONE])
    assert "1 rejected: its user asked to be forgotten" in load_history.load_history(config, NIGHT)


def test_a_lost_key_stops_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "log.csv", LOG)
    config = shop(tmp_path, "log.csv", mapping=MAPPED, ingest={"max_reject_share": 1})
    monkeypatch.setenv(pseudonyms.VARIABLE, KEY)
    with suppression.lock(config, alone=True):
        suppression.add(config, [GONE])
    for other in ("another-key-0123456789", ""):
        monkeypatch.setenv(pseudonyms.VARIABLE, other)
        with pytest.raises(InputError, match="another key"):
            ingest_night(config, NIGHT)
