-- table searched: one row per person, query and what the search counts for, from what had arrived by $arrived_by: the search
-- itself (item_id null), and each item that the person chose after asking again
-- A search is followed until the person's next one, and no longer than half an hour. One after which nothing is chosen is
-- asked again by the person's next search within five minutes after which something is: "sofer", and then "sofa". Now and
-- then that is another thing that came to mind; what only the steps of two people count for was worth less.
create or replace table searched as
with events as (from read_parquet($partitions, hive_partitioning = true)),
nights as (from read_parquet($searches, hive_partitioning = true)),
choices as (
    select
        coalesce('u' || events.user_id, 's' || events.session_id) as who,
        as_asked(events.query) as query,
        events.item_id,
        events.event_time
    from events
    join event_types using (event_type)
    where events.query is not null and event_types.weight > 0 and events.run_date::date <= $arrived_by::date
),
asked as (
    select
        coalesce('u' || user_id, 's' || session_id) as who,
        as_asked(query) as query,
        searched_at,
        date_diff('day', date '1970-01-01', searched_at::date) as day
    from nights
    where run_date::date <= $arrived_by::date and length(as_asked(query)) <= 200
),
-- what each person did, one after the other, and which of the person's searches is the last by then; no pair of a search and a
-- choice is looked at, as a robot may have a million of each
steps as (
    select
        *,
        count(case when not is_choice then 1 end) over (
            partition by who order by happened_at, is_choice, query, item_id rows between unbounded preceding and current row
        ) as place
    from (
        select who, searched_at as happened_at, false as is_choice, query, day, null::varchar as item_id from asked
        union all
        select who, event_time as happened_at, true as is_choice, query, null::int as day, item_id from choices
    )
    where who is not null and query is not null
),
searches as (select who, query, happened_at as searched_at, day, place from steps where not is_choice),
found as (
    select distinct searches.who, searches.place, steps.item_id
    from steps
    join searches using (who, place)
    where steps.is_choice and steps.query = searches.query
        and steps.happened_at < searches.searched_at + interval '30 minutes'
),
successful as (select distinct who, place from found),
judged as (
    select
        searches.*,
        successful.place is not null as is_found,
        min(successful.place) over (
            partition by searches.who order by searches.place desc rows between unbounded preceding and 1 preceding
        ) as then_place
    from searches
    left join successful using (who, place)
),
again as (
    select failed.who, failed.query, failed.day, other.query as other_query, other.place
    from judged as failed
    join searches as other
        on other.who = failed.who and other.place = failed.then_place
        and other.searched_at <= failed.searched_at + interval '5 minutes'
    where not failed.is_found and other.query <> failed.query
)
select who, query, day, null::varchar as item_id, place, is_found, null::varchar as other_query
from judged
union all
select again.who, again.query, again.day, found.item_id, again.place, false as is_found, again.other_query
from again
join found using (who, place)
