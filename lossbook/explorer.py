"""Figures with a slider.  Every position is computed beforehand: the page needs no library and no server."""

import html

import numpy as np
from IPython.display import display
from matplotlib.ticker import MaxNLocator

from . import figures

# At least 3:1 against the dark ground of the site and of JupyterLab, one for each of figures.COLOURS.
DARK = ["#56b4e9", "#f0883e", "#2cc295", "#e58bbf", "#ffffff"]
# The line styles of figures.STYLE, as SVG has them.  Lengths in drawings are tenths of a pixel.
DASHES = ["none", "74 32", "128 32 20 32", "20 33", "100 20 20 20 20 20"]
HEIGHT, TOP, BOTTOM, RIGHT = 2600, 100, 500, 160
WIDTHS = {1: 4400, 2: 3600, 3: 2800}  # so that text has nearly the same size

CURVES = "\n".join(
    f".explorer .curve{i} {{ stroke: var(--curve{i}); stroke-dasharray: {dash}; }}"
    for i, dash in enumerate(DASHES)
)
LIGHT_COLOURS = " ".join(f"--curve{i}: {c};" for i, c in enumerate(figures.COLOURS))
DARK_COLOURS = " ".join(f"--curve{i}: {colour};" for i, colour in enumerate(DARK))
STYLE = f"""
.explorer {{ --ink: var(--pst-color-text-base, var(--jp-ui-font-color1, #222)); {LIGHT_COLOURS}
  color: var(--ink); font-size: 14px; line-height: 1.5; margin: 0.5rem 0; }}
.explorer .row {{ display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; }}
.explorer .row.panels {{ align-items: start; }}
.explorer .panel > svg {{ display: block; width: 100%; height: auto; }}
.explorer text {{ fill: var(--ink); font-family: inherit; font-size: 120px; }}
.explorer path {{ fill: none; stroke: var(--ink); stroke-width: 8; }}
.explorer path.grid {{ opacity: 0.2; }}
.explorer path[class^="curve"] {{ stroke-width: 20; stroke-linejoin: round; }}
{CURVES}
.explorer label {{ display: flex; flex: 0 1 22rem; align-items: center; gap: 0.5rem; margin: 0; }}
.explorer input {{ flex: 1 1 auto; min-width: 0; height: 2rem; margin: 0; accent-color: var(--curve0); }}
.explorer input:focus-visible {{ outline: 2px solid var(--ink); outline-offset: 2px; }}
.explorer output {{ font-variant-numeric: tabular-nums; font-weight: 600; }}
@media screen {{ :is([data-theme="dark"], [data-jp-theme-light="false"]) .explorer {{ {DARK_COLOURS} }} }}
@media print {{ .explorer {{ --ink: #000; background: #fff; }} .explorer label {{ display: none; }} }}
@media (scripting: none) {{ .explorer label {{ display: none; }} }}
"""
# In an attribute, because a page may hold the same explorer twice, and because notebooks run a cell again.
SCRIPT = """
const text = this.dataset.texts.split(';')[this.value], explorer = this.closest('.explorer');
this.setAttribute('aria-valuetext', text);
explorer.querySelector('output').value = text;
for (const path of explorer.querySelectorAll('[data-d]'))
  path.setAttribute('d', path.dataset.d.split(';')[this.value]);
"""


def explore(draw, symbol, values, *, start, axes, alt, ylim=None):
    """Show curves that move with a slider.

    ``draw(value)`` returns a list with one dict a panel, ``{label of a curve: (x, y)}``; a curve
    breaks where a number is not finite, and a single point is drawn as a ring.  ``symbol`` is the
    sign of what is moved, such as "δ", ``values`` are its positions, and ``start`` is the one
    shown first and in print.  ``axes`` is a list of (label of x, label of y), one a panel, and
    ``alt`` says what is to be seen.  Labels are plain text, not TeX.  The limits hold for all
    positions; ``ylim`` may set those of y, as a list of (low, high) or None, one a panel.

    In a cell::

        def draw(delta):
            loss = Huber(delta)
            slope = len(r) * loss.gradient(0 * r, r)
            return [{"Huber": (r, loss.per_sample(0 * r, r))}, {"Huber": (r, slope)}]

        explore(draw, "δ", np.arange(1, 13) / 4, start=1, alt="…",
                axes=[("residual r", "loss"), ("residual r", "slope")])
    """
    values = np.asarray(values).tolist()
    drawn = [draw(value) for value in values]
    shown = _require_sound(drawn, symbol, values, start, axes)
    panels = [
        {label: [_points(d[n][label]) for d in drawn] for label in drawn[0][n]}
        for n in range(len(axes))
    ]
    limits = [_limits(p, y) for p, y in zip(panels, ylim or [None] * len(axes))]
    texts = [f"{symbol} = {text}" for text in _texts(values)]
    figure = _figure(panels, shown, axes, limits, texts[shown])
    bundle = {
        "text/html": _html(panels, shown, axes, limits, texts, symbol, alt),
        "text/plain": _describe(figure, panels, texts, shown),
        "image/png": figures.png(figure),
    }
    display(bundle, raw=True)


