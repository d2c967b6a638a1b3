-- table past: one row per judged night and each of the same weekdays before it that are its usual: the latest that had events
create or replace temp table past as
with judged as (
    select night from nights where night >= $first::date
),
numbered as (
    select
        judged.night as judged,
        earlier.*,
        row_number() over (partition by judged.night order by earlier.night desc) as place
    from judged
    join nights as earlier
        on earlier.night between judged.night - 7 * $weeks::integer and judged.night - 1
        and dayofweek(earlier.night) = dayofweek(judged.night)
    where earlier.events > 0
)
select * exclude (place)
from numbered
where place <= $usual_nights
