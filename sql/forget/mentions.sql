-- One row per file and person: how many rows have the person's id written in the column $text, in capitals or not.
with wanted as (
    select
        unnest($ids::varchar[]) as id,
        lower(unnest($spellings::varchar[])) as spelling,
        unnest($patterns::varchar[]) as pattern
),
written as (
    select file_of as file, file_row_number as row, columns($text::varchar[]) as text
    from read_parquet($files::varchar[], filename = 'file_of', file_row_number = true, hive_partitioning = false)
),
named as (select written.file, written.row, written.text from written where written.text is not null)
select file, id, count(distinct row) as rows
from named
join wanted on contains(lower(named.text), wanted.spelling) and regexp_matches(named.text, wanted.pattern)
group by file, id
order by file, id
