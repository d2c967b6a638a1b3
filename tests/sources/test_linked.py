"""What belongs to the user's items, against sums over the links one by one."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.artifacts import Memo
from pipeline.sources import linked
from tests.sources.shop import NIGHT, config_for, write_features

LINKS = [(4, 0), (4, 1), (5, 1), (5, 2), (3, 0)]


def matrices() -> tuple[np.ndarray, np.ndarray]:
    links = np.zeros((6, 6), np.float32)
    for item, other in LINKS:
        links[item, other] = 1
    history = np.random.default_rng(1).integers(0, 3, (7, 6)).astype(np.float32)
    return history, links


def test_evidence_goes_along_a_link_both_ways() -> None:
    history, links = matrices()
    score = linked.along(csr_matrix(history), csr_matrix(links))
    expected = np.zeros((7, 6))
    for item, other in LINKS:
        expected[:, item] += history[:, other]
        expected[:, other] += history[:, item]
    np.testing.assert_allclose(score(np.arange(7)).toarray(), expected)


def test_items_are_alike_as_far_as_they_belong_to_the_same() -> None:
    history, links = matrices()
    score = linked.alike(csr_matrix(history), csr_matrix(links))(np.arange(7)).toarray()
    cosine = [[0.0] * 6 for _ in range(6)]
    for one in range(6):
        for two in range(6):
            both = (links[one] * links[two]).sum()
            cosine[one][two] = both / np.sqrt(max(links[one].sum() * links[two].sum(), 1))
    np.testing.assert_allclose(score, history @ np.array(cosine), rtol=1e-5)


def test_what_was_spent_goes_along_a_link_where_prices_are_known(tmp_path: Path) -> None:
    values, links = matrices()
    spent = np.where(values > 0, np.random.default_rng(2).random(values.shape) * 9, np.nan)
    spent[values == 2] = np.nan  # a price of what some did is not known: it is worth nothing, not everything
    rows = {"item_index": [item for item, _ in LINKS], "linked_index": [other for _, other in LINKS]}
    made = {}
    for name, given in (("priced", spent), ("unpriced", None)):
        config = config_for(tmp_path / name)
        features = write_features(config.lake, {NIGHT: values}, spent=given)
        cutoff, out = read_cutoffs(features)[0], artifacts.stage_dir(config.lake, "linked", NIGHT)
        pq.write_table(pa.table(rows, schema=schemas.LINKS), cutoff.folder / "links.parquet")
        linked.run(features=features, config=config, section=config.linked, memo=Memo(out))
        made[name] = cutoff, cutoff.dir_in(out)
    cutoff, folder = made["priced"]
    expected = np.nan_to_num(spent) @ (links + links.T)
    items, scores = lists.read_list(folder, "all", "linked_spent")
    for row, user in enumerate(cutoff.targets()):
        there = items[row] >= 0
        assert set(items[row][there].tolist()) == set(np.flatnonzero(expected[user] > 0).tolist())
        np.testing.assert_allclose(scores[row][there], np.sort(expected[user][expected[user] > 0])[::-1], rtol=1e-3)
    assert lists.list_names(made["unpriced"][1], "all") == ["linked", "linked_alike", "linked_lately"]


def test_its_lists_hold_what_is_linked_and_no_list_is_made_without_links(tmp_path: Path) -> None:
    values, links = matrices()
    config = config_for(tmp_path)
    features = write_features(config.lake, {NIGHT: values})
    out = artifacts.stage_dir(config.lake, "linked", NIGHT)
    linked.run(features=features, config=config, section=config.linked, memo=Memo(out))
    assert not list(out.rglob("*.items.npy"))
    cutoff = read_cutoffs(features)[0]
    rows = {"item_index": [item for item, _ in LINKS], "linked_index": [other for _, other in LINKS]}
    pq.write_table(pa.table(rows, schema=schemas.LINKS), cutoff.folder / "links.parquet")
    again = artifacts.stage_dir(config.lake, "again", NIGHT)
    linked.run(features=features, config=config, section=config.linked, memo=Memo(again))
    items, scores = lists.read_list(cutoff.dir_in(again), "new", "linked")
    having = (values > 0).astype(float)
    expected = having @ (links + links.T)
    for row, user in enumerate(cutoff.targets()):
        wanted = {i for i in range(6) if expected[user, i] > 0 and not values[user, i]}
        assert set(items[row][items[row] >= 0].tolist()) == wanted
        given = expected[user, items[row][items[row] >= 0]]
        assert (np.diff(given) <= 0).all()
        np.testing.assert_allclose(scores[row][items[row] >= 0], given, atol=0.02)
