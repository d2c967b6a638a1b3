"""The floors of the package, drawn from import-linter's contract and from what the modules really import."""

import importlib
import tomllib
from collections import Counter
from pathlib import Path

import grimp

from docs.generate import svg

ROOT = Path(__file__).resolve().parents[2]
CELL, NAMES, HEADS = 36, 100, 100
"""Side of a cell; room for the floors' names beside and above the cells."""


def floors() -> list[str]:
    """The rooms from the top down, as the contract in pyproject.toml has them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = next(c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    return list(contract["layers"])


def imports() -> Counter[tuple[str, str]]:
    """How many imports of modules lead from a room to another."""
    graph = grimp.build_graph("pipeline", cache_dir=None)
    counted: Counter[tuple[str, str]] = Counter()
    for module in graph.modules - {"pipeline"}:
        for imported in graph.find_modules_directly_imported_by(module) - {"pipeline"}:
            counted[module.split(".")[1], imported.split(".")[1]] += 1
    return counted


def picture() -> str:
    """A row and a column for every floor; a number is how many imports lead from the row's to the column's."""
    rooms, counted = floors(), imports()
    parts = []
    for i, room in enumerate(rooms):
        x, y = NAMES + CELL * (i + 0.5), HEADS + CELL * (i + 0.5)
        parts.append(svg.text(NAMES - 8, y, room, "end"))
        parts.append(f'<g transform="translate({x:.0f} {HEADS - 8}) rotate(-90)">{svg.text(0, 0, room)}</g>')
        parts += [_cell(i, j, counted[room, other]) for j, other in enumerate(rooms)]
    side = CELL * len(rooms)
    upward = sum(counted[a, b] for i, a in enumerate(rooms) for b in rooms[:i])
    says = f"{len(rooms)} floors from the top down: {', '.join(rooms)}; {upward} imports lead upward"
    return svg.picture(NAMES + side, HEADS + side, parts, says)


def _cell(row: int, column: int, number: int) -> str:
    """One cell with its number; that of a floor with itself is only marked."""
    x, y = NAMES + CELL * column, HEADS + CELL * row
    kind = "own" if row == column else "some" if number else "none"
    words = svg.text(x + CELL / 2, y + CELL / 2, str(number), "middle") if kind == "some" else ""
    return f'<rect class="{kind}" x="{x + 1}" y="{y + 1}" width="{CELL - 2}" height="{CELL - 2}"/>{words}'


def table() -> str:
    """Every floor with what its `__init__.py` says stands there."""
    lines = ["| floor | what stands there |", "|---|---|"]
    for room in floors():
        about = importlib.import_module(f"pipeline.{room}").__doc__ or ""
        lines.append(f"| `{room}` | {' '.join(about.partition('. ')[0].split())} |")
    return "\n".join(lines)
