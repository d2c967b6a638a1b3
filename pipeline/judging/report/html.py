"""The evaluation as one self-contained HTML page: no script, no outside file, light and dark."""

from collections.abc import Iterable, Sequence
from html import escape

from pipeline.ground.lists import Pool, kind_of
from pipeline.judging.gate import CHAMPION, FINAL, Comparison
from pipeline.judging.measuring import ITEM_BUCKETS, USER_BUCKETS
from pipeline.judging.report import charts, samples, words
from pipeline.judging.report.page import Page, opponent_name, outcome, relative, simple_name, title, together

STYLE = """
:root { color-scheme: light dark; --ground: #f6f5f1; --card: #fff; --ink: #1d2129; --soft: #646b78; --line: #e3e1da;
  --bar: #b9c0cc; --fused: #7f9bd1; --final: #2f5fb3; --good: #1b7f4d; --bad: #b3322b; --warn: #9a6a00; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --card: #1c2027; --ink: #e7e9ee; --soft: #99a1af;
  --line: #2e343e; --bar: #4a5261; --fused: #50699b; --final: #86aaf0; --good: #5cc58f; --bad: #f0867e;
  --warn: #e0b252; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 60px; }
h1 { font-size: 28px; line-height: 1.25; margin: 6px 0 10px; letter-spacing: -.01em; }
h2 { font-size: 19px; margin: 0 0 4px; }
h3 { font-size: 14px; margin: 24px 0 6px; }
p { margin: 4px 0; max-width: 75ch; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.badge { display: inline-block; padding: 2px 11px; border-radius: 99px; border: 1px solid; font-size: 13px;
  font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 1fr)); gap: 16px; margin: 22px 0; }
.card, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; }
section { margin: 16px 0; }
.big { font-size: 34px; font-weight: 650; letter-spacing: -.02em; line-height: 1.2; margin: 6px 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13.5px; }
th, td { padding: 5px 8px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th { vertical-align: bottom; line-height: 1.3; }
ul { margin: 10px 0 0; padding-left: 18px; } li { margin: 4px 0; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
tr.final td { font-weight: 650; }
td.best { color: var(--final); }
svg { display: block; width: 100%; height: auto; margin: 8px 0; }
.chart { margin: 8px 0; font-size: 13px; font-variant-numeric: tabular-nums; }
.row { display: grid; grid-template-columns: 180px minmax(0, 1fr) 190px; column-gap: 14px; align-items: center; }
.name { overflow-wrap: anywhere; line-height: 1.25; } .number .soft { font-size: 12px; }
svg.plot { height: 26px; margin: 0; overflow: visible; } .plot path { vector-effect: non-scaling-stroke; }
@media (max-width: 700px) { main { padding: 24px 12px 40px; } .card, section { padding: 16px 14px; }
  .row { grid-template-columns: minmax(0, 1fr) auto; margin: 7px 0; } svg.plot { grid-row: 2; grid-column: 1 / 3; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 6px; } }
svg text { fill: var(--ink); font-size: 13px; font-variant-numeric: tabular-nums; }
svg .soft { fill: var(--soft); font-size: 12px; }
svg .single { fill: var(--bar); } svg .fused { fill: var(--fused); } svg .final { fill: var(--final); }
svg .champion { fill: none; stroke: var(--ink); stroke-dasharray: 4 3; }
svg .whisker { stroke: var(--ink); stroke-width: 1.4; } svg .axis { stroke: var(--line); }
svg.square { max-width: 420px; } svg .trend { fill: none; stroke: var(--final); }
svg .dot { fill: none; stroke-width: 8; stroke-linecap: round; }
svg .zero { stroke: var(--soft); } svg .better { fill: var(--good); stroke: var(--good); }
svg .worse { fill: var(--bad); stroke: var(--bad); } svg .equal { fill: var(--soft); stroke: var(--soft); }
.samples { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(270px, 100%), 1fr)); gap: 16px;
  margin: 10px 0; }
.sample { border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; overflow-wrap: anywhere; }
.sample ol { margin: 4px 0 0; padding-left: 22px; } .sample ul { margin-top: 2px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; font-size: 13.5px; margin: 8px 0 0; }
dt { font-weight: 600; } dd { margin: 0; color: var(--soft); }
"""

AGAINST = {"better": "better than", "worse": "worse than", "too few to tell": "judged by too few to compare with"}

DECISIONS = {
    "passed": ("good", "Passed the gate"),
    "baseline only": ("good", "Passed the gate"),
    "first publication": ("good", "First publication"),
    "blocked": ("bad", "Not published"),
    "overridden": ("warn", "Published although the gate says no"),
}


