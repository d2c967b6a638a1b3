"""What the columns that carry are made of, of every stage between the logs and the published tables.

Only columns that others are made of stand here. tests/lineage holds it to what a night reads: a table that is named and
not read is an error, and so is one that is read and not named."""

from pipeline.lineage.origins import EVERY_ROW
from pipeline.ranking.known import KNOWN_OF_PAIRS

Columns = dict[str, tuple[str, ...]]
Declared = dict[str, Columns]
"""By table and column."""

DID = "sum ingest.events(event_type, event_time, value)"
WHEN = "sum ingest.events(event_time)"
PAIR: Columns = {"user_index": ("group ingest.events(user_id)",), "item_index": ("group ingest.events(item_id)",)}
PER_USER: Columns = {"user_index": ("group ingest.events(user_id)",)}
PER_ITEM: Columns = {"item_index": ("group ingest.events(item_id)", "group ingest.items(item_id)")}
TEXT = ("made ingest.items(title, text, category)", "made ingest.events(price)")
ACTED = "filter ingest.events(event_type, event_time)"
SOUGHT = "ingest.searches(user_id, session_id, searched_at, query) with ingest.searches"

FEATURES: Declared = {
    "users": PER_USER | {"user_id": ("same ingest.events(user_id)",)},
    "onlookers": {"user_id": ("same ingest.events(user_id)",), EVERY_ROW: ("filter ingest.events(event_type)",)},
    "items": PER_ITEM
    | {
        "item_id": ("same ingest.events(item_id)", "same ingest.items(item_id)"),
        "title": ("same ingest.items(title)",),
        "text": TEXT,
        **{name: (f"same ingest.items({name})",) for name in ("category", "kind", "parent_id")},
        "price": ("sum ingest.events(price)", "same ingest.items(price)"),
        "available": ("made ingest.items(available, valid_from, valid_until)", "if ingest.events(event_time)"),
        "first_seen": ("if ingest.events(item_id)", "if ingest.items(item_id)"),
    },
    "texts": PER_ITEM | {"text": TEXT, "category": ("same ingest.items(category)",)},
    "targets": PER_USER | {EVERY_ROW: (ACTED,)},
    "interactions": PAIR
    | dict.fromkeys(("confidence", "decay_7", "decay_30", "decay_90", "decay_365", "count", "returns", "kept"), (DID,))
    | {"first_age": (WHEN,), "last_age": (WHEN,)}
    | {"quantity": ("sum ingest.events(quantity)",), "spent": ("sum ingest.events(price, quantity)",)},
    "ratings": PAIR | {"rating": ("sum ingest.events(value)",)},
    "days": PAIR | {"age": (WHEN,), "is_action": (DID,), "is_label": (DID,)},
    "disliked": PAIR | {EVERY_ROW: ("filter ingest.events(event_type, event_time, value)",)},
    "labels": PAIR | {"count": (DID,), "is_new": ("if ingest.events(event_type, event_time)",)},
    "item_stats": PER_ITEM
    | dict.fromkeys(
        ("buyers_7", "buyers_28", "buyers_91", "buyers_365", "buyers_total", "buyers_year_ago"),
        ("sum ingest.events(user_id)", ACTED),
    )
    | {"first_age": (WHEN,), "last_age": (WHEN,), "price": ("sum ingest.events(price)",)},
    "user_stats": PER_USER
    | {
        "actions": (DID,),
        "days_active": (WHEN,),
        "items": ("sum ingest.events(item_id)",),
        "basket_items": ("sum ingest.events(item_id, event_time)",),
        "mean_price": ("sum ingest.events(price)",),
        **dict.fromkeys(("first_age", "last_age", "mean_interval"), (WHEN,)),
    },
    "trends": PER_ITEM
    | {
        **dict.fromkeys(("trend", "age_hours", "lifetime_hours"), ("sum ingest.events(event_type, event_time)",)),
        "category": ("same ingest.items(category)",),
    },
    "lately": PAIR | {"hours_ago": ("made ingest.events(event_time)",)},
    "queries": {
        "query": ("same ingest.events(query)", "same ingest.searches(query) with ingest.searches"),
        "item_index": ("group ingest.events(item_id)", f"if {SOUGHT}"),
        "clicks": ("sum ingest.events(user_id, session_id)", f"sum {SOUGHT}", ACTED),
    },
    "actions": PAIR | {"weight": (DID,), "day": ("made ingest.events(event_time)",)},
    "held_out": PAIR,
    "user_attributes": {
        "user_index": ("group ingest.users(user_id)",),
        "attribute": ("same ingest.users(name)",),
        **dict.fromkeys(("word", "number"), ("made ingest.users(value)",)),
    },
    "item_attributes": {
        "item_index": ("group ingest.item_attributes(item_id)",),
        "attribute": ("same ingest.item_attributes(name)",),
        **dict.fromkeys(("word", "number"), ("made ingest.item_attributes(value)",)),
    },
    "links": {
        "item_index": ("group ingest.links(item_id)",),
        "linked_index": ("group ingest.links(linked_id)",),
    },
    "offers": {"user_index": ("group ingest.offers(user_id)",), "item_index": ("group ingest.offers(item_id)",)},
    "shown": PAIR | {"examined": ("sum ingest.events(rank_shown, event_type)",), "last_age": (WHEN,)},
    "shown_items": PER_ITEM | {"appeal": ("sum ingest.events(rank_shown, event_type)",)},
}
"""Of a cut-off's tables and of the night's own."""

