"""Errors planted in the small shop's published tables, and what the check that finds each says."""

from datetime import timedelta
from typing import Any

from tests.small_shop import NIGHT

AFTER = NIGHT + timedelta(days=1)
Rows = list[dict[str, Any]]


def change_first(**values: Any) -> Any:
    """A change of the first row."""
    return lambda rows: [rows[0] | values, *rows[1:]]


def change_ruled(rank: int, item_id: str) -> Any:
    """A change of u2's list on the surface that has rules."""
    place = ("ruled", "u2", rank)
    return lambda rows: [
        row | {"item_id": item_id} if (row["surface"], row["user_id"], row["rank"]) == place else row for row in rows
    ]


def all_limited(item_id: str, users: int = 3) -> Any:
    """A change of the rows of some users on the surface that has limits: all show one item."""
    some = {f"u{user}" for user in range(users)}
    return lambda rows: [
        row | {"item_id": item_id} if row["surface"] == "limited" and row["user_id"] in some else row for row in rows
    ]


def change_similar(item_id: str, similar_item_id: str) -> Any:
    """A change of the first item that is like another."""
    return lambda rows: [
        row | {"similar_item_id": similar_item_id} if (row["item_id"], row["rank"]) == (item_id, 1) else row
        for row in rows
    ]


def without(**values: Any) -> Any:
    """A change that drops the rows with these values."""
    return lambda rows: [row for row in rows if any(row[name] != value for name, value in values.items())]