def render(page: Page, sections: Sequence[tuple[str, str]] = ()) -> str:
    """The page as HTML.

    Args:
        page: what to show; every name in it is escaped.
        sections: further parts, (title as plain text, body as trusted HTML), shown before the definitions.
    """
    body = [
        _head(page),
        f'<div class="cards">{"".join(_card(page, pool) for pool in page.config.pools)}</div>',
        _gate(page),
        *(_pool(page, pool) for pool in page.config.pools if page.metrics(pool)),
        *(f"<section><h2>{escape(heading)}</h2>{content}</section>" for heading, content in sections),
        _definitions(page),
    ]
    heading = escape(f"Nightjar, night of {page.run_date}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{heading}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


def _head(page: Page) -> str:
    colour, badge = DECISIONS[page.decision]
    first, last = page.window
    judged = (
        f"Judged on what {words.of(page.config).people} did from {first} to {last}, "
        f"with lists made from what was known on {page.cutoff}."
    )
    against = f"{page.opponent}" if page.opponent else "no earlier table: the baseline alone"
    return (
        f'<p class="soft">Nightjar · recommendations of the night of {page.run_date} '
        f'<span class="badge {colour}">{badge}</span></p>\n<h1>{escape(_headline(page))}</h1>\n'
        + (f"<p>{escape(page.worth)}</p>" if page.worth else "")
        + (f'<p class="soft">{escape(judged)} Compared with {escape(against)}.</p>' if page.comparisons else "")
    )


def _headline(page: Page) -> str:
    """Whether tonight is better than the best simple list of each surface, in one sentence."""
    found = [c for pool in page.config.pools if (c := page.headline(pool))]
    if not found:
        return (
            "Nobody has done anything yet"
            if page.untouched
            else "There is nothing to judge tonight's recommendations by yet"
        )
    verdicts = {page.surfaces(c.pool): AGAINST.get(outcome(c), "as good as") for c in found}
    if len(set(verdicts.values())) == 1:
        return f"Tonight's recommendations are {next(iter(verdicts.values()))} the best simple list"
    (first, verdict), *others = verdicts.items()
    more = "".join(f", {surfaces} {compared} it" for surfaces, compared in others)
    return f"Tonight {first} is {verdict} the best simple list{more}"


def _card(page: Page, pool: Pool) -> str:
    title_of = words.said(words.POOL_TITLES[kind_of(pool)], page.config)
    heading = f'<h2>{escape(page.surfaces(pool))}</h2><p class="soft small">{escape(title_of)}</p>'
    comparison = page.headline(pool)
    if comparison is None:
        return f'<div class="card">{heading}<p>{words.said("No {person} could be judged.", page.config)}</p></div>'
    colour = {"better": "good", "worse": "bad"}.get(outcome(comparison), "")
    middle, interval = relative(comparison)
    if outcome(comparison) == "the same":
        middle = "the same list"
    text = "".join(f"<li>{escape(line)}</li>" for line in _facts(page, comparison))
    return (
        f'<div class="card">{heading}<p class="big {colour}">{escape(middle)}</p>'
        f'<p class="soft small">against {escape(simple_name(comparison))}; 95 % interval {escape(interval)}</p>'
        f"<ul>{text}</ul></div>"
    )


def _facts(page: Page, comparison: Comparison) -> list[str]:
    """What to say about a pool, beside the comparison that counts."""
    pool, k = comparison.pool, page.config.evaluate.k
    lines = [
        f"{comparison.metric}: {comparison.final:.3f} tonight, {comparison.other:.3f} for {opponent_name(comparison)}"
    ]
    member = page.best_member(pool)
    others = [("", page.versus(pool, CHAMPION)), ("the best member of the ensemble, ", member)]
    for kind, other in others:
        if other is not None and other.versus != comparison.versus and not page.is_repeated(pool, other.versus):
            middle, interval = relative(other)
            text = f"{middle} ({interval}) against {kind}{opponent_name(other)} ({other.other:.3f})"
            lines.append(f"{text}: {outcome(other)}")
    lines += [single] if (single := page.single(pool)) else []
    hits = page.find(pool, FINAL, f"hit_rate@{k}")
    if hits:
        lines.append(
            words.said(
                "{share:.0f} of 100 {people} {acted} something from their first {k}; {users} were judged",
                page.config,
                share=100 * hits.value,
                k=k,
                users=hits.users,
            )
        )
    return lines


def _gate(page: Page) -> str:
    settings = page.config.evaluate
    rule = (
        f"Tonight's table goes out unless it is significantly worse than the table in use or than "
        f"{title(settings.baseline).lower()} on {page.gate_metric}, or one of its lists is broken."
    )
    if any(recipe.single for recipe in page.recipes.values()):
        rule += f" Where a simple list takes part, a loss to {title(settings.baseline).lower()} stops nothing."
    verdict = "".join(f'<li class="bad">{escape(reason)}</li>' for reason in page.reasons)
    verdict += "".join(f'<li class="warn">{escape(page.fell_back(pool))}</li>' for pool in page.fallen)
    body = f"<ul>{verdict}</ul>" if verdict else '<p class="good">All comparisons and checks passed.</p>'
    return f'<section><h2>The gate</h2><p class="soft">{escape(rule)}</p>{body}</section>'


def _pool(page: Page, pool: Pool) -> str:
    opponents = [c for c in page.opponents(pool) if not page.is_repeated(pool, c.versus)]
    head = (
        f"<section><h2>{escape(page.surfaces(pool))}</h2>"
        f"<p class='soft'>{escape(words.said(words.POOL_TITLES[kind_of(pool)], page.config))}</p>"
        f"{samples.section(page, pool)}"
    )
    if not opponents:
        return f"{head}<p>{escape(words.said('No {person} could be judged.', page.config))}</p></section>"
    return (
        f"{head}"
        f"<h3>{escape(page.gate_metric)} of every list, with 95 % interval</h3>{charts.bars(page, pool)}"
        f"<h3>Tonight's table against the other lists, {escape(page.gate_metric)}</h3>{charts.forest(opponents)}"
        f"<p class='soft small'>{escape(together(opponents))}</p>"
        f"<p class='soft small'>{escape(_left_out(page, pool))}</p>"
        f"<h3>All metrics</h3>{_metrics_table(page, pool)}"
        f"<h3>Who and what it works for, {escape(page.gate_metric)}</h3>{_bucket_table(page, pool)}</section>"
    )


def _left_out(page: Page, pool: Pool) -> str:
    """Which lists are not shown, as tonight's is the very same."""
    names = [title(name) for name in page.lists(pool) if page.is_repeated(pool, name)]
    return f"The same as tonight's table, and left out here: {', '.join(names)}." if names else ""


def _table(header: Sequence[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{escape(cell).replace('pooled ', 'pooled<br>').replace('@', '<br>@')}</th>" for cell in header)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _metrics_table(page: Page, pool: Pool) -> str:
    names, columns = page.shown(pool), page.metrics(pool)
    best = {metric: max(row.value for name in names if (row := page.find(pool, name, metric))) for metric in columns}
    rows = []
    for name in names:
        cells = [f"<td>{escape(title(name))}</td>"]
        for metric in columns:
            found = page.find(pool, name, metric)
            mark = ' class="best"' if found and found.value == best[metric] else ""
            cells.append(f"<td{mark}>{f'{found.value:.3f}' if found else ''}</td>")
        rows.append(f"<tr class='{charts.kind(page, name)}'>{''.join(cells)}</tr>")
    return _table(["", *(metric.replace("decision_", "pooled ") for metric in columns)], rows)


def _bucket_table(page: Page, pool: Pool) -> str:
    """The final list beside its opponents in every bucket that somebody fell into."""
    best = page.best_single(pool)
    names = [FINAL, CHAMPION, best.versus if best else "", page.config.evaluate.baseline]
    shown = [name for name in dict.fromkeys(names) if name in page.lists(pool)]
    rows = []
    for kind, buckets in (("users", USER_BUCKETS), ("items", ITEM_BUCKETS)):
        for bucket in buckets:
            found = [page.find(pool, name, page.gate_metric, kind, bucket) for name in shown]
            if not found or found[0] is None:
                continue
            text = words.said(words.BUCKETS[kind, bucket], page.config, **page.config.evaluate.model_dump())
            cells = "".join(f"<td>{f'{row.value:.3f}' if row else ''}</td>" for row in found)
            rows.append(f"<tr><td>{escape(text)}</td><td>{found[0].users}</td>{cells}</tr>")
    return _table(["", words.of(page.config).people, *(title(name) for name in shown)], rows)


def _definitions(page: Page) -> str:
    settings = page.config.evaluate
    entries = "".join(
        f"<dt>{escape(name.replace('decision_', 'pooled '))}</dt>"
        f"<dd>{escape(words.said(text, page.config, k=settings.k, deep=settings.deep))}</dd>"
        for name, text in words.MEANINGS.items()
    )
    note = words.said(
        "Intervals come from {resamples} resamples of the {people}; a comparison is paired, {person} by {person}. "
        "“{acted}” stands for the action the configuration calls a label.",
        page.config,
        resamples=settings.resamples,
    )
    return f"<section><h2>How to read this</h2><p class='soft'>{escape(note)}</p><dl>{entries}</dl></section>"
