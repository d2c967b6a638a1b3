"""Text for others, without what is secret."""

import pytest

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
