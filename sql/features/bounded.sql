-- one row: whether there is an item that is not, or was not always, to be had
select coalesce(bool_or(not available or valid_from is not null or valid_until is not null), false) as bounded from item_log
