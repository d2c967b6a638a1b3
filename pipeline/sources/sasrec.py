"""What comes next in a user's sequence of actions, by self-attention.

    cutoff=YYYY-MM-DD/model.safetensors    the network, see pipeline.sources.sequential.attention
    cutoff=YYYY-MM-DD/{all,new}.sasrec.*   the lists; a score is a logit of the day after the cut-off
    cutoff=YYYY-MM-DD/fit.json             steps, first and last loss

The oldest cut-off starts from the history's singular vectors, every later one goes on from the network of the one
before for a few steps, on what it knows; recent baskets count more. With `text_vectors` an item is its own vector plus
a projection of the language model's, so an item without a sale has a place too. Pool `all` adds the own history.
Source: Kang & McAuley, ICDM 2018.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays.determinism import reproducible
from pipeline.features.read import Cutoff
from pipeline.ground.artifacts import Memo
from pipeline.settings.config import Config
from pipeline.sources.candidates import Score, make_parts, tonights_fit, write_fit, write_source
from pipeline.sources.contract import CandidateList, Source
from pipeline.sources.sequential.section import Sasrec
from pipeline.sources.sequential.sequences import ActionLog, action_log, latest, sequences_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from pipeline.sources.sequential.attention import Network

WEIGHTS = "model.safetensors"


SOURCE = Source(
    Sasrec,
    lists=(CandidateList("sasrec", "Sequences (SASRec)"),),
    made_of={"interactions": ("{values}", "first_age", "last_age")},
)


def popularity(actions: ActionLog, items: int, half_life_days: float) -> np.ndarray:
    """[I] float64 decayed number of actions; 0 for an item nobody ever acted on."""
    return np.bincount(actions.items, weights=0.5 ** (actions.ages / half_life_days), minlength=items)


def item_directions(history: "csr_matrix", size: int, seed: int) -> np.ndarray:
    """[I, d] float32 leading right singular vectors of the history, its rows and columns evened out; rows of mean 1.

    What the items' vectors start from: learned from random numbers, they would take most of the steps.
    """
    from scipy.sparse import diags
    from sklearn.utils.extmath import randomized_svd

    root = history.copy()
    root.data = np.sqrt(root.data)
    squares = root.multiply(root)
    users, items = (np.maximum(np.asarray(squares.sum(axis=axis)).ravel(), 0) + 1 for axis in (1, 0))
    even = diags(users**-0.25) @ root @ diags(items**-0.25)
    kept = min(size, *even.shape)
    vectors = np.zeros((history.shape[1], size), dtype=np.float32)
    if not kept:
        return vectors  # a shop that is younger than the cut-off
    _, strength, found = randomized_svd(even.tocsr(), kept, n_iter=4, random_state=seed)
    vectors[:, :kept] = (found * np.sqrt(strength)[:, None]).T
    length = np.sqrt(np.mean(np.sum(vectors**2, axis=1)))
    return np.asarray(vectors / (length if length > 0 else 1), dtype=np.float32)


def build(
    popular: np.ndarray,
    section: Sasrec,
    previous: Path | None = None,
    texts: np.ndarray | None = None,
    directions: np.ndarray | None = None,
) -> "Network":
    """A network for I items, on a GPU where there is one: fresh, or that of an older cut-off for what was known then.

    Args:
        popular: [I] decayed popularity; an item's bias starts as its logarithm.
        section: the sizes.
        directions: [I, d] the items' vectors of a fresh one; default: random.
        previous: weights of the older cut-off, which knew a prefix of the items; or None.
        texts: [I, h] vectors of the items' texts, or None.
    """
    import torch
    from safetensors.torch import load_file

    from pipeline.sources.sequential.attention import Network

    given = None if texts is None else torch.from_numpy(np.array(texts, dtype=np.float32))
    network = Network(len(popular), section, given)
    state = network.state_dict()
    share = (popular + 0.1) / (popular.sum() + 0.1 * len(popular))
    state["bias"] = torch.from_numpy(np.log(share).astype(np.float32))
    if directions is not None:
        state["own"] = torch.from_numpy(directions)
    if previous is not None:
        state["own"] = torch.zeros_like(state["own"])  # an item that came since starts as its text alone
        for name, values in load_file(previous).items():
            state[name][: len(values)] = values
    network.load_state_dict(state)
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


def scoring(network: "Network", actions: ActionLog, listed: np.ndarray, length: int) -> Score:
    """A function users [B] -> scores [B, I]: the logits of the day after the cut-off; -inf where not `listed` [I]."""
    import torch

    network.eval()
    with torch.no_grad():
        vectors = network.item_vectors()

    def score(users: np.ndarray) -> np.ndarray:
        items, ages = latest(actions, users, length)
        asked = np.full((len(users), 1), -1)
        given = (torch.from_numpy(array.astype(np.int64)).to(vectors.device) for array in (items, ages, asked))
        with torch.no_grad():
            logits = network(vectors, *given)[:, 0] @ vectors.t() + network.bias  # [B, I]
        scores = logits.cpu().numpy()
        scores[:, ~listed] = -np.inf
        return np.asarray(scores, dtype=np.float32)

    return score


def item_texts(language_model: Path, section: Sasrec) -> np.ndarray | None:
    """[I, h] the language model's item vectors, memory-mapped; None where they are not wanted or not made."""
    path = language_model / "item_vectors.npy"
    if not (section.text_vectors and path.is_file()):
        return None
    vectors: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return vectors


