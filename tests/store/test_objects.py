"""What a store in trouble does to us: asked again within limits, then an error that names the URL and no secret."""

import sys
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.ground.errors import InputError, StoreError
from pipeline.store import objects, urls
from pipeline.store.contract import ABSENT, Store
from tests.store.s3_server import KEY_ID, S3, SECRET

pytestmark = pytest.mark.slow


@pytest.fixture
def store(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(objects, "RETRIES", {"max_retries": 2, "retry_timeout": timedelta(seconds=20)})
    monkeypatch.setattr(objects, "TIMEOUT", timedelta(seconds=1.5))
    return urls.parse(f"s3://{s3.bucket()}/shop").open()


def times(fault: str, number: int, method: str = "") -> object:
    """A fault of the next requests of a method, so often."""
    left = [number]

    def of(asked: str, _: str) -> str | None:
        if left[0] and asked.startswith(method):
            left[0] -= 1
            return fault
        return None

    return of


def secretless(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    assert SECRET not in text
    assert KEY_ID not in text
    return str(error)


def test_a_store_that_is_busy_for_a_moment_is_asked_again(s3: S3, store: Store, tmp_path: Path) -> None:
    s3.faults.append(times("503", 2))  # type: ignore[arg-type]
    store.put("a", b"whole")
    s3.faults[:] = [times("503", 2)]  # type: ignore[list-item]
    store.download("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"whole"


@pytest.mark.parametrize("does", ["get", "put", "list", "download", "upload", "delete"])
def test_a_store_that_stays_busy_is_given_up_with_its_url_and_a_remedy(
    s3: S3, store: Store, tmp_path: Path, does: str
) -> None:
    (tmp_path / "x").write_bytes(b"x")
    s3.faults.append(lambda *_: "503")
    ask = {
        "get": lambda: store.get("a"),
        "put": lambda: store.put("a", b"", ABSENT),
        "list": lambda: list(store.list("a")),
        "download": lambda: store.download("a", tmp_path / "y"),
        "upload": lambda: store.upload("a", tmp_path / "x"),
        "delete": lambda: store.delete(["a"]),
    }[does]
    with pytest.raises(StoreError, match=r"s3://bucket-\d+/shop/.*did not answer, also when asked again") as raised:
        ask()
    secretless(raised.value)


def test_an_answer_that_breaks_off_is_no_whole_object(s3: S3, store: Store, tmp_path: Path) -> None:
    store.put("a", b"0123456789" * 1000)
    s3.faults.append(times("truncate", 1, "GET"))  # type: ignore[arg-type]
    store.download("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"0123456789" * 1000
    s3.faults[:] = [lambda method, _: "truncate" if method == "GET" else None]
    with pytest.raises(StoreError):
        store.download("a", tmp_path / "b")


def test_a_slow_answer_is_a_timeout_and_asked_for_again(s3: S3, store: Store) -> None:
    store.put("a", b"1")
    s3.faults.append(times("slow", 1, "GET"))  # type: ignore[arg-type]
    assert (store.get("a") or (b"",))[0] == b"1"


@pytest.mark.parametrize("expected", ["first", "replacement"])
def test_a_write_whose_answer_is_lost_is_not_taken_for_somebody_elses(s3: S3, store: Store, expected: str) -> None:
    version = ABSENT if expected == "first" else store.put("a", b"0")
    s3.faults.append(times("lose", 1, "PUT"))  # type: ignore[arg-type]
    written = store.put("a", b"mine", version)
    assert store.get("a") == (b"mine", written)


def test_what_is_forbidden_is_said_with_a_remedy_and_without_a_secret(s3: S3, store: Store) -> None:
    s3.faults.append(lambda method, _: "deny" if method == "PUT" else None)
    with pytest.raises(StoreError, match=r"may not do that: give them the right.*403 AccessDenied") as raised:
        store.put("a", b"1")
    secretless(raised.value)


def test_a_bucket_that_is_not_there_is_said(store: Store) -> None:
    other = urls.parse("s3://no-such-bucket/shop").open()
    for ask in (lambda: other.get("a"), lambda: list(other.list("")), lambda: other.put("a", b"1")):
        with pytest.raises(StoreError, match=r"s3://no-such-bucket/shop/.*there is no such bucket"):
            ask()


def test_a_server_that_is_not_there_is_said_in_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"did not answer"):
        urls.parse("s3://logs/shop").open().put("a", b"1")


def test_without_the_extra_the_line_that_installs_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(InputError, match=r"pip install '\.\[store\]'"):
        urls.parse("s3://logs/shop").open()
