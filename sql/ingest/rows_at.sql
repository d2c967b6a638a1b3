-- one row per night and log file of which it noted the last row, and that is read now: the file's path, and what stands there now
with noted as (
    select
        unnest($nights::date[]) as night,
        unnest($names::varchar[]) as said,
        unnest($places::bigint[]) as place
),
files as (from event_files),
logged as (from raw),
there as (
    select noted.night, noted.said, noted.place, coalesce(renamed.name, noted.said) as name
    from noted
    left join renamed_files as renamed on noted.night = renamed.night and noted.said = renamed.said and renamed.is_first
)
select
    there.night, there.said, files._file as path,
    json_merge_patch(to_json(logged), '{"_file": null, "_row": null}')::varchar as row
from there
join files using (name)
join logged on files.first_row + there.place - 1 = logged._row and files._file = logged._file
order by there.night, there.said
