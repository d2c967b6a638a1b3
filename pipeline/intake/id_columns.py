"""Which columns of a log a mapping gives as ids, and does nothing else with than what can be done with text.

Such a column may be read as text, whatever type a Parquet file has for it (pipeline.intake.parquet_files). Names are
compared without regard to where they stand: a column that shares its name with something that is calculated with is
left as it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from pipeline.intake import selects
from pipeline.intake.selects import Tree

PASSING = frozenset(
    {"||", "concat", "concat_ws", "any_value", "first", "last", "trim", "lower", "upper", "md5", "sha256"}
)
"""Functions of which a text is as good an argument as the number that it spells."""
CHOOSING = frozenset({"OPERATOR_COALESCE", "OPERATOR_NULLIF", "CASE_EXPR", "CASE"})
"""Expressions that give one of their parts."""
ASKING = frozenset({"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"})
TEXTS = frozenset({"VARCHAR", "TEXT", "STRING"})


@dataclass
class _Uses:
    """What is done with names, in lower case.

    Attributes:
        made_of: by the name of a selected column, those that it may have its value of.
        calculated: those of which a number or another type is wanted.
    """

    made_of: dict[str, set[str]] = field(default_factory=dict)
    calculated: set[str] = field(default_factory=set)

    def sources(self, name: str) -> set[str]:
        """The names that a column has its value of, itself among them."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            if (one := waiting.pop()) not in found:
                found.add(one)
                waiting += self.made_of.get(one, ())
        return found


def named(
    connection: duckdb.DuckDBPyConnection, text: str, ids: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """The names, in lower case, that may be columns of ids, and those that are calculated with.

    Args:
        connection: any; nothing is changed.
        text: of the mapping. Of what is no SQL, which is said later, there are none.
        ids: the columns of its table that are ids.
    """
    uses = _Uses()
    try:
        _read(selects.parsed(connection, text), uses)
    except (duckdb.Error, RecursionError):
        return frozenset(), frozenset()
    given = {name for one in ids for name in uses.sources(one.lower())}
    spoilt = {name for one in uses.made_of for name in uses.sources(one) if uses.calculated & {one}}
    return frozenset(given), frozenset(spoilt | uses.calculated)


def _read(tree: Any, uses: _Uses) -> None:
    """Note what a statement, or a part of it that is no expression, does with names."""
    for part in tree if isinstance(tree, list) else ():
        _read(part, uses)
    if not isinstance(tree, dict):
        return
    if "class" in tree:
        uses.calculated |= set(_calculated(tree))
        return
    for key, part in tree.items():
        if key == "select_list":
            for one in part:
                _select(one, uses)
        elif key in {"group_expressions", "orders", "partitions"}:
            uses.calculated |= {name for one in part for name in _calculated(_inner(one), passes=True)}
        else:
            _read(part, uses)


def _select(tree: Tree, uses: _Uses) -> None:
    if tree["class"] == "STAR":
        for entry in tree.get("replace_list") or ():
            _select(entry["value"] | {"alias": entry["key"]}, uses)
        return
    uses.calculated |= set(_calculated(tree, passes=True))
    if name := str(tree.get("alias") or (tree.get("column_names") or [""])[-1]).lower():
        uses.made_of.setdefault(name, set()).update(_passed(tree))


def _inner(tree: Tree) -> Tree:
    inner: Tree = tree.get("expression", tree)
    return inner


def _parts(tree: Tree) -> tuple[list[Tree], list[Tree]] | None:
    """Of an expression that passes a value on: the parts that it may be, and those that it asks; None of others."""
    kind = tree["type"]
    if kind == "COLUMN_REF" or tree["class"] == "CONSTANT":
        return [], []
    if kind == "OPERATOR_CAST" and (tree.get("type_expr") or {}).get("type_name", "").upper() in TEXTS:
        return [tree["child"]], []
    if kind in CHOOSING:
        checks = tree.get("case_checks") or []
        chosen = [*(tree.get("children") or []), *(check["then_expr"] for check in checks)]
        return [*chosen, *filter(None, [tree.get("else_expr")])], [check["when_expr"] for check in checks]
    if tree["class"] == "FUNCTION" and tree["function_name"].lower() in PASSING:
        return [_inner(one) for one in tree.get("arguments") or tree.get("children") or []], []
    return None


def _passed(tree: Tree) -> Iterator[str]:
    """The names of which an expression may have its value, as it is or as a part of a text."""
    if tree["type"] == "COLUMN_REF":
        yield tree["column_names"][-1].lower()
    for part in (_parts(tree) or ([], []))[0]:
        yield from _passed(part)


def _calculated(tree: Any, passes: bool = False) -> Iterator[str]:
    """The names in an expression of which a number may be wanted; one that is passed on as it is, where it `passes`."""
    if isinstance(tree, list):
        for part in tree:
            yield from _calculated(part)
    if not isinstance(tree, dict):
        return
    if tree.get("class") is None:
        for key, part in tree.items():
            yield from _of_key(key, part)
        return
    if tree["type"] == "COLUMN_REF":
        yield from () if passes else [tree["column_names"][-1].lower()]
        return
    if tree["type"] in ASKING or _is_equality(tree):
        passed: list[Tree] = [*(tree.get("children") or ()), *filter(None, [tree.get("left"), tree.get("right")])]
        known: tuple[list[Tree], list[Tree]] | None = (passed, [])
    else:
        known = _parts(tree) if passes or tree["type"] == "OPERATOR_CAST" else None
    if known is None:
        yield from (name for key, part in tree.items() for name in _of_key(key, part))
        return
    for part in known[0]:
        yield from _calculated(part, passes=True)
    yield from _calculated(known[1])


def _of_key(key: str, part: Any) -> Iterator[str]:
    if key in {"partitions", "orders", "group_expressions"} and isinstance(part, list):
        for one in part:
            yield from _calculated(_inner(one), passes=True)
    else:
        yield from _calculated(part)


def _is_equality(tree: Tree) -> bool:
    """Whether columns are compared with one another, as a join does."""
    sides = [tree.get("left"), tree.get("right")]
    return tree["type"] == "COMPARE_EQUAL" and all(side and side["type"] == "COLUMN_REF" for side in sides)
