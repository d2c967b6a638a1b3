-- One row per item and key of its title or id: the first three letters of each word, and of scripts that do not part
-- words each two letters that stand together. What is read (case, marks) is read alike by the page (assets/site.js).
create temp table words as
with texts as (
    select
        item_id,
        title,
        regexp_replace(
            lower(strip_accents(title || ' ' || item_id)),
            '([\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+)',
            ' \1 ',
            'g'
        ) as text
    from catalogue
),

seen as (
    select item_id, count(distinct user_id) as users from shown group by item_id
),

split as (
    select item_id, title, unnest(list_distinct(regexp_extract_all(text, '[\p{L}\p{N}]+'))) as word from texts
),

keys as (
    select
        item_id,
        title,
        unnest(
            case
                when regexp_matches(word, '[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]')
                and length(word) > 1
                then list_transform(range(1, length(word)), lambda n: word[n:n + 1])
                else [word[1:3]]
            end
        ) as key
    from split
)

select distinct md5(key)[1:$digits] as shard, item_id, title, coalesce(users, 0) as users
from keys
left join seen using (item_id)
