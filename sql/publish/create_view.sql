-- What applications read. The file holds one run, so it is the active one whenever the file is.
create view {view} as from {table}
