-- table tonight: one row per judged night
create or replace table tonight as
select *
from nights
where night >= $first::date
