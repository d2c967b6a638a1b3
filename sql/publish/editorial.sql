-- One row per rule of the editors' files, in the order they stand there: cast to the contract, whether it holds on
-- $valid_on, and what is wrong with it (null: nothing).
with mapped as (from mapped_editorial),
given as (
    select
        nullif(trim(kind::varchar), '') as kind,
        nullif(trim(surface::varchar), '') as surface,
        id_fault,
        nullif(trim(item_id), '') as item_id,
        nullif(trim(rank::varchar), '') as rank_text,
        nullif(trim(factor::varchar), '') as factor_text,
        nullif(trim(valid_from::varchar), '') as from_text,
        nullif(trim(valid_until::varchar), '') as until_text,
        nullif(note::varchar, '') as note,
        _file,
        _row
    from mapped
),
typed as (
    select
        *,
        try_cast(rank_text as integer) as rank,
        try_cast(factor_text as double) as factor,
        try_cast(from_text as date) as from_date,
        try_cast(until_text as date) as until_date
    from given
),
-- 'infinity' and years beyond the calendar's are dates to DuckDB only
dated as (
    select
        *,
        case when from_date between date '0001-01-01' and date '9999-12-31' then from_date end as valid_from,
        case when until_date between date '0001-01-01' and date '9999-12-31' then until_date end as valid_until
    from typed
),
judged as (
    select
        *,
        case
            when kind is null or kind not in ('pin', 'block', 'boost', 'allow', 'allow_document', 'block_document')
            then 'kind must be pin, block, boost, allow, allow_document or block_document'
            when id_fault is not null then id_fault
            when item_id is null then 'item_id is missing'
            when rank_text is not null and coalesce(rank <> try_cast(rank_text as double), true) then 'rank is not a whole number'
            when factor_text is not null and factor is null then 'factor is not a number'
            when from_text is not null and valid_from is null then 'valid_from is not a date (YYYY-MM-DD)'
            when until_text is not null and valid_until is null then 'valid_until is not a date (YYYY-MM-DD)'
            when valid_until < valid_from then 'valid_until is before valid_from'
            when kind = 'pin' and (rank is null or rank < 1) then 'a pin needs a rank, 1 or more'
            when kind = 'pin' and factor is not null then 'a pin has no factor'
            when kind = 'boost' and (factor is null or not isfinite(factor) or factor <= 0) then 'a boost needs a factor above 0'
            when kind <> 'pin' and rank is not null then 'only a pin has a rank'
            when kind = 'block' and factor is not null then 'a block has no factor'
            when kind not in ('pin', 'block', 'boost') and factor is not null then 'only a boost has a factor'
            when kind not in ('pin', 'block', 'boost') and surface is not null then 'allow and the rules of documents are for all surfaces'
        end as fault
    from dated
)
select
    kind, surface, item_id, rank, factor, valid_from, valid_until, note,
    log_files.name as file,
    judged._row - raw_files.first_row + 1 as row,
    coalesce($valid_on::date between coalesce(valid_from, $valid_on::date) and coalesce(valid_until, $valid_on::date), false) as holds,
    fault
from judged
join log_files using (_file)
join raw_files using (_file)
union all
select
    null, null, null, null, null, null, null, null,
    log_files.name, unreadable.line, true, unreadable.reason
from unreadable
join log_files using (_file)
order by file, row, kind, surface, item_id
