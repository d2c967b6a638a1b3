-- one row: how many users and items were known by the end of the cut-off day
select
    (select count(*) from user_index where arrival <= $cutoff::date)::integer as users,
    (select count(*) from item_index where arrival <= $cutoff::date)::integer as items
