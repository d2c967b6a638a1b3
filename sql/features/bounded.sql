-- one row: whether there is an item that is, or ever was, not to be had
select coalesce(bool_or(not available), false) as bounded from item_log
