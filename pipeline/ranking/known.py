"""What the rankers know of a pair, by the tables that it is made of, for lineage."""

KNOWN_OF_PAIRS = (
    "made sources.lists(score)",
    "made sources.vectors(vector)",
    "made features.interactions(count, quantity, first_age, last_age, decay_7, decay_30, decay_90, decay_365, returns)",
    "made features.item_stats(buyers_7, buyers_28, buyers_91, buyers_365, buyers_total, buyers_year_ago, first_age, "
    "last_age, price)",
    "made features.user_stats(actions, days_active, items, first_age, last_age, mean_interval, basket_items, "
    "mean_price)",
    "made features.user_attributes(word, number)",
    "made features.item_attributes(word, number)",
    "made features.links(item_index, linked_index)",
    "made features.offers(user_index, item_index)",
    "made features.trends(category) with features.links",
    "made features.shown(examined, last_age)",
    "made features.shown_items(appeal)",
    "if features.labels(count, is_new)",
)
"""What the rankers know of a user and an item (pipeline.ranking.frames)."""