HEEDED = (
    "filter features.interactions(count)",
    "filter features.disliked(user_index, item_index)",
    "filter features.offers(user_index, item_index)",
)
"""What keeps an item off a user's list, whoever makes it."""
LISTED: Columns = {
    "user_index": ("same features.targets(user_index)",),
    "item_index": ("sort sources.lists(score)",),
    EVERY_ROW: HEEDED,
}
MERGED = ("made fusion.lists(score)", "made sources.lists(score)", "if features.labels(count)")
CHANCE = "made features.user_stats(actions, days_active, items, last_age)"

BY: Columns = {"document_id": ("same ingest.documents(document_id)",), "user_id": ("same ingest.documents(author)",)}
SPOKEN = ("same ingest.documents(language)", "made ingest.documents(text, thread_id, author)")
READ = ("made ingest.documents(text)", "if ingest.documents(labels)")
"""What a classifier says: of the text, as the labels of others have taught it."""
NAMED = ("same ingest.documents(entities)",)
WRITTEN = ("made ingest.documents(time)",)
TONE = ("sum classify.labels(label, best, second, probability)", "if ingest.documents(entities, time)")
"""The tone of a day and of those before it."""

TOLD_APART = "if languages.languages(language) with languages.languages"
ASKED = ("made ingest.documents(text)", "if ingest.documents(thread_id)", TOLD_APART)
COUNTS = ("sum ingest.documents(text, time)",)
FITS = (
    "made ingest.documents(text)",
    "made ingest.relations(relation, other_thing) with ingest.relations",
    "if ingest.documents(labels, thread_id)",
    "if ingest.documents(entities) with ingest.relations",
    "if ingest.relations(thing, valid_until) with ingest.relations",
    TOLD_APART,
)
OF_QUESTIONS = ("filter ingest.documents(time, kind)",)
"""Which questions ask the same, how often, and how well an answer fits one."""
LAST = ("sort ingest.documents(time)",)

ABOUT = ("made ingest.documents(text)", TOLD_APART)
ABOUT_COUNTS = ("sum ingest.documents(text, time)",)
"""What is put together as one topic, and how much is written about it."""

FOUND = (
    "made features.items(title)",
    "made ingest.items(text, category)",
    "made ingest.documents(text, labels)",
    "made classify.labels(best, probability)",
)
"""What content checks find."""

