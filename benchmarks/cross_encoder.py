"""Does a cross-encoder earn its cost? It reads a history and an item as one text and re-ranks the best of the list.

    python -m benchmarks.cross_encoder 2011-05-08 2011-06-05 [--steps 150] [--top 30] [--home FOLDER]

Nights, hidden items and judge are those of benchmarks/hidden_items.py. The list is what the language model ranks in
production (fine-tuned encoder beside words, with preferences). The cross-encoder is a sequence classifier with two
labels on the fine-tuned encoder: "the customer's last titles [SEP] the item's title" -> bought or not. It learns from
items that are not hidden, taken out of the history that is read; half of the wrong items are drawn by popularity, half
are the nearest texts to the right one. Its logit is blended with the list's score, both standardised per customer; the
blend's weight w is chosen on the first half of the customers and reported on the second (and the other way round).
"""

import time
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import torch

from benchmarks import hidden_items, nights
from benchmarks.hidden_items import HiddenItems
from pipeline.arrays import determinism
from pipeline.encoder.encoder import Encoder
from pipeline.settings.config import Config

HISTORY, TOKENS, PAIRS, RATE = 8, 96, 32, 1e-4
WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)


class CrossEncoder(torch.nn.Module):
    """The encoder's transformer with a head of two labels on the mean of its tokens."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.tokenizer, self.model = encoder.tokenizer, encoder.model
        self.head = torch.nn.Linear(encoder.model.config.hidden_size, 2)

    def forward(self, histories: list[str], items: list[str]) -> torch.Tensor:
        """Logits [P, 2] of pairs of texts."""
        given = self.tokenizer(
            histories, items, truncation="only_first", max_length=TOKENS, padding=True, return_tensors="pt"
        )
        hidden = self.model(**given).last_hidden_state
        kept = given["attention_mask"][..., None].float()
        logits: torch.Tensor = self.head((hidden * kept).sum(1) / kept.sum(1))
        return logits


def history_text(night: HiddenItems, user: int, without: int, rng: np.random.Generator | None) -> str:
    """A customer's titles, the most recent or a sample weighted by recency, without one item."""
    row = night.recent[user]
    items, weight = row.indices[row.indices != without], row.data[row.indices != without]
    if rng is None:
        chosen = items[np.argsort(-weight, kind="stable")[:HISTORY]]
    else:
        chosen = rng.choice(items, size=min(HISTORY, len(items)), replace=False, p=weight / weight.sum())
    return ", ".join(night.texts[item] for item in chosen)


def train(night: HiddenItems, encoder: Encoder, vectors: np.ndarray, steps: int, seed: int) -> CrossEncoder:
    """Fine-tune on pairs."""
    rng = np.random.default_rng(seed)
    model = CrossEncoder(encoder)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, fused=True)
    learned = night.learned.tocsr()
    filled = np.array([bool(text.strip()) for text in night.texts]) & ~night.hidden
    buyers = np.diff(learned.tocsc().indptr) * filled
    chance = buyers / buyers.sum()
    users = np.flatnonzero((np.diff(learned.indptr) >= 3) & (np.diff(night.recent.indptr) >= 3))
    model.train()
    for step in range(steps):
        histories, items, labels = [], [], []
        for user in rng.choice(users, size=PAIRS // 2):
            own = learned[user].indices
            right = int(rng.choice(own))
            if rng.random() < 0.5:
                near = np.argsort(-(vectors @ vectors[right]))[:60]
                near = near[filled[near] & ~np.isin(near, own)]
                wrong = int(rng.choice(near)) if len(near) else int(rng.choice(len(chance), p=chance))
            else:
                wrong = int(rng.choice(len(chance), p=chance))
            text = history_text(night, user, right, rng)
            histories += [text, text]
            items += [night.texts[right], night.texts[wrong]]
            labels += [1, 0]
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / (0.1 * steps), 1 - step / steps)
        loss = torch.nn.functional.cross_entropy(model(histories, items), torch.tensor(labels))
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model


