-- macros: what the values that a mapping gives mean, of whatever type they are. Lists are asked by regular expressions, as
-- each `in` would be a join.
-- given(x): x as text; null where it is what pandas and Python write for nothing. A float's NaN is the text nan.
create or replace macro given(x) as
case
    when strlen(x::varchar) > 4 then x::varchar
    when regexp_full_match(x::varchar, '|nan|NaN|None|<NA>') then null
    else x::varchar
end;
-- id_fault(name, x): why x is no id, in words; null: it is one, or absent. A float is one where it is whole and so small
-- that no other whole number is the same float (below 2^53, a FLOAT's below 2^24), a text unless it is a float that lost
-- digits when it was written: 9007199254740993.0, 1.5e+17 (with the sign: 1e5 is a code, and no one writes a float so).
create or replace macro id_fault(name, x) as
case
    when given(x) is null then null
    when typeof(x) in ('DOUBLE', 'FLOAT') or starts_with(typeof(x), 'DECIMAL') then case
        when not isfinite(try_cast(x as double)) or not try_cast(x as double) = trunc(try_cast(x as double))
        then name || ' is a number that is not whole'
        when typeof(x) = 'DOUBLE' and abs(try_cast(x as double)) >= 9007199254740992
            or typeof(x) = 'FLOAT' and abs(try_cast(x as double)) >= 16777216
        then name || ' is a float, and too large for one'
    end
    when ends_with(x::varchar, '.0') then case
        when regexp_full_match(x::varchar, '-?[1-9][0-9]*\.0') and abs(try_cast(x as double)) >= 9007199254740992
        then name || ' is a float, and too large for one'
    end
    when ends_with(x::varchar, 'e+00') then case -- see number_text; 1.5e+00 is a number too
        when isfinite(try_cast(x as double)) and try_cast(x as double) = trunc(try_cast(x as double))
            and regexp_full_match(x::varchar, '-?[0-9]+\.0e\+00') then name || ' is a float, and too large for one'
        when regexp_full_match(x::varchar, '-?(inf|[0-9]+\.[0-9]+)e\+00') then name || ' is a number that is not whole'
    end
    when contains(x::varchar, '+') then case
        when regexp_full_match(x::varchar, '-?[0-9](\.[0-9]+)?[eE]\+[0-9]{2,3}') then name || ' is a float, and too large for one'
    end
end;
-- whole(x): x as text, a whole float or decimal as its integer. Of texts only what pandas makes of an integer is one:
-- 7.0 and -7.0 are, and 7.00, 007.0, 1.10 and 7.5 are what they are.
create or replace macro whole(x) as
case
    when starts_with(typeof(x), 'DECIMAL') then regexp_replace(x::varchar, '\.0+$', '')
    when ends_with(x::varchar, '.0') then case
        when regexp_full_match(x::varchar, '-?(0|[1-9][0-9]*)\.0') then coalesce(try_cast(x::varchar as hugeint)::varchar, x::varchar)
        else x::varchar
    end
    else given(x)
end;
-- id_text(x): the id; null where it is absent, or id_fault says why it is none
create or replace macro id_text(x) as case when id_fault('', x) is null then whole(x) end;
-- number_text(x): a float or decimal as text that is an id where it is one, and else has the same fault: of what is not whole,
-- or of a FLOAT's from 2^24 on, that is said by an exponent of 0, which leaves its value as it is
create or replace macro number_text(x) as
case
    when id_fault('', x) is null then whole(x)
    when contains(x::varchar, 'e+') then x::varchar
    when contains(x::varchar, 'e-') then format('{:.40f}', try_cast(x as double)) || 'e+00'
    when contains(x::varchar, '.') or not isfinite(try_cast(x as double)) then x::varchar || 'e+00'
    else x::varchar
end;
-- number(x): x as a double; null where it is none, or NaN, which is how pandas writes that there is none
create or replace macro number(x) as nullif(try_cast(x as double), 'nan'::double);
-- is_no_number(x): whether x says something that is no number
create or replace macro is_no_number(x) as
case when x is null or try_cast(x as double) is not null then false else given(x) is not null end;
-- words(x): free text; null where it is NaN, as in a column of a Parquet file that has nothing
create or replace macro words(x) as case when typeof(x) in ('DOUBLE', 'FLOAT') then given(x) else x::varchar end;
-- label(x): the name or number of a kind of things, as text; a whole float is its integer, as an id's is
create or replace macro label(x) as nullif(trim(whole(x)), '');
-- flag(x): whether x says yes, in one of the usual ways; a number says it where it is above zero, such as a stock. Null
-- where it says nothing, or cannot be understood
create or replace macro flag(x) as
case
    when given(trim(x::varchar)) is null then null
    when try_cast(x as double) is not null then try_cast(x as double) > 0
    when regexp_full_match(
        lower(trim(x::varchar)),
        'true|t|yes|y|on|available|(https?://schema\.org/)?in[ _-]?stock'
    ) then true
    when regexp_full_match(
        lower(trim(x::varchar)),
        'false|f|no|n|off|unavailable|not[ _-]available|(https?://schema\.org/)?(out[ _-]?of[ _-]?stock|sold[ _-]?out|discontinued)'
    ) then false
end;

-- attribute_value(kind, x): a text as the value of an attribute: a word as it is, a number in decimals, a day as 2024-01-31;
-- null where it is none
create or replace macro attribute_value(kind, x) as
case kind
    when 'word' then case when strlen(x) <= 100 and not regexp_matches(x, '[\x00-\x1f\x7f]') then x end
    when 'number' then case when abs(try_cast(x as double)) <= 1e9 then try_cast(x as double)::varchar end
    when 'date' then case
        when try_cast(x as timestamptz)::date between date '1000-01-01' and date '9999-12-31'
        then (try_cast(x as timestamptz)::date)::varchar
    end
end;
-- attribute_fault(kind, x): in words why it is none
create or replace macro attribute_fault(kind, x) as
case
    when x is null or attribute_value(kind, x) is not null then null
    when kind = 'word' then case when strlen(x) > 100 then 'longer than 100 bytes' else 'no single line' end
    when kind = 'number' then case when try_cast(x as double) is null then 'not a number' else 'out of range' end
    else 'not a day'
end;

-- known_on(how, told, first_day, last_day): the night by which what a row says was known: of its file (how = 'file'), or what
-- the row tells, but no sooner than its file, and no later than by the last night that reads it
create or replace macro known_on(how, told, first_day, last_day) as
case
    when how = 'file' then first_day
    when try_cast(told as timestamptz) is not null
    then least(greatest(try_cast(told as timestamptz)::date, first_day), last_day + 1)
end;

-- is_known(told, until): whether what a row says was known before a moment of a day that is not over; where it does not tell, it was
create or replace macro is_known(told, until) as coalesce(try_cast(told as timestamptz) < until::timestamptz, true);