BETWEEN: dict[str, Declared] = {
    "features": FEATURES,
    "outcomes": {
        "outcomes": {},
        "learned_slots": {
            "chance": ("same ingest.events(propensity)",),
            "is_clicked": ("made ingest.events(event_type, run_id_shown)",),
        },
    },
    "fine_tune": {
        "texts": {
            "text": ("same features.texts(text)",),
            "vector": (
                "made features.texts(text)",
                "if features.actions(user_index, item_index, weight, day)",
                "if features.held_out(user_index, item_index)",
                "if features.queries(query, item_index, clicks)",
            ),
        },
    },
    "fusion": {"lists": LISTED | {"score": KNOWN_OF_PAIRS, "source": ("if sources.lists(score)",)}},
    "ensemble": {
        "lists": {
            "user_index": LISTED["user_index"],
            "item_index": ("sort fusion.lists(score)", "sort sources.lists(score)"),
            "score": MERGED,
            "probability": (*MERGED, CHANCE, "made features.item_stats(buyers_28)"),
            "source": ("same fusion.lists(source)", "if sources.lists(score)"),
        },
    },
    "languages": {"languages": {"document_id": BY["document_id"], "language": SPOKEN}},
    "classify": {
        "labels": BY
        | {
            "label": ("same ingest.documents(labels)", *READ),
            **dict.fromkeys(("probability", "best", "second"), READ),
            "is_given": ("if ingest.documents(labels)",),
            "time": ("same ingest.documents(time)",),
            EVERY_ROW: ("filter ingest.documents(time, kind)",),
        },
        "wanted": BY
        | {
            "rank": tuple(one.replace("made", "sort", 1) for one in READ),
            **dict.fromkeys(("probability", "best", "second"), READ),
            EVERY_ROW: ("filter ingest.documents(time, kind, labels)",),
        },
    },
    "content": {
        "findings": {
            "id": ("same features.items(item_id)", "same ingest.documents(document_id, entities)"),
            **dict.fromkeys(("matched", "is_held"), FOUND),
            "probability": ("same classify.labels(probability)",),
            EVERY_ROW: FOUND,
        },
    },
    "entities": {
        "days": {
            "entity": NAMED,
            "day": WRITTEN,
            "texts": ("sum ingest.documents(text)",),
            "labelled": ("sum classify.labels(label, best)",),
            **dict.fromkeys(("mean", "low", "high", "usual", "change", "change_low", "change_high"), TONE),
            EVERY_ROW: ("filter ingest.documents(time, kind)",),
        },
        "unusual": {
            "entity": NAMED,
            "day": WRITTEN,
            "texts": ("sum ingest.documents(text)",),
            **dict.fromkeys(("expected", "false_share"), ("sum ingest.documents(entities, time, text)",)),
            **dict.fromkeys(("novelty", "words"), ABOUT),
            "document_id": ("same ingest.documents(document_id)", "sort ingest.documents(text)"),
            "user_id": ("same ingest.documents(author)",),
            EVERY_ROW: ("filter ingest.documents(time, kind, entities)",),
        },
    },
    "topics": {
        "topics": {
            "topic_id": ABOUT,
            "rank": ABOUT_COUNTS,
            **dict.fromkeys(("documents", "documents_before"), ABOUT_COUNTS),
            **dict.fromkeys(("growth", "growth_low", "growth_high", "direction"), ABOUT_COUNTS),
            "words": ABOUT,
            "entities": ("sum ingest.documents(entities, text)",),
            "document_id": ("same ingest.documents(document_id)", *ABOUT),
            "first_seen": ("sum ingest.documents(time)", *ABOUT),
            "user_id": ("same ingest.documents(author)",),
            EVERY_ROW: ("filter ingest.documents(time, kind)",),
        },
    },
    "answer": {
        "clusters": {
            "cluster_id": ASKED,
            "rank": COUNTS,
            "document_id": ("same ingest.documents(document_id)", *ASKED),
            **dict.fromkeys(("questions", "questions_before", "trend", "trend_low", "trend_high", "direction"), COUNTS),
            **dict.fromkeys(("label", "label_share"), ("sum classify.labels(label)",)),
            "probability": FITS,
            "first_asked": ("sum ingest.documents(time)",),
            "user_id": ("same ingest.documents(author)",),
            EVERY_ROW: OF_QUESTIONS,
        },
        "answers": BY
        | {
            "cluster_id": ASKED,
            "rank": tuple(one.replace("made", "sort", 1) for one in FITS),
            **dict.fromkeys(("score", "why"), FITS),
            "like_cluster_id": (*ASKED, "if ingest.documents(labels)"),
            EVERY_ROW: OF_QUESTIONS,
        },
        "unanswered": {
            "rank": COUNTS,
            "cluster_id": ASKED,
            "document_id": ("same ingest.documents(document_id)", *ASKED),
            "questions": COUNTS,
            "probability": FITS,
            "user_id": ("same ingest.documents(author)",),
            EVERY_ROW: OF_QUESTIONS,
        },
        "last_asked": {
            "user_id": ("same ingest.documents(author)",),
            "cluster_id": (*ASKED, *LAST),
            "document_id": ("same ingest.documents(document_id)", *LAST),
            "label": ("same classify.labels(label)", *LAST),
            "time": ("same ingest.documents(time)",),
            EVERY_ROW: OF_QUESTIONS,
        },
    },
    "evaluate": {
        "metrics": dict.fromkeys(
            ("value", "low", "high"),
            (
                "sum features.labels(user_index, item_index)",
                "filter features.interactions(user_index, item_index)",
                "group features.item_stats(buyers_91, first_age)",
                "made sources.vectors(vector)",
                "sum ensemble.lists(item_index)",
                "sum fusion.lists(item_index)",
                "sum sources.lists(item_index)",
                "sum outcomes.outcomes(ndcg)",
            ),
        )
    },
}
"""By stage. What ingest makes follows from mappings, what sources make from sources, publish from published tables."""

COUNTED = (
    "sum ingest.events(user_id, item_id, event_type, event_time, run_id_shown)",
    "sum publish.recommendations(user_id, item_id, rank)",
)
KEPT_OF_RUNS = {"surface": "surface", "source": "source", "judged_run_id": "run_id"}


def outcomes(columns: list[str]) -> dict[str, tuple[str, ...]]:
    """What the columns of the stage `outcomes` are made of: names of the run that is judged, and counts."""
    return {
        name: (f"same publish.recommendations({KEPT_OF_RUNS[name]})",) if name in KEPT_OF_RUNS else COUNTED
        for name in columns
    }
