"""Raw logs in an object store: the night is that of the same files in a folder, and messages show URLs."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.intake import delivery, log_files
from pipeline.sources import configuration
from pipeline.store import urls
from pipeline.store.contract import Store
from tests import tiny_log
from tests.tiny_log import Row, row

NIGHT, NEXT = date(2024, 1, 1), date(2024, 1, 2)
FILES = "{year}-{month}-{day}.csv.gz"


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "cache"))
    if request.param == "file":
        return f"file://{tmp_path}/bucket/logs"
    return f"s3://{request.getfixturevalue('s3').bucket()}/logs"


def deliver(store: Store, folder: Path, night: date, rows: Sequence[Row]) -> None:
    """Put a night's log into the bucket and into a folder."""
    path = folder / "logs" / f"{night}.csv.gz"
    tiny_log.write(path, rows)
    store.upload(path.name, path)


def shops(url: str, folder: Path) -> tuple[Store, configuration.FullConfig, configuration.FullConfig]:
    """The bucket, a shop whose logs are in it, and one with the same logs in a folder."""
    stored = tiny_log.shop(folder / "stored", files=f"{url}/{FILES}", items=tiny_log.ITEMS)
    plain = tiny_log.shop(folder / "plain", files=f"logs/{FILES}", items=tiny_log.ITEMS)
    return urls.parse(url).open(), stored, plain


def of_day(night: date, users: int) -> list[Row]:
    return [row(f"u{n}", f"i{n % 3}", f"{night} 10:{n:02d}:00") for n in range(users)]


def test_a_night_is_that_of_the_same_files_in_a_folder(url: str, tmp_path: Path) -> None:
    store, stored, plain = shops(url, tmp_path)
    for night, users in ((NIGHT, 5), (NEXT, 7)):
        deliver(store, tmp_path / "plain", night, of_day(night, users))
        found = [tiny_log.digests(tiny_log.ingest(shop, night)) for shop in (stored, plain)]
        assert found[0] == found[1]
    read = artifacts.read_manifest(artifacts.stage_dir(stored.lake, "ingest", NEXT))["report"]["read"]["files"]
    assert list(read) == [f"{url}/2024-01-02.csv.gz"]


def test_only_the_files_of_a_night_are_fetched_and_each_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, stored, _ = shops(url, tmp_path)
    for day in range(1, 9):
        deliver(store, tmp_path / "plain", date(2024, 1, day), of_day(date(2024, 1, day), 2))
    fetched = list[str]()
    download = type(store).download
    monkeypatch.setattr(type(store), "download", lambda s, key, to: (fetched.append(key), download(s, key, to))[1])
    source = delivery.log_of(stored)
    for _ in range(2):
        found = log_files.find(source, stored, date(2024, 1, 5))
        assert [file.first_day for file in found] == [date(2024, 1, 4), date(2024, 1, 5)]
    assert sorted(fetched) == ["2024-01-04.csv.gz", "2024-01-05.csv.gz"]


def test_a_file_that_was_written_anew_or_removed_is_as_it_is_now(url: str, tmp_path: Path) -> None:
    store, stored, _ = shops(url, tmp_path)
    deliver(store, tmp_path / "plain", NIGHT, of_day(NIGHT, 2))
    source = delivery.log_of(stored)
    (before,) = [file.path.read_bytes() for file in log_files.find(source, stored)]
    deliver(store, tmp_path / "plain", NIGHT, of_day(NIGHT, 9))
    (after,) = [file.path.read_bytes() for file in log_files.find(source, stored)]
    assert before != after == (tmp_path / "plain" / "logs" / "2024-01-01.csv.gz").read_bytes()
    store.delete(["2024-01-01.csv.gz"])
    assert log_files.find(source, stored) == []


def test_messages_show_the_url(url: str, tmp_path: Path) -> None:
    store, stored, _ = shops(url, tmp_path)
    with pytest.raises(InputError, match=rf"no log file of {NIGHT} matches '{re.escape(url)}/"):
        tiny_log.ingest(stored, NIGHT)
    (tmp_path / "damaged").write_bytes(b"no gzip at all")
    store.upload(f"{NIGHT}.csv.gz", tmp_path / "damaged")
    with pytest.raises(InputError, match=rf"^{url}/2024-01-01.csv.gz") as raised:
        tiny_log.ingest(stored, NIGHT)
    assert "cache" not in str(raised.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ("s3://key:s3cret@bucket/*.csv", "credentials come from the environment"),
        ("S3://bucket//logs/*.csv", "written otherwise than here: s3://bucket/logs/"),
    ],
)
def test_a_url_that_is_mistyped_or_has_a_secret_is_refused(tmp_path: Path, files: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) if "S3" in files else pytest.raises(InputError, match=said) as raised:
        tiny_log.shop(tmp_path, files=files)
    assert "s3cret" not in str(raised)
