"""One pyarrow schema per table of the lake: the only authority for column names and types.

Those of the input tables are in pipeline.intake.inputs, those of published tables in pipeline.publication.tables.

`user_id`, `item_id` are the outside strings; `user_index`, `item_index` the int32 rows of an array. Indices are
append-only (ordered by first arrival, then id), so what was known on an earlier day is a prefix of what is known now.
Ages are in days before the end of the cut-off day, counts in distinct days, prices in the shop's currency.
"""

import pyarrow as pa

# --- features ---------------------------------------------------------------------------------------------------------

USERS = pa.schema(
    [pa.field("user_index", pa.int32(), nullable=False), pa.field("user_id", pa.string(), nullable=False)]
)

ONLOOKERS = pa.schema([pa.field("user_id", pa.string(), nullable=False)])

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
        pa.field("parent_id", pa.string()),  # the product that it is a variant of
        pa.field("available", pa.bool_(), nullable=False),
        pa.field("first_seen", pa.date32(), nullable=False),
        pa.field("valid_from", pa.date32()),  # outside these days, both included, it is not available
        pa.field("valid_until", pa.date32()),
    ]
)

# Which items belong to which others, as a coupon to the products it is for.
LINKS = pa.schema(
    [
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("linked_index", pa.int32(), nullable=False),
    ]
)

# Who was offered what; an item in it is shown to nobody else.
OFFERS = pa.schema(
    [
        pa.field("user_index", pa.int32()),  # null: somebody who is not known yet, or whose offer is over
        pa.field("item_index", pa.int32(), nullable=False),
    ]
)

# What users were shown in the days before a cut-off, and looked at, by the place at which it stood.
SHOWN = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("last_age", pa.float32(), nullable=False),
        pa.field("examined", pa.float32(), nullable=False),  # how often it was looked at
        pa.field("in_vain", pa.float32(), nullable=False),  # and how often since the user last acted on it
    ]
)
SHOWN_PLACES = pa.schema(
    [
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("place", pa.int32(), nullable=False),  # 0: unknown
        pa.field("times", pa.int64(), nullable=False),
        pa.field("acted", pa.int64(), nullable=False),
    ]
)
SHOWN_ITEMS = pa.schema(
    [
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("examined", pa.float32(), nullable=False),
        pa.field("acted", pa.float32(), nullable=False),
        pa.field("appeal", pa.float32(), nullable=False),  # how often it is acted on where it is looked at, smoothed
    ]
)
PLACES = pa.schema(
    [
        pa.field("place", pa.int32(), nullable=False),
        pa.field("times", pa.int64(), nullable=False),
        pa.field("acted", pa.int64(), nullable=False),
        pa.field("examined", pa.float64(), nullable=False),  # the chance that what stands there is looked at
    ]
)
SHOWN_IN_VAIN = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("examined", pa.float32(), nullable=False),
    ]
)

_VALUES = [pa.field("word", pa.string()), pa.field("number", pa.float64())]  # a date's number is its age in days
_NAME = pa.field("attribute", pa.string(), nullable=False)
# What the shop had said of its users' attributes, a word that few share aside, and of its items'.
USER_ATTRIBUTES = pa.schema([_NAME, pa.field("user_index", pa.int32(), nullable=False), *_VALUES])
ITEM_ATTRIBUTES = pa.schema([_NAME, pa.field("item_index", pa.int32(), nullable=False), *_VALUES])

CUTOFFS = pa.schema(
    [
        pa.field("cutoff", pa.date32(), nullable=False),
        pa.field("role", pa.string(), nullable=False),  # 'run' or 'label'
        pa.field("users", pa.int32(), nullable=False),  # how many indices were known then
        pa.field("items", pa.int32(), nullable=False),
        pa.field("repeats", pa.bool_(), nullable=False),  # whether users were known to come back to an item
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

# The queries that are answered.
FREQUENT = pa.schema(
    [
        pa.field("query_index", pa.int32(), nullable=False),
        pa.field("query", pa.string(), nullable=False),
        pa.field("users", pa.int32(), nullable=False),
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

# What was searched for and led nowhere, of a shop that says what is searched for.
SEARCHES = pa.schema(
    [
        pa.field("query", pa.string(), nullable=False),
        pa.field("users", pa.int32(), nullable=False),
        pa.field("searches", pa.int32(), nullable=False),
        pa.field("in_vain", pa.int32(), nullable=False),  # after which nothing was chosen
        pa.field(
            "asked_again", pa.int32(), nullable=False
        ),  # of these, those after which others' words found something
        pa.field("asked_instead", pa.string()),  # by most; null: by too few to tell
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
        pa.field("spent", pa.float32()),  # null: no price is known of any
        pa.field("first_age", pa.float32(), nullable=False),
        pa.field("last_age", pa.float32(), nullable=False),
        pa.field("decay_7", pa.float32(), nullable=False),
        pa.field("decay_30", pa.float32(), nullable=False),
        pa.field("decay_90", pa.float32(), nullable=False),
        pa.field("decay_365", pa.float32(), nullable=False),
        pa.field("returns", pa.int16(), nullable=False),
        pa.field("kept", pa.int32(), nullable=False),  # events of the goal, less those that take one back
    ]
)

RATINGS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("rating", pa.float32(), nullable=False),  # mean `value` of the pair's events
    ]
)

DAYS = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("age", pa.int32(), nullable=False),  # days before the end of the cut-off day
        pa.field("is_action", pa.bool_(), nullable=False),  # something that speaks for the item, as in INTERACTIONS
        pa.field("is_label", pa.bool_(), nullable=False),  # the goal was among what was done
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

DISLIKED = pa.schema(
    [
        pa.field("user_index", pa.int32(), nullable=False),
        pa.field("item_index", pa.int32(), nullable=False),
    ]
)

TRENDS = pa.schema(
    [
        pa.field("item_index", pa.int32(), nullable=False),
        pa.field("trend", pa.float64(), nullable=False),  # actions of the last weeks, each half after a lifetime
        pa.field("age_hours", pa.float32()),  # since the first action; null: there was none
        pa.field("lifetime_hours", pa.float32()),  # of all items; null: nothing happened lately
        pa.field("category", pa.string()),
    ]
)

LATELY = pa.schema(
    [
        pa.field("hours_ago", pa.int32(), nullable=False),  # before the first hour that is not known, ascending
        pa.field("user_index", pa.int32()),  # null: a guest
        pa.field("item_index", pa.int32(), nullable=False),
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