def _require_sound(drawn, symbol, values, start, axes):
    """Return the position of ``start``, or say what is wrong."""
    if len(values) < 2:
        raise ValueError(f"{len(values)} values make no slider: give at least 2.")
    if not (near := np.flatnonzero(np.isclose(values, start))).size:
        raise ValueError(f"start={start} is not in values: take one of {values}.")
    if len(axes) not in WIDTHS:
        raise ValueError(f"there are {len(axes)} panels in axes: give 1, 2 or 3.")
    labels = [list(panel) for panel in drawn[0]]
    for value, panels in zip(values, drawn):
        at = f"draw({value}), for {symbol},"
        if len(panels) != len(axes):
            raise ValueError(
                f"{at} returns {len(panels)} panels, and axes has {len(axes)}: give as many of both."
            )
        if (got := [list(panel) for panel in panels]) != labels:
            raise ValueError(
                f"{at} has the curves {got}, and the first position has {labels}: label all alike."
            )
    if max(map(len, labels)) > len(DASHES):
        raise ValueError(
            f"a panel has {max(map(len, labels))} curves: draw at most {len(DASHES)}."
        )
    if "$" in f"{labels}{axes}{symbol}":
        raise ValueError("a label holds $: write ŷ or δ instead of TeX.")
    return int(near[0])


def _points(curve):
    """Return the points of a curve as an array (n, 2)."""
    x, y = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(c, float)) for c in curve)
    )
    return np.column_stack([x, y])


def _limits(panel, ylim):
    """Return [[x0, x1], [y0, y1]] around the finite points of all positions."""
    points = np.concatenate(
        [points for curve in panel.values() for points in curve]
    )
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        raise ValueError("a panel has no finite point: let draw return some.")
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.05 * (high - low), 0.5)
    limits = np.transpose([low - margin, high + margin])
    return np.array([limits[0], limits[1] if ylim is None else ylim])


def _texts(values):
    """Return numbers as text, with as many decimals each unless they differ much in size."""
    texts = [f"{v + 0.0:.{4 if abs(v) < 1e4 else 6}g}" for v in values]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    largest = max([abs(v) for v in values if np.isfinite(v)], default=0)
    if largest * 10**decimals < 1e4 and not any("e" in text for text in texts):
        texts = [f"{v + 0.0:.{decimals}f}" for v in values]
    return [text.replace("-", "−").replace("inf", "∞") for text in texts]


def _ticks(limits, count):
    ticks = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(*limits)
    return [t for t in ticks if limits[0] <= t <= limits[1]]


def _figure(panels, shown, axes, limits, title):
    """Draw one position as a figure that does not move."""
    figure, grid = figures.subplots(1, len(panels), squeeze=False)
    for panel, place, labels, (xlim, ylim) in zip(panels, grid[0], axes, limits):
        for label, curve in panel.items():
            x, y = curve[shown].T
            place.plot(x, y, label=label, marker="o" if len(x) == 1 else None)
        place.set(xlabel=labels[0], ylabel=labels[1], xlim=xlim, ylim=ylim)
        place.legend()
    figure.suptitle(title, fontsize=11)
    return figure


def _describe(figure, panels, texts, shown):
    """Return the text form: the figure, the positions, and the range over all of them."""
    lines = [
        figures.describe(figure),
        f"  slider: {len(texts)} positions, {texts[0]} to {texts[-1]}, shown at {texts[shown]}",
    ]
    for number, panel in enumerate(panels, 1):
        for label, curve in panel.items():
            y = np.concatenate(curve)[:, 1]
            y = y[np.isfinite(y)]
            extent = f"{len(y)} points"
            extent += (
                f", y {y.min() + 0.0:.4g} to {y.max() + 0.0:.4g}" if len(y) else ""
            )
            lines.append(f"    panel {number}, {label!r}, all positions: {extent}")
    return "\n".join(lines)


