"""Figures with a slider.

Every position is computed beforehand: a page needs no server and no library.
"""

import html

import numpy as np
from IPython.display import display
from matplotlib.ticker import MaxNLocator

from . import figures

# The line styles of figures.STYLE as SVG has them.  Lengths in drawings are tenths of a pixel.
DASHES = ["none", "74 32", "128 32 20 32", "20 33", "100 20 20 20 20 20"]
DARK = ["#56b4e9", "#f0883e", "#2cc295", "#e58bbf", "#ffffff"]  # on dark pages
# Of a panel, by their number: below each other on a phone, all are seen with the slider.
WIDTHS, HEIGHTS = {1: 3800, 2: 3600, 3: 2800}, {1: 2600, 2: 2600, 3: 1900}
TOP, RIGHT, BOTTOM = 100, 160, 500

LIGHT_COLOURS = " ".join(f"--curve{i}: {c};" for i, c in enumerate(figures.COLOURS))
DARK_COLOURS = " ".join(f"--curve{i}: {c};" for i, c in enumerate(DARK))
# The theme's colour of text on the site, in JupyterLab, elsewhere; dark pages there, in Colab, in
# VS Code.  A backslash breaks a line here and not on the page.
STYLE = f"""
.explorer {{ --ink: var(--pst-color-text-base, var(--jp-ui-font-color1, currentColor)); \
{LIGHT_COLOURS}
  color: var(--ink); font-size: 14px; text-align: start; }}
.explorer-panels, .explorer-line {{ display: flex; flex-wrap: wrap; gap: 4px 16px; \
justify-content: center; }}
.explorer-panels > div > svg {{ display: block; width: 100%; height: auto; }}
.explorer-line {{ align-items: center; margin: 6px 0; }}
.explorer-slider {{ position: sticky; bottom: 0; flex-wrap: nowrap; margin: 0; \
background: var(--pst-color-background, var(--jp-layout-color0, Canvas)); }}
.explorer text {{ fill: var(--ink); font-size: 120px; text-anchor: middle; }}
.explorer path {{ fill: none; stroke: var(--ink); stroke-width: 8; }}
.explorer path.curve {{ stroke-width: 20; stroke-linejoin: round; }}
.explorer path.dots {{ stroke-width: 70; stroke-linecap: round; stroke-dasharray: none; }}
.explorer label {{ display: flex; flex: 0 1 320px; align-items: center; gap: 8px; margin: 0; }}
.explorer input {{ flex: 1; min-width: 0; height: 44px; margin: 0; accent-color: var(--curve0); }}
.explorer input:focus-visible {{ outline: 2px solid var(--ink); outline-offset: 1px; }}
.explorer output {{ min-width: 90px; font-weight: 600; font-variant-numeric: tabular-nums; }}
.explorer-note {{ display: none; }}
.text_html:has(> .explorer) {{ background: none !important; padding: 0 !important; \
overflow: visible !important; }}
@media screen {{ :is([data-theme="dark"], [data-jp-theme-light="false"], [theme="dark"], \
.vscode-dark) .explorer
  {{ {DARK_COLOURS} color-scheme: dark; }} }}
@media print {{ .explorer {{ --ink: #000; background: #fff; }} \
.explorer-slider {{ position: static; background: none; }} }}
@media print, (scripting: none) {{ .explorer label {{ display: none; }} }}
"""
# In an attribute, so that a page may hold several explorers and a notebook may run a cell again.
# data-lm-suppress-shortcuts leaves the arrow keys to the slider in JupyterLab.
SCRIPT = """
const text = this.dataset.texts.split(';')[this.value], explorer = this.closest('.explorer');
this.setAttribute('aria-valuetext', text);
explorer.querySelector('output').value = text;
for (const path of explorer.querySelectorAll('[data-d]'))
  path.setAttribute('d', path.dataset.d.split(';')[this.value]);
"""


def explore(draw, symbol, values, *, start, axes, alt, ylim=None):
    """Show curves that move with a slider.

    ``draw(value)`` returns a list with one dict a panel, ``{label of a curve: (x, y)}``, or
    ``(x, y, "o")`` for points.  A curve has gaps where it is not finite.  ``symbol`` is the sign
    of what is moved, such as "δ", ``values`` are its positions, and ``start`` is the one shown
    first.  ``axes`` is a list of (label of x, label of y), one a panel, and ``alt`` says what is
    to be seen.  Labels are plain text, not TeX.  The limits of the axes hold for all positions;
    ``ylim`` may give those of y, as a list of (low, high) or None, one a panel.

    In a cell::

        def draw(delta):
            loss = Huber(delta)
            slope = len(r) * loss.gradient(0 * r, r)
            return [{"Huber": (r, loss.per_sample(0 * r, r))}, {"Huber": (r, slope)}]

        explore(draw, "δ", np.arange(1, 13) / 4, start=1, alt="…",
                axes=[("residual r", "loss"), ("residual r", "slope")])
    """
    values = np.asarray(values).tolist()
    found = np.flatnonzero(np.isclose(values, start, atol=0))
    _require(len(values) > 1, f"values has {len(values)} positions: give 2 or more.")
    _require(len(found), f"start={start} is not in values: take one of {values}.")
    panels, shown = (_panels([draw(value) for value in values], values, axes), found[0])
    limits = [_limits(p, y) for p, y in zip(panels, ylim or [None] * len(axes))]
    texts = [f"{symbol} = {text}" for text in _texts(values)]
    figure = _figure(panels, shown, axes, limits, texts[shown])
    bundle = {
        "text/html": _html(panels, shown, axes, limits, symbol, texts, alt),
        "text/plain": _describe(figure, panels, shown, texts),
        **figures.picture(figure),
    }
    display(bundle, raw=True)


