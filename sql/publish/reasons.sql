-- One row per recommendation, in the order of `shown`: the published columns, the reason written out.
-- `rule` is what editors did (1 boosted, 2 pinned), `kind` is reasons.Kind; `name` is the title (cut) of the item that
-- the reason names.
select
    $run_id as run_id,
    $surface as surface,
    user_id,
    rank,
    item_id,
    score,
    case rule when 2 then 'editor:pin' when 1 then source || '+boost' else source end as source,
    case kind
        when 0 then case
            when times = 1 then 'You ' || $verb || ' it once, on ' || strftime(last_day, '%-d %b %Y')
            when times = 2 then 'You ' || $verb || ' it twice, last on ' || strftime(last_day, '%-d %b %Y')
            else 'You ' || $verb || ' it ' || times || ' times, last on ' || strftime(last_day, '%-d %b %Y')
        end
        when 1 then 'New, like ' || name || ' you ' || $verb
        when 2 then 'Because you ' || $verb || ' ' || name
        when 3 then 'New this month'
        when 4 then upper($people[1]) || $people[2:] || ' like you ' || $verb || ' it'
        when 5 then 'Popular ' || $lately
        when 6 then 'Many ' || $people || ' ' || $verb || ' it'
        when 8 then 'Chosen by our editors'
        else 'Picked for you from what you ' || $verb
    end as reason,
    policy,
    propensity
from shown
order by position
