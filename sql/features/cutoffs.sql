-- one row per cut-off, in the order given
select
    unnest($cutoffs::date[]) as cutoff,
    unnest($roles::varchar[]) as role,
    unnest($users::integer[]) as users,
    unnest($items::integer[]) as items,
    unnest($repeats::boolean[]) as repeats