def _require(condition, message):
    if not condition:
        raise ValueError(message)


def _panels(drawn, values, axes):
    """Return for each panel a list of curves: (label, points at each position, whether dots)."""
    _require(len(axes) in WIDTHS, f"axes has {len(axes)} panels: give 1, 2 or 3.")
    first = [list(panel) for panel in drawn[0]]
    for value, panels in zip(values, drawn):
        has = f"draw({value}) has {len(panels)} panels, axes {len(axes)}"
        _require(len(panels) == len(axes), f"{has}: give as many of both.")
        has = f"draw({value}) has the curves {[list(panel) for panel in panels]}"
        alike = [list(panel) for panel in panels] == first
        _require(alike, f"{has}, draw({values[0]}) has {first}: label them alike.")
    most, limit = max(map(len, first)), len(DASHES)
    _require(most <= limit, f"a panel has {most} curves: draw at most {limit}.")
    _require("$" not in f"{first}{axes}", "a label holds $: write ŷ or δ, not TeX.")
    return [
        [
            (label, [_points(*d[n][label][:2]) for d in drawn], len(curve) > 2)
            for label, curve in panel.items()
        ]
        for n, panel in enumerate(drawn[0])
    ]


def _points(x, y):
    columns = np.broadcast_arrays(np.atleast_1d(x), np.atleast_1d(y))
    return np.column_stack(columns).astype(float)


def _limits(panel, ylim):
    """Return ((x0, x1), (y0, y1)) around the finite points of all positions."""
    points = np.concatenate([p for _, points, _ in panel for p in points])
    points = points[np.isfinite(points).all(axis=1)]
    _require(len(points), "a panel has no finite point: let draw return some.")
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.05 * (high - low), 0.5)
    xlim, own = zip(low - margin, high + margin)
    return xlim, ylim or own


def _texts(values):
    """Return numbers as text, with equally many decimals unless they differ much in size."""
    texts = [f"{v + 0.0:.{4 if abs(v) < 1e4 else 6}g}" for v in values]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    largest = max([abs(v) for v in values if np.isfinite(v)], default=0)
    if largest * 10**decimals < 1e4 and not any("e" in text for text in texts):
        texts = [f"{v + 0.0:.{decimals}f}" for v in values]
    signs = {"e-0": "e-", "e+0": "e", "e+": "e", "-": "−", "inf": "∞"}
    for plain, short in signs.items():
        texts = [text.replace(plain, short) for text in texts]
    return texts


def _figure(panels, shown, axes, limits, title):
    """Draw one position with Matplotlib, for where nothing can move."""
    figure, places = figures.subplots(1, len(panels), squeeze=False)
    for panel, place, labels, (xlim, ylim) in zip(panels, places[0], axes, limits):
        for label, points, dots in panel:
            place.plot(*points[shown].T, *["o"] * dots, label=label)
        place.set(xlabel=labels[0], ylabel=labels[1], xlim=xlim, ylim=ylim)
        place.legend()
    figure.suptitle(title, fontsize=11)
    return figure


def _describe(figure, panels, shown, texts):
    """Return the text form: the figure, the positions, and the range over all of them."""
    lines = [figures.describe(figure)]
    lines += [f"  slider: {len(texts)} positions, {texts[0]} to {texts[-1]}"]
    lines += [f"    shown: {texts[shown]}"]
    for number, panel in enumerate(panels, 1):
        for label, points, _ in panel:
            y = np.concatenate(points)[:, 1]
            y = y[np.isfinite(y)] + 0.0  # no -0
            extent = f", y {y.min():.4g} to {y.max():.4g}" if len(y) else ""
            lines += [f"    panel {number}, {label!r}: {len(y)} points{extent}"]
    return "\n".join(lines)


