"""Which columns of the raw files a mapping's columns are made of: its SQL, read.

Names are looked up as DuckDB does, without a schema, as keys of JSON Lines have none: a name without a table is one
that a table of the statement is known to give, else a name that the same SELECT gives, else a column of `raw`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, build_scope, traverse_scope

from pipeline.intake.inputs.table import PLACE

AGGREGATES = {"arg_max", "arg_min", "max_by", "min_by", "first", "last", "any_value", "string_agg", "list", "bool_or"}
"""Those that sqlglot need not know as such."""
ORDER = ("same", "made", "sum")
"""From what says least to what says most: of two steps the larger one counts."""


@dataclass(frozen=True)
class Mapping:
    """What a mapping's columns are made of.

    Attributes:
        columns: by each column that it selects, in lower case: the raw columns and how, a word of origins.HOW.
        rows: the raw columns that decide which rows there are.
        passes: whether it selects all of raw's columns by `*`, so that one that it does not name is itself.
    """

    columns: dict[str, dict[str, str]]
    rows: dict[str, str]
    passes: bool = False


def read(text: str) -> Mapping | None:
    """Read a mapping; None where it is said in a way that sqlglot does not know."""
    try:
        root = build_scope(parse_one(text, read="duckdb"))
        if root is None:
            return None
        columns = {
            name.lower(): _of(root, name, "same", frozenset()) for name in _names_of(_first(root)) if name != "*"
        }
        return Mapping(columns, dict(_rows(root)), _passes(root))
    except (SqlglotError, RecursionError):
        return None


def _first(scope: Scope) -> Scope:
    """Of a union the first branch, whose names it has."""
    while scope.set_operation_scopes:
        scope = scope.set_operation_scopes[0]
    return scope


def _names_of(scope: Scope) -> list[str]:
    """The names of what a SELECT gives."""
    return [str(one.alias_or_name) for one in scope.expression.expressions]


def _branches(scope: Scope) -> list[Scope]:
    if not scope.set_operation_scopes:
        return [scope]
    return [found for branch in scope.set_operation_scopes for found in _branches(branch)]


def _passes(scope: Scope) -> bool:
    """Whether a SELECT has a `*` that reaches raw."""
    for branch in _branches(scope):
        if any(one.is_star for one in branch.expression.expressions):
            for source in branch.sources.values():
                if isinstance(source, exp.Table) or _passes(source):
                    return True
    return False


def _of(scope: Scope, name: str, how: str, seen: frozenset[tuple[int, str]]) -> dict[str, str]:
    """The raw columns of a column that a SELECT gives."""
    found: dict[str, str] = {}
    if (key := (id(scope), name.lower())) in seen:
        return found
    place = _place(_first(scope), name)
    for branch in _branches(scope):
        expression = _selected(branch, name, place)
        if expression is None:
            _add(found, _through_star(branch, name, how, seen | {key}))
        else:
            _add(found, _made_of(branch, expression, how, seen | {key}))
    return found


def _place(scope: Scope, name: str) -> int | None:
    names = [one.lower() for one in _names_of(scope)]
    return names.index(name.lower()) if name.lower() in names else None


def _selected(scope: Scope, name: str, place: int | None) -> exp.Expr | None:
    """The expression of a column: of a later branch of a union that which stands at its place."""
    selects = scope.expression.expressions
    named = next((one for one in selects if one.alias_or_name.lower() == name.lower() and not one.is_star), None)
    if named is None and place is not None and place < len(selects) and not selects[place].is_star:
        named = selects[place]
    return named.unalias() if named is not None else None


def _through_star(scope: Scope, name: str, how: str, seen: frozenset[tuple[int, str]]) -> dict[str, str]:
    """A column that a SELECT gives by `*` alone."""
    if not any(one.is_star for one in scope.expression.expressions):
        return {}
    return _looked_up(scope, exp.column(name), how, seen, among_aliases=False)


def _made_of(scope: Scope, expression: exp.Expr, how: str, seen: frozenset[tuple[int, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    if not isinstance(expression, exp.Column):
        how = max(how, "sum" if _aggregates(expression) else "made", key=ORDER.index)
    for column in expression.find_all(exp.Column):
        _add(found, _looked_up(scope, column, how, seen))
    for inner in scope.subquery_scopes:  # a value that a SELECT inside the expression gives
        if _within(inner.expression, expression):
            for branch in _branches(inner):
                for one in branch.expression.expressions:
                    _add(found, _made_of(branch, one.unalias(), how, seen))
    return found


def _within(inner: exp.Expr, outer: exp.Expr) -> bool:
    node: exp.Expr | None = inner
    while node is not None and node is not outer:
        node = node.parent
    return node is outer


def _aggregates(expression: exp.Expr) -> bool:
    return any(
        isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES)
        for node in expression.walk()
    )


def _looked_up(
    scope: Scope, column: exp.Column, how: str, seen: frozenset[tuple[int, str]], among_aliases: bool = True
) -> dict[str, str]:
    """The raw columns that a name in a SELECT stands for."""
    parts = [part.name for part in column.parts]
    if len(parts) > 1 and (source := _source(scope, parts[0])) is not None:
        return _from(source, parts[1], how, seen)
    name = parts[0]  # of a struct, of which further parts are fields, the column
    sources = list(scope.sources.values())
    for source in sources:
        if isinstance(source, Scope) and _place(_first(source), name) is not None:
            return _of(source, name, how, seen)
    alias = _selected(scope, name, None) if among_aliases else None
    if alias is not None and not _names(alias, name):
        return _made_of(scope, alias, how, seen)
    for source in sources:
        if isinstance(source, exp.Table) or _passes(source):
            return _from(source, name, how, seen)
    return {}


def _names(expression: exp.Expr, name: str) -> bool:
    return any(column.parts[0].name.lower() == name.lower() for column in expression.find_all(exp.Column))


def _source(scope: Scope, name: str) -> Scope | exp.Table | None:
    return next((source for alias, source in scope.sources.items() if alias.lower() == name.lower()), None)


def _from(source: Scope | exp.Table, name: str, how: str, seen: frozenset[tuple[int, str]]) -> dict[str, str]:
    if isinstance(source, Scope):
        return _of(source, name, how, seen)
    return {} if name.lower() in PLACE else {name: how}


def _rows(root: Scope) -> Iterator[tuple[str, str]]:
    """The raw columns that decide which rows there are, and how."""
    for scope in traverse_scope(root.expression):
        if not isinstance(scope.expression, exp.Select):
            continue
        clauses = {kind: scope.expression.args.get(kind) for kind in ("where", "having", "qualify", "group")}
        for kind, clause in clauses.items():
            for column in clause.find_all(exp.Column) if clause is not None else ():
                for name in _looked_up(scope, column, "same", frozenset()):
                    yield name, "group" if kind == "group" else "filter"
        for join in scope.expression.args.get("joins") or ():
            for column in join.args["on"].find_all(exp.Column) if join.args.get("on") else ():
                for name in _looked_up(scope, column, "same", frozenset()):
                    yield name, "join"


def _add(found: dict[str, str], more: dict[str, str]) -> None:
    for name, how in more.items():
        found[name] = max(how, found.get(name, "same"), key=ORDER.index)
