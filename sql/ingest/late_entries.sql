-- table late_entries: one row per event of the log, row that the mapping leaves out, and line that cannot be read, which arrives
-- on a finished night (own) that did not decide on it. What was read as it is tonight is counted, wherever it stands now: of a
-- file and night there are so many late ones as there are more than were counted, first of all events that the lake does not
-- hold, and then the last ones in the file. Of nights that read otherwise it is what stands behind all that they read.
create or replace table late_entries as
with earlier as (select distinct event_id from other_nights where night < $night::date),
arrived as (
    select
        entries.what, entries.number, entries._file, entries.place, entries.arrival as own, entries.event_id, entries.reason,
        entries.is_nightless, decided.is_alike,
        entries.place > case when entries.what = 'line' then decided.lines else decided.rows end as is_behind
    from log_entries as entries
    join decided using (_file, arrival)
),
dated as (from arrived where is_alike and not is_nightless),
changes as (
    select _file, own, what, count(*) as more from dated group by _file, own, what
    union all
    select _file, own, what, -number from counted where night < $night::date and own is not null
),
by_kind as (select _file, own, what, sum(more) as more from changes group by _file, own, what),
-- a line that could not be read, and is gone, may be an event by now: it was cut off when its night read it
by_night as (
    select _file, own, sum(case when what = 'line' then greatest(more, 0) else more end) as entries
    from by_kind
    group by _file, own
),
candidates as (
    select
        dated.what, dated.number, dated._file, dated.own, dated.place, by_night.entries, by_kind.more,
        dated.reason is null and earlier.event_id is null as is_unknown
    from dated
    join by_night using (_file, own)
    join by_kind using (_file, own, what)
    left join earlier using (event_id)
    where by_night.entries > 0 or (dated.reason is null and earlier.event_id is null)
),
preferred as (
    select
        *,
        row_number() over (partition by _file, own, what order by is_unknown desc, place desc, number desc) <= more as is_more
    from candidates
),
ranked as (
    select
        *,
        row_number() over (
            partition by _file, own order by is_unknown desc, is_more desc, place desc, what, number desc
        ) <= entries as is_taken
    from preferred
)
select what, number, _file, own, true as is_taken from arrived where is_behind and not is_alike
union all
-- unknown ones more than there are more: whatever they are, they are not what came late
select what, number, _file, own, is_taken from ranked where is_taken or is_unknown
