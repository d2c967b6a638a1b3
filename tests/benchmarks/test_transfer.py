"""Hidden items are in no training, and users are judged on them alone."""

import numpy as np

from benchmarks import transfer


def test_what_is_hidden_is_known_to_nobody() -> None:
    rng = np.random.default_rng(0)
    pairs = [(user, f"text {item}") for user in range(30) for item in range(20) if rng.random() < 0.6]
    log = transfer.hide([*pairs, (0, "rare")], fewest=2)
    assert "rare" not in log.texts
    assert len(log.hidden) == 3
    acted = set(pairs)
    assert log.known[:, log.hidden].nnz == 0
    names = sorted({str(user) for user, _ in pairs})
    for row, user in enumerate(log.users):
        truth = [(int(names[user]), log.texts[item]) in acted for item in log.hidden]
        assert log.truth[row].tolist() == truth
        assert any(truth)
