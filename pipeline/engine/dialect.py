"""The files in sql/, which are DuckDB's, said in Spark's SQL: there is one text, and two engines that run it.

sqlglot translates what has the same meaning on both. What it leaves is done here, on the tree: macros are put in place
of their calls, a table that is made becomes its SELECT, files that are read become views. What would give other values
is not mended but refused in the files themselves (tests/engine/sql_traps.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from sqlglot import exp, parse

from pipeline.ground import sql
from pipeline.ground.errors import InputError

READ = "read_{}"
"""The view that stands for the files whose paths are a parameter."""


@dataclass(frozen=True)
class Macro:
    """A macro of the files: its parameters' names and what a call stands for."""

    parameters: tuple[str, ...]
    body: exp.Expr

    def of(self, arguments: list[exp.Expr]) -> exp.Expr:
        """The body for some arguments."""
        given = dict(zip(self.parameters, arguments, strict=True))

        def put(node: exp.Expr) -> exp.Expr:
            known = isinstance(node, exp.Column) and not node.table and node.name in given
            return exp.paren(given[node.name]) if known else node

        return exp.paren(self.body.transform(put))


Macros = Mapping[str, Macro]


@dataclass(frozen=True)
class Read:
    """Files that a statement reads.

    Attributes:
        parameter: their paths.
        view: the name that the statement reads them by.
        numbered: whether it wants to know the row's number in its file, as file_row_number.
        also: columns that older files need not have, and their types.
    """

    parameter: str
    view: str
    numbered: bool
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """One statement for Spark.

    Attributes:
        text: a SELECT with :parameters.
        makes: the table whose rows it gives; None: the caller wants them.
        reads: the files it needs as views.
        parameters: names of what is bound.
    """

    text: str
    makes: str | None
    reads: tuple[Read, ...]
    parameters: frozenset[str]


@cache
def _parsed(name: str) -> tuple[exp.Expr, ...]:
    trees = parse(sql.statement(name), read="duckdb")
    return tuple(tree for tree in trees if tree is not None)


def macros(name: str) -> dict[str, Macro]:
    """The macros that sql/<name>.sql makes; none where it makes none.

    Raises:
        InputError: there is no such file.
    """
    return {tree.this.this.name.lower(): _macro(tree) for tree in _parsed(name) if _kind(tree) == "MACRO"}


def _kind(tree: exp.Expr) -> str:
    return str(tree.args["kind"]) if isinstance(tree, exp.Create) else ""


def _macro(tree: exp.Expr) -> Macro:
    return Macro(tuple(one.name for one in tree.this.expressions), tree.expression)


def statements(name: str, known: Macros) -> list[Statement]:
    """The statements of sql/<name>.sql but for its macros.

    Args:
        name: file under sql/ without its ending.
        known: the macros it may call, by name; any other function is Spark's or registered there.
    Raises:
        InputError: there is no such file, or it holds what is not said in Spark's SQL.
    """
    return [_statement(tree.copy(), known, name) for tree in _parsed(name) if _kind(tree) != "MACRO"]


def _statement(tree: exp.Expr, known: Macros, name: str) -> Statement:
    makes = None
    if isinstance(tree, exp.Create):
        if _kind(tree) != "TABLE":
            raise InputError(f"sql/{name}.sql makes a {_kind(tree).lower()}, which Spark is not given")
        makes, tree = tree.this.name, tree.expression
    _call(tree, known)
    reads = tuple(_reads(tree, name))
    parameters = frozenset(node.name for node in tree.find_all(exp.Placeholder))
    text = tree.transform(_said).sql(dialect="spark", comments=False)
    return Statement(text, makes, reads, parameters)


def _call(tree: exp.Expr, known: Macros) -> None:
    """Put the macros' bodies where they are called, and in those bodies again."""
    while call := next((node for node in tree.find_all(exp.Anonymous) if node.name.lower() in known), None):
        call.replace(known[call.name.lower()].of(call.expressions))


def _reads(tree: exp.Expr, name: str) -> Iterator[Read]:
    """Put a view where files are read."""
    for reader in list(tree.find_all(exp.ReadParquet)):
        paths, *options = reader.expressions
        if not isinstance(paths, exp.Placeholder):
            raise InputError(f"sql/{name}.sql reads files that are no parameter")
        table, view = reader.find_ancestor(exp.Table), READ.format(paths.name)
        if table is None:
            raise InputError(f"sql/{name}.sql reads files where no table stands")
        also = _added(table)
        table.replace(exp.to_table(view))
        yield Read(paths.name, view, any(option.this.name == "file_row_number" for option in options), also)


def _added(table: exp.Expr) -> dict[str, str]:
    """The columns that `union all by name select null::type as name where false` adds to files, which is taken away."""
    union = table.find_ancestor(exp.Union)
    if union is None or not union.args.get("by_name"):
        return {}
    types = {one.alias: one.this.to.sql(dialect="spark").lower() for one in union.expression.expressions}
    union.replace(union.this)
    return types


def _said(node: exp.Expr) -> exp.Expr:
    """What sqlglot does not say as Spark does."""
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.INT128:
        return exp.DataType.build("decimal(38, 0)")
    if isinstance(node, exp.Anonymous) and node.name.lower() == "round_even":
        return exp.func("rint", node.expressions[0].transform(_said))
    if isinstance(node, exp.BitwiseRightShift) and isinstance(node.expression, exp.Literal):
        # of a size, which macros.sql alone shifts: Spark's shifts take no decimal
        return exp.IntDiv(
            this=node.this.transform(_said), expression=exp.Literal.number(2 ** int(node.expression.name))
        )
    if isinstance(node, exp.PercentileDisc) and node.expression is not None:
        ordered = exp.Order(expressions=[exp.Ordered(this=node.this.transform(_said))])
        share = node.expression.copy()
        # sqlglot's own node would become percentile_approx
        exact = exp.Anonymous(this="percentile_disc", expressions=[share])
        return exp.WithinGroup(this=exact, expression=ordered)
    return node
