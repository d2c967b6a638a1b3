"""No file of the pipeline is read in a way that could run what is in it; ruff's S rules look for the rest."""

import ast
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

RUNS_WHAT_IT_READS = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
"""Modules whose readers run what they read."""
MODULES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "dags").rglob("*.py")])


def unsafe(text: str) -> Iterator[str]:
    """Calls and imports that run what they read."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"import {name}" for name in names if name.partition(".")[0] in RUNS_WHAT_IT_READS)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if called == "torch.load" and given.get("weights_only") != "True":
                yield called
            if called in {"joblib.load", "yaml.load", "yaml.unsafe_load", "eval", "exec"}:
                yield called
            yield from (
                f"{called}({word}=True)"
                for word in ("allow_pickle", "trust_remote_code", "shell")
                if given.get(word) == "True"
            )


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from dill import loads",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "subprocess.run(line, shell=True)",
        "eval(text)",
        "joblib.load(path)",
    ],
)
def test_the_search_would_find_it(text: str) -> None:
    assert list(unsafe(text))


def test_nothing_runs_what_it_reads() -> None:
    found = {str(path.relative_to(ROOT)): list(unsafe(path.read_text(encoding="utf-8"))) for path in MODULES}
    assert {path: calls for path, calls in found.items() if calls} == {}


def test_nothing_writes_csv() -> None:
    """A cell that begins with = is a formula to a spreadsheet; whoever adds a CSV has to neutralise such cells.

    The starter shop's log is made up."""
    words = ("csv.writer", "csv.DictWriter", "to_csv(", "write_csv(", "format csv", "FORMAT CSV")
    files = [*(p for p in MODULES if p.parent.name != "starter"), *sorted((ROOT / "sql").rglob("*.sql"))]
    assert [(p.name, word) for p in files for word in words if word in p.read_text(encoding="utf-8")] == []
