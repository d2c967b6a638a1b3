-- no table plain: its rows are staged
drop table plain
