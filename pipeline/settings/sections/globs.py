"""Alternatives in the names of files: a-{x,y}.csv is a-x.csv and a-y.csv."""

MOST = 1000
"""Names that one may stand for."""


def alternatives(glob: str) -> tuple[str, ...]:
    """What a glob with {a,b} in it stands for, each without; itself, where it has none.

    Braces without a comma are what they are, {year} among them, and so are braces without their other half. Braces may
    stand in braces, and an alternative may be empty.

    Raises:
        ValueError: they are more than MOST.
    """
    found, open_globs = dict[str, None](), [glob]
    while open_globs:
        one = open_globs.pop()
        if len(found) + len(open_globs) >= MOST:
            raise ValueError(f"stands for more than {MOST:,} names: say * for what may be any, or list the globs")
        start, parts, end = next(
            ((at, parts, end) for at in _opening(one) for parts, end in [_parts(one, at)] if len(parts) > 1),
            (0, [], 0),
        )
        if parts:
            open_globs += [one[:start] + part + one[end:] for part in reversed(parts)]
        else:
            found[one] = None
    return tuple(found)


def _opening(glob: str) -> list[int]:
    return [at for at, character in enumerate(glob) if character == "{"]


def _parts(glob: str, start: int) -> tuple[list[str], int]:
    """What stands between the commas of the braces that open at `start`, and where they end; none: they do not."""
    depth, begin = 0, start + 1
    parts: list[str] = []
    for at in range(start, len(glob)):
        depth += {"{": 1, "}": -1}.get(glob[at], 0)
        if depth == 0 or (depth == 1 and glob[at] == ","):
            parts.append(glob[begin:at])
            begin = at + 1
        if depth == 0:
            return parts, at + 1
    return [], start
