"""The ensemble stage on planted lists."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from pipeline.ground import artifacts, lists
from pipeline.ground.artifacts import Memo
from pipeline.ground.errors import InputError
from pipeline.ranking import ensemble, finals, fusion, merging
from pipeline.ranking.candidate_lists import with_made_lists
from tests.planted import Planted, plant, quality, read_json, relabel, window


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """A planted night that has been fused."""
    found = plant(tmp_path_factory.mktemp("planted"), rounds=10, ablation=False)
    fuse(found)
    return found


def fuse(night: Planted) -> None:
    """Run the fusion before."""
    memo = Memo(night.out("fusion"))
    fusion.run(**night.given, config=night.config, memo=memo, out=memo.out)
    night.finish("fusion", memo)


def run(night: Planted, out: Path, **settings: object) -> dict[str, object]:
    """Run the stage into `out`, named like a night's folder."""
    section = night.config.ensemble.model_copy(update=settings)
    config = night.config.model_copy(update={"ensemble": section})
    out.mkdir(parents=True)
    return ensemble.run(**night.given, fusion=night.out("fusion"), config=config, memo=Memo(out), out=out)


def test_final_is_the_configured_list_with_sources(night, tmp_path):
    out = tmp_path / "ensemble" / "run_date=2011-10-02"
    run(night, out, final="borda", backstop=False)
    cutoff = window(night, "publish")
    for pool in lists.KINDS:
        folder = cutoff.dir_in(out)
        assert lists.list_names(folder, pool) == ["borda", "final", "reciprocal_rank", "weighted"]
        final, borda = (lists.read_list(folder, pool, name)[0] for name in ("final", "borda"))
        assert (final == borda).all()
        sources = np.load(folder / f"{pool}.final.sources.npy")
        assert ((sources >= 0) == (final >= 0)).all()
    assert read_json(out / "sources.json") == list(with_made_lists(night.config, night.sources).fusion.sources)


def test_probabilities_fall_along_a_list_and_hold_for_all_users(night, tmp_path):
    out = tmp_path / "ensemble" / "run_date=2011-10-02"
    run(night, out)
    cutoff = window(night, "judge")
    for pool in lists.KINDS:
        items, _ = lists.read_list(cutoff.dir_in(out), pool, "final")
        chance = np.load(cutoff.dir_in(out) / f"{pool}.final.probability.npy")
        acting = np.load(cutoff.dir_in(out) / f"{pool}.activity.npy")
        assert chance.dtype == np.float32
        assert chance.shape == items.shape
        assert acting.shape == (cutoff.users,)
        assert ((chance >= 0) & (chance <= 1)).all()
        assert (np.diff(chance, axis=1) <= 0).all()
        assert not chance[items < 0].any()
        targets, labels = cutoff.targets(), cutoff.labels().to_pydict()
        truth = set(zip(labels["user_index"], labels["item_index"], strict=True))
        row, column = np.nonzero(items >= 0)
        hits = [(int(u), int(i)) in truth for u, i in zip(targets[row], items[row, column], strict=True)]
        given = (chance / acting[targets][:, None])[row, column]  # that they act is known here
        if pool == "all":
            assert given.mean() == pytest.approx(np.mean(hits), rel=0.15)
            assert given[np.array(hits)].mean() > 1.3 * given.mean()
    assert set(read_json(out / "calibration.json")) == {"judge", "publish"}


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_source_alone_is_calibrated_by_its_ranks(night, tmp_path, method):
    out = tmp_path / "ensemble" / "run_date=2011-10-02"
    run(night, out, members=("als",), final="als", calibration=method)
    chance = np.load(window(night, "publish").dir_in(out) / "all.final.probability.npy")
    assert (chance[:, 0] > chance[:, 20]).all()


def test_a_member_can_be_final(night, tmp_path):
    out = tmp_path / "ensemble" / "run_date=2011-10-02"
    run(night, out, members=("als", "ease"), final="als")
    cutoff = window(night, "judge")
    final = lists.read_list(cutoff.dir_in(out), "new", "final")[0]
    als = lists.read_list(cutoff.dir_in(night.folders["als"]), "new", "als")[0]
    assert (final[:, : als.shape[1]] == als).all()
    sources = np.load(cutoff.dir_in(out) / "new.final.sources.npy")
    names = with_made_lists(night.config, night.sources).fusion.sources
    assert set(sources[final >= 0].tolist()) == {names.index("als")}


def test_an_unknown_final_is_refused(night, tmp_path):
    with pytest.raises(InputError, match=r"ensemble\.final = 'nothing'"):
        run(night, tmp_path / "ensemble" / "run_date=2011-10-02", final="nothing")


def test_learned_weights_maximise_ndcg_by_brute_force(night, tmp_path):
    members, out = ("als", "popularity"), tmp_path / "ensemble" / "run_date=2011-10-02"
    run(night, out, members=members, shrinkage=0.0, step=0.25)
    learned = read_json(out / "weights.json")["judge"]["all"]["weights"]
    cutoff = window(night, "validate")
    found = [lists.read_list(cutoff.dir_in(night.folders[m]), "all", m) for m in members]
    values = {}
    for left in (0.0, 0.25, 0.5, 0.75, 1.0):
        merged = merging.gather(cutoff.targets(), cutoff.items, found)
        ranked = finals.merge_block(merged, np.array([left, 1 - left]), night.config, ["weighted"])["weighted"][0]
        values[left] = quality(cutoff, ranked, "all")
    assert values[learned[0]] == pytest.approx(max(values.values()))
    assert learned[0] >= 0.5  # als hears the truth with far less noise
    assert sum(learned) == pytest.approx(1)


def test_weights_do_not_see_the_judged_window(night, tmp_path):
    before, after = (tmp_path / name / "run_date=2011-10-02" for name in ("before", "after"))
    run(night, before)
    other = plant(tmp_path / "other", rounds=10, ablation=False)
    relabel(other, window(other, "judge"))
    fuse(other)
    run(other, after)
    part = window(night, "judge").part
    for path in (before / part).iterdir():
        assert path.read_bytes() == (after / part / path.name).read_bytes()


def test_what_is_learned_hangs_on_the_windows_and_not_on_tonight(night, tmp_path):
    """So that the nights of a week, and the moments of a day, learn it once."""

    def keys(of: str) -> dict[str, str]:
        memo = Memo(tmp_path / of / "run_date=2011-10-02")
        memo.out.mkdir(parents=True)
        ensemble.run(**night.given, fusion=night.out("fusion"), config=night.config, memo=memo, out=memo.out)
        learned = read_json(memo.out / "fold=publish" / "learned.json")
        assert learned["weights"] == read_json(memo.out / "weights.json")["publish"]
        return {part: key for part, key in memo.parts.items() if part.startswith("fold=")}

    def changed(cutoff: date) -> dict[str, str]:
        """The keys where a list of a cut-off is another one, by its hash."""
        folder, part = night.sources["als"], f"cutoff={cutoff}/"
        before = artifacts.read_manifest(folder)
        files = {
            name: entry | ({"sha256": "another"} if name.startswith(part) else {})
            for name, entry in before["files"].items()
        }
        assert files != before["files"]
        artifacts.write_manifest(folder, before | {"files": files})
        try:
            return keys(str(cutoff))
        finally:
            artifacts.write_manifest(folder, before)

    tonight, *older = sorted((cutoff.cutoff for cutoff in night.cutoffs), reverse=True)
    as_it_is = keys("first")
    assert set(as_it_is) == {"fold=judge", "fold=publish"}
    assert changed(tonight) == as_it_is
    assert changed(older[0])["fold=publish"] != as_it_is["fold=publish"]
