"""The network of the sequence model: self-attention over a user's actions, read out by a question "and on this day?".

    actions [B, L] -> blocks of self-attention, none sees later days -> one attention per asked day [B, Q] -> vectors
    [B, Q, d], whose products with the items' vectors, plus an item's bias, are the scores

How far two actions are apart enters as a bias per head and octave of days: there are no positions, as the items of a
basket have no order. Source: Kang & McAuley, ICDM 2018 (SASRec); the time bias in the manner of Li et al., WSDM 2020.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.sources.sequential.section import Sasrec

# Time differences fall into half octaves of days: 0, 1, 2, 3-4, ... up to four years.
BUCKETS = 22


def time_bucket(days: Tensor) -> Tensor:
    """int64 bucket of a difference in days, >= 0."""
    return (2 * torch.log2(1 + days.clamp(min=0).float())).long().clamp(max=BUCKETS - 1)


class Attention(nn.Module):
    """Attention of one set of rows to another with a bias for the time between, and a feed-forward layer."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.before, self.between = nn.LayerNorm(size), nn.LayerNorm(size)
        self.question, self.known, self.out = nn.Linear(size, size), nn.Linear(size, 2 * size), nn.Linear(size, size)
        self.time = nn.Parameter(torch.zeros(heads, BUCKETS))
        self.forward_layer = nn.Sequential(
            nn.Linear(size, 2 * size), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * size, size), nn.Dropout(dropout)
        )

    def forward(self, rows: Tensor, keys: Tensor, apart: Tensor, allowed: Tensor) -> Tensor:
        """rows [B, N, d], keys [B, M, d], apart int64 [B, N, M] time buckets, allowed bool [B, N, M] -> [B, N, d]."""
        batch, number, size = rows.shape
        question = self.question(self.before(rows)).view(batch, number, self.heads, -1).transpose(1, 2)
        known = self.known(self.before(keys)).view(batch, keys.shape[1], 2, self.heads, -1)
        key, value = known.permute(2, 0, 3, 1, 4)
        bias = self.time.t()[apart].permute(0, 3, 1, 2)  # [B, H, N, M]
        bias = bias.masked_fill(~allowed[:, None], -1e9)  # not -inf: a row that may see nothing stays finite
        dropped = self.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(question, key, value, bias, dropped)
        rows = rows + functional.dropout(self.out(seen.transpose(1, 2).reshape(batch, number, size)), dropped)
        found: Tensor = rows + self.forward_layer(self.between(rows))
        return found


class Network(nn.Module):
    """Item vectors, self-attention over a sequence, and a readout."""

    def __init__(self, items: int, section: Sasrec, texts: Tensor | None) -> None:
        """texts: [I, h] vectors of the items' texts; their projection is added to the items' own vectors."""
        super().__init__()
        size, heads, dropout = section.size, section.heads, section.dropout
        self.own = nn.Parameter(torch.randn(items, size) * size**-0.5)
        self.bias = nn.Parameter(torch.zeros(items))
        self.query, self.nothing = (nn.Parameter(torch.randn(size) * size**-0.5) for _ in range(2))
        self.layers = nn.ModuleList(Attention(size, heads, dropout) for _ in range(section.layers))
        self.readout = Attention(size, heads, dropout)
        self.last = nn.LayerNorm(size)
        self.drop = nn.Dropout(dropout)
        self.project = None if texts is None else nn.Linear(texts.shape[1], size, bias=False)
        self.register_buffer("texts", texts, persistent=False)

    def item_vectors(self) -> Tensor:
        """[I, d]."""
        return self.own if self.project is None else self.own + self.project(self.texts)

    def forward(self, vectors: Tensor, items: Tensor, ages: Tensor, asked: Tensor) -> Tensor:
        """What a user will want on the asked days.

        Args:
            vectors: [I, d] of `item_vectors`.
            items: [B, L] item indices, -1 pads.
            ages: [B, L] days before the cut-off.
            asked: [B, Q] days before the cut-off (-1: the day after it); only older actions are seen.
        Returns:
            [B, Q, d]; its product with an item's vector, plus the item's bias, is the score.
        """
        there = items >= 0
        rows = self.drop(functional.embedding(items.clamp(min=0), vectors) * vectors.shape[1] ** 0.5)
        if len(self.layers):
            gap = ages[:, None, :] - ages[:, :, None]  # [B, L, L], how much older the other is
            allowed = (gap >= 0) & there[:, None, :]
            bucket = time_bucket(gap)
            for layer in self.layers:
                rows = layer(rows, rows, bucket, allowed)
        gap = functional.pad(ages[:, None, :] - asked[:, :, None], (1, 0), value=1)  # [B, Q, 1 + L]
        allowed = (gap > 0) & functional.pad(there, (1, 0), value=True)[:, None, :]  # what stands first is seen by all
        rows = torch.cat([self.nothing.expand(len(rows), 1, -1), rows], dim=1)
        question = self.query.expand(*asked.shape, -1)
        found: Tensor = self.last(self.readout(question, rows, time_bucket(gap), allowed))
        return found
