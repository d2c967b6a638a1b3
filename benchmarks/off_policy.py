"""How often the intervals of off-policy estimates hold a truth that is known.

    python -m benchmarks.off_policy [--repetitions 500] [--users 2000] [--slots 4]

A shop is made up: users with tastes, items, a policy that draws an item for each slot with a known chance, clicks. Of
each of many logs, every estimator says what another policy would have earned, with a 95 % interval (users drawn with
replacement, 400 times); the policy's true earnings are a mean over 400,000 users. Bias, error and width are relative to
the truth. Nothing of the estimators is tuned on it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.policies import estimators, intervals, reward_model
from pipeline.policies.estimators import Terms
from pipeline.policies.logged import Logged, Support

ITEMS, TASTES = 8, 3
LOGGING, JUDGED = 0.3, 1.0
"""How much the policies make of tastes: 0 is uniform."""
RESAMPLES = 400


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Shop:
    """Items' places in the space of tastes, and how often they are clicked at all."""

    items: np.ndarray
    ease: float

    @classmethod
    def of(cls, seed: int, ease: float = -2.0) -> "Shop":
        return cls(np.random.default_rng(seed).normal(size=(ITEMS, TASTES)), ease)

    def clicks(self, tastes: np.ndarray) -> np.ndarray:
        """[U, I] the chance that an item is clicked."""
        return np.asarray(1 / (1 + np.exp(-(self.ease + tastes @ self.items.T))))

    def policy(self, tastes: np.ndarray, warmth: float) -> np.ndarray:
        """[U, I] chances: the colder, the more of the best; 0 is uniform."""
        return softmax(warmth * (tastes @ self.items.T))

    def users(self, number: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=(number, TASTES))

    def truth(self, warmth: float) -> float:
        """What a policy earns a slot."""
        tastes = self.users(400_000, np.random.default_rng(0))
        return float((self.policy(tastes, warmth) * self.clicks(tastes)).sum(axis=1).mean())

    def log(
        self, users: int, slots: int, logging: float, judged: float, seed: int
    ) -> tuple[Logged, np.ndarray, np.ndarray]:
        """Slots of users who are shown some each: the log, the users' tastes [N, d] and the items shown [N]."""
        rng = np.random.default_rng(seed)
        user = np.repeat(np.arange(users), slots)
        tastes = self.users(users, rng)[user]
        chance, target = self.policy(tastes, logging), self.policy(tastes, judged)
        shown = (chance.cumsum(axis=1) < rng.random((len(user), 1))).sum(axis=1).clip(max=ITEMS - 1)
        row = np.arange(len(user))
        reward = (rng.random(len(user)) < self.clicks(tastes)[row, shown]).astype(float)
        return Logged(reward, chance[row, shown], target[row, shown], user), tastes, shown

    def features(self, tastes: np.ndarray, items: np.ndarray) -> np.ndarray:
        """[N, F] what a reward model is told of a slot and an item."""
        return np.concatenate([tastes, self.items[items], tastes * self.items[items]], axis=1)


def estimates(shop: Shop, log: Logged, tastes: np.ndarray, shown: np.ndarray, seed: int) -> dict[str, Terms]:
    """Every estimate of what the judged policy earns, and of what it earns more than the logging one."""
    chances = shop.policy(tastes, JUDGED)
    everything = ((chances[:, i], shop.features(tastes, np.full(len(shown), i))) for i in range(ITEMS))
    expected = reward_model.expect(log, shop.features(tastes, shown), everything, seed)
    own = Logged(log.reward, log.chance, log.chance, log.user)
    return {
        "inverse propensity": estimators.ips(log),
        "self-normalised": estimators.snips(log),
        "direct": estimators.direct(log, expected),
        "doubly robust": estimators.doubly_robust(log, expected),
        "switch": estimators.switch(log, expected),
        "difference": estimators.difference(log, own),
    }


def run(repetitions: int, users: int, slots: int) -> list[str]:
    """The table, as Markdown."""
    shop = Shop.of(1)
    truth, gain = shop.truth(JUDGED), shop.truth(JUDGED) - shop.truth(LOGGING)
    found: dict[str, list[tuple[float, float, float]]] = {}
    effective = []
    for seed in range(repetitions):
        log, tastes, shown = shop.log(users, slots, LOGGING, JUDGED, seed)
        effective.append(Support.of(log).effective)
        for name, terms in estimates(shop, log, tastes, shown, seed).items():
            known = intervals.interval(terms, RESAMPLES, seed)
            found.setdefault(name, []).append((known.value, known.low, known.high))
    lines = [
        f"{repetitions} logs of {users} users x {slots} slots, effective sample {np.mean(effective):,.0f}; "
        f"truth {truth:.4f} a slot, {gain:+.4f} against the logging policy",
        "",
        "| estimate | intervals that hold the truth | bias | error | width |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rows in found.items():
        value, low, high = np.array(rows).T
        true = gain if name == "difference" else truth
        held, error = ((low <= true) & (true <= high)).mean(), np.sqrt(((value - true) ** 2).mean())
        shares = f"{value.mean() / true - 1:+.1%} | {error / true:.1%} | {(high - low).mean() / true:.1%}"
        lines.append(f"| {name} | {held:.1%} | {shares} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.off_policy")
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=4)
    given = parser.parse_args(arguments)
    print("\n".join(run(given.repetitions, given.users, given.slots)))


if __name__ == "__main__":
    main()
