"""Lists that keep a mix, as the paper has them, with dictionaries, one user at a time: for tests of those that do."""

from math import inf, log, log2


def far(wanted: dict[int, float], listed: list[int]) -> float:
    """KL(p || q~) of the categories of a list, as the paper has it; -1 is of none."""
    worth = [(code, 1 / log2(rank + 1)) for rank, code in enumerate(listed, 1) if code >= 0]
    total = sum(value for _, value in worth)
    shares = {c: sum(v for code, v in worth if code == c) / total if total else 0.0 for c in wanted}
    return sum(p * log(p / (0.99 * shares[c] + 0.01 * p)) for c, p in wanted.items() if p > 0)


def by_hand(
    values: list[float], codes: list[int], wanted: dict[int, float], strength: float, *, k: int, most: float = inf
) -> list[int]:
    """The columns that a greedy hand takes, with at most so many of even columns and as many of odd ones."""
    taken: list[int] = []
    left = [column for column, value in enumerate(values) if value > -inf]
    while left and len(taken) < k:
        open_ = [c for c in left if sum(t % 2 == c % 2 for t in taken) < most]
        if not open_:
            break

        def worth(column: int) -> float:
            with_it = [codes[t] for t in (*taken, column)]
            total = sum(values[t] for t in (*taken, column))
            return round((1 - strength) * total - strength * far(wanted, with_it), 9)

        best = max(open_, key=worth)
        taken.append(best)
        left.remove(best)
    return taken
