"""No file that two engines run says what they understand differently; no JVM."""

from collections.abc import Mapping

import pytest

from pipeline.ground import sql
from tests.engine import sparked

sparked.require("sqlglot")
from tests.engine.sql_traps import TRAPS, traps  # noqa: E402

ALLOWED: Mapping[str, Mapping[str, str]] = {
    "macros": {
        "CAST": "n is a sum of whole numbers",
        "ABS": "a shift of a hugeint's size is said as a division",
        "SUM": "of whole numbers, which sum_of_units says how many",
    },
    "text_macros": {
        "TRIM": "DuckDB works these macros on every engine",
        "REGEXP_REPLACE": "as above",
        "LOWER": "as above",
        "NFC_NORMALIZE": "as above",
        "TRY_CAST": "as above",
    },
}
"""By file: the words that a trap's place may begin with, and why."""

SPRUNG = {
    "select l[n + 1] from t": "a place in a list",
    "select element_at(l, n) from t": "a place in a list",
    "select arg_max(a, b) from t": "arg_max",
    "select arg_max(a, b) filter (where b is not null) from t": "arg_max",
    "select list(v order by v) from t": "an aggregate of whatever",
    "select string_agg(v, ',' order by v) from t": "an aggregate of whatever",
    "select first(v) from t": "an aggregate of whatever",
    "select (price * 2)::bigint from t": "a cast that rounds",
    "select sum(price) from t": "a sum whose bits",
    "select median(price) from t": "a mean or median",
    "select avg(price) from t": "a mean or median",
    "select lower(name) from t": "white space",
    "select try_cast(v as double) from t": "numbers or days",
    "select day - date '1970-01-01' from t": "days between",
    "select date_diff('month', a, b) from t": "days between",
    "select 0.5 ** n from t": "a power",
    "select n >> 3 from t": "a shift",
    "select hash(v) from t": "a hash",
    "select unnest($a::int[]), unnest($b::int[])": "lists side by side",
    "from a union all from b semi join c using (k)": "columns that `using`",
}
FREE = (
    "select arg_max(a, b) filter (where a is not null) as a from t",
    "select floor(x)::int, round_even(x, 0)::bigint, (row_number() over (order by x) - 1)::int from t",
    "select whole(sum(units(x))), sum(decay_7::hugeint), sum(actions), middle(price) from t",
    "select date_diff('day', date '1970-01-01', at::date) from t",
    "from a union all from b semi join c on b.k = c.k",
    "select user_index from t where user_index > 2",
)


@pytest.mark.parametrize("name", sorted(path.stem for path in (sql.FOLDER / "features").glob("*.sql")))
def test_no_file_has_a_trap(name: str) -> None:
    found = traps(sql.statement(f"features/{name}"))
    assert [trap for trap in found if trap.rpartition(": ")[2].partition("(")[0] not in ALLOWED.get(name, {})] == []


@pytest.mark.parametrize(("text", "trap"), SPRUNG.items())
def test_a_trap_is_seen(text: str, trap: str) -> None:
    assert [one for one in traps(text) if one.startswith(trap)]


@pytest.mark.parametrize("text", FREE)
def test_what_means_the_same_is_free(text: str) -> None:
    assert traps(text) == []


def test_every_trap_is_sprung_once() -> None:
    assert not [trap for trap in TRAPS if not any(trap.startswith(given) for given in SPRUNG.values())]
