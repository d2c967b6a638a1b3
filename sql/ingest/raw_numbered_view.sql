-- view raw_numbered: what was raw, which becomes a view in which rows have other numbers
alter view raw rename to raw_numbered
