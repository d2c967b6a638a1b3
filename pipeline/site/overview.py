"""The first page: is tonight's table good, is it getting better, what came of it, what were the logs like, what did it
cost."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from html import escape

from pipeline.publication.publish import CHURN_K
from pipeline.settings.config import Config
from pipeline.site import drawings
from pipeline.site.drawings import Series
from pipeline.site.nights import BLOCKED, Judged, Logs, Mean, Night

LISTED = 30
"""Nights that the table at the end has."""


def body(config: Config, nights: Sequence[Night], active: Night, reports: Mapping[str, str]) -> str:
    """The page's content.

    Args:
        config: the configuration.
        nights: the oldest first.
        active: what is known of the active run and its night, or of its day so far.
        reports: by night, where its report lies beside the page.
    """
    parts = [
        _head(config, nights, active, reports),
        _quality(config, nights),
        _outcomes(config, nights),
        _shared(config, nights),
        _gaps(config, nights),
        _logs(nights),
        _churn(config, nights),
        _cost(nights),
        _table(config, nights, reports),
    ]
    return "\n".join(filter(None, parts))


# --- now --------------------------------------------------------------------------------------------------------------


def _head(config: Config, nights: Sequence[Night], active: Night, reports: Mapping[str, str]) -> str:
    published = max((night.date for night in nights if night.state != BLOCKED), default=active.date)
    held = [night for night in nights if night.state == BLOCKED and night.date > published]
    warned = "".join(
        f'<p class="note bad">The table of {night.date} is not published, as the gate held it back. '
        f"{_link(reports, night, 'Its report says why.')}</p>"
        for night in held
    )
    cards = "".join(_card(config, name, active) for name in (surface.name for surface in config.surfaces))
    unusual = "".join(f"<li>{escape(text)}</li>" for text in active.unusual)
    report = "" if active.moment else f"<p>{_link(reports, active, 'The report of the night')}</p>"
    return (
        f'<p class="soft">Run <code>{escape(str(active.run_id))}</code> '
        f'<span class="badge">{escape(active.gate or "not judged")}</span></p>'
        f"<h1>{escape(_of_when(active))}</h1>{report}{warned}"
        f'<div class="cards">{cards}</div>'
        + (f'<section><h2>Unusual that night</h2><ul class="warn">{unusual}</ul></section>' if unusual else "")
    )


def _of_when(active: Night) -> str:
    if active.moment:
        return f"Tables of {active.date}, from {active.moment} on"
    return f"Tables of {active.date + timedelta(days=1)}, from what was known of {active.date}"


def _link(reports: Mapping[str, str], night: Night, said: str) -> str:
    place = reports.get(night.date.isoformat())
    return f'<a href="{escape(place)}">{escape(said)}</a>' if place else ""


def _card(config: Config, surface: str, night: Night) -> str:
    heading = f"<h2>{escape(surface)}</h2>"
    judged = night.judged.get(surface)
    if judged is None:
        return f'<div class="card">{heading}<p class="soft">not judged yet</p></div>'
    return (
        f'<div class="card">{heading}<p class="big">{judged.ndcg.value:.3f}</p>'
        f'<p class="soft">NDCG@{config.evaluate.k}{_interval(judged.ndcg)}</p>{_beside(judged)}</div>'
    )


def _interval(mean: Mean) -> str:
    return "" if mean.low is None or mean.high is None else f", 95 % interval {mean.low:.3f} to {mean.high:.3f}"


def _beside(judged: Judged) -> str:
    if judged.is_fallback:
        return "<p>It shows best-sellers, as what was learned was no better for these users.</p>"
    if judged.single is None:
        return ""
    colour = {"better than": "good", "worse than": "bad"}.get(judged.verdict, "")
    return (
        f'<p><b class="{colour}">{judged.verdict.capitalize()}</b> the best single list of the night, '
        f"{escape(judged.single)} ({judged.single_ndcg:.3f})</p>"
    )


# --- over the nights --------------------------------------------------------------------------------------------------


def _section(title: str, said: str, content: str) -> str:
    return f'<section><h2>{escape(title)}</h2><p class="soft">{escape(said)}</p>{content}</section>' if content else ""


def _per_surface(config: Config, draw: Callable[[str], str]) -> str:
    """A chart of each surface under its name, side by side where there is room."""
    drawn = [(surface.name, draw(surface.name)) for surface in config.surfaces]
    return "".join(f"<div><h3>{escape(name)}</h3>{chart}</div>" for name, chart in drawn if chart)


def _quality(config: Config, nights: Sequence[Night]) -> str:
    dates, k = [night.date for night in nights], config.evaluate.k

    def draw(surface: str) -> str:
        judged = [night.judged.get(surface) for night in nights]
        series = [
            Series("published", "first", [j.ndcg if j else None for j in judged]),
            Series(
                "best single list",
                "second",
                [Mean(j.single_ndcg) if j and j.single_ndcg is not None else None for j in judged],
            ),
        ]
        return drawings.lines(dates, series, f"NDCG@{k} of {surface}, as judged before publication", "{:.3f}".format)

    charts = _per_surface(config, draw)
    said = (
        f"NDCG@{k} as each night was judged before it was published, with its 95 % interval; the nights of a week are "
        "judged on the same days."
    )
    return _section("Quality", said, f'<div class="pair">{charts}</div>' if charts else "")


def _outcomes(config: Config, nights: Sequence[Night]) -> str:
    dates, k, horizon = [night.date for night in nights], config.evaluate.k, config.horizon_days

    def of(surface: str, is_over: bool) -> list[Mean | None]:
        return [night.outcomes.get(surface) if (night.days >= horizon) == is_over else None for night in nights]

    def draw(surface: str) -> str:
        series = [
            Series(f"all {horizon} days after it", "third", of(surface, True)),
            Series("fewer days so far", "second", of(surface, False)),
        ]
        return drawings.lines(dates, series, f"NDCG@{k} of {surface} on what users did since", "{:.3f}".format)

    charts = _per_surface(config, draw)
    said = (
        f"NDCG@{k} of the published lists on what users did in the {horizon} days after; where these are not over, "
        "fewer users and shorter lists of what they did are compared, so that the two lines do not say the same."
    )
    return _section("What came of them", said, f'<div class="pair">{charts}</div>' if charts else "")


def _shared(config: Config, nights: Sequence[Night]) -> str:
    dates = [night.date for night in nights]

    def draw(surface: str) -> str:
        def of(measure: str) -> list[Mean | None]:
            found = (night.shared.get(surface, {}).get(measure) for night in nights)
            return [None if value is None else Mean(value) for value in found]

        series = [
            Series("inequality (Gini)", "first", of("exposure_gini")),
            Series("items that anybody is shown", "second", of("exposure_coverage")),
            Series("long tail in a list", "third", of("aplt")),
        ]
        return drawings.lines(dates, series, f"how {surface} shares out attention", "{:.0%}".format)

    charts = _per_surface(config, draw)
    said = (
        "How unequal the exposure of the items is that a surface may show, 100 % where one has all; the share of them "
        "that anybody is shown; and of a list's items the share that few act on."
    )
    return _section("What is shown", said, f'<div class="pair">{charts}</div>' if charts else "")


def _gaps(config: Config, nights: Sequence[Night]) -> str:
    dates, k = [night.date for night in nights], config.evaluate.k

    def draw(surface: str) -> str:
        series = [Series("widest gap", "first", [night.gap.get(surface) for night in nights])]
        return drawings.lines(
            dates, series, f"widest gap in NDCG@{k} between groups of users, {surface}", "{:.3f}".format
        )

    charts = _per_surface(config, draw)
    said = (
        f"How far NDCG@{k} of the best group of users is ahead of the worst one's, before publication; its 95 % "
        "interval holds for all pairs of groups at once, and where 0 is in it chance may be all."
    )
    return _section("Groups of users", said, f'<div class="pair">{charts}</div>' if charts else "")


def _logs(nights: Sequence[Night]) -> str:
    dates = [night.date for night in nights]

    def of(number: Callable[[Logs], int]) -> list[Mean | None]:
        return [Mean(number(night.logs)) if night.logs else None for night in nights]

    taken = drawings.bars(dates, [Series("events", "first", of(lambda logs: logs.events))], "events a night", _count)
    kinds: list[tuple[str, str, Callable[[Logs], int]]] = [
        ("rejected", "third", lambda logs: logs.rejected),
        ("duplicates", "second", lambda logs: logs.duplicates),
        ("late", "first", lambda logs: logs.late),
    ]
    found = [Series(name, look, of(number)) for name, look, number in kinds if any(m and m.value for m in of(number))]
    others = drawings.lines(dates, found, "rows a night that were rejected, duplicates or late", _count)
    nothing = '<p class="soft">No row was rejected, twice there or late.</p>' if taken and not others else ""
    content = (
        f"<div><h3>Events taken</h3>{taken}</div><div><h3>Other rows</h3>{others or nothing}</div>" if taken else ""
    )
    return _section("Logs", "Rows of each night's logs.", f'<div class="pair">{content}</div>' if content else "")


def _churn(config: Config, nights: Sequence[Night]) -> str:
    dates = [night.date for night in nights]

    def draw(surface: str) -> str:
        values = [Mean(night.churn[surface]) if surface in night.churn else None for night in nights]
        label = f"share of the first {CHURN_K} of {surface} that went"
        return drawings.lines(dates, [Series("went", "second", values)], label, "{:.0%}".format)

    charts = _per_surface(config, draw)
    said = f"Of a user's first {CHURN_K} items, the share that the run before had and this has not."
    return _section("Drift", said, f'<div class="pair">{charts}</div>' if charts else "")


def _cost(nights: Sequence[Night]) -> str:
    known = [night for night in nights if night.stages]
    if not known:
        return ""
    seconds = drawings.bars(
        [night.date for night in known],
        [Series("seconds", "second", [Mean(night.seconds) for night in known])],
        "seconds of all stages of a night",
        _count,
    )
    last = known[-1]
    longest = sorted(last.stages.items(), key=lambda stage: -stage[1][0])
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{spent:,.1f}</td><td>{mib:,}</td></tr>'
        for name, (spent, mib) in longest
    )
    table = (
        f'<div class="wide"><table><caption>Stages of {last.date}</caption><thead><tr><th scope="col">stage</th>'
        f'<th scope="col">seconds</th><th scope="col">peak MiB</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
    content = f'<div class="pair"><div><h3>Seconds</h3>{seconds}</div><div>{table}</div></div>'
    return _section(
        "Cost", "Stages one after the other; what was up to date from an earlier attempt counts too.", content
    )


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 10 else f"{value:.1f}"


def _table(config: Config, nights: Sequence[Night], reports: Mapping[str, str]) -> str:
    names = [surface.name for surface in config.surfaces]
    head = "".join(
        f'<th scope="col">{escape(name)}</th>'
        for name in ["night", "run", "state", "gate", *names, "events", "rejected", "seconds", "MiB"]
    )
    rows = "".join(_row(night, names, reports) for night in list(reversed(nights))[:LISTED])
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    said = f"The newest {LISTED} of {len(nights)}." if len(nights) > LISTED else ""
    return f'<section><h2>Every night</h2><p class="soft">{said}</p>{table}</section>'


def _row(night: Night, surfaces: Sequence[str], reports: Mapping[str, str]) -> str:
    judged = (night.judged.get(name) for name in surfaces)
    cells = [
        escape(night.run_id or ""),
        f'<span class="{"bad" if night.state == BLOCKED else ""}">{night.state}</span>',
        escape(night.gate),
        *(f"{j.ndcg.value:.3f}" if j else "" for j in judged),
        *((f"{night.logs.events:,}", f"{night.logs.rejected:,}") if night.logs else ("", "")),
        *((f"{night.seconds:,.0f}", f"{night.peak:,}") if night.stages else ("", "")),
    ]
    first = _link(reports, night, night.date.isoformat()) or night.date.isoformat()
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
