"""Sums that the server sees only added up: every two branches share a pad that one adds and the other subtracts.

Numbers become integers of 64 bits, 2^-32 to a step, and all is counted modulo 2^64: a masked array is then evenly
distributed whatever is below it, and the pads cancel in the sum of all branches, exactly. Each fit has new keys; a pad
is made of the two branches' shared secret, the number of the exchange and the array's name, so that none is used twice.
A branch that is lost takes its pads with it: that sum is worth nothing, and the iteration begins again without it.

It hides a branch's sums from a server that keeps to the protocol and looks at all it gets. One that hands out keys of
its own making in the place of the branches' reads them.
Source: Bonawitz et al., CCS 2017, section 4, "masking with one-time pads", without the recovery of lost branches.
"""

from collections.abc import Sequence

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipeline.federated.branch import Arrays
from pipeline.ground.errors import InputError

STEP = 2.0**-32
MOST = 2.0**24
"""A larger number is no sum of a fit: 2^31 / MOST branches can be added up."""
FEWEST = 3
"""Of two branches each knows the other's sum, once it knows both together."""


def new_key() -> bytes:
    """A private key of 32 bytes, for one fit."""
    return X25519PrivateKey.generate().private_bytes_raw()


def public(key: bytes) -> str:
    """The public key of a private one, as 64 digits and letters a to f."""
    return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw().hex()


def require_keys(keys: object, whose: str) -> list[str]:
    """Public keys that came from outside; InputError where they are not at least FEWEST different ones."""
    texts = [one for one in keys if isinstance(one, str)] if isinstance(keys, list) else []
    whole = [one for one in texts if len(one) == 64 and set(one) <= set("0123456789abcdef")]
    if not isinstance(keys, list) or len(set(whole)) < max(FEWEST, len(keys)):
        raise InputError(f"{whose} sent no {FEWEST} or more different keys: sums can be masked among {FEWEST} branches")
    return whole


def masked(sums: Arrays, key: bytes, keys: Sequence[str], turn: int) -> Arrays:
    """Sums of a branch as uint64, with the pads of all others.

    Args:
        sums: float32, of any shapes.
        key: the branch's private key.
        keys: the public keys of all branches, its own among them.
        turn: the number of the exchange; no two of a fit have the same.
    Raises:
        InputError: a number is too large, or the branch's own key is not among those that were handed out.
    """
    mine = public(key)
    if mine not in keys:
        raise InputError("the server handed out keys without this branch's own")
    found = {}
    for name, array in sums.items():
        if not (np.abs(array) < MOST).all():
            raise InputError(f"a sum is {MOST:.0f} or more, or not finite: raise als.reg or lower als.alpha")
        whole = np.rint(array.astype(np.float64) / STEP).astype(np.int64).view(np.uint64)
        for other in keys:
            if other != mine:
                pad = _pad(key, other, f"{turn} {name}", array.size).reshape(array.shape)
                whole = whole + pad if mine < other else whole - pad
        found[name] = whole
    return found


def _pad(key: bytes, other: str, purpose: str, size: int) -> np.ndarray:
    secret = X25519PrivateKey.from_private_bytes(key).exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(other)))
    derived = HKDF(SHA256(), 32, salt=None, info=f"nightjar federated {purpose}".encode()).derive(secret)
    stream = Cipher(ChaCha20(derived, bytes(16)), mode=None).encryptor().update(bytes(8 * size))
    return np.frombuffer(stream, dtype="<u8").astype(np.uint64)


def added(answers: Sequence[Arrays]) -> Arrays:
    """The sum of what all branches sent, in float64: without the pads, which cancel."""
    found = {}
    for name in answers[0]:
        whole = np.zeros(answers[0][name].shape, dtype=np.uint64)
        for answer in answers:
            whole += answer[name]
        found[name] = whole.view(np.int64) * STEP
    return found
