"""The fusion stage on a night whose right answer is known."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists, schemas
from pipeline.ground.artifacts import Memo
from pipeline.ranking import fusion
from tests.planted import NIGHT, STAGES, Planted, plant, quality, relabel, window

LISTS = ("blend", "hybrid", "hybrid_binary")


def run(night: Planted) -> tuple[Path, dict[str, object]]:
    """Run the stage into its place in the lake."""
    memo = Memo(night.out("fusion"))
    report = fusion.run(**night.given, config=night.config, memo=memo, out=memo.out)
    night.finish("fusion", memo)
    return memo.out, report


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Planted, Path, dict[str, object]]:
    """A planted night with the fusion's result."""
    night = plant(tmp_path_factory.mktemp("planted"))
    return night, *run(night)


def files(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("pool", lists.KINDS)
def test_the_hybrid_beats_every_source(fused, pool):
    night, out, _ = fused
    judged = window(night, "judge")
    hybrid = quality(judged, lists.read_list(judged.dir_in(out), pool, "hybrid")[0], pool)
    for stage, names in STAGES.items():
        for name in names:
            folder = judged.dir_in(night.folders[stage])
            if name in lists.list_names(folder, pool):
                assert hybrid > 1.1 * quality(judged, lists.read_list(folder, pool, name)[0], pool), name


def test_the_blend_beats_both_of_its_sides(fused):
    night, out, _ = fused
    judged = window(night, "judge")
    blended = quality(judged, lists.read_list(judged.dir_in(out), "all", "blend")[0], "all")
    for name in ("als", "language_model"):
        assert blended > quality(judged, lists.read_list(judged.dir_in(night.folders[name]), "all", name)[0], "all")


def test_every_list_keeps_the_contract(fused):
    night, out, _ = fused
    for fold in ("validate", "judge", "publish"):
        cutoff = window(night, fold)
        seen = cutoff.matrix("count").toarray()[cutoff.targets()] > 0
        for pool in lists.KINDS:
            assert lists.list_names(cutoff.dir_in(out), pool) == sorted(LISTS)
            for name in LISTS:
                items, scores = lists.read_list(cutoff.dir_in(out), pool, name)
                sources = np.load(cutoff.dir_in(out) / f"{pool}.{name}.sources.npy")
                assert (
                    items.shape == scores.shape == sources.shape == (len(cutoff.targets()), night.config.fusion.length)
                )
                with np.errstate(invalid="ignore"):  # -inf - -inf between two pads
                    assert not (np.diff(scores, axis=1) > 0).any()
                assert (np.isneginf(scores) == (items < 0)).all()
                assert ((sources >= 0) == (items >= 0)).all()
                assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in items)
                if pool == "new":
                    row, place = np.nonzero(items >= 0)
                    assert not seen[row, items[row, place]].any()


def test_a_source_is_one_that_listed_the_item(fused):
    night, out, _ = fused
    cutoff = window(night, "publish")
    names = json.loads((out / "sources.json").read_text())
    items, _ = lists.read_list(cutoff.dir_in(out), "all", "hybrid")
    sources = np.load(cutoff.dir_in(out) / "all.hybrid.sources.npy")
    als = names.index("als")
    listed = {p: lists.read_list(cutoff.dir_in(night.folders["als"]), p, "als")[0] for p in lists.KINDS}
    row, place = np.nonzero(sources == als)
    assert len(row)
    for r, item in zip(row[:50], items[row, place][:50], strict=True):
        assert item in listed["all"][r] or item in listed["new"][r]


def test_what_is_judged_has_not_been_seen(fused, tmp_path):
    night, out, _ = fused
    other = plant(tmp_path)
    relabel(other, window(other, "judge"))
    changed, _ = run(other)
    for part in ("fold=judge", "fold=validate", window(night, "judge").part, window(night, "validate").part):
        assert files(out / part) == files(changed / part), part
    assert files(out / "fold=publish") != files(changed / "fold=publish")


def test_a_rerun_gives_the_same_bytes_and_another_night_of_the_week_links_what_was_learned(fused, tmp_path):
    _, out, _ = fused
    again = plant(tmp_path)
    folder, report = run(again)
    first = {name: content for name, content in files(out).items() if name != artifacts.MANIFEST}
    assert {n: c for n, c in files(folder).items() if n != artifacts.MANIFEST} == first
    assert report["linked"] == 0
    shutil.move(folder, artifacts.stage_dir(again.config.lake, "fusion", NIGHT.replace(day=3)))
    linked, report = run(again)
    assert report["linked"] == 6
    assert {n: c for n, c in files(linked).items() if n != artifacts.MANIFEST} == first


def test_importance_adds_up(fused):
    _, out, _ = fused
    table = pq.read_table(out / "fold=publish" / "importance.parquet")
    gains = table.group_by(["pool", "ranker"]).aggregate([("gain", "sum")])
    assert gains.num_rows == 4
    assert gains.column("gain_sum").to_pylist() == pytest.approx([1.0] * 4)


def test_what_a_user_dislikes_or_never_comes_back_to_is_fused_into_no_list(tmp_path):
    night = plant(tmp_path, rounds=5, repeats=False, ablation=False)
    disliked = {"user_index": np.arange(120, dtype=np.int32), "item_index": np.arange(120, dtype=np.int32) % 80}
    for cutoff in night.cutoffs:
        pq.write_table(pa.table(disliked, schema=schemas.DISLIKED), cutoff.folder / "disliked.parquet")
    night.finish("features")
    out, _ = run(night)
    cutoff = window(night, "publish")
    never = (cutoff.disliked() + cutoff.matrix("count")).toarray() > 0
    for pool in lists.KINDS:
        for name in lists.list_names(cutoff.dir_in(out), pool):
            items, _ = lists.read_list(cutoff.dir_in(out), pool, name)
            row, column = np.nonzero(items >= 0)
            assert len(row)
            assert not never[cutoff.targets()[row], items[row, column]].any()


def test_a_night_without_a_language_model_and_without_labels_still_has_lists(tmp_path):
    night = plant(tmp_path, rounds=5)
    shutil.rmtree(night.folders["language_model"])
    night.out("language_model")
    night.finish("language_model")
    for cutoff in night.cutoffs[1:]:
        (cutoff.folder / "labels.parquet").unlink()
        empty = pq.read_table(cutoff.folder / "targets.parquet").slice(0, 0)
        pq.write_table(empty, cutoff.folder / "targets.parquet")
        pq.write_table(schemas.LABELS.empty_table(), cutoff.folder / "labels.parquet")
        for stage in ("popularity", "als", "user_knn", "ease"):
            for path in cutoff.dir_in(night.folders[stage]).glob("*.npy"):
                if path.name.startswith(("all.", "new.", "user_")):
                    np.save(path, np.load(path)[:0])
    for stage in night.folders:
        night.finish(stage)
    out, _ = run(night)
    cutoff = window(night, "publish")
    for pool in lists.KINDS:
        items, _ = lists.read_list(cutoff.dir_in(out), pool, "hybrid")
        assert (items[:, 0] >= 0).all()
    assert lists.read_list(window(night, "judge").dir_in(out), "all", "hybrid")[0].shape[0] == 0
