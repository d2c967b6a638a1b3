"""What a night says of differential privacy."""

from pathlib import Path

from pipeline.ground import artifacts
from pipeline.judging import private

SAID = {"private": "als/<item>", "epsilon_per_fit": 3.0, "epsilon_spent": 13.8, "releases": 13, "delta": 1e-05}
SENTENCE = (
    "Differential privacy of `als` (als/<item>): epsilon 3.0 a release, 13.8 in all 13 of it so far, delta 1e-05."
)


def test_only_a_night_with_noise_speaks_of_it(tmp_path: Path) -> None:
    for stage, report in (("als", SAID), ("ease", {"seconds": 1})):
        folder = tmp_path / stage / "run_date=2024-01-01"
        folder.mkdir(parents=True)
        artifacts.write_manifest(folder, {"stage": stage, "files": {}, "report": report})
    folders = [tmp_path / stage / "run_date=2024-01-01" for stage in ("ease", "als")]
    manifests = {artifacts.stage_of(folder): artifacts.read_manifest(folder) for folder in folders}
    assert [*private.spent(manifests)] == [SENTENCE]
    ((title, content),) = private.section(folders)
    assert title == "What privacy has cost"
    assert SENTENCE.replace("<item>", "&lt;item&gt;") in content
    assert "the published lists included" in content
    assert private.section(folders[:1]) == []
