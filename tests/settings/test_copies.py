"""Which copies can be configured, and that they change nothing else."""

from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.settings import outside
from pipeline.sources import configuration


def load(folder: Path, text: str) -> configuration.FullConfig:
    path = folder / "pipeline.toml"
    path.write_text(text, encoding="utf-8")
    loaded = configuration.load(path)
    assert isinstance(loaded, configuration.FullConfig)
    return loaded


def test_a_file_names_copies(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        "[publish.copies.lake]\nkind = 'delta'\nplace = 's3://bucket/lake'\n"
        "[publish.copies.serving]\nkind = 'redis'\nconnection = 'serving'\nprefix = 'shop'\n"
        "[publish.copies.search]\nkind = 'opensearch'\nconnection = 'search'\n",
    )
    assert [(name, copy.kind) for name, copy in loaded.publish.copies.items()] == [
        ("lake", "delta"),
        ("serving", "redis"),
        ("search", "opensearch"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("lake", "kind = 'delta'", "a copy of kind 'delta' needs place"),
        ("lake", "kind = 'delta'\nplace = 'x'\nconnection = 'y'", "a copy of kind 'delta' has no connection"),
        ("serving", "kind = 'redis'", "a copy of kind 'redis' needs connection"),
        ("serving", "kind = 'redis'\nconnection = 'x'\nplace = 'x'", "a copy of kind 'redis' has no place"),
        ("search", "kind = 'opensearch'", "needs one of connection or place"),
        ("search", "kind = 'opensearch'\nconnection = 'x'\nplace = 'x'", "needs one of connection or place"),
        ("serving", "kind = 'kafka'\nconnection = 'x'", "'delta', 'redis' or 'opensearch'"),
        ("Serving", "kind = 'redis'\nconnection = 'x'", r"should match pattern"),
        ("serving", "kind = 'redis'\nconnection = 'x'\nprefix = 'a:b'", "prefix"),
        ("lake", "kind = 'delta'\nplace = 'tables/lake'", "a folder of its own"),
        ("lake", "kind = 'delta'\nplace = 'asked'", "a folder of its own"),
        ("lake", "kind = 'delta'\nplace = '../lake'", "a folder of its own"),
        ("lake", "kind = 'delta'\nplace = '.'", "a folder of its own"),
        ("lake", "kind = 'delta'\nplace = 'ftp://here/lake'", "write one of s3://"),
    ],
)
def test_what_a_kind_needs_is_said_by_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"publish\.copies\.{name}.*{said}"):
        load(tmp_path, f"[publish.copies.{name}]\n{text}\n")


def test_a_secret_in_a_place_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="credentials come from the environment") as raised:
        load(tmp_path, "[publish.copies.lake]\nkind = 'delta'\nplace = 's3://me:a-secret@bucket/lake'\n")
    assert "a-secret" not in str(raised.value)


def test_copies_are_no_part_of_what_a_run_is_made_of(tmp_path: Path) -> None:
    plain = load(tmp_path, "")
    copied = load(tmp_path, "[publish.copies.lake]\nkind = 'delta'\nplace = 'lakehouse'\n")
    assert plain.digest("publish", "evaluate") == copied.digest("publish", "evaluate")


def test_copies_cannot_be_set_from_outside() -> None:
    given = {"publish": {"copies": {"lake": {"kind": "delta", "place": "/elsewhere"}}}}
    with pytest.raises(InputError, match=r"publish\.copies"):
        outside.require(configuration.FullConfig, given, "overrides")
