"""The site beside Airflow's own pages, in a real API server and a browser: who may see the DAG sees it."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.dags.live_airflow import LiveAirflow
from tests.postgres import Server
from tests.site import browser

pytestmark = pytest.mark.slow

FAIRLY = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False"}
"""Users have to log in."""
USERS = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "boss:admin"}


class Guarded(LiveAirflow):
    """One that knows nobody who has not logged in; no scheduler is needed."""

    def _answers(self) -> bool:
        try:
            return _get(self, "/auth/login")[0] == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def live(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAirflow]:
    """An API server with the plugin, and a home with something like a site."""
    home = tmp_path_factory.mktemp("airflow")
    site = home / "nightjar" / "site"
    site.mkdir(parents=True)
    (site / "index.html").write_text("<h1>Every night</h1>")
    (home / "nightjar" / "secret").write_text("a key")
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({"boss": "pass"}))
    environment = {
        "NIGHTJAR_HOME": str(home / "nightjar"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "dags" / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        **FAIRLY,
        **USERS,
    }
    live = Guarded.make(home / "airflow", postgres, environment)
    with live.running():
        yield live


def _get(live: LiveAirflow, path: str, cookie: str = "") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{live.port}{path}", headers={"Cookie": cookie})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _token(live: LiveAirflow) -> str:
    body = json.dumps({"username": "boss", "password": "pass"}).encode()
    url = f"http://127.0.0.1:{live.port}/auth/token"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["access_token"])


def test_who_is_nobody_sees_nothing(live: LiveAirflow) -> None:
    for cookie in ("", "_token=made.up.one"):
        status, said = _get(live, "/nightjar/index.html", cookie)
        assert status in {401, 403}
        assert "Every night" not in said


def test_who_is_logged_in_sees_the_site_and_nothing_beside_it(live: LiveAirflow) -> None:
    cookie = f"_token={_token(live)}"
    assert _get(live, "/nightjar/index.html", cookie) == (200, "<h1>Every night</h1>")
    assert _get(live, "/nightjar/", cookie) == (200, "<h1>Every night</h1>")
    for path in ("/nightjar/../secret", "/nightjar/%2e%2e/secret", "/nightjar/..%2fsecret", "/nightjar/nothing"):
        status, said = _get(live, path, cookie)
        assert "a key" not in said
        assert status == 404 or "<html" in said  # the server's own page


def test_the_menu_leads_to_it(live: LiveAirflow, tmp_path: Path) -> None:
    with browser.opened(tmp_path) as tab:
        tab.send("Network.setCookie", name="_token", value=_token(live), url=f"http://127.0.0.1:{live.port}/")
        tab.send("Page.navigate", url=f"http://127.0.0.1:{live.port}/plugin/nightjar_nav")
        inside = "document.querySelector('iframe')?.contentDocument?.querySelector('h1')?.textContent"
        tab.until(f"{inside} === 'Every night'")
