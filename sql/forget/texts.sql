-- One row per file and person: how many of the file's rows name the person in the columns $texts. The id counts wherever it
-- stands by itself: refused rows were mapped to nothing that could be trusted, and may be cut.
with wanted as (
    select unnest($ids::varchar[]) as id, unnest($spellings::varchar[]) as spelling, unnest($patterns::varchar[]) as pattern
),
written as (
    select file_of as file, concat_ws(chr(10), *columns($texts::varchar[])) as text
    from read_parquet($files::varchar[], filename = 'file_of', hive_partitioning = false)
)
select file, id, count(*) as rows
from written
join wanted on contains(written.text, wanted.spelling) and regexp_matches(written.text, wanted.pattern)
group by file, id
order by file, id
