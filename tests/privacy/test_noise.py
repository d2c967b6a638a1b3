"""Noise is normal, the same for the same key and purpose, and another one for any other."""

import hashlib
import hmac
from statistics import NormalDist

import numpy as np
import pytest

from pipeline.ground.errors import InputError
from pipeline.privacy import noise
from pipeline.privacy.noise import Noise
from pipeline.privacy.pseudonyms import Key

SECRET = Key(b"a key that is long enough")


def test_numbers_are_normal() -> None:
    scipy_stats = pytest.importorskip("scipy.stats")
    found = Noise(SECRET, "a fit").normal(200, 100)
    assert scipy_stats.kstest(found.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.2
    assert np.isfinite(found).all()


def test_the_first_number_is_worked_out_by_hand() -> None:
    derived = hmac.new(b"a key that is long enough", b"nightjar: noise", hashlib.sha256).digest()
    seed = hmac.new(derived, b"a fit", hashlib.sha256).hexdigest().encode()
    bits = int.from_bytes(hashlib.shake_256(seed + b"/1").digest(8), "little") >> 11
    assert Noise(SECRET, "a fit").normal(3)[0] == pytest.approx(NormalDist().inv_cdf((bits + 0.5) / 2**53), abs=1e-9)


def test_a_rerun_draws_the_same_and_nobody_else_does() -> None:
    first = Noise(SECRET, "a fit")
    drawn = [first.normal(4), first.normal(4)]
    again = Noise(SECRET, "a fit")
    assert np.array_equal([again.normal(4), again.normal(4)], drawn)
    others = [Noise(SECRET, "another fit"), Noise(Key(b"another key of some length"), "a fit")]
    assert not any(np.isin(other.normal(4), drawn).any() for other in others)
    assert not np.isin(drawn[0], drawn[1]).any()


def test_symmetric_noise_has_half_the_variance_beside_the_diagonal() -> None:
    found = Noise(SECRET, "gram").symmetric(300)
    assert np.array_equal(found, found.T)
    assert np.diag(found).var() == pytest.approx(1, rel=0.3)
    assert found[np.triu_indices(300, 1)].var() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("given", [None, "", "too short"])
def test_no_key_no_noise(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    monkeypatch.delenv(noise.VARIABLE, raising=False)
    if given is not None:
        monkeypatch.setenv(noise.VARIABLE, given)
    with pytest.raises(InputError, match=f"{noise.VARIABLE} has .* bytes: set at least 16"):
        noise.key()


def test_a_key_does_not_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(noise.VARIABLE, "a secret of some length")
    assert "secret" not in repr(noise.key())
