"""Lists against a sort in plain Python, parts against a fresh run, and BLAS threads against what BLAS says."""

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import threadpoolctl
from scipy.sparse import csr_matrix

from pipeline.arrays.determinism import blas_threads
from pipeline.features.read import read_cutoffs
from pipeline.ground import artifacts, lists
from pipeline.ground.errors import TrainingError
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.sources.candidates import reached, write_candidates
from tests.sources import shop

RNG = np.random.default_rng(5)
VALUES = np.where(RNG.random((8, 7)) < 0.4, RNG.random((8, 7)), 0).astype(np.float32)
VALUES[2] = 0  # a user without a history is no target
VALUES[:, 3] = 0  # an item nobody acted on
OLDER = shop.NIGHT - timedelta(days=14)
SOURCES = ("popularity", "als", "user_knn", "ease")


def plain_ranking(scores: np.ndarray, allowed: np.ndarray, n: int) -> list[int]:
    best = sorted((-s, i) for i, s in enumerate(scores) if allowed[i])
    return ([i for _, i in best] + [-1] * n)[:n]


@pytest.mark.parametrize("pool", ["all", "new"])
@pytest.mark.parametrize("above", [-np.inf, 0.5])
def test_lists_are_a_plain_sort(tmp_path: Path, pool: lists.Pool, above: float) -> None:
    cutoff = read_cutoffs(shop.write_features(tmp_path, {shop.NIGHT: VALUES}))[0]
    scores = RNG.permutation(VALUES.size).reshape(VALUES.shape).astype(np.float32) / VALUES.size
    own, config = ("decay_30", 1.0), Config(block_users=3)
    write_candidates(
        tmp_path, "x", cutoff, lambda users: scores[users], n=5, config=config, own=own, above=above, kinds=(pool,)
    )
    items, best = lists.read_list(tmp_path, pool, "x")
    for row, user in enumerate(cutoff.targets()):
        total = scores[user] + (VALUES[user] if pool == "all" else 0)
        allowed = (total > above) & ((VALUES[user] == 0) | (pool == "all"))
        expected = plain_ranking(total, allowed, 5)
        assert items[row].tolist() == expected
        assert best[row].tolist() == [total[i] if i >= 0 else -np.inf for i in expected]


@pytest.mark.parametrize("where", [None, [0, 3, 4, 5]])
def test_lists_of_some_items_are_those_of_all_where_the_others_score_nothing(
    tmp_path: Path, where: list[int] | None
) -> None:
    cutoff = read_cutoffs(shop.write_features(tmp_path, {shop.NIGHT: VALUES}))[0]
    among = reached(cutoff)
    assert among is not None
    assert among.tolist() == [0, 1, 2, 4, 5, 6]
    if where is not None:
        eligible = np.isin(np.arange(7), where)
        pq.write_table(pa.table({"": eligible}), cutoff.folder / "eligible.parquet")
    scores, own = RNG.random(VALUES.shape, dtype=np.float32) * (VALUES.sum(axis=0) > 0), ("decay_30", 1.0)
    for name, columns in (("wide", None), ("narrow", among)):
        given = scores if columns is None else scores[:, columns]
        for kind, made in (("dense", given), ("sparse", csr_matrix(given))):
            write_candidates(
                tmp_path,
                f"{name}_{kind}",
                cutoff,
                lambda users, made=made: made[users],
                n=5,
                config=Config(block_users=3),
                own=own,
                above=0.0,
                among=columns,
            )
    for pool in (lists.pool_of(name, kind) for name in cutoff.assortments() for kind in lists.KINDS):
        expected = lists.read_list(tmp_path, pool, "wide_dense")
        for name in ("wide_sparse", "narrow_dense", "narrow_sparse"):
            for mine, theirs in zip(lists.read_list(tmp_path, pool, name), expected, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_score_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    cutoff = read_cutoffs(shop.write_features(tmp_path, {shop.NIGHT: VALUES}))[0]
    with pytest.raises(TrainingError, match="not a number"):
        write_candidates(tmp_path, "x", cutoff, lambda u: np.full((len(u), 7), np.nan), n=2, config=Config())


@pytest.mark.parametrize("stage", [*SOURCES, "item_knn"])
def test_what_a_user_dislikes_is_on_no_list(tmp_path: Path, stage: str) -> None:
    values = VALUES.copy()
    values[[0, 0, 4], np.argsort(-VALUES.sum(axis=0))[[0, 1, 0]]] = -1
    config = shop.config_for(tmp_path, als={"factors": 4})
    features = shop.write_features(config.lake, {shop.NIGHT: values})
    stages.run_stage(stage, shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, stage, shop.NIGHT), shop.NIGHT)
    targets, shown = read_cutoffs(features)[0].targets(), 0
    for pool in lists.KINDS:
        for name in lists.list_names(folder, pool):
            items, _ = lists.read_list(folder, pool, name)
            row, column = np.nonzero(items >= 0)
            assert (values[targets[row], items[row, column]] >= 0).all()
            shown += len(row)
    assert shown > 0


