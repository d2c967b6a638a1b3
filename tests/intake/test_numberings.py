"""Event ids that number the rows of one reading are refused; those that only look like it are not."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from tests.tiny_log import ingest, row, rows_of, shop, write

MONDAY = date(2024, 1, 1)
SELECT = """
select {id} as event_id, "user" as user_id, item as item_id, try_cast(ts as timestamp) as event_time,
    type as event_type, _file, _row
from {source}
"""
BY_USER = 'row_number() over (order by "user", ts)'
NUMBERED = "(select *, {} as n from raw) as r"
NUMBERINGS = [
    ("row_number() over ()", "raw"),
    ("'e' || row_number() over (order by ts)", "raw"),
    ("rank() over (order by ts desc, item)", "raw"),
    ("count(*) over (order by ts, item)", "raw"),
    ("sum(1) over (rows unbounded preceding)", "raw"),
    ("row_number() over (partition by 1 order by ts)", "raw"),
    ("n", NUMBERED.format("row_number() over ()")),
    ("concat('log-', lpad(n::varchar, 9, '0'))", NUMBERED.format("row_number() over (order by \"user\", ts)")),
    ("m", "(select *, n + 1 as m from " + NUMBERED.format("row_number() over ()") + ")"),
    ("k", '(select "user", item, ts, type, _file, _row, row_number() over () from raw) as t("user", item, ts, type, '
     "_file, _row, k)"),
]  # fmt: skip
HONEST = [
    # the n-th of its order
    ("\"user\" || '-' || row_number() over (partition by \"user\" order by ts)", "raw"),
    # the same, by numbers over all
    ("\"user\" || '-' || (n - min(n) over (partition by \"user\"))", NUMBERED.format(BY_USER)),
    # a number that decides, and is no part of it
    ("\"user\" || item", NUMBERED.format("row_number() over (order by ts)")),
    ("\"user\" || item || case when n > 0 then '' else 'first' end", NUMBERED.format("row_number() over ()")),
    ("\"user\" || item", "raw qualify row_number() over (partition by \"user\", item order by ts) = 1"),
    # what other rows say
    ("\"user\" || item || max(ts) over (partition by item)", "raw"),
    ("md5(concat(\"user\", item, ts))", "raw"),
]  # fmt: skip


def mapping(of: tuple[str, str]) -> str:
    return SELECT.format(id=of[0], source=of[1])


def log(path: Path, users: int = 10, orders: int = 4) -> None:
    rows = [row(f"u{u}", f"i{n}", f"{MONDAY} {u:02}:{n:02}:00") for u in range(users) for n in range(orders)]
    write(path, rows)


@pytest.mark.parametrize("of", NUMBERINGS, ids=[of[0] for of in NUMBERINGS])
@pytest.mark.parametrize("users", [1, 10, 400])
@pytest.mark.few(10)
def test_a_number_of_one_reading_is_no_id(tmp_path: Path, of: tuple[str, str], users: int) -> None:
    log(tmp_path / "log.jsonl", users if users < 24 else 20, 4 if users < 24 else 59)
    said = r"events\.sql: event_id numbers the rows of one reading.*need not be selected"
    with pytest.raises(InputError, match=said):
        ingest(shop(tmp_path, mapping=mapping(of)), MONDAY)


@pytest.mark.parametrize("of", HONEST, ids=[of[0] for of in HONEST])
def test_an_honest_id_is_one(tmp_path: Path, of: tuple[str, str]) -> None:
    log(tmp_path / "log.jsonl")
    assert len(rows_of(ingest(shop(tmp_path, mapping=mapping(of)), MONDAY))) == 40
