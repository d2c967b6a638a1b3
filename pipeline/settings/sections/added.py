"""How a surface goes by what its rows add, and not by the probability alone."""

from typing import Literal

from pipeline.settings.sections.base import Section


class Added(Section):
    """The list goes by what standing in it adds to what the user does, as far as drawn slots say: probability that the
    user acts if it stands there, less that if it does not. Where they do not say enough it goes by the probability."""

    trial: str = ""
    """The surface whose recorded slots (`explore.record`) teach it, with the same `where`, `goal`, `horizon_days`,
    `max_age_days` and `repeats`; default: this one."""
    learner: Literal["t", "x", "dr"] = "dr"
    """How it is learned: from two models, of pairs in the list and of pairs kept out of it (t); with what either says
    of the other's pairs (x); or with a model of each pair's effect that is right in the mean whatever these two say,
    as the chances are known (dr)."""
