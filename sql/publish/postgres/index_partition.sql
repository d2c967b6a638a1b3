-- Unique, which costs nothing more: a user's list cannot have two items of one rank.
create unique index on {partition} ({columns})
