"""The contract of a store: the same tests on a folder and on a real S3 API."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pipeline.ground.errors import StoreError
from pipeline.store import objects, urls
from pipeline.store.contract import ABSENT, ConflictError, Store


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "file":
        return urls.parse(f"file://{tmp_path}/held/some prefix").open()
    return urls.parse(f"s3://{request.getfixturevalue('s3').bucket()}/some prefix").open()


def test_what_is_put_is_there_and_what_is_not_is_none(store: Store) -> None:
    assert store.get("a/run_date=2024-01-01/manifest.json") is None
    version = store.put("a/run_date=2024-01-01/manifest.json", b"one")
    assert store.get("a/run_date=2024-01-01/manifest.json") == (b"one", version)
    store.put("a/run_date=2024-01-01/manifest.json", b"two")
    assert (store.get("a/run_date=2024-01-01/manifest.json") or (b"",))[0] == b"two"


def test_a_conditional_write_replaces_only_the_version_it_names(store: Store) -> None:
    first = store.put("m", b"first", ABSENT)
    with pytest.raises(ConflictError, match=r"m was written by somebody else meanwhile"):
        store.put("m", b"another first", ABSENT)
    second = store.put("m", b"second", first)
    with pytest.raises(ConflictError):
        store.put("m", b"third", first)
    assert store.get("m") == (b"second", second)
    store.delete(["m"])
    with pytest.raises(ConflictError):
        store.put("m", b"third", second)
    assert store.get("m") is None


@pytest.mark.parametrize("expected", ["first", "replacement"])
def test_of_writers_at_once_one_wins(store: Store, expected: str) -> None:
    version = ABSENT if expected == "first" else store.put("m", b"before")

    def write(number: int) -> bool:
        try:
            store.put("m", b"writer %d" % number, version)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert won.count(True) == 1
    assert (store.get("m") or (b"",))[0] == b"writer %d" % won.index(True)


@pytest.mark.parametrize("size", [0, 5, 35 * 2**20 + 7])  # of an object of several parts, too
def test_a_file_comes_back_as_it_was(store: Store, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "sent").write_bytes(content)
    store.upload("files/v=1/x.npy", tmp_path / "sent")
    version = store.download("files/v=1/x.npy", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == content
    (entry,) = store.list("files")
    assert version["e_tag"] == entry.version["e_tag"]
    assert (entry.key, entry.size) == ("files/v=1/x.npy", size)


def test_a_file_that_is_replaced_while_it_is_read_is_no_mix(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"old," * 2**21)
    new.write_bytes(b"new line," * 2**21)
    store.upload("log.csv", old)
    monkeypatch.setattr(objects, "PART", 2**20)
    if isinstance(store, objects.ObjectStore):
        ask, asked = store._library.get, list[str]()

        def get(*given: Any, **options: Any) -> Any:
            asked.append("part")
            if len(asked) == 3:
                store.put("log.csv", new.read_bytes())
            return ask(*given, **options)

        monkeypatch.setattr(store._library, "get", get)
    else:
        copy = shutil.copyfileobj

        def copying(source: Any, target: Any) -> None:
            copy(source, target)
            with (Path(source.name)).open("ab") as file:
                file.write(b"one more line")

        monkeypatch.setattr(shutil, "copyfileobj", copying)
    with pytest.raises(ConflictError, match=r"log\.csv was written"):
        store.download("log.csv", tmp_path / "fetched")


def test_a_listing_has_all_below_a_folder_and_no_more(store: Store) -> None:
    keys = {"a/b", "a/c/d", "ab/e", "f"}
    versions = {key: store.put(key, key.encode()) for key in keys}
    assert {entry.key for entry in store.list("a")} == {"a/b", "a/c/d"}
    assert {entry.key: entry.version for entry in store.list("")} == versions
    assert list(store.list("none")) == []


def test_what_is_removed_is_gone_and_removing_it_again_is_no_error(store: Store) -> None:
    store.put("a", b"1")
    store.put("b", b"2")
    store.delete(["a", "never"])
    store.delete(["a"])
    assert [entry.key for entry in store.list("")] == ["b"]


def test_an_object_that_is_not_there_cannot_be_fetched(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"some prefix/none: |none cannot be read"):
        store.download("none", tmp_path / "x")


def test_more_objects_than_a_page_of_a_listing_has(store: Store) -> None:
    keys: Callable[[int], str] = "many/{:04d}".format
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.put(keys(n), b""), range(1050)))
    assert sorted(entry.key for entry in store.list("many")) == [keys(n) for n in range(1050)]
    store.delete([keys(n) for n in range(1050)])
    assert list(store.list("many")) == []
