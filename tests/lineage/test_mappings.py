"""What a mapping's columns are made of, of SQL as shops write it."""

from pathlib import Path

import pytest

from pipeline.lineage import mappings
from tests.conftest import ROOT

CASES = {
    "a name": ("select who as user_id from raw", "user_id", {"who": "same"}),
    "a calculation": ("select lower(a || b) as user_id from raw", "user_id", {"a": "made", "b": "made"}),
    "a sum": ("select max(a) as value, k as item_id from raw group by k", "value", {"a": "sum"}),
    "a CTE": ("with x as (select a + 1 as v from raw) select v as value from x", "value", {"a": "made"}),
    "a star in a CTE": ("with x as (select *, a as v from raw) select B as price, v from x", "price", {"B": "same"}),
    "a name of the same select": ("select a as v, v + b as value from raw", "value", {"a": "made", "b": "made"}),
    "the raw name first": ("select lower(item) as item, item as item_id from raw", "item_id", {"item": "same"}),
    "a struct": ("select p.user.id as user_id from raw", "user_id", {"p": "same"}),
    "a key of JSON": ("select payload->>'$.id' as user_id from raw", "user_id", {"payload": "made"}),
    "a list that is unnested": ("select unnest(items).sku as item_id from raw", "item_id", {"items": "made"}),
    "a lambda": (
        "select list_transform(t, lambda x: x || z)[1] as query from raw",
        "query",
        {"t": "made", "z": "made"},
    ),
    "a union": (
        "select u as user_id from raw union all select v from raw",
        "user_id",
        {"u": "same", "v": "same"},
    ),
    "a value of a select": ("select (select max(q) from raw) as value from raw", "value", {"q": "sum"}),
    "a join": (
        "select a.v as value from (select k, v from raw) a join raw b on a.k = b.k",
        "value",
        {"v": "same"},
    ),
    "a window": (
        "select row_number() over (partition by k order by t) as value from raw",
        "value",
        {"k": "made", "t": "made"},
    ),
    "from first": ("from raw select a as item_id", "item_id", {"a": "same"}),
    "a constant": ("select 'purchase' as event_type from raw", "event_type", {}),
    "where it stands": ("select _row as value from raw", "value", {}),
}


@pytest.mark.parametrize(("text", "column", "made"), CASES.values(), ids=CASES)
def test_a_column_is_made_of(text: str, column: str, made: dict[str, str]) -> None:
    found = mappings.read(text)
    assert found is not None
    assert found.columns[column] == made


def test_what_decides_the_rows() -> None:
    found = mappings.read(
        "with x as (select * from raw where a > 1) select max(b) as value from x group by c having max(d) > 1"
    )
    assert found is not None
    assert found.rows == {"a": "filter", "c": "group", "d": "filter"}


def test_what_a_star_passes_is_known_to_pass() -> None:
    found, other = mappings.read("select * exclude (x) from raw"), mappings.read("select a as item_id from raw")
    assert found is not None
    assert other is not None
    assert (found.passes, other.passes) == (True, False)


def test_what_is_no_sql_is_nothing() -> None:
    assert mappings.read("select from where (") is None


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("examples/*/*.sql")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_an_example_s_mapping_is_read(path: Path) -> None:
    found = mappings.read(path.read_text(encoding="utf-8"))
    assert found is not None
    assert found.columns[{"documents": "document_id", "relations": "thing"}.get(path.stem, "item_id")]
