"""What the pages tell people to type exists: the commands and their options, make's targets, the benchmarks."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from pipeline.__main__ import parser
from tests.conftest import ROOT
from tests.docs.pages import PAGES, blocks, name, prose

CALL = re.compile(r"(?<![\w./-])(?:\.venv/bin/)?(?:nightjar|python -m pipeline)\s+([^\n#>|&;)]+)")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def commands() -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in parser()._actions if a.dest == "command")
    assert isinstance(action.choices, dict)
    return action.choices


def options(of: argparse.ArgumentParser) -> set[str]:
    return {option for action in of._actions for option in action.option_strings}


def typed(text: str) -> list[list[str]]:
    """The command lines in a page's shell blocks, as a shell would split them."""
    lines = [line for block in blocks(text, "sh", "console") for line in block.splitlines() if "()" not in line]
    return [shlex.split(found, comments=True) for line in lines for found in CALL.findall(line)]


def mentioned(text: str) -> list[list[str]]:
    """The commands a page names within its sentences."""
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(text))]
    return [found.split() for span in spans for found in CALL.findall(span)]


def command_of(words: list[str]) -> str:
    """The first word that is neither an option of the command line nor its value; "" without one."""
    values = {"--set", "--config"}
    found = (w for w, before in zip(words, ["", *words], strict=False) if before not in values)
    return next((word for word in found if not word.startswith("-")), "")


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 220


def test_every_command_is_documented() -> None:
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    calls = [call for text in texts for call in typed(text) + mentioned(text)]
    assert sorted(set(commands()) - {command_of(call) for call in calls}) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_to_be_typed_is_understood(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in typed(page.read_text(encoding="utf-8")):
        try:
            parser().parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{name(page)}: {shlex.join(arguments)}\n{capsys.readouterr().err}")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_is_mentioned_exists(page: Path) -> None:
    top = parser()
    for words in mentioned(page.read_text(encoding="utf-8")):
        command = command_of(words)
        if command in {"", "...", "COMMAND"}:
            continue
        assert command in commands(), f"{name(page)}: {' '.join(words)}"
        known = options(top) | options(commands()[command])
        named = {f"--{option}" for word in words for option in re.findall(r"--([a-z-]+)", word)}
        assert named <= known, f"{name(page)}: {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_targets_and_benchmarks_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shell = "\n".join(blocks(text, "sh"))
    makes = re.findall(r"^make ([a-z-]+)", shell, flags=re.MULTILINE) + re.findall(r"`make ([a-z-]+)", prose(text))
    assert set(makes) <= TARGETS
    for module in re.findall(r"-m\s+benchmarks\.(\w+)", text):
        assert (ROOT / "benchmarks" / f"{module}.py").exists() or (
            ROOT / "benchmarks" / module / "__main__.py"
        ).exists()
