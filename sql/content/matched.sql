-- one row per text of `texts` and check of `phrases` that has one of its phrases, with the one that stands first in it
with spaced as materialized (select id, as_words(text) as words from texts),
listed as (
    select id, words, string_split(trim(words), ' ') as one
    from spaced
),
tokens as (
    select
        id, words,
        unnest(list_distinct(one || list_transform(list_zip(one[:-2], one[2:]), lambda two: two[1] || ' ' || two[2]))) as token
    from listed
),
found as (
    select tokens.id, phrases.check_name, phrases.phrase, strpos(tokens.words, phrases.words) as place
    from tokens
    join phrases on tokens.token = phrases.beginning
    where contains(tokens.words, phrases.words)
)
select id, check_name, arg_min(phrase, (place, phrase)) as matched
from found
group by id, check_name
order by id, check_name
