-- one row per drawn slot of users for whom the judged run has an item at that rank: surface, user and list, with which chance
-- the slot showed what it did, what came of it, whether the judged run shows the same item there; how often what was
-- shown and what the judged run shows there were drawn anywhere, and where the judged run has them in this user's list.
-- What came of slots up to its night the run has learned from, and its own show nothing but what it shows: neither counts.
with judged as (
    select surface, user_id, rank, item_id, score from read_parquet($lists, hive_partitioning = false)
),
often as (
    select surface, item_id, count(*) as drawn from drawn_slots group by surface, item_id
)
select
    shown.surface, shown.user_id, shown.run_id_shown, shown.rank, shown.chance, shown.reward,
    judged.item_id = shown.item_id as is_judged,
    often.drawn as shown_drawn, listed.rank as shown_rank, listed.score as shown_score,
    coalesce(judged_often.drawn, 0) as judged_drawn, judged.score as judged_score
from drawn_slots as shown
join judged on shown.surface = judged.surface and shown.user_id = judged.user_id and shown.rank = judged.rank
join often on shown.surface = often.surface and shown.item_id = often.item_id
left join often as judged_often on judged.surface = judged_often.surface and judged.item_id = judged_often.item_id
left join judged as listed
    on shown.surface = listed.surface and shown.user_id = listed.user_id and shown.item_id = listed.item_id
where shown.day > $run_date::date and shown.run_id_shown <> $run_id::varchar
order by shown.surface, shown.user_id, shown.run_id_shown, shown.rank, shown.item_id
