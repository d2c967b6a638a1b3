"""How a log writes its times."""

from collections.abc import Sequence

import duckdb

from pipeline.ground import sql

WAYS = {
    "zoned": ("try_cast({column} as timestamptz)", ""),
    "offset": ("try_strptime({column}, ['%Y-%m-%d %H:%M:%S %z', '%Y-%m-%dT%H:%M:%S%z'])", ""),
    "plain": ("try_cast({column} as timestamp)", "of the zone that pipeline.toml says: `timezone`"),
    "seconds": ("make_timestamptz(try_cast({column} as bigint) * 1000000)", "seconds since 1970"),
    "milliseconds": ("make_timestamptz(try_cast({column} as bigint) * 1000)", "milliseconds since 1970"),
    "microseconds": ("make_timestamptz(try_cast({column} as bigint))", "microseconds since 1970"),
    "compact": ("try_strptime({column}, '%Y%m%d')", "of the zone that pipeline.toml says: `timezone`"),
    "month first": (
        "try_strptime({column}, ['%m/%d/%y %H:%M', '%m/%d/%y %H:%M:%S', '%m/%d/%y %I:%M %p', '%m/%d/%y %I:%M:%S %p', "
        "'%m/%d/%y', '%m/%d/%Y %H:%M', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %I:%M %p', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y'])",
        "the month first; of the zone that pipeline.toml says: `timezone`",
    ),
    "day first": (
        "try_strptime({column}, ['%d/%m/%y %H:%M', '%d/%m/%y %H:%M:%S', '%d/%m/%y', '%d/%m/%Y %H:%M', "
        "'%d/%m/%Y %H:%M:%S', '%d/%m/%Y'])",
        "the day first; of the zone that pipeline.toml says: `timezone`",
    ),
    "dotted": (
        "try_strptime({column}, ['%d.%m.%y %H:%M', '%d.%m.%y %H:%M:%S', '%d.%m.%y', '%d.%m.%Y %H:%M', "
        "'%d.%m.%Y %H:%M:%S', '%d.%m.%Y'])",
        "of the zone that pipeline.toml says: `timezone`",
    ),
}
"""Expression and remark of every way that sql/init/times.sql counts; of two that fit as well, the one that is first."""
LOCAL = frozenset({"plain", "compact", "month first", "day first", "dotted"})
"""Those that say no zone: what they give is of the shop's."""
ENOUGH = 0.9
"""Share of a column's values that must be times."""


def way(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> str | None:
    """How the times of a column are written, a key of WAYS; None if they are no times that are known.

    Args:
        connection: from `sql.connect`.
        texts: the column's values, without the empty ones.
    """
    fitting = dict(sql.execute(connection, "init/times", texts=list(texts)).fetchall())
    best = max(WAYS, key=lambda name: fitting.get(name, 0))
    return best if texts and fitting[best] >= ENOUGH * len(texts) else None


def ambiguous(connection: duckdb.DuckDBPyConnection, texts: Sequence[str]) -> bool:
    """Whether day and month could be either way round in every value."""
    fitting = dict(sql.execute(connection, "init/times", texts=list(texts)).fetchall())
    return bool(texts) and fitting["month first"] == fitting["day first"] == len(texts)
