-- macro pseudonym(purpose, id): HMAC-SHA256 under the purpose's padded key; see pipeline/privacy/pseudonyms.py
create or replace temp macro pseudonym(purpose, id) as sha256(
    getvariable('keys')[purpose || '_outer'] || unhex(sha256(getvariable('keys')[purpose || '_inner'] || encode(id)))
)
