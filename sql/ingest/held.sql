-- table held: one row per night that stays as it is, log file and night of which it took or refused rows that were too late
-- for it: how many,
-- and how many that the mapping leaves out
create or replace table held as
select
    unnest($nights::date[]) as night,
    unnest($names::varchar[]) as file,
    unnest($own::date[]) as own,
    unnest($lines::bigint[]) as lines,
    unnest($left_out::bigint[]) as left_out
