"""What the stages `languages`, `classify` and `entities` leave for other stages and the tables of a night."""

import pyarrow as pa

LANGUAGES = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("language", pa.string()),  # one of languages.declared; null: none of them is known to be it
        pa.field("how", pa.string()),  # said, guessed, thread, author; other: it says one that is not declared
    ]
)
"""One row per document."""
LABELS = pa.schema(
    [
        pa.field("document_id", pa.string()),
        pa.field("label_set", pa.string()),
        pa.field("label", pa.string()),  # null: unknown
        pa.field("probability", pa.float32()),  # that `best` is right; null: nothing was learned
        pa.field("best", pa.string()),
        pa.field("second", pa.string()),
        pa.field("is_given", pa.bool_()),  # whether somebody gave it
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("user_id", pa.string()),  # its author
    ]
)
"""One row per label set and recent document."""
WANTED = pa.schema(
    [
        pa.field("label_set", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("document_id", pa.string()),
        pa.field("best", pa.string()),
        pa.field("second", pa.string()),
        pa.field("probability", pa.float32()),
        pa.field("user_id", pa.string()),
    ]
)
"""One row per label set and rank: what to label next."""
ENTITY_DAYS = pa.schema(
    [
        pa.field("entity", pa.string()),
        pa.field("day", pa.date32()),
        pa.field("texts", pa.int32()),
        pa.field("labelled", pa.int32()),  # documents whose tone is known
        pa.field("mean", pa.float32()),  # of the tone; null: of no document known
        pa.field("low", pa.float32()),
        pa.field("high", pa.float32()),
        pa.field("usual", pa.float32()),  # the mean of the days before
        pa.field("change", pa.float32()),  # mean - usual
        pa.field("change_low", pa.float32()),
        pa.field("change_high", pa.float32()),
    ]
)
"""One row per thing and recent day on which something was written about it."""
UNUSUAL_DAYS = pa.schema(
    [
        pa.field("entity", pa.string()),
        pa.field("day", pa.date32()),
        pa.field("texts", pa.int32()),
        pa.field("expected", pa.float32()),
        pa.field("false_share", pa.float32()),
        pa.field("novelty", pa.float32()),  # null: nothing was written before
        pa.field("words", pa.list_(pa.string())),
        pa.field("document_id", pa.string()),
        pa.field("user_id", pa.string()),  # its author
    ]
)
"""One row per thing and recent day on which more was written about it than usual."""
