-- bucket(salt, user_id): where a user stands between 0 and 1, the same for ever and in any language: of the SHA-256 of the text
-- "salt:user_id" in UTF-8 the first 52 bits, which every language holds in a number without rounding, divided by 2^52.
create or replace macro bucket(salt, user_id) as
    ('0x' || substr(sha256(salt || ':' || user_id), 1, 13))::ubigint / 4503599627370496::double