@pytest.mark.parametrize("stage", SOURCES)
def test_where_nobody_comes_back_what_a_user_has_is_on_no_list(tmp_path: Path, stage: str) -> None:
    config = shop.config_for(tmp_path, als={"factors": 4})
    features = shop.write_features(config.lake, {shop.NIGHT: VALUES}, repeats=False)
    stages.run_stage(stage, shop.NIGHT, config)
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, stage, shop.NIGHT), shop.NIGHT)
    assert "buy_again" not in lists.list_names(folder, "all")
    targets = read_cutoffs(features)[0].targets()
    for name in lists.list_names(folder, "all"):
        items, scores = lists.read_list(folder, "all", name)
        row, column = np.nonzero(items >= 0)
        assert (VALUES[targets[row], items[row, column]] == 0).all()
        other = lists.read_list(folder, "new", name)
        assert (items == other[0]).all()
        assert (scores == other[1]).all()


@pytest.mark.parametrize("stage", SOURCES)
def test_a_night_is_the_same_bytes_alone_after_another_and_again(tmp_path: Path, stage: str) -> None:
    """Parts linked from the night before equal parts made anew, warm starts included."""
    cutoffs = {OLDER - timedelta(days=7): VALUES[:6, :5], OLDER: VALUES[:7]}
    config = {name: shop.config_for(tmp_path / name, als={"factors": 4}) for name in ("alone", "after")}
    monday = shop.NIGHT + timedelta(days=1)
    for one in config.values():
        shop.write_features(one.lake, cutoffs | {shop.NIGHT: VALUES})
        shop.write_features(one.lake, cutoffs | {monday: VALUES[::-1]}, night=monday)
    stages.run_stage(stage, shop.NIGHT, config["after"])
    linked = stages.run_stage(stage, monday, config["after"])
    fresh = stages.run_stage(stage, monday, config["alone"])
    assert (linked["report"].pop("linked"), fresh["report"].pop("linked")) == (2, 0)
    assert linked["report"] == fresh["report"]
    folders = {name: artifacts.stage_dir(config[name].lake, stage, monday) for name in config}
    first = shop.contents(folders["alone"])
    assert first == shop.contents(folders["after"])
    stages.run_stage(stage, monday, config["alone"], force=True)
    assert first == shop.contents(folders["alone"])
    assert linked["parts"] == fresh["parts"]


@pytest.mark.parametrize("stage", SOURCES)
def test_empty_oldest_cutoff_one_item_one_user(tmp_path: Path, stage: str) -> None:
    """Before the first event there is nothing: lists without rows, and the next cut-off starts from nothing."""
    oldest = date(2009, 1, 4)
    cutoffs = {oldest: np.zeros((0, 0)), OLDER: np.zeros((1, 1)), shop.NIGHT: np.ones((1, 1))}
    config = shop.config_for(tmp_path, als={"factors": 4})
    features = shop.write_features(config.lake, cutoffs)
    stages.run_stage(stage, shop.NIGHT, config)
    out = artifacts.stage_dir(config.lake, stage, shop.NIGHT)
    for cutoff in read_cutoffs(features):
        for pool in lists.KINDS:
            for name in lists.list_names(cutoff.dir_in(out), pool):
                items, _ = lists.read_list(cutoff.dir_in(out), pool, name)
                assert items.shape == (len(cutoff.targets()), 120)
                assert items[:, 1:].max(initial=-1) == -1
                assert (items[:, :1] == (0 if pool == "all" else -1)).all()


@pytest.mark.parametrize("stage", SOURCES)
def test_nothing_to_learn_from_is_an_error(tmp_path: Path, stage: str) -> None:
    config = shop.config_for(tmp_path)
    shop.write_features(config.lake, {shop.NIGHT: np.zeros((3, 2))})
    with pytest.raises(TrainingError, match="nothing to learn from"):
        stages.run_stage(stage, shop.NIGHT, config)
    assert not artifacts.stage_dir(config.lake, stage, shop.NIGHT).exists()


def test_blas_threads_reach_every_blas() -> None:
    with blas_threads(1):
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_als_is_quiet_and_quick_without_any_environment(tmp_path: Path) -> None:
    """Without OPENBLAS_NUM_THREADS implicit warns and crawls, unless the program limits BLAS itself."""
    program = """
import numpy, scipy.sparse, warnings
from pipeline.arrays.factorisation import factorise
warnings.simplefilter("error")
matrix = scipy.sparse.random(2000, 1500, 0.02, "csr", numpy.float32, 1)
users, items = factorise(matrix, numpy.full((1500, 64), 0.01, numpy.float32), 2, 5.0, 2)
assert users.any() and items.any()
"""
    threads = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {name: value for name, value in os.environ.items() if name not in threads}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
