-- macro place_in_file(row, skipped): the place of a row among all of its file's, of its place among those that could be read and
-- the list of the others' places
create or replace macro place_in_file(row, skipped) as
row + len(list_filter(coalesce(skipped, []), lambda n, i: n - i < row))
