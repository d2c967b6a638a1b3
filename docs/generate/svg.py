"""Boxes, lines and words as SVG, in the site's own colours (docs/assets/nightjar.css)."""

from html import escape

LETTER = 7.3
"""Width of a letter of a box's label, in units of the picture."""
HEIGHT = 30
TURN = 30
"""How far above its end an arrow turns."""


def box(x: float, y: float, width: float, label: str, kind: str = "") -> str:
    """A labelled box; x and y are its upper left corner."""
    words = text(x + width / 2, y + HEIGHT / 2, label, "middle")
    return f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" rx="4"/>{words}'


def text(x: float, y: float, said: str, anchor: str = "start") -> str:
    """Words, centred on y."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(said)}</text>'


def arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    """A line that leaves downwards, turns just above where it leads, and arrives from above."""
    turn = max(y, to_y - TURN)
    path = f"M{x:.0f} {y:.0f} V{turn:.0f} C{x:.0f} {to_y - 8:.0f} {to_x:.0f} {turn:.0f} {to_x:.0f} {to_y - 4:.0f}"
    head = f"M{to_x - 4:.0f} {to_y - 7:.0f} L{to_x:.0f} {to_y:.0f} L{to_x + 4:.0f} {to_y - 7:.0f} Z"
    return f'<path class="line" d="{path}"/><path class="head" d="{head}"/>'


def picture(width: float, height: float, parts: list[str], says: str) -> str:
    """A whole picture as a block of HTML.

    Args:
        width, height: of the picture, in its own units.
        parts: what is drawn.
        says: the same in words, for those who cannot see it.
    """
    drawn = "".join(parts)
    frame = f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(says)}">{drawn}</svg>'
    return f'<div class="picture" style="--width: {width:.0f}px">{frame}</div>'
