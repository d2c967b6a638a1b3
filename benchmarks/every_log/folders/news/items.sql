-- one row per article when it is published, and one when it is taken down; the clock is New York's
with articles as (
    select
        *,
        try_cast(published as timestamptz) at time zone 'America/New_York' at time zone 'UTC' as begins,
        try_cast(expires as timestamptz) at time zone 'America/New_York' at time zone 'UTC' as ends
    from raw
)
select article as item_id, title, section as category, begins as arrived_at, true as available, _file
from articles
union all
select article, title, section, ends, false, _file
from articles
