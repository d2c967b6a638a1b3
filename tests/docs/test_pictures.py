"""The pictures against what they are of."""

import re
from itertools import pairwise

import networkx as nx

from docs.generate import floors, flow
from pipeline.operations import stages
from tests.conftest import ROOT


def test_the_flow_leaves_out_only_arrows_that_follow() -> None:
    drawn = flow.graph()
    for stage in stages.STAGES:
        assert set(stages.upstream(stage)) <= nx.ancestors(drawn, stage)
        assert all(set(drawn.predecessors(stage)) <= set(stages.upstream(stage)) for stage in drawn)
    assert set(drawn) == set(stages.STAGES)


def test_every_arrow_leads_down_and_no_two_boxes_touch() -> None:
    at = flow.places(flow.graph())
    assert all(at[a][1] < at[b][1] for a, b in flow.graph().edges)
    boxes = sorted((y, x, width) for x, y, width in at.values())
    assert all(x + width < right for (y, x, width), (row, right, _) in pairwise(boxes) if y == row)


def test_the_flow_names_every_stage() -> None:
    said = re.findall(r"<text[^>]*>([^<]+)</text>", flow.picture())
    assert sorted(said) == sorted(stages.STAGES)


def test_the_floors_are_the_rooms_and_no_import_leads_upward() -> None:
    found = {
        path.stem for path in (ROOT / "pipeline").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert set(floors.floors()) == found - {"__init__"}
    above = {room: floors.floors()[:place] for place, room in enumerate(floors.floors())}
    assert [pair for pair in floors.imports() if pair[1] in above[pair[0]]] == []
    assert floors.imports()["judging", "ground"] > 0


def test_every_floor_says_what_stands_there() -> None:
    assert [row for row in floors.table().splitlines() if re.search(r"\|\s*\|$", row)] == []