def _html(panels, shown, axes, limits, texts, symbol, alt):
    role = f'role="img" aria-label="{html.escape(alt)}"'
    alike = all(list(panel) == list(panels[0]) for panel in panels)
    width, row = WIDTHS[len(panels)], []
    for panel, labels, limit in zip(panels, axes, limits):
        size = f"flex: 1 1 {width * 0.075:.0f}px; max-width: {width * 0.12:.0f}px; min-width: 0"
        svg = _svg(panel, shown, labels, limit, width, role)
        legend = "" if alike else _legend(panel)
        row.append(f'<div class="panel" style="{size}">{svg}{legend}</div>')
        role = 'aria-hidden="true"'
    script, text = html.escape(SCRIPT.strip()), html.escape(";".join(texts))
    return f"""<div class="explorer"><style>{STYLE}</style>
<div class="row panels">{"".join(row)}</div>{_legend(panels[0]) if alike else ""}
<div class="row"><label>Change {html.escape(symbol)}
<input type="range" min="0" max="{len(texts) - 1}" value="{shown}" autocomplete="off"
data-lm-suppress-shortcuts="true" aria-valuetext="{html.escape(texts[shown])}" data-texts="{text}"
oninput="{script}"></label><output>{html.escape(texts[shown])}</output></div></div>"""


def _legend(panel):
    line = '<svg viewBox="0 0 340 120" width="34" height="12" aria-hidden="true">'
    line += '<path class="curve{}" d="M0 60H340"/></svg>'
    items = [
        f"<span>{line.format(i)} {html.escape(label)}</span>"
        for i, label in enumerate(panel)
    ]
    return f'<div class="row">{"".join(items)}</div>'


def _svg(panel, shown, labels, limits, width, role):
    """Return a panel as SVG."""
    xticks, yticks = (
        _ticks(limits[0], 5 if width > 3000 else 4),
        _ticks(limits[1], 5),
    )
    left = 330 + 75 * max(map(len, _texts(yticks)))
    size = w, h = width - left - RIGHT, HEIGHT - TOP - BOTTOM
    grid, words = [], []
    for tick, text in zip(xticks, _texts(xticks)):
        x = left + _tenths(tick, *limits[0], w)
        grid.append(f"M{x} {TOP}v{h}")
        words.append(
            f'<text x="{x}" y="{TOP + h + 170}" text-anchor="middle">{text}</text>'
        )
    for tick, text in zip(yticks, _texts(yticks)):
        y = TOP + h - _tenths(tick, *limits[1], h)
        grid.append(f"M{left} {y}h{w}")
        words.append(
            f'<text x="{left - 60}" y="{y + 42}" text-anchor="end">{text}</text>'
        )
    xlabel, ylabel = map(html.escape, labels)
    words.append(
        f'<text x="{left + w // 2}" y="{HEIGHT - 100}" text-anchor="middle">{xlabel}</text>'
    )
    turn = f'transform="translate(150 {TOP + h // 2}) rotate(-90)"'
    words.append(f'<text {turn} text-anchor="middle">{ylabel}</text>')
    paths = []
    for number, curve in enumerate(panel.values()):
        forms = [_path(points, limits, size) for points in curve]
        moves = f' data-d="{";".join(forms)}"' if len(set(forms)) > 1 else ""
        paths.append(f'<path class="curve{number}" d="{forms[shown]}"{moves}/>')
    return f"""<svg viewBox="0 0 {width} {HEIGHT}" {role}>
<path class="grid" d="{"".join(grid)}"/><path d="M{left} {TOP}v{h}h{w}"/>{"".join(words)}
<svg x="{left}" y="{TOP}" width="{w}" height="{h}" style="width: {w}px; height: {h}px">
{"".join(paths)}</svg></svg>"""


def _tenths(values, low, high, size):
    """Return places on an axis as whole numbers.

    Places that are halfway by construction are rounded up on every machine, whatever the last
    bit: the border between two whole numbers is not at .5.
    """
    places = (np.asarray(values) - low) / (high - low) * size
    return np.floor(np.clip(places, -99999, 99999) + 0.5037).astype(int)


def _path(points, limits, size):
    """Return the data of an SVG path, in steps, with a gap where a point is not finite."""
    finite, parts = np.isfinite(points).all(axis=1), []
    for run in np.split(points, np.flatnonzero(np.diff(finite)) + 1):
        if not np.isfinite(run).all():
            continue
        x = _tenths(run[:, 0], *limits[0], size[0])
        y = size[1] - _tenths(run[:, 1], *limits[1], size[1])
        parts.append(f"M{x[0]} {y[0]}")
        if len(run) == 1:
            parts.append("m-35 0a35 35 0 1 0 70 0a35 35 0 1 0-70 0")
        steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(x), np.diff(y)))
        parts.append("l" + steps.replace(" -", "-") if steps else "")
    return "".join(parts)
