-- A text as words with one space around each: looked past are format characters, case, and what is no letter, digit or
-- symbol; of scripts that write no spaces, and of symbols, every character is a word. The text is NFKC.
create or replace macro folded(text) as replace(replace(lower(text), 'ß', 'ss'), 'ς', 'σ');
create or replace macro as_words(text) as ' ' || trim(
    regexp_replace(
        regexp_replace(
            regexp_replace(folded(text), '\p{Cf}', '', 'g'),
            '([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{So}])', ' \1 ', 'g'
        ),
        '[^\p{L}\p{M}\p{N}\p{So}]+', ' ', 'g'
    )
) || ' '
