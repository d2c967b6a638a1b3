"""Where the site goes, and what becomes of what was there."""

import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError
from pipeline.operations import site as operation
from pipeline.publication import publish
from pipeline.site import build, lookups
from tests.site import reading
from tests.site.harm import TITLES
from tests.small_shop import NIGHT, Shop, shop


def test_the_pages_say_what_was_published(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    text = unescape(re.sub(r"<[^>]+>", " ", page))
    assert f"Tables of {NIGHT + timedelta(days=1)}, from what was known of {NIGHT}" in text
    assert "0.361" in text
    assert "Better than the best single list of the night, Buy again" in re.sub(r"\s+", " ", text)
    assert f"The table of {NIGHT + timedelta(days=1)} is not published" in text
    assert "volume: <b>few</b>" in text
    assert "<b>few</b>" not in page
    for night in (NIGHT, NIGHT - timedelta(days=1)):
        assert (site / "reports" / f"{night}.html").read_text(encoding="utf-8") == f"report of {night}"
    assert (site / "reports" / f"{NIGHT + timedelta(days=1)}.html").read_text(encoding="utf-8") == "why not"
    assert json.loads((site / "site.json").read_text(encoding="utf-8"))["run_id"].startswith(str(NIGHT))


def test_how_attention_is_shared_out_is_what_the_runs_say(made: Shop, site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    runs = sorted(publish.runs(made.config).to_pylist(), key=lambda run: run["run_date"], reverse=True)
    assert len(runs) == 2
    for surface in made.config.surfaces:
        of = f"{made.config.pool(surface)}.{surface.name}"
        table = page.split(f'<caption class="unseen">how {surface.name} shares out attention</caption>')[1]
        rows = re.findall(r"<tr><th scope=\"row\">([^<]*)</th>(.*?)</tr>", table.split("</tbody>")[0])
        found = {night: re.findall(r"<td>([^<]*)</td>", cells) for night, cells in rows}
        for run in runs:
            said = json.loads(run["metrics"])
            names = ("exposure_gini", "exposure_coverage", "aplt")
            assert found[str(run["run_date"])] == [f"{said[f'{of}.{name}']:.0%}" for name in names]
    assert "0.123 [0.032, 0.234]" in page.split("widest gap in NDCG@10 between groups of users")[1]
    assert f"between groups of users, {made.config.surfaces[1].name}" not in page  # of which none is known


def test_no_page_has_a_title_as_markup_or_takes_anything_from_elsewhere(site: Path) -> None:
    for path in site.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "alert(" not in page.replace("&lt;script&gt;alert(1)", "").replace("onerror=alert(2)&gt;", "").replace(
            "onload=alert(3)&gt;", ""
        ).replace("javascript:alert(4)", "")
        assert re.findall(r"<script[^>]*>", page) == [f'<script src="data/{reading.data(site).name}/site.js" defer>']
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
        assert "style=" not in page
        assert re.search(r"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'", page)
    assert all(path.read_bytes().isascii() for path in reading.data(site).glob("*/*.js"))


def test_the_same_run_gives_the_same_site(made: Shop, site: Path, tmp_path: Path) -> None:
    build.write(made.config, tmp_path / "again")
    assert reading.everything(tmp_path / "again") == reading.everything(site)


def test_a_site_is_replaced_and_nothing_else_is(made: Shop, tmp_path: Path) -> None:
    out = tmp_path / "site"
    build.write(made.config, out)
    for name in ("reports/2001-01-01.html", "data/0123/users/0.js", ".partial/users/0.js"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("of the one before, or of a process that was killed")
    build.write(made.config, out)
    assert "the one before" not in reading.everything(out)
    mine = tmp_path / "mine"
    mine.mkdir()
    for mark in (None, "", "[]", '{"name": "my blog"}'):
        if mark is not None:
            (mine / "site.json").write_text(mark)
        (mine / "thesis.txt").write_text("years of work")
        for folder in (mine, mine / "thesis.txt"):
            with pytest.raises(InputError, match="no site"):
                build.write(made.config, folder)
        assert (mine / "thesis.txt").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "site"]


def test_a_link_stays_one_and_leads_to_the_site(made: Shop, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for _ in range(2):
        build.write(made.config, tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert build.is_site(tmp_path / "target")


def test_the_folder_itself_stays_as_it_may_be_a_volume(made: Shop, tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    number = out.stat().st_ino
    for people in (True, False):
        build.write(made.config, out, people)
        assert out.stat().st_ino == number


def test_a_site_that_fails_leaves_the_one_before(made: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "site"
    build.write(made.config, out)
    before = reading.everything(out)
    monkeypatch.setattr(lookups, "write", _full)
    with pytest.raises(OSError, match="full"):
        build.write(made.config, out)
    assert reading.everything(out) == before
    with pytest.raises(OSError, match="full"):
        build.write(made.config, tmp_path / "new")
    monkeypatch.undo()
    build.write(made.config, tmp_path / "new")  # what was left of it is no obstacle
    assert reading.everything(tmp_path / "new") == before


def _full(*_: object, **__: object) -> None:
    raise OSError("the disk is full")


def test_without_a_published_run_there_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is published"):
        build.write(shop(tmp_path).config, tmp_path / "site")


def test_the_homes_own_site_is_written_again_as_it_was(made: Shop) -> None:
    assert not operation.write_again(made.config)
    said = operation.run(made.config, people=False)
    assert said == f"{made.config.home}/site/index.html: {len(TITLES)} items, no users, 2 queries"
    assert operation.write_again(made.config)
    assert not operation.shows_people(made.config)
    operation.run(made.config)
    assert operation.shows_people(made.config)
    (made.config.home / "site" / "site.json").write_text("x")
    assert operation.write_again(made.config)
    assert not operation.shows_people(made.config)
    assert not (reading.data(made.config.home / "site") / "users").exists()
