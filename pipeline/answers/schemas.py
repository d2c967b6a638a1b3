"""What the stage `answer` leaves for the tables of a night."""

import pyarrow as pa

CLUSTERS = pa.schema(
    [
        pa.field("cluster_id", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("document_id", pa.string()),  # the question in the middle of it
        pa.field("questions", pa.int32()),  # in the last days
        pa.field("questions_before", pa.int32()),  # in as many days before; null: the documents do not go back so far
        pa.field("trend", pa.float32()),  # questions / questions_before; null: one of them is not known or 0
        pa.field("trend_low", pa.float32()),  # 95 % interval
        pa.field("trend_high", pa.float32()),  # null: no end
        pa.field("direction", pa.string()),  # rising, falling; null: neither is sure
        pa.field("label", pa.string()),
        pa.field("label_share", pa.float32()),
        pa.field("probability", pa.float32()),  # that its best answer resolves it; null: there is none
        pa.field("first_asked", pa.timestamp("us", tz="UTC")),
        pa.field("user_id", pa.string()),  # the author of document_id
    ]
)
"""One row per cluster of questions: the most frequent first, then those that are named by an answer alone."""
ANSWERS = pa.schema(
    [
        pa.field("cluster_id", pa.string()),
        pa.field("rank", pa.int32()),
        pa.field("document_id", pa.string()),  # the answer
        pa.field("score", pa.float32()),
        pa.field("why", pa.string()),
        pa.field("like_cluster_id", pa.string()),  # the cluster of the question that `why` speaks of
        pa.field("user_id", pa.string()),  # the author of the answer
    ]
)
"""One row per cluster and rank."""
UNANSWERED = pa.schema(
    [
        pa.field("rank", pa.int32()),
        pa.field("cluster_id", pa.string()),
        pa.field("document_id", pa.string()),  # the question in the middle of it
        pa.field("questions", pa.int32()),
        pa.field("probability", pa.float32()),
        pa.field("user_id", pa.string()),  # its author
    ]
)
"""One row per cluster whose best answer is weak, the most asked first."""
LAST_ASKED = pa.schema(
    [
        pa.field("user_id", pa.string()),
        pa.field("cluster_id", pa.string()),  # of CLUSTERS; null: too few asked it
        pa.field("document_id", pa.string()),  # the question
        pa.field("label", pa.string()),  # of it; null: none is known
        pa.field("time", pa.timestamp("us", tz="UTC")),
    ]
)
"""One row per author of a question, with the last one."""
