-- one row per interaction: the columns of RecTools (rectools.Columns)
select
    user_id,
    item_id,
    datetime as event_time,  -- without a zone it is of `timezone` in pipeline.toml
    'interaction' as event_type,
    weight as value,  -- counts only where pipeline.toml says so: `neutral`
    _file, _row
from raw
