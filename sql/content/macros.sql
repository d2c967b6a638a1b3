-- A text as words with one space around each: looked past are what nobody sees (format, filler and control characters,
-- variation selectors, skin tones), what only stretches a word, case, and what is no letter, digit or symbol; of scripts
-- that write no spaces, and of symbols, every character is a word. The text is NFKC.
create or replace macro folded(text) as replace(replace(replace(lower(text), 'ß', 'ss'), 'ς', 'σ'), 'ı', 'i');
create or replace macro seen(text) as regexp_replace(
    text,
    '[\p{Cf}\x{0}-\x{8}\x{E}-\x{1F}\x{7F}-\x{84}\x{86}-\x{9F}\x{34F}\x{640}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}'
    || '\x{FE00}-\x{FE0F}\x{1F3FB}-\x{1F3FF}\x{E0100}-\x{E01EF}]',
    '', 'g'
);
create or replace macro as_words(text) as ' ' || trim(
    regexp_replace(
        regexp_replace(
            seen(folded(text)),
            '([\x{30FC}\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{So}])', ' \1 ', 'g'
        ),
        '[^\p{L}\p{M}\p{N}\p{So}]+', ' ', 'g'
    )
) || ' '
