"""URLs of stores: what they name, where their copies lie, and that no secret is taken in one."""

from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.store import urls
from pipeline.store.urls import Location


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://logs/shop/nightly/", "s3://logs", "shop/nightly"),
        ("S3://logs", "s3://logs", ""),
        ("gs://logs//shop", "gs://logs", "shop"),
        ("az://container/shop", "az://container", "shop"),
        ("abfs://container@account.dfs.core.windows.net/shop", "abfs://container@account.dfs.core.windows.net", "shop"),
        ("file:///mnt/shop", "file://", "mnt/shop"),
    ],
)
def test_a_url_names_a_bucket_and_a_path_in_it(text: str, bucket: str, prefix: str) -> None:
    assert urls.parse(text) == Location(bucket, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:s3cret@logs/shop",
        "s3://key@logs",
        "s3://logs/shop?sig=s3cret",
        "abfs://a:s3cret@b/x",
        "gs://a/b#s3cret",
    ],
)
def test_a_url_with_a_secret_in_it_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InputError, match=r"credentials come from the environment") as raised:
        urls.parse(text)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("text", ["s3:///shop", "s3://", "file://host/shop", "file:///", "s3://logs/../other"])
def test_a_url_that_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"names no place in a store"):
        urls.parse(text)


def test_every_url_has_a_folder_of_its_own_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path))
    named = ["s3://a/b-c", "s3://a-b/c", "gs://a/b-c", "s3://a/b/c"]
    folders = {urls.parse(text).folder for text in named}
    assert len(folders) == len(named)
    assert all(folder.parent == tmp_path for folder in folders)
    assert urls.parse("s3://a/b/c/").folder == urls.parse("s3://a/b/c").folder


def test_what_is_no_url_is_a_folder() -> None:
    assert not any(map(urls.is_url, [".nightjar", "/srv/s3", "s3:/x", Path("s3://x"), None, "http://x"]))
