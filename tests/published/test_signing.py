import base64

import pytest

from pipeline.ground.errors import InputError
from pipeline.published import signing

SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
    "55141438e7a100b"
)
"""RFC 8032, section 7.1, test 1: of the empty message."""


def test_a_signature_is_that_of_the_standards_test_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(signing.VARIABLE, base64.b64encode(SEED).decode() + "\n")
    signer = signing.from_environment()
    assert signer is not None
    assert (signer.public, signer.sign(b"")) == (PUBLIC, SIGNATURE)
    assert signing.is_signed(b"", SIGNATURE, PUBLIC)


@pytest.mark.parametrize(
    ("content", "signature", "public"),
    [
        (b"x", SIGNATURE, PUBLIC),
        (b"", SIGNATURE[:-2] + "0c", PUBLIC),
        (b"", SIGNATURE, "00" * 32),
        (b"", "", PUBLIC),
        (b"", "no digits", "none"),
    ],
)
def test_what_was_not_signed_is_not_signed(content: bytes, signature: str, public: str) -> None:
    assert not signing.is_signed(content, signature, public)


def test_without_a_key_nobody_signs_and_what_is_no_key_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(signing.VARIABLE, raising=False)
    assert signing.from_environment() is None
    for text in ("c2VjcmV0", "not base64 at all!", base64.b64encode(bytes(33)).decode()):
        monkeypatch.setenv(signing.VARIABLE, text)
        with pytest.raises(InputError, match="is not 32 bytes as base64") as refused:
            signing.from_environment()
        assert text not in str(refused.value)