# The first row of recommendations: discover, u0, rank 1, i1. u0 has i0 and i2; i5 is sold out, and was offered to u2
# alone; i7 is kept from u0; i6 is a variant of i3.
PLANTED = [
    ("recommendations", change_first(item_id="i4"), "recommendations_duplicates", "user u0 has item i4 2 times"),
    ("recommendations", change_first(rank=2), "recommendations_ranks", "the 3 ranks of user u0 go from 2 to 3"),
    (
        "recommendations",
        without(surface="for_you", user_id="u1", rank=4),
        "recommendations_length",
        "user u1 has 3 items",
    ),
    (
        "recommendations",
        without(surface="for_you", user_id="u1"),
        "recommendations_users",
        "for_you: user u1 has no list",
    ),
    (
        "recommendations",
        without(surface="discover", user_id="u1"),
        "recommendations_users",
        "discover: user u1 has no list",
    ),
    ("recommendations", without(surface="discover"), "recommendations_users", "discover: nobody has a list"),
    (
        "recommendations",
        change_first(user_id="nobody"),
        "recommendations_users",
        "user nobody has a list and no history",
    ),
    ("recommendations", change_first(surface="x"), "recommendations_users", "x: not a configured surface"),
    ("recommendations", change_first(item_id="i5"), "recommendations_items", "item i5 is not available"),
    ("recommendations", change_first(item_id="i5"), "recommendations_offers", "item i5 was not offered to user u0"),
    ("recommendations", change_first(item_id="i7"), "recommendations_disliked", "u0 is never to be shown item i7"),
    ("recommendations", change_first(item_id="?"), "recommendations_items", "item ? is unknown"),
    ("recommendations", change_first(item_id="i0"), "recommendations_seen", "user u0 has acted on item i0"),
    (
        "recommendations",
        change_ruled(1, "i1"),
        "recommendations_rules",
        "user u2 has acted on item i1 in the last 1",
    ),
    ("recommendations", change_ruled(1, "i7"), "recommendations_rules", "item i7 costs 7.0, user u2 usually pays 2.0"),
    ("recommendations", change_ruled(1, "i1"), "recommendations_rules", "user u2 has 2 items of category mugs"),
    ("recommendations", all_limited("i4"), "recommendations_allotted", "limit 1, i4, has 1.0 in all, and rows use"),
    ("recommendations", all_limited("i0", 1), "recommendations_allotted", "user u0 has 2 items of mugs"),
    ("recommendations", change_first(score=None), "recommendations_scores", "has score null at rank 1"),
    ("recommendations", change_first(score=float("nan")), "recommendations_scores", "has score nan at rank 1"),
    ("recommendations", change_first(score=0.0), "recommendations_scores", "at rank 2"),
    ("recommendations", change_first(reason=""), "recommendations_scores", "user u0"),
    ("recommendations", change_first(run_id="other"), "runs", "recommendations has rows of run other"),
    ("runs", lambda rows: rows * 2, "runs", "runs has 2 rows, not one"),
    ("similar_items", change_first(similar_item_id="i0"), "similar_items", "item i0 is like itself"),
    ("similar_items", change_first(similar_item_id="i5"), "similar_items", "item i5 is a neighbour and not available"),
    ("similar_items", change_first(rank=9), "similar_items", "item i0 has neighbours twice or gaps"),
    ("similar_items", change_first(score=2.0), "similar_items", "has a score that is no cosine: 2.0"),
    ("popular_items", without(segment="all"), "popular_items", "segment all is empty"),
    ("popular_items", change_first(item_id="i1"), "popular_items", "segment all has items twice"),
    ("popular_items", change_first(item_id="i5"), "popular_items", "shows item i5, which is not available"),
    (
        "recommendations",
        change_first(surface="ruled", user_id="u2", item_id="i6"),
        "variants",
        "ruled: user u2 has 2 variants",
    ),
    (
        "popular_items",
        lambda rows: [*rows, rows[0] | {"rank": 3, "item_id": "i6"}, rows[0] | {"rank": 4, "item_id": "i3"}],
        "variants",
        "segment all has 2 variants of a product, with item i3",
    ),
    ("similar_items", change_similar("i3", "i6"), "variants", "item i3 has 2 variants of a product, with item i3"),
    (
        "search_results",
        lambda rows: [*rows, *(rows[0] | {"rank": 9 + n, "item_id": i} for n, i in enumerate(("i3", "i6")))],
        "variants",
        'query "mug" has 3 variants of a product, with item i3',
    ),
    ("search_results", change_first(query=" "), "search_results", "a query is empty"),
    ("search_results", change_first(rank=9), "search_results", 'query "mug" has items twice or gaps'),
    ("search_results", change_first(item_id="i5"), "search_results", "item i5 answers a query and is not available"),
    ("search_results", change_first(score=1.5), "search_results", "has a score that is no share: 1.5"),
    ("search_terms", change_first(rank=9), "search_terms", 'term " ga" has items twice or gaps in its ranks'),
    ("search_terms", change_first(item_id="i5"), "search_terms", "item i5 answers a term and is not available"),
    ("search_terms", change_first(weight=0.0), "search_terms", "has a weight that adds nothing or is no number: 0.0"),
    ("search_terms", change_first(appeal=9.0), "search_terms", "has more than one appeal"),
    ("audiences", change_first(rank=2), "audiences", "buyers: i0 has users twice or gaps in its ranks"),
    ("audiences", change_first(score=1.5), "audiences", "buyers: i0 has a chance that is none, or rises, at rank 1"),
    ("audiences", change_first(user_id="nobody"), "audiences", "buyers: user nobody never acted"),
    ("document_labels", change_first(document_id="d1"), "document_labels", "intent: document d1 is there 2 times"),
    ("document_labels", change_first(probability=1.5), "document_labels", "intent: document d0 has a probability that"),
    (
        "document_labels",
        change_first(is_given=False),
        "document_labels",
        "intent: document d0 has a label that is neither",
    ),
    ("labels_wanted", change_first(rank=2), "labels_wanted", "intent has documents twice or gaps in its ranks"),
    ("labels_wanted", change_first(document_id="d0"), "labels_wanted", "intent: document d0 has a label already"),
    ("entity_sentiment", change_first(entity="mug"), "entity_sentiment", "mug has 2011-10-02 2 times"),
    ("entity_sentiment", change_first(texts=0), "entity_sentiment", "lamp has no texts on 2011-10-02"),
    ("entity_sentiment", change_first(mean=2.0), "entity_sentiment", "lamp has on 2011-10-02 a tone outside of its"),
    ("entity_sentiment", change_first(day=AFTER), "entity_sentiment", "lamp has a row of 2011-10-03, after the night"),
    ("entity_events", change_first(expected=9.0), "entity_events", "mug is said to be unusual on 2011-10-02 and"),
    ("entity_events", change_first(texts=4), "entity_events", "mug has a row of 2011-10-02 with other texts than"),
    ("topics", change_first(topic_id="t1"), "topics", "topic t1 is there 2 times"),
    ("topics", change_first(rank=3), "topics", "there are gaps in the ranks"),
    ("topics", change_first(documents=0), "topics", "topic t0 has no documents, or fewer than none before"),
    ("topics", change_first(growth=99.0), "topics", "topic t0 has a growth outside of its interval"),
    ("question_clusters", change_first(cluster_id="c1"), "question_clusters", "cluster c1 is there 2 times"),
    ("question_clusters", change_first(rank=3), "question_clusters", "there are gaps in the ranks"),
    ("question_clusters", change_first(probability=1.5), "question_clusters", "c0 has a count below 0, or a share or"),
    ("question_clusters", change_first(trend=99.0), "question_clusters", "c0 has a trend outside of its interval"),
    ("answers", change_first(rank=2), "answers", "cluster c0 has answers twice or gaps in its ranks"),
    ("answers", change_first(score=0.25), "answers", "cluster c0 has a score that is none, or rises, at rank 2"),
    ("answers", change_first(like_cluster_id="c9"), "answers", "cluster c9 is not of question_clusters"),
    ("unanswered", change_first(rank=2), "unanswered", "there are questions twice or gaps in the ranks"),
    ("unanswered", change_first(questions=9), "unanswered", "cluster c1 is not of question_clusters, or is otherwise"),
    ("exposure", change_first(exposure_share=0.5), "exposure", "discover: the shares of all sum to 0.5"),
    ("exposure", change_first(gini=0.95), "exposure_limits", "discover: the Gini coefficient of exposure is 0.95"),
    ("user_profiles", change_first(asked_cluster_id="c9"), "question_clusters", "u0 asked last about cluster c9"),
    ("user_profiles", change_first(asked_document_id=None), "user_profiles", "user u0 has a question after the night"),
    ("user_profiles", change_first(user_id="u1"), "user_profiles", "user u1 has 2 profiles"),
    ("user_profiles", without(user_id="u0"), "user_profiles", "user u0 has a list and no profile"),
]
