-- table nights: one row per night, its numbers as its manifest keeps them
create or replace temp table nights as
select unnest(
    from_json(
        $nights::json,
        '[{
            "night": "DATE", "rows": "BIGINT", "left_out": "BIGINT", "events": "BIGINT", "duplicates": "BIGINT", "unknown_types": "BIGINT",
            "skewed": "BIGINT", "late": "BIGINT", "first_event": "BIGINT", "last_event": "BIGINT", "null_users": "BIGINT",
            "null_values": "BIGINT", "null_quantities": "BIGINT", "null_prices": "BIGINT", "null_sessions": "BIGINT",
            "free": "BIGINT", "compared_prices": "BIGINT", "far_prices": "BIGINT",
            "types": [{"type": "VARCHAR", "events": "BIGINT"}]
        }]'
    ),
    max_depth := 2
)
