"""Every line of the threat model is tried by a test, and the test is there."""

import ast
import re

from tests.conftest import ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_every_line_names_a_test_that_there_is() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("|") and line.count("|") == 4]
    lines = [line for line in lines if not re.match(r"\|(-|\s*(tries|what could)\b)", line)]
    assert len(lines) > 30
    assert [line for line in lines if not NAMED.search(line)] == []
    for file, name in NAMED.findall(PAGE):
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
