insert into {schema}.runs ({columns})
values ({values})
on conflict (run_id) do update set {updates}
