"""The flow of a night, drawn from what each stage's `run` reads."""

import networkx as nx

from docs.generate import svg
from pipeline.operations import stages

GAP, ROW = 12, 62
"""Between two boxes of a row; from one row to the next."""


def graph() -> nx.DiGraph:
    """The stages and what they read, without the arrows that follow from others."""
    edges = [(upstream, stage) for stage in stages.STAGES for upstream in stages.upstream(stage)]
    return nx.transitive_reduction(nx.DiGraph(edges))


def rows(reads: nx.DiGraph) -> list[list[str]]:
    """The stages by how many stand before them; within a row in data-flow order."""
    order = list(stages.STAGES)
    return [sorted(row, key=order.index) for row in nx.topological_generations(reads)]


def places(reads: nx.DiGraph) -> dict[str, tuple[float, float, float]]:
    """x of the left side, y of the upper side and width of each stage's box; a stage stands below
    those it reads, a single one straight below the last of them."""
    table = rows(reads)
    widths = {stage: len(stage) * svg.LETTER + 16 for stage in reads}
    full = max(sum(widths[stage] + GAP for stage in row) - GAP for row in table)
    found: dict[str, tuple[float, float, float]] = {}
    for depth, row in enumerate(table):
        centre = full / 2
        if len(row) == 1 and 0 < len(above := list(reads.predecessors(row[0]))) <= 2:
            left, _, width = max((found[stage] for stage in above), key=lambda place: place[1])
            centre = left + width / 2 - 1
        x = centre - (sum(widths[stage] + GAP for stage in row) - GAP) / 2
        for stage in row:
            found[stage] = (x + 1, depth * ROW + 1, widths[stage])
            x += widths[stage] + GAP
    return found


def picture() -> str:
    """The picture as HTML."""
    reads = graph()
    at = places(reads)
    arrows = [
        svg.arrow(at[a][0] + at[a][2] / 2, at[a][1] + svg.HEIGHT, at[b][0] + at[b][2] / 2, at[b][1])
        for a, b in reads.edges
    ]
    boxes = [svg.box(x, y, width, stage) for stage, (x, y, width) in at.items()]
    width = max(x + w for x, _, w in at.values()) + 1
    height = max(y for _, y, _ in at.values()) + svg.HEIGHT + 1
    says = "; then ".join(", ".join(row) for row in rows(reads))
    return svg.picture(width, height, arrows + boxes, says)
