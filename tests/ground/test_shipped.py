"""The code's own files are found in a checkout and in a wheel, under the same names."""

import shutil
from pathlib import Path

from pipeline.ground import shipped
from tests.conftest import ROOT


def as_installed(site: Path) -> Path:
    """A package folder as a wheel leaves it, with something else's sql/ beside it; returns the package."""
    package = site / "pipeline"
    shutil.copytree(shipped.PACKAGE, package)
    for name in shipped.FOLDERS:
        shutil.copytree(ROOT / name, package / f"_{name}")
    (site / "sql").mkdir()
    (site / "sql" / "foreign.sql").write_text("select 1")
    return package


def test_a_checkout_reads_the_folders_of_its_root() -> None:
    assert [shipped.folder(name) for name in shipped.FOLDERS] == [ROOT / name for name in shipped.FOLDERS]


def test_a_wheel_reads_what_it_carries_and_not_what_lies_beside(tmp_path: Path) -> None:
    package = as_installed(tmp_path)
    assert shipped.folder("sql", package) == package / "_sql"
    assert (shipped.folder("dags", package) / "nightly_recommendations.py").is_file()


def test_the_sources_have_the_same_names_and_order_in_both(tmp_path: Path) -> None:
    ours, theirs = shipped.sources(), shipped.sources(as_installed(tmp_path))
    assert [(name, path.read_bytes()) for name, path in ours] == [(name, path.read_bytes()) for name, path in theirs]
    expected = sorted(p.relative_to(ROOT) for p in [*ROOT.glob("pipeline/**/*.py"), *ROOT.glob("sql/**/*.sql")])
    assert [name for name, _ in ours] == [path.as_posix() for path in expected]
