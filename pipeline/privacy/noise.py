"""Noise that nobody can foretell without a key that only the environment knows, and that is the same in every rerun.

The bits are SHAKE-256 of a key made by HMAC-SHA256 from the secret and from what the noise is for: the same inputs get
the same noise, so that a rerun gives the same bytes and tells nothing new, and any other inputs get noise that has
nothing to do with it. Both matter: who knows the noise subtracts it, and the same noise on two nights' data leaves the
difference of the nights bare. The guarantee holds against whoever cannot tell these bits from chance.

NIGHTJAR_NOISE_KEY is not the key of pseudonyms: applications hold that one, to look users up.
"""

import hashlib
import os

import numpy as np

from pipeline.ground.errors import InputError
from pipeline.privacy.pseudonyms import MIN_BYTES, Key

VARIABLE = "NIGHTJAR_NOISE_KEY"


def key() -> Key:
    """The key that all noise is made from.

    Raises:
        InputError: it is missing or too short.
    """
    secret = os.environb.get(VARIABLE.encode(), b"")
    if len(secret) < MIN_BYTES:
        raise InputError(
            f"[privacy] needs a secret that noise is made from, and {VARIABLE} has {len(secret)} bytes: set at least "
            f"{MIN_BYTES} in the environment (openssl rand -hex 32), keep them, and tell nobody who may read the tables"
        )
    return Key(secret)


class Noise:
    """A stream of normal random numbers.

    Args:
        secret: the key; see `key`.
        purpose: what the noise is for: a hash of all that it is added to depends on. One purpose, one release.
    """

    def __init__(self, secret: Key, purpose: str) -> None:
        self._seed = secret.derive("noise").hash(purpose).encode()
        self._drawn = 0

    def normal(self, *shape: int) -> np.ndarray:
        """Independent standard normal numbers of a shape, float64; each call goes on where the last one stopped.

        53 bits make a number, so none is beyond 8.3. As floating-point numbers they are not safe from whoever sees all
        digits of what they were added to; source: Mironov, CCS 2012.
        """
        from scipy.special import ndtri

        self._drawn += 1
        count = int(np.prod(shape))
        stream = hashlib.shake_256(self._seed + b"/%d" % self._drawn).digest(8 * count)
        bits = np.frombuffer(stream, dtype="<u8") >> np.uint64(11)
        return np.asarray(ndtri((bits.astype(np.float64) + 0.5) * 2.0**-53)).reshape(shape)

    def symmetric(self, size: int) -> np.ndarray:
        """A symmetric matrix [size, size]: variance 1 on the diagonal, 1/2 beside it.

        Added to x x', it is noise of standard deviation 1 in every direction of symmetric matrices, of which the length
        is Frobenius': so |x|^2 is the sensitivity.
        """
        square = self.normal(size, size)
        return np.asarray((square + square.T) / 2)
