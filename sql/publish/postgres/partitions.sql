-- One row per table of a load: its name, its parent's, whether it is attached (a detachment that was interrupted is
-- pending), and whether its load is known; tables of unknown loads are what a killed publication left behind.
select c.relname, parent.name, i.inhrelid is not null as attached, coalesce(i.inhdetachpending, false) as pending,
    l.load is not null as known
from unnest(%(tables)s::text[]) as parent (name)
join pg_class as c on c.relname ~ ('^' || parent.name || '_[0-9]+$') and c.relkind = 'r'
join pg_namespace as n on n.oid = c.relnamespace and n.nspname = %(schema)s
left join pg_inherits as i on i.inhrelid = c.oid
left join {schema}.loads as l on l.load = substring(c.relname from '[0-9]+$')::integer
order by pending desc, c.relname
