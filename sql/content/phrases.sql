-- one row per line of `given`, in its order: the phrase as words, and whether it begins and ends with one
select
    place,
    as_words(phrase) as words,
    as_words(phrase) <> '  ' and regexp_matches(phrase, '^[\p{L}\p{M}\p{N}\p{So}](.*[\p{L}\p{M}\p{N}\p{So}])?$') as is_whole
from given
order by place