def _html(panels, shown, axes, limits, symbol, texts, alt):
    sign, value, values = map(html.escape, (symbol, texts[shown], ";".join(texts)))
    width, height = WIDTHS[len(panels)], HEIGHTS[len(panels)]
    role = f'role="img" aria-label="{html.escape(alt)}"'
    legends, row = [_legend(panel) for panel in panels], ""
    alike = len(set(legends)) == 1
    for panel, labels, limit, legend in zip(panels, axes, limits, legends):
        flex = f"flex: 1 1 {0.075 * width:.0f}px; max-width: {width // 10}px"
        drawing = _drawing(panel, shown, labels, limit, (width, height), role)
        row += f'<div style="{flex}">{drawing}{"" if alike else legend}</div>'
        role = 'aria-hidden="true"'  # the words for the first hold for all
    return f"""<div class="explorer"><style>{STYLE}</style>
<p class="explorer-note">Run this cell to see the picture.</p>
<div class="explorer-panels">{row}</div>{legends[0] if alike else ""}
<div class="explorer-line explorer-slider"><label>Change {sign} \
<input type="range" min="0" max="{len(texts) - 1}"
value="{shown}" autocomplete="off" data-lm-suppress-shortcuts="true" aria-valuetext="{value}"
data-texts="{values}" oninput="{html.escape(SCRIPT)}"></label><output>{value}</output>\
</div></div>"""


def _legend(panel):
    entries = ""
    for number, (label, _, dots) in enumerate(panel):
        line = _curve(number, dots, "M170 60h0" if dots else "M0 60h340")
        sample = 'viewBox="0 0 340 120" width="34" height="12" aria-hidden="true"'
        entries += f"<span><svg {sample}>{line}</svg> {html.escape(label)}</span>"
    return f'<div class="explorer-line">{entries}</div>'


def _drawing(panel, shown, labels, limits, size, role):
    """Return a panel as SVG: the axes, and in them the curves, cut off at the limits."""
    width, height = size
    xticks, yticks = (_ticks(limit, 3 if width < 3000 else 5) for limit in limits)
    left = 290 + 72 * max(map(len, _texts(yticks)))
    w, h, foot = width - left - RIGHT, height - TOP - BOTTOM, height - BOTTOM
    grid, words = "", ""
    for x, text in zip(_places(xticks, limits[0], w), _texts(xticks)):
        grid += f"M{left + x} {TOP}v{h}"
        words += f'<text x="{left + x}" y="{foot + 170}">{text}</text> '
    for y, text in zip(_places(yticks, limits[1], h), _texts(yticks)):
        grid += f"M{left} {foot - y}h{w}"
        place = f'x="{left - 60}" y="{foot - y + 42}" style="text-anchor: end"'
        words += f"<text {place}>{text}</text> "
    xlabel, ylabel = map(html.escape, labels)
    words += f'<text x="{left + w // 2}" y="{foot + 400}">{xlabel}</text> '
    words += f'<text transform="translate(140 {TOP + h // 2}) rotate(-90)">{ylabel}</text> '
    curves = ""
    for number, (_, points, dots) in enumerate(panel):
        forms = [_data(p, limits, w, h, dots) for p in points]
        curves += _curve(number, dots, forms[shown], forms)
    return f"""<svg viewBox="0 0 {width} {height}" {role}>
<path opacity="0.2" d="{grid}"/><path d="M{left} {TOP}v{h}h{w}"/>{words}
<svg x="{left}" y="{TOP}" width="{w}" height="{h}" style="width: {w}px; height: {h}px">\
{curves}</svg></svg>"""


def _ticks(limits, count):
    ticks = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(*limits)
    return [tick for tick in ticks if limits[0] <= tick <= limits[1]]


def _curve(number, dots, data, forms=()):
    """Return the path of a curve, with its forms at all positions if it moves."""
    kind = 'class="curve dots"' if dots else 'class="curve"'
    style = f'style="stroke: var(--curve{number})" stroke-dasharray="{DASHES[number]}"'
    moves = f' data-d="{";".join(forms)}"' if len(set(forms)) > 1 else ""
    return f'<path {kind} {style} d="{data}"{moves}/>'


def _data(points, limits, width, height, dots):
    """Return the data of a path in relative steps, with a gap where a point is not finite."""
    finite, data, step = np.isfinite(points).all(axis=1), "", "h0m" if dots else "l"
    for run in np.split(points, np.flatnonzero(np.diff(finite)) + 1):
        if np.isfinite(run).all():
            x = _places(run[:, 0], limits[0], width)
            y = height - _places(run[:, 1], limits[1], height)
            steps = [f"{step}{dx} {dy}" for dx, dy in zip(np.diff(x), np.diff(y))]
            data += f"M{x[0]} {y[0]}{''.join(steps)}{'h0' * dots}"
    return data


def _places(values, limits, size):
    """Return places on an axis as whole numbers.

    What lies halfway between two by construction goes up on every machine, whatever the last
    bit of its arithmetic, because the border is not at one half.
    """
    places = (np.asarray(values) - limits[0]) / (limits[1] - limits[0]) * size
    return np.floor(np.clip(places, -99999, 99999) + 0.5037).astype(int)
