"""Of the site's folder its files are given out, and nothing beside them."""

from pathlib import Path

import pytest

from pipeline.tasks import site_files


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("site/index.html", "site/data/users/0.js", "site/.hidden", "secret", "site/.git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "site" / "out").symlink_to(tmp_path / "secret")
    return tmp_path


@pytest.mark.parametrize("name", ["index.html", "data/users/0.js", "data/../index.html"])
def test_files_of_the_site_are_found(home: Path, name: str) -> None:
    file = site_files.found(name, home / "site")
    assert file is not None
    assert file.read_text().endswith(name.rpartition("../")[2])


def test_the_first_page_is_the_folders(home: Path) -> None:
    assert site_files.found("", home / "site") == site_files.found("index.html", home / "site")


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "out", ".hidden", ".git/config", "data", "nothing", "a\0b", "x" * 5000, "~/x"]
)
def test_nothing_else_is(home: Path, name: str) -> None:
    assert site_files.found(name, home / "site") is None


def test_without_a_site_there_is_nothing(tmp_path: Path) -> None:
    assert site_files.found("index.html", tmp_path / "site") is None
