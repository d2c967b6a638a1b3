"""Text for others, without what is secret."""

import pytest

from pipeline.ground import secrets
from pipeline.ground.secrets import without_secrets


def test_secrets_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_DSN", "postgresql://writer:s3cr3t-word@db/shop")
    monkeypatch.setenv("NIGHTJAR_USER_KEY", "0123456789abcdef")
    said = without_secrets(
        "no answer from postgresql://writer:s3cr3t-word@db/shop nor postgres://x:hunter22@h/d; "
        "key 0123456789abcdef, password=hunter22 " + "x" * 5000
    )
    for secret in ("s3cr3t-word", "hunter22", "0123456789abcdef"):
        assert secret not in said
    assert len(said) < 1600


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("postgresql://reader:p%40ss%2Fw%3Ard@db/shop", ["p%40ss%2Fw%3Ard", "p@ss/w:rd"]),
        ("host=db user=reader password='p@ss/w:rd'", ["p@ss/w:rd"]),
        ("postgresql://db/shop?password=p%40ss", ["p%40ss", "p@ss"]),
        ("redis://t0ken@cache:6379/0", ["t0ken"]),
        ("https://user:p%40ss@search:9200?key=v%20lue", ["p%40ss", "p@ss", "key=v%20lue", "key=v lue"]),
        ("redis://:p[ss@cache", ["p[ss"]),  # no URL that can be read
    ],
)
def test_nothing_secret_of_a_connection_is_left(url: str, hidden: list[str]) -> None:
    for secret in [url, *hidden]:
        said = secrets.redacted(f"could not reach\n {secret}: refused", url)
        assert secret not in said
        assert "\n" not in said
        assert said.endswith("refused")
