"""One pyarrow schema per table of a stage: the only authority for column names and types. The contracts of the input
tables stand in pipeline/intake/inputs.

`user_id`, `item_id` are the outside strings; `user_index`, `item_index` the int32 rows of an array. Indices are
append-only (ordered by first arrival, then id), so what was known on an earlier day is a prefix of what is known now.
Ages are in days before the end of the cut-off day, counts in distinct days, prices in the shop's currency.
"""

import pyarrow as pa

# --- features ---------------------------------------------------------------------------------------------------------

USERS = pa.schema(
    [pa.field("user_index", pa.int32(), nullable=False), pa.field("user_id", pa.string(), nullable=False)]
)

ITEMS = pa.schema(
    [
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),  # "" when the logs never gave a usable one
        pa.field("text", pa.string(), nullable=False),  # what the language model reads
        pa.field("category", pa.string()),
        pa.field("price", pa.float64()),
        pa.field("price_band", pa.int8()),
        pa.field("currency", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("available", pa.bool_(), nullable=False),
        pa.field("first_seen", pa.date32(), nullable=False),
    ]
)

CUTOFFS = pa.schema(
    [
        pa.field("cutoff", pa.date32(), nullable=False),
        pa.field("role", pa.string(), nullable=False),  # 'run' or 'label'
        pa.field("users", pa.int32(), nullable=False),  # how many indices were known then
        pa.field("items", pa.int32(), nullable=False),
    ]
)

ACTIONS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("day", pa.int32(), nullable=False),  # days since 1970-01-01
        pa.field("event_type", pa.string()),
        pa.field("weight", pa.float32(), nullable=False),
        pa.field("quantity", pa.float32()),
        pa.field("price", pa.float32()),
        pa.field("session_index", pa.int32()),
    ]
)

# What people acted on after a query, of queries that enough people asked.
QUERIES = pa.schema(
    [
        pa.field("query_index", pa.int32(), nullable=False),
        pa.field("query", pa.string(), nullable=False),
        pa.field("users", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("clicks", pa.int32(), nullable=False),
    ]
)

# Which user acted on which item in the days after the last of the actions.
HELD_OUT = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
    ]
)

INTERACTIONS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("confidence", pa.float32(), nullable=False),
        pa.field("count", pa.int16(), nullable=False),
        pa.field("quantity", pa.float32()),
        pa.field("first_age", pa.float32(), nullable=False),
        pa.field("last_age", pa.float32(), nullable=False),
        pa.field("decay_7", pa.float32(), nullable=False),
        pa.field("decay_30", pa.float32(), nullable=False),
        pa.field("decay_90", pa.float32(), nullable=False),
        pa.field("decay_365", pa.float32(), nullable=False),
        pa.field("returns", pa.int16(), nullable=False),
    ]
)

RATINGS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("rating", pa.float32(), nullable=False),  # mean `value` of the pair's events
    ]
)

ITEM_STATS = pa.schema(
    [
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("buyers_7", pa.int32(), nullable=False),
        pa.field("buyers_28", pa.int32(), nullable=False),
        pa.field("buyers_91", pa.int32(), nullable=False),
        pa.field("buyers_365", pa.int32(), nullable=False),
        pa.field("buyers_total", pa.int32(), nullable=False),
        pa.field("buyers_year_ago", pa.int32(), nullable=False),
        pa.field("first_age", pa.float32()),
        pa.field("last_age", pa.float32()),
        pa.field("price", pa.float32()),
    ]
)

USER_STATS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("actions", pa.int32(), nullable=False),
        pa.field("days_active", pa.int32(), nullable=False),
        pa.field("items", pa.int32(), nullable=False),
        pa.field("first_age", pa.float32()),
        pa.field("last_age", pa.float32()),
        pa.field("mean_interval", pa.float32()),
        pa.field("basket_items", pa.float32()),
        pa.field("mean_price", pa.float32()),
    ]
)

TARGETS = pa.schema([pa.field("user_index", pa.int32(), nullable=False)])

LABELS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("count", pa.int16(), nullable=False),
        pa.field("is_new", pa.bool_(), nullable=False),
    ]
)

# --- published --------------------------------------------------------------------------------------------------------

RUNS = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("run_date", pa.date32(), nullable=False),
        pa.field("published_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("code_version", pa.string(), nullable=False),
        pa.field("config_hash", pa.string(), nullable=False),
        pa.field("metrics", pa.string(), nullable=False),  # JSON
    ]
)

RECOMMENDATIONS = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),  # probability that the user acts on it within the horizon
        pa.field("source", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

SIMILAR_ITEMS = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("similar_item_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)

POPULAR_ITEMS = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("segment", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)

SEARCH_RESULTS = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("query", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
    ]
)

USER_PROFILES = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("segment", pa.string(), nullable=False),
        pa.field("top_categories", pa.list_(pa.string()), nullable=False),
        pa.field("events", pa.int32(), nullable=False),
        pa.field("last_event_time", pa.timestamp("us", tz="UTC")),
    ]
)

# How the runs before this one have done since; see pipeline.judging.outcomes and sql/outcomes/outcomes.sql.
RECOMMENDATION_OUTCOMES = pa.schema(
    [
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("judged_run_id", pa.string(), nullable=False),
        pa.field("was_active", pa.bool_(), nullable=False),  # whether applications ever read it
        pa.field("days", pa.int32(), nullable=False),  # of behaviour it is judged by
        pa.field("surface", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),  # 'all': whatever the source
        pa.field("bucket_kind", pa.string(), nullable=False),  # 'overall', 'users' or 'items'
        pa.field("bucket", pa.string(), nullable=False),
        pa.field("users", pa.int32(), nullable=False),  # with a list, and something to find
        pa.field("shown", pa.int32(), nullable=False),  # rows of their first k
        pa.field("hits", pa.int32(), nullable=False),  # of these, acted on
        pa.field("hit_rate", pa.float32(), nullable=False),  # users with a hit / users
        pa.field("precision", pa.float32(), nullable=False),  # hits / shown
        pa.field("ndcg", pa.float32(), nullable=False),  # at k
        pa.field("ndcg_low", pa.float32(), nullable=False),  # 95 % interval of the mean over users
        pa.field("ndcg_high", pa.float32(), nullable=False),
        pa.field("recall", pa.float32(), nullable=False),  # at `deep`
        pa.field("impressions", pa.int32(), nullable=False),  # that the application logged, whoever acted
        pa.field("clicks", pa.int32(), nullable=False),  # of these, clicked
    ]
)

PUBLISHED = {
    "runs": RUNS,
    "recommendations": RECOMMENDATIONS,
    "similar_items": SIMILAR_ITEMS,
    "popular_items": POPULAR_ITEMS,
    "search_results": SEARCH_RESULTS,
    "user_profiles": USER_PROFILES,
    "recommendation_outcomes": RECOMMENDATION_OUTCOMES,
}
ADDED_LATER = ("recommendation_outcomes", "search_results")
"""Published tables that runs of older versions may not have."""
