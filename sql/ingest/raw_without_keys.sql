-- table raw: without the column that only stood for keys, of which its lines have none
alter table raw drop column no_key
