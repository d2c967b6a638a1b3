"""The candidate sources: each turns one cut-off's features into ranked lists.

A source is a module of this package, named like its stage. It holds its Section, its `SOURCE` (which lists it writes,
and what they say) and its `run`; the line below is all that the rest of the pipeline knows of it.
"""

from collections.abc import Mapping
from pathlib import Path

SOURCES: dict[str, tuple[str, ...]] = {
    "popularity": (),
    "trending": (),
    "linked": (),
    "demographic": (),
    "als": (),
    "user_knn": (),
    "item_knn": (),
    "ease": (),
    "ridge": (),
    "language_model": ("fine_tune",),
    "sasrec": ("language_model",),
    "matrix_factorisation": (),
}
"""Every source and the stages it reads beside `features`, in an order in which they can be made. Where lists rank an
item alike, the earlier source is the item's; see pipeline.sources.registry."""

Sources = Mapping[str, Path]
"""The finished folders of all sources, by name: what a stage gets whose `run` has a parameter `sources`."""
