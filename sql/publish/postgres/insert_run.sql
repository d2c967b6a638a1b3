-- A row of what is kept of all runs, or what an older one of the same key becomes.
insert into {table} ({columns})
values ({values})
on conflict ({key}) do update set {updates}
