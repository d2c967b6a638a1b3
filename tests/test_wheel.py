"""The installed wheel: the command, its SQL, its DAGs, and a night of a starter shop far from any checkout."""

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import duckdb
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.ground import artifacts
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DAGS = {"day_so_far", "export_surface", "nightly_recommendations", "tune_settings", "write_site"}
READ_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
print(json.dumps({"ids": sorted(bag.dags), "errors": bag.import_errors}))
"""


def pins(file: str) -> dict[str, str]:
    """Package and version of every pinned line."""
    found = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[\w+\])?==(\S+)$", (ROOT / file).read_text(), flags=re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


def test_the_wheel_needs_what_is_tested_and_every_pin_is_in_its_range() -> None:
    ranges = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["dependencies"])}
    pinned = pins("requirements.txt")
    assert set(ranges) == set(pinned)
    assert {name for name, wanted in ranges.items() if not wanted.specifier.contains(pinned[name])} == set()


def test_what_duckdb_asks_for_to_give_python_a_moment_is_a_dependency() -> None:
    asked = "pytz"
    try:
        duckdb.sql("select timestamptz '2024-01-01 00:00:00+00' as published_at").fetchall()
    except duckdb.InvalidInputException as error:
        asked = re.findall(r"Required module '(\w+)'", str(error))[0]
    assert asked in {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}


def test_the_tools_of_a_developer_are_pinned() -> None:
    extras = PROJECT["optional-dependencies"]
    named = {canonicalize_name(Requirement(line).name) for line in [*extras["dev"], *extras["store"]]}
    assert named - set(pins("constraints.txt")) == set()


class Installed:
    """A fresh environment with the wheel in it, beside an empty folder; the dependencies are those of the tests."""

    def __init__(self, folder: Path) -> None:
        self.shelf, self.bin = folder / "empty", folder / "venv" / "bin"
        self.shelf.mkdir()
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True, cwd=folder)
        venv.create(folder / "venv", with_pip=False)
        (wheel,) = folder.glob("nightjar-*.whl")
        into = ["--python", str(self.bin / "python"), "install", "--no-deps", "--no-index"]
        subprocess.run([*pip, *into, wheel], check=True, cwd=folder)
        (self.site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        (self.site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    def run(self, *command: str) -> str:
        """What a command of the environment prints, run in the empty folder."""
        ours = ("NIGHTJAR", "AIRFLOW", "PYTHONPATH", "PYTEST")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment |= {"AIRFLOW_HOME": str(self.shelf / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        environment["NIGHTJAR_PROFILE"] = "fast"  # a file of the package too; .ci/run has the production night
        program = [str(self.bin / command[0]), *command[1:]]
        done = subprocess.run(program, cwd=self.shelf, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_the_code_is_the_checkouts_and_comes_from_the_environment(installed: Installed) -> None:
    ask = "from pipeline.ground import artifacts as a, sql; print(a.__file__, sql.FOLDER, a.code_version())"
    file, folder, version = installed.run("python", "-c", ask).split()
    assert Path(file).is_relative_to(installed.site)
    assert Path(folder).is_relative_to(installed.site)
    assert version == artifacts.code_version()


@pytest.mark.slow
def test_the_dags_can_be_read_from_where_the_command_says(installed: Installed) -> None:
    folder = installed.run("nightjar", "where", "dags").strip()
    assert Path(folder).is_relative_to(installed.site)
    found = json.loads(installed.run("python", "-c", READ_DAGS, folder).strip().splitlines()[-1])
    assert found == {"ids": sorted(DAGS), "errors": {}}


@pytest.mark.slow
def test_a_starter_shop_has_tables_after_the_commands_that_init_names(installed: Installed) -> None:
    said = installed.run("nightjar", "init", "shop")
    first, second = re.findall(r"^  (nightjar .*)$", said, flags=re.MULTILINE)
    installed.run(*shlex.split(first))
    assert "for_you" in installed.run(*shlex.split(second))
    with duckdb.connect(str(installed.shelf / "shop/.nightjar/tables/current.duckdb"), read_only=True) as tables:
        lists = "select surface, count(distinct user_id) from current_recommendations group by all order by all"
        (discover, users), (for_you, others) = tables.execute(lists).fetchall()
    assert (discover, for_you) == ("discover", "for_you")
    assert min(users, others) >= 195  # of 200; who has bought nothing yet has no list
