-- One row per file and person: how many refused rows name the person. The id counts wherever it stands by itself in the
-- row's text, in whatever column: a refused row was mapped to nothing that could be trusted, and it may be cut.
with wanted as (select unnest($ids::varchar[]) as id, unnest($texts::varchar[]) as text, unnest($patterns::varchar[]) as pattern)
select file_of as file, id, count(*) as rows
from read_parquet($files::varchar[], filename = 'file_of', hive_partitioning = false) as refused
join wanted on contains(refused.raw, wanted.text) and regexp_matches(refused.raw, wanted.pattern)
group by file_of, id
order by file_of, id