def run(
    *, features: Path, language_model: Path, config: Config, section: Sasrec, memo: Memo, out: Path
) -> dict[str, Any]:
    """Train every cut-off, oldest first, and write the list `sasrec`.

    Returns:
        The counts of `make_parts`, tonight's steps and losses, and whether texts were read.
    Raises:
        TrainingError: a loss is not finite.
    """
    texts = item_texts(language_model, section)

    def known_texts(cutoff: Cutoff) -> str:
        return "" if texts is None else hashlib.sha256(texts[: cutoff.items].tobytes()).hexdigest()

    def make(cutoff: Cutoff, previous: Path | None, folder: Path) -> None:
        known = None if texts is None else texts[: cutoff.items]
        with reproducible(config.seed, config.threads):
            write_fit(folder, _write_cutoff(folder, cutoff, previous, known, section=section, config=config))

    report = make_parts("sasrec", make, features=features, memo=memo, config=config, chained=True, also=known_texts)
    return report | tonights_fit(features, out) | {"text_vectors": texts is not None}


def _write_cutoff(
    folder: Path,
    cutoff: Cutoff,
    previous: Path | None,
    texts: np.ndarray | None,
    *,
    section: Sasrec,
    config: Config,
) -> dict[str, Any]:
    """Train one cut-off's network and write it and its lists."""
    from safetensors.torch import save_file

    from pipeline.sources.sequential.training import train

    actions = action_log(cutoff)
    popular = popularity(actions, cutoff.items, section.half_life_days)
    older = previous / WEIGHTS if previous and _knows_people(previous) else None
    directions = None if older else item_directions(cutoff.matrix(section.values), section.size, config.seed)
    network = build(popular, section, older, texts, directions)
    steps = section.warm_steps if older else section.steps
    known = sequences_of(actions, section.length, section.baskets, section.goal == "new")
    fitted = train(network, known, popular, section, steps=steps, seed=config.seed)
    save_file({name: values.cpu().contiguous() for name, values in network.state_dict().items()}, folder / WEIGHTS)
    listed = (popular > 0) | (False if texts is None else texts.any(axis=1))
    score = scoring(network, actions, listed, section.length)
    write_source(folder, "sasrec", cutoff, score, section=section, config=config)
    return fitted


def _knows_people(previous: Path) -> bool:
    """Whether an older cut-off's network learned anything of items; one from before anybody came has none, or zeros."""
    from safetensors.torch import load_file

    return bool(load_file(previous / WEIGHTS)["own"].any())
