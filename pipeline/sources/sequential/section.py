"""The settings of sasrec."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from pipeline.settings.sections.base import Decay, RepeatingSection


class Sasrec(RepeatingSection):
    """What comes next in a user's sequence of actions, by self-attention (Kang & McAuley, ICDM 2018)."""

    enabled: bool = False
    """Whether the source is made."""
    text_vectors: bool = True
    """Whether an item is also what the language model says its text is; only where that source is made."""
    goal: Literal["all", "new"] = "new"
    """What a basket is asked for: all its items, or those that the user had never acted on before."""
    values: Decay = "decay_90"
    """Column of the interactions whose singular vectors the items' vectors start from."""
    size: PositiveInt = 64
    """Length of the vectors."""
    layers: NonNegativeInt = 0
    """Layers of self-attention before the readout."""
    heads: PositiveInt = 2
    """Heads of every attention."""
    length: PositiveInt = 100
    """Latest actions of a user that are read."""
    baskets: PositiveInt = 8
    """Latest baskets of a user that are learned from."""
    steps: PositiveInt = 150
    """Steps of the oldest cut-off, which starts from singular vectors."""
    warm_steps: PositiveInt = 40
    """Steps of every later cut-off, which starts from the network of the one before."""
    batch_users: PositiveInt = 128
    """Users per step."""
    batch_items: PositiveInt = 8192
    """Items that a step's softmax goes over."""
    popularity_power: float = Field(default=0.5, ge=0, le=1)
    """Items are drawn with probability ~ popularity to this power."""
    half_life_days: PositiveFloat = 60.0
    """A basket's weight halves in this many days."""
    learning_rate: PositiveFloat = 1e-3
    """Highest rate of AdamW; it rises for a few steps and falls to zero."""
    weight_decay: NonNegativeFloat = 0.01
    """Of AdamW."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of activations left out while training."""
    time_limit_minutes: PositiveFloat = 10.0
    """Only a guard: training that it cuts short says so, and is then no longer the same on a slower machine."""
    own_weight: NonNegativeFloat = 3.0
    """Weight of the own history in pool `all`."""