def standard(scores: np.ndarray) -> np.ndarray:
    """Rows of mean 0 and deviation 1."""
    return np.asarray((scores - scores.mean(1, keepdims=True)) / np.maximum(scores.std(1, keepdims=True), 1e-9))


def reranked(night: HiddenItems, scores: np.ndarray, top: int, model: CrossEncoder, users: np.ndarray) -> np.ndarray:
    """[weights, users] NDCG@10 with the first `top` of the list re-ranked."""
    hidden = np.flatnonzero(night.hidden)
    ranked = np.where(night.seen, -np.inf, scores)[users]
    best = np.argsort(-ranked, axis=1, kind="stable")[:, :top]
    logits = np.zeros(best.shape)
    model.eval()
    with torch.inference_mode():
        for row, user in enumerate(night.users[users]):
            text = history_text(night, int(user), -1, None)
            found = model([text] * top, [night.texts[hidden[item]] for item in best[row]])
            logits[row] = (found[:, 1] - found[:, 0]).numpy()
    listed = standard(np.take_along_axis(ranked, best, axis=1))
    rows = []
    part = replace(night, truth=night.truth[users], seen=night.seen[users])
    for weight in WEIGHTS:
        changed = np.full_like(ranked, -1e9)
        np.put_along_axis(changed, best, (1 - weight) * listed + weight * standard(logits), axis=1)
        rows.append(hidden_items.judge(part, changed)[0])
    return np.stack(rows)


@dataclass(frozen=True)
class Compared:
    """A night's NDCG@10 by weight [W, users], seconds of training, pairs read a second."""

    found: np.ndarray
    trained: float
    rate: float


def compare(night: HiddenItems, day: date, settings: Config, *, steps: int, top: int, most: int) -> Compared:
    """Train a cross-encoder and re-rank the lists of at most so many customers, drawn."""
    encoder = hidden_items.tuned_encoder(night, day, settings)
    encoded = encoder.encode(night.texts)
    vectors = hidden_items.vectors_of(night, encoder, encoded, settings)
    scores = hidden_items.preferred(night, vectors, settings)
    started = time.perf_counter()
    model = train(night, encoder, encoded, steps, settings.seed)
    trained = time.perf_counter() - started
    users = np.random.default_rng(0).permutation(len(night.users))[:most]
    started = time.perf_counter()
    found = reranked(night, scores, top, model, users)
    return Compared(found, trained, len(users) * top / (time.perf_counter() - started))


def show(day: date, compared: Compared) -> None:
    """Print a night: the weight of each half is the best of the other."""
    found = compared.found
    halves = np.arange(found.shape[1]) % 2 == 0
    picked = [int(found[:, half].mean(axis=1).argmax()) for half in (halves, ~halves)]
    other = np.r_[found[picked[0]][~halves], found[picked[1]][halves]]
    weights = "/".join(f"{WEIGHTS[n]:g}" for n in picked)
    row = f"{day!s:<12}{found[0].mean():>8.4f}{other.mean():>11.4f}{weights:>8}"
    print(f"{row}{compared.trained:>12.0f}{compared.rate:>9.0f}", flush=True)
    print("    by weight: " + "  ".join(f"{w:g}: {v:.4f}" for w, v in zip(WEIGHTS, found.mean(axis=1), strict=True)))


def main() -> None:
    """Print NDCG@10 with and without it, and what it costs."""
    options = nights.arguments(__doc__)
    options.add_argument("--steps", type=int, default=150)
    options.add_argument("--top", type=int, default=30, help="items of a list that are re-ranked")
    options.add_argument("--users", type=int, default=300, help="at most so many customers, drawn")
    chosen = options.parse_args()
    settings = nights.settings_of(chosen)
    print(f"{'night':<12}{'list':>8}{'re-ranked':>11}{'weight':>8}{'trained, s':>12}{'pairs/s':>9}", flush=True)
    for day, night in hidden_items.each(settings, chosen.nights):
        with determinism.reproducible(settings.seed, settings.threads):
            show(day, compare(night, day, settings, steps=chosen.steps, top=chosen.top, most=chosen.users))


if __name__ == "__main__":
    main()
