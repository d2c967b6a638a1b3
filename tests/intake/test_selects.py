"""What a mapping is by its syntax."""

import pytest

from pipeline.ground import sql
from pipeline.intake import selects

BOTH = {"_file", "_row"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("select item as item_id, _file, _row from raw", BOTH),
        ("select _ROW, _File, lower(_file) as session_id, count(*) over () as n from raw where type <> 'x'", BOTH),
        ("select unnest(split(items, ',')) as item_id, _file, _row from raw", BOTH),
        ("select item, _file from raw", {"_file"}),
        ("select item, lower(_file) as _file, _row from raw", {"_row"}),
        ("select item, _file, 1 as _file, _row from raw", {"_row"}),
        ("select _row, _file from raw where _row > 2", {"_file"}),
        ("select _row, _file, _row as session_id from raw", {"_file"}),
        ("select _row, _file, row_number() over (order by _row) as quantity from raw", {"_file"}),
        ("select _row, _file, columns('.*w') as price from raw", set()),
        ("select * from raw", set()),
        ("select _row, _file, raw::varchar as query from raw", set()),
        ("select _row, _file, r::varchar as query from raw as r", set()),
        ("select other._row, other._file from raw as other", set()),
        ("select _row, _file from raw as r(_file, _row)", set()),
        ("with raw as (select 1 as _row, 'a' as _file) select _row, _file from raw", set()),
        ("select _row, _file from (select item as _row, type as _file from raw)", set()),
        ("select _row, _file from raw join raw as r using (item)", set()),
        ("select distinct _row, _file from raw", set()),
        ("select any_value(item) as item, _row, _file from raw group by all", set()),
        ("select _row, _file from raw order by all limit 1", set()),
        ("select _row, _file from raw using sample 1", set()),
        ("select _row, _file from raw qualify row_number() over () > 1", set()),
        ("select _row, _file from raw union all select _row, _file from raw", set()),
        ("select _row, _file from raw where item in (select max(columns(*)) from raw)", set()),
    ],
)
def test_where_rows_stand_is_as_it_is_where_nothing_else_can_come_of_it(text: str, kept: set[str]) -> None:
    with sql.connect(1, 256) as connection:
        assert selects.as_they_are(connection, text) == kept
