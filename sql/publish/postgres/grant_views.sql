-- Whoever may use the schema may read its views and what is kept of all runs, and nothing else of it: `grant usage on schema` is all an
-- administrator has to say, before the first publication or after it.
do $$
declare
    wanted record;
begin
    for wanted in
        select c.oid::regclass as view, r.rolname as role
        from pg_namespace n
        cross join lateral aclexplode(n.nspacl) as granted
        join pg_roles r on r.oid = granted.grantee
        join pg_class c on c.relnamespace = n.oid
            and (c.relkind = 'v' and c.relname like 'current\_%' or c.relname in ('metric_history', 'stage_runs'))
        where n.nspname = {name}
            and granted.privilege_type = 'USAGE'
            and granted.grantee <> n.nspowner
            and not has_table_privilege(granted.grantee, c.oid, 'select')
    loop
        execute format('grant select on %s to %I', wanted.view, wanted.role);
    end loop;
end
$$
