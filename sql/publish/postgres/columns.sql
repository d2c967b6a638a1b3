-- One row per column of what the schema holds, in the columns' order; those of the loads' own tables follow their parents'.
-- A relation without columns has one row without a column.
select
    c.relname, c.relkind::text, a.attname, format_type(a.atttypid, a.atttypmod), coalesce(a.attnotnull, false)
from pg_class as c
left join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = to_regnamespace(quote_ident(%(schema)s))
    and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not c.relispartition
order by c.relname, a.attnum
