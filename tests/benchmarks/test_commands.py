"""Every benchmark starts, and benchmarks/README.md names every module and none that is not there."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
README = FOLDER / "README.md"


def modules() -> dict[str, str]:
    """The source of each module or package of the folder, by name."""
    files = {file.stem: file for file in FOLDER.glob("*.py") if file.stem != "__init__"}
    files |= {file.parent.name: file for file in FOLDER.glob("*/__main__.py")}
    return {name: file.read_text(encoding="utf-8") for name, file in sorted(files.items())}


MODULES = modules()
COMMANDS = [name for name, text in MODULES.items() if "\ndef main(" in text]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_imported(name: str) -> None:
    import_module(f"benchmarks.{name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_in_its_help_how_it_is_called(name: str) -> None:
    assert f"python -m benchmarks.{name}" in MODULES[name]


def test_a_command_starts_from_another_folder(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(FOLDER.parent)}
    for name in ("same_bytes", "rivals"):
        command = [sys.executable, "-m", f"benchmarks.{name}", "--help"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        assert f"python -m benchmarks.{name}" in done.stdout


def test_the_readme_names_every_module_and_no_other() -> None:
    text = README.read_text(encoding="utf-8")
    assert set(re.findall(r"^### `(\w+)`", text, flags=re.MULTILINE)) == set(COMMANDS)
    assert set(re.findall(r"^\* `(\w+)`:", text, flags=re.MULTILINE)) == MODULES.keys() - set(COMMANDS)


def test_the_readmes_commands_are_there() -> None:
    called = set(re.findall(r"-m benchmarks\.(\w+)", README.read_text(encoding="utf-8")))
    assert called == set(COMMANDS)


def test_the_readmes_first_table_has_a_row_for_every_command() -> None:
    table = README.read_text(encoding="utf-8").split("### ")[0]
    assert set(re.findall(r"^\| \[(\w+)\]\(#\1\) \|", table, flags=re.MULTILINE)) == set(COMMANDS)
