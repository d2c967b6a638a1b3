"""What a shop's SQL is, by its syntax: one SELECT from `raw` that reaches nothing else, however it is written.

DuckDB is told to open nothing but the declared files as well (pipeline.ground.confinement). But those hold more than a
mapping has to do with, and a database has tables, variables and settings besides.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from pipeline.ground import sql

RAW = "raw"
NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
"""What a statement may consist of; others insert, update, delete or copy."""
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "json_each", "json_tree"})
SCHEMAS = frozenset({"main", "memory"})
CLOCKS = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp", "rowid"})
"""What gives another answer in another run: the clock, and a row's number among all that one run reads."""

Tree = dict[str, Any]


def faults(connection: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """Why a text is no mapping, without running any of it; none where it is.

    Args:
        connection: any; nothing is changed.
        text: of a mapping.
    Raises:
        duckdb.Error: it is no SQL.
    """
    statements = connection.extract_statements(text)
    kinds = [statement.type.name for statement in statements]
    if kinds != ["SELECT"]:
        return [_no_select(kinds)]
    try:
        tree = parsed(connection, text)
        if tree["error"]:
            return [str(tree["error_message"])]
        clocks = CLOCKS.difference(name.lower() for name in connection.table(RAW).columns)
        rules = _Rules(_pure(), clocks)
        return sorted({fault for said in tree["statements"] for fault in rules.broken(said["node"], frozenset())})
    except RecursionError:
        return ["it is nested too deeply"]


@cache
def _pure() -> frozenset[str]:
    """The functions that a mapping may call: DuckDB's own, whatever the database."""
    with sql.connect(1, 256) as connection:
        return frozenset(name for (name,) in sql.execute(connection, "ingest/pure_functions").fetchall()) | {"unnest"}


def _no_select(kinds: list[str]) -> str:
    if not kinds:
        return "it has no statement"
    if len(kinds) > 1:
        return f"it has {len(kinds)} statements"
    return (
        "it pivots on values that it does not name" if kinds == ["MULTI"] else f"it is no SELECT ({kinds[0].lower()})"
    )


def parsed(connection: duckdb.DuckDBPyConnection, text: str) -> Tree:
    """What the parser makes of a text, which is not run.

    Raises:
        duckdb.Error: it is no SQL.
    """
    found = sql.execute(connection, "ingest/parsed", statement=text).fetchall()
    tree: Tree = json.loads(found[0][0])
    return tree


@dataclass(frozen=True)
class Named:
    """What mappings ask of a log.

    Attributes:
        words: their names of whatever kind, as they spell them: a column that is in none of them is not asked for.
        every: whether they may take columns without naming them (`*`, COLUMNS, a row as a whole, PIVOT).
    """

    words: frozenset[str] = frozenset()
    every: bool = False

    def __or__(self, other: "Named") -> "Named":
        return Named(self.words | other.words, self.every or other.every)


def named(connection: duckdb.DuckDBPyConnection, text: str) -> Named:
    """What a mapping asks of its log; everything, where it is no SQL, which is said later.

    Args:
        connection: any; nothing is changed.
        text: of the mapping.
    """
    try:
        tree = parsed(connection, text)
        found = list(parts(tree))
    except (duckdb.Error, RecursionError):
        return Named(every=True)
    words = frozenset(part for part in found if isinstance(part, str))
    trees = [part for part in found if isinstance(part, dict)]
    tables = {
        str(tree.get(key, "")).lower() for tree in trees if "class" not in tree for key in ("alias", "table_name")
    }
    return Named(words, bool(tree["error"]) or any(_takes_all(part, tables) for part in trees))


def parts(tree: Any) -> Iterator[Any]:
    """A part of a statement, and all that is in it."""
    waiting = [tree]
    while waiting:  # not by recursion: a statement may be deep
        yield (part := waiting.pop())
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()


def _takes_all(tree: Tree, tables: set[str]) -> bool:
    """Whether a part of a statement takes columns that it does not name."""
    if tree.get("class") == "COLUMN_REF":
        return tree["column_names"][-1].lower() in tables
    return (
        tree.get("class") in {"STAR", "POSITIONAL_REFERENCE"}
        or tree.get("type") == "PIVOT"
        or tree.get("ref_type") == "NATURAL"
        or bool(tree.get("column_name_alias"))
    )


def leaves_out(connection: duckdb.DuckDBPyConnection, text: str) -> bool:
    """Whether something in a mapping says that it may make no event of a row: a condition, a join, a group, a limit.

    `unnest` is no such thing: who takes a list apart need not know that an empty one takes its row along.

    Args:
        connection: any; nothing is changed.
        text: of the mapping, which runs.
    """
    trees = (part for part in parts(parsed(connection, text)) if isinstance(part, dict))
    return any(_leaves_out(tree) for tree in trees)


def _leaves_out(tree: Tree) -> bool:
    groups = any(tree.get(key) for key in ("group_expressions", "where_clause", "having", "qualify", "sample"))
    modifiers = {modifier["type"] for modifier in tree.get("modifiers") or () if isinstance(modifier, dict)}
    joins = tree.get("type") == "JOIN" and tree.get("join_type") != "LEFT" and tree.get("ref_type") == "REGULAR"
    sets = tree.get("type") == "SET_OPERATION_NODE" and not (tree["setop_type"] == "UNION" and tree["setop_all"])
    return groups or joins or sets or bool(modifiers - {"ORDER_MODIFIER"})


def as_they_are(connection: duckdb.DuckDBPyConnection, text: str) -> frozenset[str]:
    """Which of a row's `_file` and `_row` a mapping gives as they are in `raw`, as its syntax shows; none where unsure.

    Of `_row` it shows as well that nothing else follows from it: there is one mention, and no word for all columns.

    Args:
        connection: any; nothing is changed.
        text: of the mapping, which runs.
    """
    tree = parsed(connection, text)
    (said,) = tree["statements"]
    node: Tree = said["node"]
    if node["type"] != "SELECT_NODE" or not _is_of_raw_alone(node) or named(connection, text).every:
        return frozenset()
    mentioned = [part.lower() for part in parts(tree) if isinstance(part, str)]
    selected = [_name(one) for one in node["select_list"]]
    bare = {
        one["column_names"][0].lower()
        for one in node["select_list"]
        if one["class"] == "COLUMN_REF" and len(one["column_names"]) == 1 and not one["alias"]
    }
    found = {name for name in ("_file", "_row") if name in bare and selected.count(name) == 1}
    return frozenset(found if mentioned.count("_row") == 1 else found - {"_row"})


def _name(selected: Tree) -> str:
    """How a column of a SELECT is called, in lower case; "" where DuckDB decides."""
    return str(selected.get("alias") or (selected.get("column_names") or [""])[-1]).lower()


def _is_of_raw_alone(node: Tree) -> bool:
    """Whether a SELECT takes rows of `raw`, each by itself, under the names that their columns have there."""
    table = node["from_table"]
    is_raw = table["type"] == "BASE_TABLE" and table["qualified_name"]["path"] == [RAW]
    several = ("group_expressions", "group_sets", "having", "qualify", "sample", "modifiers")
    shadowed = node["cte_map"]["map"] or table.get("column_name_alias") or table.get("sample") or table.get("at_clause")
    is_standard = node.get("aggregate_handling") == "STANDARD_HANDLING"
    return is_raw and is_standard and not shadowed and not any(node.get(key) for key in several)


@dataclass(frozen=True)
class _Rules:
    """What a mapping may do.

    Attributes:
        pure: functions that it may call.
        clocks: words that are no column of `raw`, and therefore another run's other answer, see CLOCKS.
    """

    pure: frozenset[str]
    clocks: frozenset[str]

    def broken(self, tree: Any, known: frozenset[str]) -> Iterator[str]:
        """What is wrong with a part of a statement.

        Args:
            tree: of the parser.
            known: names of the common table expressions that it can see, in lower case.
        """
        if isinstance(tree, list):
            for part in tree:
                yield from self.broken(part, known)
        if not isinstance(tree, dict):
            return
        kind = tree.get("type")
        yield from self._of_expression(tree) if "class" in tree else _of_table(tree, str(kind), known)
        inner = known
        if isinstance(tree.get("cte_map"), dict):
            for entry in tree["cte_map"]["map"]:
                name = frozenset({entry["key"].lower()})
                recursive = entry["value"]["query_node"]["type"] == "RECURSIVE_CTE_NODE"
                yield from self.broken(entry["value"], inner | name if recursive else inner)
                inner |= name
        for key, part in tree.items():
            if key == "function" and kind == "TABLE_FUNCTION":  # another one may bear an innocent one's name
                yield from self.broken(part["arguments"], inner)
            elif key != "cte_map":
                yield from self.broken(part, inner)

    def _of_expression(self, tree: Tree) -> Iterator[str]:
        if tree["class"] in {"FUNCTION", "WINDOW"} and (name := tree["function_name"].lower()) not in self.pure:
            yield f"it calls {name}"
        if tree["class"] == "COLUMN_REF" and (name := tree["column_names"][-1].lower()) in self.clocks:
            yield f"it calls {name}"
        if tree["class"] == "PARAMETER":
            yield "it has a parameter"


def _of_table(tree: Tree, kind: str, known: frozenset[str]) -> Iterator[str]:
    """What is wrong with a query or a table that it reads, but for what is in it."""
    if kind.endswith("_NODE") and kind not in NODES:
        yield f"it does more than select ({kind.removesuffix('_NODE').removesuffix('_QUERY').lower()})"
    if kind == "SHOW_REF":
        yield "it describes tables"
    if kind == "TABLE_FUNCTION" and tree["function"]["function_name"].lower() not in TABLE_FUNCTIONS:
        yield f"it reads {tree['function']['function_name']}()"
    if kind == "BASE_TABLE":
        *schemas, name = (part.lower() for part in tree["qualified_name"]["path"])
        if (schemas or name not in known) and not (name == RAW and SCHEMAS.issuperset(schemas)):
            yield f"it reads {'.'.join(tree['qualified_name']['path'])}"
