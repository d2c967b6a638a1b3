"""An input table that is not shipped: who is a member. One entry and one statement."""

import pyarrow as pa

from pipeline.intake.inputs import InputTable

MEMBERS = InputTable(
    name="members",
    schema=pa.schema([pa.field("user_id", pa.string(), nullable=False), pa.field("country", pa.string())]),
    needed=frozenset({"user_id", "_file"}),
    beside=frozenset({"arrived_at", "_file"}),
    ids=("user_id",),
    pseudonyms={"user_id": "user"},
    person=("user_id",),
    dictionary=("country",),
)
STATEMENT = """
-- one row per night and different thing that its files say about a user, cast to the contract
with mapped as (from mapped_members),
files as (from log_files)
select distinct
    case
        when $arrival = 'file' then files.first_day
        -- known no sooner than its file, and no later than by the last night that reads it
        when try_cast(arrived_at as timestamptz) is not null
        then least(greatest(try_cast(arrived_at as timestamptz)::date, files.first_day), files.last_day + 1)
    end as arrival,
    user_id::varchar as user_id,
    upper(country::varchar) as country
from mapped
left join files using (_file)
"""
