-- One row per night and column with far more nulls than usual, and per night with hardly any user.
with shares as (
    unpivot (
        select
            night, null_users / events as user_id, null_values / events as value, null_quantities / events as quantity,
            null_prices / events as price, null_sessions / events as session_id
        from tonight
        where events >= $min_rows
    )
    on user_id, value, quantity, price, session_id into name column_name value share
),
usually as (
    unpivot (
        select
            night, null_users as user_id, null_values as value, null_quantities as quantity, null_prices as price,
            null_sessions as session_id
        from usual
    )
    on user_id, value, quantity, price, session_id into name column_name value share
)
select
    night,
    format('{} is null in {:.0f} % of the events, at most in {:.0f} % on the usual nights', column_name, 100 * shares.share, 100 * usually.share) as said
from shares
join usually using (night, column_name)
where shares.share > usually.share + $null_jump
union all
select night, format('user_id is null in {:.0f} % of the events: hardly anybody is known', 100 * share)
from shares
where column_name = 'user_id' and share > $max_guests
order by all
