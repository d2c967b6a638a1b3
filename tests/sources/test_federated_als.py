"""`als` with the items' factors of a fit with other branches: whose they are, as of when, and when they are refused."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.ground import artifacts, lists
from pipeline.ground.errors import InputError
from pipeline.operations import prune, stages
from pipeline.privacy import noise
from pipeline.sources import federated_als
from pipeline.sources.configuration import FullConfig
from pipeline.sources.federated_als import Fit
from tests.sources import shop

EARLIER = shop.NIGHT - timedelta(days=14)
ALS: dict[str, Any] = {"factors": 2, "reg": 0.1, "alpha": 5.0, "candidates": 3}
IDS = [f"i{item}" for item in range(8)]  # of the shop; the other branches know i0 to i5 and one more
KNOWN = [*(f"i{item}" for item in range(6)), "of others"]


def config_for(home: Path, **als: Any) -> FullConfig:
    return shop.config_for(home, als=ALS | als)


def keep(home: Path, *cutoffs: date, **changed: Any) -> str:
    """A fit whose factors tell even and odd items apart, and are longer the newer they are; its name in the setting."""
    names = [str(one) for one in sorted(cutoffs)]
    section = config_for(home).als  # type: ignore[attr-defined]
    alike = {name: getattr(section, name) for name in federated_als.ALIKE} | changed
    board = np.array([[1, 0], [0, 1]] * 3 + [[0.5, 0.5]], dtype=np.float32)
    factors = {name: board * (1 + number) for number, name in enumerate(names)}
    return "sha256:" + federated_als.write(
        home / "federated", Fit(names[-1], names, 3, 0, False, alike), KNOWN, factors
    )


def write(config: FullConfig) -> None:
    board = np.tile(shop.checkerboard(8), (2, 1))
    folder = shop.write_features(config.lake, {EARLIER: board[:, :6], shop.NIGHT: board})
    pq.write_table(pa.table({"item_id": IDS}), folder / "items.parquet")


def made(config: FullConfig) -> dict[str, Any]:
    write(config)
    report: dict[str, Any] = stages.run_stage("als", shop.NIGHT, config)["report"]
    return report


def factors(config: FullConfig, cutoff: date) -> tuple[np.ndarray, np.ndarray]:
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "als", shop.NIGHT), cutoff)
    return np.load(folder / "item_factors.npy"), np.load(folder / "user_factors.npy")


def test_a_night_takes_the_items_factors_and_solves_its_own_users(tmp_path: Path) -> None:
    name = keep(tmp_path, EARLIER, EARLIER + timedelta(days=7), shop.NIGHT)
    config = config_for(tmp_path, item_factors_from=name)
    report = made(config)
    assert (report["item_factors_from"], report["item_factors_as_of"]) == (name, str(shop.NIGHT))
    for cutoff, length, known in ((EARLIER, 1, 6), (shop.NIGHT, 3, 8)):  # none knows of a day after the cut-off
        items, users = factors(config, cutoff)
        np.testing.assert_array_equal(items[:6], length * np.tile(np.eye(2), (3, 1)))
        assert len(items) == known
        assert not items[6:].any(), "nobody had them when the factors were fitted"
        history = np.tile(shop.checkerboard(8), (2, 1))[:, :known]
        for user, row in enumerate(history):  # Hu, Koren & Volinsky, eq. 4, by hand
            confidence = np.where(row > 0, 5 * (row + 0.05), 1.0)
            left = (items.T * confidence) @ items + 0.1 * np.eye(2)
            np.testing.assert_allclose(
                users[user], np.linalg.solve(left, (items.T * confidence) @ (row > 0)), rtol=1e-4
            )
    folder = lists.cutoff_dir(artifacts.stage_dir(config.lake, "als", shop.NIGHT), shop.NIGHT)
    shown, _ = lists.read_list(folder, "new", "als")
    assert not np.isin(shown, [6, 7]).any()


def test_factors_that_all_know_of_days_after_a_cut_off_are_refused(tmp_path: Path) -> None:
    config = config_for(tmp_path, item_factors_from=keep(tmp_path, EARLIER + timedelta(days=1), shop.NIGHT))
    with pytest.raises(InputError, match="2011-04-18, and the cut-off 2011-04-17 may read nothing"):
        made(config)


def test_a_fit_that_was_made_after_the_night_is_refused(tmp_path: Path) -> None:
    config = config_for(tmp_path, item_factors_from=keep(tmp_path, EARLIER, shop.NIGHT + timedelta(days=1)))
    with pytest.raises(InputError, match="fitted on 2011-05-02, and the night is 2011-05-01"):
        made(config)


def test_a_folder_that_no_fit_wrote_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "federated" / keep(tmp_path, EARLIER).removeprefix("sha256:")
    (folder / "fit.json").write_text((folder / "fit.json").read_text().replace("2011-04-17", "../../../x"))
    other = folder.rename(folder.with_name(federated_als.content_hash(folder)))
    with pytest.raises(InputError, match="is not what a fit writes"):
        federated_als.named(config_for(tmp_path), f"sha256:{other.name}")


def test_users_are_not_solved_with_other_settings_than_the_items(tmp_path: Path) -> None:
    config = config_for(tmp_path, item_factors_from=keep(tmp_path, EARLIER, reg=7.0))
    with pytest.raises(InputError, match=r"als.reg = 7.0, and this shop has 0.1: set als.reg = 7.0"):
        made(config)


def test_a_fit_that_is_not_there_or_changed_is_refused(tmp_path: Path) -> None:
    name = keep(tmp_path, EARLIER)
    with pytest.raises(InputError, match=rf"is not there.* name one of these: {name} \(of 2011-04-17\)"):
        made(config_for(tmp_path, item_factors_from="sha256:" + 64 * "0"))
    file = tmp_path / "federated" / name.removeprefix("sha256:") / "items.json"
    file.write_text(file.read_text().replace("i0", "i9"))
    with pytest.raises(InputError, match="is not what its name says"):
        federated_als.named(config_for(tmp_path), name)
    with pytest.raises(ValueError, match="item_factors_from"):
        config_for(tmp_path, item_factors_from="../fits")


def test_no_noise_is_promised_for_factors_that_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(noise.VARIABLE, "a secret that is long enough")
    privacy = {"epsilon_per_fit": 900.0, "epsilon_budget": 5000.0}
    config = shop.config_for(tmp_path, als=ALS, privacy=privacy)
    with pytest.raises(InputError, match="no noise covers"):
        federated_als.named(config, keep(tmp_path, EARLIER))


def test_older_fits_than_the_one_in_use_are_pruned(tmp_path: Path) -> None:
    old, used, new = (keep(tmp_path, EARLIER + timedelta(days=days)) for days in (0, 7, 14))
    assert federated_als.older(config_for(tmp_path)) == set()
    config = config_for(tmp_path, item_factors_from=used)
    assert federated_als.older(config) == {old.removeprefix("sha256:")}
    write(config)
    assert [folder.name for folder in prune.prune(config, keep_days=0).folders] == [old.removeprefix("sha256:")]
    kept = {folder.name for folder in (tmp_path / "federated").iterdir()}
    assert kept == {one.removeprefix("sha256:") for one in (used, new)}
