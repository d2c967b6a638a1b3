-- one row for the queries that search_results has ('known') and one for the others ('new'): how many choices judge, how many had
-- an answer, and the sums of NDCG@10, of 1 / rank, and of 1 / rank up to the fifth, each with the one item that was chosen
with ready as (
    select query, item_id, rank from results where rank <= $most
),
answered as (select distinct query from ready),
scored as (
    select asked_terms.query, terms.item_id, sum(terms.weight) + max(terms.appeal) as score
    from terms
    join asked_terms using (term)
    where asked_terms.query not in (select query from answered)
    group by all
),
found as (
    select query, item_id, row_number() over (partition by query order by score desc, item_id) as rank
    from scored
    qualify rank <= $most
),
answers as (
    from ready union all by name from found
),
judged as (
    select
        case when answered.query is null then 'new' else 'known' end as part,
        answers.rank,
        sampled.query in (select query from answers) as has_answer
    from sampled
    left join answered using (query)
    left join answers on answers.query = sampled.query and answers.item_id = sampled.item_id
)
select
    part,
    count(*) as choices,
    count(*) filter (has_answer) as answered,
    coalesce(whole(sum(units(1 / log2(rank + 1))) filter (rank <= 10)), 0) as ndcg,
    coalesce(whole(sum(units(1 / rank))), 0) as reciprocal_rank,
    coalesce(whole(sum(units(1 / rank)) filter (rank <= 5)), 0) as average_precision
from judged
group by part
order by part
