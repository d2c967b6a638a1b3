-- one row per way to write a time: how many of $texts are times when they are read this way; see starter/times.py
with given as (select unnest($texts::varchar[]) as text),
numbers as (select text, try_cast(text as bigint) as number from given),
read as (
    select 'zoned' as way, try_cast(text as timestamptz) is not null
        and regexp_matches(text, ':[0-9]{2}(\.[0-9]+)? ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$') as fits
    from given
    union all
    select 'offset', try_strptime(text, ['%Y-%m-%d %H:%M:%S %z', '%Y-%m-%dT%H:%M:%S%z']) is not null from given
    union all
    select 'plain', try_cast(text as timestamp) is not null and not regexp_matches(text, '[+-][0-9]{2}:?[0-9]{2}$')
        and regexp_matches(text, '^ *[0-9]{4}') -- else 31/01/24 is a day of the year 31
    from given
    union all
    select 'seconds', number between 946684800 and 4102444800 from numbers
    union all
    select 'milliseconds', number between 946684800000 and 4102444800000 from numbers
    union all
    select 'microseconds', number between 946684800000000 and 4102444800000000 from numbers
    union all
    select 'compact', try_strptime(text, '%Y%m%d') is not null and length(text) = 8 from given
    union all
    select 'month first', try_strptime(text, [
        -- two digits of a year stand before four, which take them for the year 24
        '%m/%d/%y %H:%M', '%m/%d/%y %H:%M:%S', '%m/%d/%y %I:%M %p', '%m/%d/%y %I:%M:%S %p', '%m/%d/%y',
        '%m/%d/%Y %H:%M', '%m/%d/%Y %H:%M:%S', '%m/%d/%Y %I:%M %p', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y'
    ]) is not null
    from given
    union all
    select 'day first', try_strptime(text, [
        '%d/%m/%y %H:%M', '%d/%m/%y %H:%M:%S', '%d/%m/%y', '%d/%m/%Y %H:%M', '%d/%m/%Y %H:%M:%S', '%d/%m/%Y'
    ]) is not null
    from given
    union all
    select 'dotted', try_strptime(text, [
        '%d.%m.%y %H:%M', '%d.%m.%y %H:%M:%S', '%d.%m.%y', '%d.%m.%Y %H:%M', '%d.%m.%Y %H:%M:%S', '%d.%m.%Y'
    ]) is not null
    from given
)
select way, count(*) filter (fits) as fitting
from read
group by way
