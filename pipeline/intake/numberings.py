"""Whether a mapping numbers its events by their places in one reading: row_number() over (), in an event_id.

The next night reads other files, and load-history reads all: the same event would bear another number, and another
event its. A mapping is looked at twice. By its syntax, event_id may have its value of a number over all rows: one that
is counted within a part of them (`partition by order_no`), as an order's lines are, is the log's own. And where half of
the rows are read alone, most of them have other ids. Only where both hold it is refused, so that neither a number that
decides something else, nor an id that is looked up in other rows, is.
"""

from collections.abc import Iterator

import duckdb

from pipeline.ground import sql
from pipeline.intake import row_numbers, selects
from pipeline.intake.selects import Tree

PLACES = frozenset(
    {
        "row_number",
        "rank",
        "dense_rank",
        "rank_dense",
        "percent_rank",
        "cume_dist",
        "ntile",
        "count",
        "count_star",
        "sum",
    }
)
"""Functions that give a row's place, or count the rows so far."""


def may_be_an_id(connection: duckdb.DuckDBPyConnection, text: str, name: str = "event_id") -> bool:
    """Whether a column may have its value of a number over all rows, by a mapping's syntax; names are not told apart.

    Args:
        connection: any; nothing is changed.
        text: of the mapping, which runs.
        name: the column.
    """
    selected = [one for tree in selects.parts(selects.parsed(connection, text)) for one in _selected(tree)]
    numbers, before = set[str](), -1
    while len(numbers) > before:
        before = len(numbers)
        numbers |= {alias for alias, tree in selected if _is_number(tree, numbers)}
    return name in numbers


def _selected(tree: object) -> Iterator[tuple[str, Tree]]:
    """The columns that a part of a statement selects, by their names in lower case."""
    if not isinstance(tree, dict):
        return
    for one in tree.get("select_list") or ():
        if alias := one.get("alias") or (one.get("column_names") or [""])[-1]:
            yield alias.lower(), one
    for entry in tree.get("replace_list") or () if tree.get("class") == "STAR" else ():
        yield entry["key"].lower(), entry["value"]
    names = tree.get("column_name_alias") or tree.get("aliases") or ()
    if names:  # (select ...) as t(a, b): whatever is in it may be either
        inner = [one for part in selects.parts(tree) if isinstance(part, dict) for one in part.get("select_list") or ()]
        yield from ((str(name).lower(), {"any": inner}) for name in names)


def _is_number(tree: Tree, numbers: set[str]) -> bool:
    return any(
        (part.get("class") == "WINDOW" and _is_over_all(part))
        or (part.get("class") == "COLUMN_REF" and part["column_names"][-1].lower() in numbers)
        for part in selects.parts(tree)
        if isinstance(part, dict)
    )


def _is_over_all(window: Tree) -> bool:
    """Whether a window gives a row's place among all: nothing parts them, or nothing but constants."""
    parted = any(
        part.get("class") == "COLUMN_REF" for part in selects.parts(window.get("partitions")) if isinstance(part, dict)
    )
    return not parted and window["function_name"].lower() in PLACES


def dependent(connection: duckdb.DuckDBPyConnection, mapped: str) -> bool:
    """Whether most events have other ids where only the first, or only the last, half of a log's rows is read.

    Most: an event that is numbered among those of its order has another where the order is cut in two.

    Args:
        connection: with the table `raw` and the mapping's view; of `raw` the first rows are looked at.
        mapped: that view's name.
    """
    ((rows,),) = connection.table("raw").max("_row").fetchall()
    last = min(rows or 0, row_numbers.SAMPLE)
    of_all = _ids(connection, mapped, 1, last)
    for part in ((1, last // 2), (last // 2 + 1, last)):
        of_part = _ids(connection, mapped, *part)
        if 2 * sum(of_all.get(row) != ids for row, ids in of_part.items()) > len(of_part):
            return True
    return False


def _ids(connection: duckdb.DuckDBPyConnection, mapped: str, first: int, last: int) -> dict[int, list[str]]:
    """By row, the ids of its events, where `raw` has only those rows."""
    with row_numbers.only(connection, first, last):
        return dict(sql.execute(connection, "ingest/ids_by_row", mapped=mapped).fetchall())
