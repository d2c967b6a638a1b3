"""A file has at most 300 lines and a function fewer than 50, so that each can be read at once."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

LINES, FUNCTION = 300, 50
FROZEN = "tests/published/targets/older/"
"""What older versions made, which nobody edits."""


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.sql"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [ROOT / name for name in listed.stdout.split() if not name.startswith(FROZEN)]
    return [path for path in found if path.is_file()] or sorted(ROOT.glob("pipeline/**/*.py"))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All that are in a file; a function is one, and not a part of an expression, of which there are far more."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(tree, field, ())
        for statement in inner if isinstance(inner, list) else ():
            yield statement
            yield from statements(statement)


def test_no_file_is_too_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {name: length for name, length in lengths.items() if length > LINES} == {}


def test_no_large_file_comes_into_the_repository() -> None:
    """Every clone pays for it, forever: the logs of the examples are the largest, at half a MiB."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert {str(path): path.stat().st_size for path in files if path.is_file() and path.stat().st_size > 2**20} == {}


def test_no_function_is_too_long() -> None:
    found = {}
    for path in sources():
        if path.suffix == ".py":
            for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 >= FUNCTION:
                    found[f"{path.relative_to(ROOT)}: {node.name}"] = (node.end_lineno or 0) - node.lineno + 1
    assert found == {}
