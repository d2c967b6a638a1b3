"""A tuning starts from another shop's encoder, the one that its hash names, and from no other."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from pipeline.encoder import starts
from pipeline.ground import artifacts
from pipeline.ground.errors import InputError
from pipeline.settings.sections.fine_tune import FineTune
from tests.encoder.planted_taste import KINDS, TEXTS, planted, tuned
from tests.encoder.text_shop import write_text_shop
from tests.encoder.tiny_encoder import WORDS, write_tiny_bert
from tests.sources.shop import NIGHT, config_for, contents

DAYS = timedelta(days=config_for(Path()).tuning_days)


def shop_at(home: Path, night: Any = NIGHT, seed: int = 0) -> Path:
    """A shop with a taste of its own."""
    bought = planted(TEXTS, KINDS, users=12, seed=seed)
    learned = bought * (np.random.default_rng(0).random(bought.shape) < 0.6)
    write_text_shop(home / "lake", {night: bought}, TEXTS, learned=learned, later=bought, night=night)
    return home


def encoder_of(home: Path, night: Any = NIGHT) -> Path:
    """The folder of a night's encoder."""
    return artifacts.stage_dir(home / "lake", "fine_tune", night) / "encoder"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    """Another shop's home, with one night's encoder; nobody writes to it."""
    home = shop_at(tmp_path_factory.mktemp("other"), seed=1)
    tuned(home, tiny, learning_rate=1e-2)
    return home


