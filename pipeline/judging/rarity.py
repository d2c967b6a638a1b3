"""What a hit counts where the gate asks for rarity: users act on what they are shown, so what is shown is hit.

A list of what the table in use shows anyway finds much of what users did, whatever it is worth; the gate would keep it.
A hit that counts the less the more its item was looked at before favours it less (`python -m benchmarks.gate_key`).
What this cannot mend is a table in use that shows each user something else: an item is then looked at by those alone
whom that table takes to want it.
"""

import numpy as np

from pipeline.features.read import Cutoff
from pipeline.ranking.backstop import rarity
from pipeline.ranking.shown_features import ShownFacts
from pipeline.settings.config import Config


def read(cutoff: Cutoff, items: int, config: Config) -> np.ndarray | None:
    """[items] what a hit of each item counts, by how often it was looked at in the weeks before a cut-off.

    Args:
        cutoff: the judged one.
        items: how many are known tonight; those that came later count as what nobody looked at.
        config: `evaluate.gate_metric`.
    Returns:
        None where the gate asks for another metric; all 1 where nothing was shown before.
    """
    if config.evaluate.gate_metric != "rare_dcg":
        return None
    found, known = np.ones(max(items, cutoff.items)), rarity(ShownFacts.read(cutoff, config).looks)
    if known is not None:
        found[: len(known)] = known
    return found
