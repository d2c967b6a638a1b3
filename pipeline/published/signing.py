"""Signatures over what was published: whoever has the shop's public key can tell that the shop's own run wrote it.

Ed25519, by the package cryptography. The private key is 32 bytes as base64 in the environment, and nowhere else:

    export NIGHTJAR_SIGNING_KEY=$(openssl rand -base64 32)

Source: Josefsson, Liusvaara, "Edwards-Curve Digital Signature Algorithm (EdDSA)", RFC 8032.
"""

import base64
import binascii
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.ground.errors import InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIABLE = "NIGHTJAR_SIGNING_KEY"
BYTES = 32


@dataclass(frozen=True)
class Signer:
    """Signs in the shop's name.

    Attributes:
        public: the public key, 64 hexadecimal digits; what readers know the shop by.
    """

    public: str
    _private: "Ed25519PrivateKey"

    def sign(self, content: bytes) -> str:
        """The signature, as 128 hexadecimal digits; the same content has the same one."""
        return self._private.sign(content).hex()


def from_environment() -> Signer | None:
    """The signer whose key is in the environment; None where there is no key.

    Raises:
        InputError: it is no key; its text is not repeated.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    # here, as everywhere: who signs nothing imports nothing for it
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        seed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != BYTES:
        raise InputError(f"{VARIABLE} is not {BYTES} bytes as base64: make one with `openssl rand -base64 {BYTES}`")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return Signer(private.public_key().public_bytes_raw().hex(), private)


def is_signed(content: bytes, signature: str, public: str) -> bool:
    """Whether a signature of the content was made with the private half of a public key.

    Args:
        content: what was signed.
        signature, public: in hexadecimal digits; what is none is no signature.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True
