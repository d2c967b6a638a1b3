-- table tonight: one row per judged night
create or replace temp table tonight as
select *
from nights
where night >= $first::date