@pytest.fixture(scope="module")
def sha256(other: Path) -> str:
    """The hash of its encoder, by the files themselves."""
    folder, read = encoder_of(other), {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"}
    names = sorted(read | {"encoder.json", "training.json"})
    pairs = [[name, hashlib.sha256((folder / name).read_bytes()).hexdigest()] for name in names]
    return hashlib.sha256(json.dumps([pairs]).encode()).hexdigest()


def test_without_steps_the_encoder_is_the_others_to_the_bit(
    tmp_path: Path, tiny: Path, other: Path, sha256: str
) -> None:
    manifest = tuned(shop_at(tmp_path), tiny, steps=0, start_from=f"{other}@sha256:{sha256}")
    theirs, ours = (load_file(encoder_of(home) / "model.safetensors") for home in (other, tmp_path))
    came = load_file(tiny / "model.safetensors")
    assert theirs.keys() == ours.keys() == came.keys()
    assert all(np.array_equal(theirs[name], ours[name]) for name in theirs)
    assert any(not np.array_equal(theirs[name], came[name]) for name in theirs)
    assert manifest["report"]["start"] == sha256
    assert {path.name for path in (tmp_path / "starts" / sha256).iterdir()}.isdisjoint(
        {"texts.parquet", "vectors.npy", "lexicon.json"}
    )


def test_a_training_from_there_is_another_one_and_gives_the_same_bytes_again(
    tmp_path: Path, tiny: Path, other: Path, sha256: str
) -> None:
    start = f"{other}@sha256:{sha256}"
    first, again, plain = (shop_at(tmp_path / name) for name in ("first", "again", "plain"))
    for home in (first, again):
        tuned(home, tiny, start_from=start)
    tuned(plain, tiny)
    folders = [artifacts.stage_dir(home / "lake", "fine_tune", NIGHT) for home in (first, again, plain)]
    found = [contents(folder) for folder in folders]
    assert found[0] == found[1]
    assert found[0]["encoder/model.safetensors"] != found[2]["encoder/model.safetensors"]
    assert tuned(first, tiny, start_from=start)["skipped"]


def test_the_shop_outlives_the_other_home(tmp_path: Path, tiny: Path, other: Path, sha256: str) -> None:
    theirs, home = shutil.copytree(other, tmp_path / "theirs"), tmp_path / "home"
    start = f"{theirs}@sha256:{sha256}"
    tuned(shop_at(home), tiny, start_from=start, steps=0)
    shutil.rmtree(theirs)
    shop_at(home, NIGHT + DAYS)
    assert tuned(home, tiny, night=NIGHT + DAYS, start_from=start, steps=0)["report"]["start"] == sha256
    damaged = home / "starts" / sha256 / "model.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="theirs is not there"):
        starts.of(NIGHT, config_for(home, fine_tune={"model": str(tiny), "start_from": start}))
    shutil.copytree(other, theirs)
    assert starts.of(NIGHT, config_for(home, fine_tune={"model": str(tiny), "start_from": start}))
    assert artifacts.file_sha256(damaged) == artifacts.file_sha256(encoder_of(other) / "model.safetensors")


def test_nights_after_the_first_go_on_from_the_shops_own(tmp_path: Path, tiny: Path, other: Path, sha256: str) -> None:
    nights = [NIGHT + DAYS * n for n in range(2)]
    for night in nights:
        shop_at(tmp_path, night)
    settings = {"steps": 0, "warm_starts": 2, "warm_steps": 1, "start_from": f"{other}@sha256:{sha256}"}
    reports = [tuned(tmp_path, tiny, night=night, **settings)["report"] for night in nights]
    assert [report["parent"] for report in reports] == [None, reports[0]["key"]]


def home_changed(other: Path, home: Path, change: Callable[[Path], None]) -> Path:
    """A copy of the other home, changed."""
    shutil.copytree(other, home)
    change(encoder_of(home))
    return home


def test_what_cannot_be_started_from_is_named(tmp_path: Path, tiny: Path, other: Path, sha256: str) -> None:
    def refused(start_from: str, because: str, **section: Any) -> None:
        config = config_for(tmp_path / "home", fine_tune={"model": str(tiny), "start_from": start_from} | section)
        with pytest.raises(InputError, match=because):
            starts.of(NIGHT, config)

    tuned_at = config_for(other).tuned_at(NIGHT)
    refused(str(other), rf"{other}@sha256:HASH.*{sha256} \(tuned on {tuned_at}\)")
    refused(f"{other}@sha256:{'0' * 64}", rf"no encoder sha256:0{{64}}.*made again.*{sha256}")
    refused(f"{tmp_path / 'none'}@sha256:{sha256}", "none is not there: name the home of the other shop")
    refused(f"{tmp_path / 'home'}@sha256:{sha256}", "this shop's own home")
    (tmp_path / "empty").mkdir()
    refused(str(tmp_path / "empty"), "no night with a tuned encoder")
    cut = home_changed(other, tmp_path / "cut", lambda folder: (folder / "model.safetensors").write_bytes(b"?"))
    refused(f"{cut}@sha256:{sha256}", r"model\.safetensors is not what its manifest says")
    less = home_changed(other, tmp_path / "less", lambda folder: (folder / "config.json").unlink())
    refused(f"{less}@sha256:{sha256}", r"config\.json cannot be read \(No such file or directory\)")
    wide = write_tiny_bert(tmp_path / "wide", WORDS, size=32)
    refused(f"{other}@sha256:{sha256}", r"has hidden_size 16, and the model 32.*fine_tune\.model", model=str(wide))
    alike = shutil.copytree(tiny, tmp_path / "alike")
    (alike / "model.safetensors").write_bytes((encoder_of(other) / "model.safetensors").read_bytes())
    refused(f"{other}@sha256:{sha256}", r"training\.json says .* another model of the same shape", model=str(alike))
    refused(f"{other}@sha256:{sha256}", r"encoder\.json has pooling 'mean', and fine_tune 'first'", pooling="first")


def test_nothing_is_written_beside_the_copy_whatever_a_manifest_calls_its_files(
    tmp_path: Path, tiny: Path, other: Path, sha256: str
) -> None:
    def named(folder: Path) -> None:
        path = folder.parent / "manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        (folder.parents[3] / "evil.json").write_text("{}")
        evil = {"sha256": artifacts.file_sha256(folder.parents[3] / "evil.json"), "bytes": 2}
        manifest["files"] |= {f"{folder.name}/../../../../evil.json": evil, f"{folder.name}//etc/evil.json": evil}
        path.write_text(json.dumps(manifest), encoding="utf-8")

    theirs, home = home_changed(other, tmp_path / "theirs", named), tmp_path / "deep" / "er" / "home"
    config = config_for(home, fine_tune={"model": str(tiny), "start_from": f"{theirs}@sha256:{sha256}"})
    assert starts.of(NIGHT, config) is not None
    assert [path for path in tmp_path.rglob("evil.json") if not path.is_relative_to(theirs)] == []


def test_a_night_starts_from_nothing_that_was_tuned_after_it(
    tmp_path: Path, tiny: Path, other: Path, sha256: str
) -> None:
    tuned_at = config_for(other).tuned_at(NIGHT)
    config = config_for(tmp_path, fine_tune={"model": str(tiny), "start_from": f"{other}@sha256:{sha256}"})
    for _ in range(2):  # also when it is here already
        assert starts.of(tuned_at, config)
        with pytest.raises(InputError, match="nothing that came after it"):
            starts.of(tuned_at - timedelta(days=1), config)


def test_settings_that_name_no_start_are_refused() -> None:
    for wrong in ("/other@sha256:abc", f"@sha256:{'0' * 64}", ""):
        with pytest.raises(ValueError, match="64 digits"):
            FineTune(start_from=wrong)
    assert FineTune(start_from="abfs://box@account.example/shop").start == ("abfs://box@account.example/shop", None)
    with pytest.raises(ValueError, match="leave one of the two out"):
        FineTune(start_from="/other", model="none")


def test_a_home_in_a_store_is_named_by_its_url(
    tmp_path: Path, tiny: Path, other: Path, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.store import homes

    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "theirs"))
    url = f"file://{tmp_path / 'bucket'}"
    theirs = homes.folder_of(url)
    with artifacts.lock(artifacts.stage_dir(theirs / "lake", "fine_tune", NIGHT)):
        shutil.copytree(other / "lake" / "fine_tune", theirs / "lake" / "fine_tune", dirs_exist_ok=True)
    monkeypatch.setenv("NIGHTJAR_CACHE", str(tmp_path / "ours"))
    own = homes.folder_of(f"file://{tmp_path / 'own'}")
    settings = {"model": str(tiny), "start_from": f"{url}@sha256:{sha256}"}
    assert starts.of(NIGHT, config_for(own, fine_tune=settings))
    sent = json.loads((tmp_path / "own" / "starts" / "manifest.json").read_text())
    assert f"{sha256}/model.safetensors" in sent["files"]
    shutil.rmtree(own)
    shutil.rmtree(tmp_path / "bucket")
    assert starts.of(NIGHT, config_for(own, fine_tune=settings))  # from the shop's own store
