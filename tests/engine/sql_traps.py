"""What DuckDB and Spark both take, and mean different things by: found in a statement, as no engine says it."""

from collections.abc import Callable, Iterator

from sqlglot import exp, parse

Found = Iterator[exp.Expression]
WHOLE = {"bigint", "int", "integer", "smallint", "tinyint", "int128", "hugeint"}
COUNTS = {"rows", "actions", "items", "prices", "given", "labels", "returns", "tiring"}
"""Columns that are sums or counts of whole numbers: their sums are exact in any order."""
INTEGRAL = COUNTS | {"day", "hour", "user_index", "item_index", "hides", "units"}
INTEGRAL |= {"part"} | {f"decay_{days}" for days in (7, 30, 90, 365)}
TEXT = {
    "trim",
    "lower",
    "upper",
    "regexp_replace",
    "regexp_matches",
    "regexp_extract",
    "nfc_normalize",
    "strip_accents",
}
POWERS = (exp.Pow, exp.Exp, exp.Ln, exp.Log, exp.Sqrt, exp.Cbrt)
UNORDERED = (exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last, exp.AnyValue)
BROKEN = (exp.Avg, exp.Median, exp.PercentileCont, exp.ApproxQuantile, exp.Stddev, exp.StddevSamp, exp.Variance)


def _name(node: exp.Expression) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()


def _of(tree: exp.Expression, *kinds: type[exp.Expression]) -> Found:
    return tree.find_all(*kinds)


def _called(tree: exp.Expression, *names: str) -> Found:
    return (node for node in tree.find_all(exp.Func) if _name(node) in names)


def _list_places(tree: exp.Expression) -> Found:
    yield from _of(tree, exp.Bracket)
    yield from _called(tree, "element_at", "list_extract", "list_element", "array_extract")


def _bare_maxima(tree: exp.Expression) -> Found:
    for node in _of(tree, exp.ArgMax, exp.ArgMin):
        kept = f"NOT {node.this.sql()} IS NULL"
        if not (isinstance(node.parent, exp.Filter) and kept in node.parent.expression.sql()):
            yield node


def _parts(node: exp.Expression) -> list[exp.Expression] | None:
    """What must be whole numbers for an expression to be one; None: it says that by itself."""
    if isinstance(node, exp.Paren | exp.Neg | exp.Subquery | exp.Window | exp.Min | exp.Max | exp.Alias):
        return [node.this]
    if isinstance(node, exp.Select):
        return list(node.expressions)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Mod):
        return [node.left, node.right]
    if isinstance(node, exp.If):
        return [one for one in (node.args["true"], node.args.get("false")) if one is not None]
    if isinstance(node, exp.Case):
        return list(node.args["ifs"])
    return [node.this, *node.expressions] if isinstance(node, exp.Least | exp.Greatest) else None


def _integral(node: exp.Expression) -> bool:
    """Whether an expression is a whole number, so that a cast to one does not round."""
    parts = _parts(node)
    if parts is not None:
        return all(map(_integral, parts))
    if isinstance(node, exp.Literal):
        return bool(node.is_int)
    if isinstance(node, exp.Cast):
        return node.to.sql().lower() in WHOLE
    if isinstance(node, exp.Column):
        return node.name in INTEGRAL
    kinds = (exp.Placeholder, exp.Null, exp.Floor, exp.Ceil, exp.Count, exp.RowNumber, exp.DateDiff, exp.IntDiv)
    return isinstance(node, kinds) or (isinstance(node, exp.Func) and _name(node) in {"round_even", "hour"})


def _rounding_casts(tree: exp.Expression) -> Found:
    for node in _of(tree, exp.Cast):
        if node.to.sql().lower() in WHOLE and not _integral(node.this):
            yield node


def _inexact_sums(tree: exp.Expression) -> Found:
    for node in _of(tree, exp.Sum):
        summed = node.this
        units = isinstance(summed, exp.Anonymous) and summed.name.lower() == "units"
        wide = isinstance(summed, exp.Cast) and summed.to.sql().lower() in {"int128", "hugeint"}
        if not (units or wide or (isinstance(summed, exp.Column) and summed.name in COUNTS)):
            yield node


def _dates_less_dates(tree: exp.Expression) -> Found:
    def dated(node: exp.Expression) -> bool:
        node = node.unnest()
        return (isinstance(node, exp.Cast) and node.to.sql().lower() == "date") or isinstance(node, exp.Date)

    yield from (node for node in _of(tree, exp.Sub) if dated(node.left) or dated(node.right))
    yield from (node for node in _of(tree, exp.DateDiff) if str(node.args.get("unit")).strip("'").upper() != "DAY")


def _reordered_unions(tree: exp.Expression) -> Found:
    for union in _of(tree, exp.Union):
        for arm in (union.left, union.right):
            starred = isinstance(arm, exp.Select) and arm.is_star
            if starred and any(join.args.get("using") for join in arm.find_all(exp.Join)):
                yield arm


TRAPS: dict[str, Callable[[exp.Expression], Found]] = {
    "a place in a list: counted from 0 or 1, and null is the last one; join a table": _list_places,
    "arg_max: null counts on Spark; filter (where x is not null)": _bare_maxima,
    "an aggregate of whatever comes first, or whose order is lost": lambda tree: _of(tree, *UNORDERED),
    "a cast that rounds on DuckDB and cuts on Spark; floor or round_even": _rounding_casts,
    "a sum whose bits depend on the order, or that overflows; whole(sum(units(x)))": _inexact_sums,
    "a mean or median that is rounded differently; whole(sum(units(x))) / n, middle(x)": lambda tree: _of(
        tree, *BROKEN
    ),
    "white space, lower case or patterns of text; a macro in text_macros.sql": lambda tree: _called(tree, *TEXT),
    "numbers or days read out of text; as_number, as_date": lambda tree: _of(tree, exp.TryCast),
    "days between dates, an interval on Spark; date_diff('day', a, b)": _dates_less_dates,
    "a power, whose last bit differs; a table made in Python": lambda tree: _of(tree, *POWERS),
    "a shift, which Spark has for bigints; a division": lambda tree: _of(
        tree, exp.BitwiseRightShift, exp.BitwiseLeftShift
    ),
    "a hash, of other bits": lambda tree: _called(tree, "hash", "md5_number", "md5_number_lower", "md5_number_upper"),
    "lists side by side, a cross product on Spark; a table made in Python": lambda tree: _of(
        tree, exp.Unnest, exp.Explode, exp.Posexplode
    ),
    "columns that `using` puts first, united by their places; semi join ... on": _reordered_unions,
}


def traps(text: str) -> list[str]:
    """The traps in some statements of DuckDB's, each with the place."""
    trees = [tree for tree in parse(text, read="duckdb") if tree is not None]
    return [
        f"{trap}: {node.sql(dialect='duckdb', comments=False)[:100]}"
        for tree in trees
        for trap, find in TRAPS.items()
        for node in find(tree)
    ]
