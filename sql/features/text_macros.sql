-- What is read out of text: no two engines agree on white space, lower case, or what is a number, so that DuckDB does this
-- on every engine (docs/beyond_one_machine.md).
-- an application looks a query up by the same three steps: see sql/README.md
create or replace macro as_asked(text) as
    nullif(trim(regexp_replace(lower(nfc_normalize(text)), '\s+', ' ', 'g')), '');
create or replace macro as_number(text) as try_cast(text as double);
create or replace macro as_date(text) as
    case when isfinite(try_cast(text as date)) then try_cast(text as date) end
