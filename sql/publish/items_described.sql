-- table items: the one of which nothing is known, with the attributes that the shop declares
create or replace table items as from described
