"""How often things happen, counted from the features: who may act at all, and how likely anybody acts on an item."""

import numpy as np

from pipeline.features.read import Cutoff


def has_history(cutoff: Cutoff) -> np.ndarray:
    """bool [U], users that lists are made for on a night: those with a positive history."""
    return np.asarray(cutoff.user_stats().column("items").to_numpy() > 0)


def item_rates(cutoff: Cutoff, horizon_days: int) -> np.ndarray:
    """float32 [I]: the chance that any one user acts on an item within the horizon, from its buyers of 28 days."""
    buyers = cutoff.item_stats().column("buyers_28").to_numpy().astype(np.float64)
    share = buyers / max(int(has_history(cutoff).sum()), 1) * (horizon_days / 28)
    return np.asarray(np.minimum(share, 1), dtype=np.float32)
