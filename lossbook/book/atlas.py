"""The atlas: what a loss is good for, and the loss along a line of predictions, for each loss.

All of it follows from the classes.  A new loss needs a line here only if its prediction is of a
kind that no other loss has.
"""

import html
import inspect
import re
import textwrap
from typing import NamedTuple

import numpy as np
from matplotlib.mathtext import MathTextParser

from ..base import Elementwise, Rowwise
from ..catalogue import CATALOGUE
from . import card, figures
from .libraries import library_of


class Line(NamedTuple):
    """Predictions ``start + t * direction``, with their target, and what t is called."""

    y_true: np.ndarray
    start: np.ndarray
    direction: np.ndarray
    name: str = ""


def lines(loss):
    """Return (what t is, its values, the lines) along which the atlas draws ``loss``."""
    symbol, kind = loss.prediction.symbol, type(loss).__name__
    if kind in SPECIAL:
        return SPECIAL[kind]
    if isinstance(loss, Elementwise):
        return _of_numbers(loss)
    if loss.prediction.high == 1.0:
        rows = [([[1.0, 0.0]], [[0.0, 1.0]], [[1.0, -1.0]])]
        what = "probability $t$ of the true class, $1-t$ of the other"
        return what, np.linspace(0.005, 1, 200), _made(rows)
    if isinstance(loss, Rowwise):
        rows = [([0], [[0.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]])]
        words = loss.prediction.words.split(":")[0].removeprefix("a ")
        what = f"{words} ${symbol}$ of the true class, two others 0"
        return what, np.linspace(-4, 4, 161), _made(rows)
    raise NotImplementedError(f"No line of predictions is known for {kind}. Add one to SPECIAL.")


def _of_numbers(loss):
    symbol, target = loss.prediction.symbol, loss.target
    words = loss.prediction.words.split(":")[0].removeprefix("a ").removeprefix("the ")
    words = "prediction" if words == "number" else words
    if target.labels or target.high == 1.0:
        t = (
            np.linspace(0.005, 0.995, 199)
            if loss.prediction.high == 1.0
            else np.linspace(-4, 4, 161)
        )
        labels = (1.0, target.low)
        return f"{words} ${symbol}$", t, _made([([y], [0.0], [1.0], f"$y={y:g}$") for y in labels])
    y = 2.0 if symbol == "z" else float(target.bounded or target.nonzero)
    low, high = max(loss.prediction.low + 0.05, y - 3), y + 3
    t = np.linspace(low, high, 241)
    return f"{words} ${symbol}$, for the target $y={y:g}$", t, _made([([y], [0.0], [1.0])])


def _made(given):
    return [Line(*(np.array(part) for part in line[:3]), *line[3:]) for line in given]


_UNIT = [[1.0], [0.0]]
SPECIAL = {
    "CosineDistance": (
        "first entry $t$ of the prediction $(t,1)$, for the target $(1,0)$",
        np.linspace(-4, 4, 161),
        _made([([[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]])]),
    ),
    "GaussianNLL": (
        "log variance $s$, for $\\mu-y=1$",
        np.linspace(-2, 4, 121),
        _made([([0.0], [[1.0, 0.0]], [[0.0, 1.0]])]),
    ),
    "KLDivergence": (
        "$t$ of the prediction $(t,1-t)$, for the target $(0.7,0.3)$",
        np.linspace(0.005, 0.995, 199),
        _made([([[0.7, 0.3]], [[0.0, 1.0]], [[1.0, -1.0]])]),
    ),
    "Contrastive": (
        "distance of the two embeddings",
        np.linspace(0.005, 2, 200),
        _made(
            [
                ([0, 0], [[0.0], [0.0]], [[0.0], [1.0]], "equal labels"),
                ([0, 1], [[0.0], [0.0]], [[0.0], [1.0]], "different labels"),
            ]
        ),
    ),
    "Triplet": (
        "place of the other class, for two of one class at 0 and 1",
        np.linspace(-3, 4, 281),
        _made([([0, 0, 1], [[0.0], [1.0], [0.0]], [[0.0], [0.0], [1.0]])]),
    ),
    "InfoNCE": (
        "first entry $t$ of $(t,1)$, beside its kind $(1,0)$ and another $(0,1)$",
        np.linspace(-4, 4, 161),
        _made(
            [
                (
                    [0, 0, 1],
                    [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]],
                    [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
                )
            ]
        ),
    ),
    "CTC": (
        "logit of the label in the second of three frames, others 0",
        np.linspace(-4, 4, 161),
        _made([([[1]], np.zeros((1, 3, 2)), [[[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]])]),
    ),
}
for _name in ("Dice", "Tversky"):
    SPECIAL[_name] = (
        "probability $t$ in two pixels of the object, 0.2 in two others",
        np.linspace(0, 1, 101),
        _made([([[1.0, 1.0, 0.0, 0.0]], [[0.0, 0.0, 0.2, 0.2]], [[1.0, 1.0, 0.0, 0.0]])]),
    )


def curves(loss):
    """Return (what t is, its values, the curves); a curve: (name, losses, derivatives by t)."""
    what, t, drawn = lines(loss)
    found = []
    for line in drawn:
        pairs = [
            loss.value_and_gradient(line.y_true, line.start + step * line.direction) for step in t
        ]
        slopes = [np.sum(gradient * line.direction) for _, gradient in pairs]
        found.append((line.name, np.array([value for value, _ in pairs]), np.array(slopes)))
    return what, t, found


def draw(loss):
    """Return a figure: the loss of a sample, or of a batch, along its lines, and the derivative."""
    what, t, found = curves(loss)
    figure, (left, right) = figures.subplots(1, 2, width=7.5, height=2.6)
    for name, values, slopes in found:
        left.plot(t, values, label=name or None)
        right.plot(t, slopes)
    for axes, label in ((left, "loss"), (right, "derivative by $t$")):
        axes.set_ylabel(label if "$t$" in what else label.replace(" by $t$", ""))
        axes.set_xlabel(textwrap.fill(what, 44))
    if len(found) > 1:
        left.legend()
    return figure


def shape(values):
    """Return in words how a curve runs, from left to right: 'falls, then rises', for example."""
    steps = np.diff(values) / (np.ptp(values) or 1.0)
    # Beside a jump there is little slope; beside a steep part of a smooth curve there is much.
    large = abs(steps) > 0.2
    beside = np.convolve(np.where(large, 0.0, abs(steps)), [1.0, 0.0, 1.0], "same")
    jumps = large & (beside < 0.05)
    kinds = np.where(abs(steps) < 1e-9, 0, np.sign(steps) * np.where(jumps, 2, 1))
    said = {0: "is level", 1: "rises", -1: "falls", 2: "jumps up", -2: "jumps down"}
    runs = [kinds[0], *kinds[1:][np.diff(kinds) != 0]]
    return ", then ".join(said[kind] for kind in runs)


def alt(loss):
    """Return what a reader who does not see the picture of ``draw`` has to know."""
    what, _, found = curves(loss)
    runs = [
        f"{f'For {name} the' if name else 'The'} loss {shape(values)}; its derivative "
        f"{shape(slopes)}."
        for name, values, slopes in found
    ]
    said = f"Two line charts, from left to right over this: {what}. " + " ".join(runs)
    for latex, read in (("$", ""), (r"\hat{y}", "ŷ"), (r"\mu-y", "μ − y")):  # it is not typeset
        said = said.replace(latex, read)
    return said


def words(loss):
    """Return what the docstring says, in parts: title, also, good, price, example; as Markdown."""
    text = inspect.cleandoc(type(loss).__doc__)
    text = re.sub(r":cite:p:`([^`]*)`", r"{cite:p}`\1`", text).replace("``", "`")
    text = re.sub(r":class:`(\w+)`", lambda m: f"[{m[1]}](#atlas-{m[1].lower()})", text)
    parts = {name.strip(): " ".join(body.split()) for name, body in _PART.findall(text)}
    title = " ".join(text.split("\n\n")[0].split())
    good, _, price = parts["Good for"].partition(" Price: ")
    example = text[text.index(">>>") :] if ">>>" in text else ""
    return {
        "title": title,
        "also": parts.get("Also called", ""),
        "good": good,
        "price": price,
        "example": example,
    }


_PART = re.compile(r"(?ms)^(Also called|Good for):(.*?)(?=\n\n|\Z)")


def section(loss, chapter):
    """Return the Markdown of a loss: what it is, when to use it and when not, where to read on."""
    name, said = type(loss).__name__, words(loss)
    also = f" Also called: {said['also']}" if said["also"] else ""
    return f"""\
(atlas-{name.lower()})=
## {name}

{said["title"]}{also}

**Good for:** {said["good"]}

**Price:** {said["price"]}

```pycon
{said["example"]}
```

More: {chapter}. What it takes: {{class}}`~{type(loss).__module__}.{name}`."""


HEAD = ("loss", "prediction", "asks for", "gradient", "convex in", "in Keras and PyTorch")


def row(loss):
    """Return the cells of ``loss`` in the table, under HEAD."""
    claims, name = loss.claims, type(loss).__name__
    symbol = f"${loss.prediction.symbol}$"
    bounded = "" if claims.lipschitz is None else "unbounded"
    if claims.lipschitz is not None and np.isfinite(claims.lipschitz):
        bounded = "bounded"
    convex = ", ".join({"y_pred": symbol, "logits": "logits"}[c] for c in claims.convex_in)
    here = {library_of(key)[0]: call for key, call in claims.elsewhere.items()}
    return (
        f"[{name}](#atlas-{name.lower()})",
        f"{symbol}, {loss.prediction.words.split(':')[0]}",
        card.minimiser(loss),
        bounded,
        convex,
        "<br>".join(filter(None, (_name(here.get(key, "")) for key in ("keras", "torch")))),
    )


def _name(call):
    """Return the name of what a call of another library calls, without its module."""
    found = re.search(r"(?:keras\.losses|torch\.nn\.functional|torch\.nn)\.(\w+)", call)
    return f"`{found[1]}`" if found else ""


def table(losses=CATALOGUE):
    """Return the Markdown of the table of all losses."""
    rows = [HEAD, (":--",) * len(HEAD), *map(row, losses)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def cheat_sheet(losses=CATALOGUE):
    """Return the Markdown of all losses: name, picture, formula, and what each asks for."""
    return '<ul class="cheat-sheet">\n' + "".join(map(_tile, losses)) + "</ul>"


def _tile(loss):
    minimiser = card.minimiser(loss)
    asks = f"asks for the {minimiser}" if minimiser else ""
    letter = {"scale": " c", "margin": " m", "temperature": " τ"}  # others are called as written
    given = ", ".join(f"{p}{letter.get(p, '')}={value:g}" for p, value in vars(loss).items())
    title = f"<b>{type(loss).__name__}</b> {given}".rstrip()
    return f"""\
<li>{title}{_drawing(loss)}

{" ".join(f"${line}$" for line in formula_lines(loss))}

<div>{asks}</div></li>
"""


def formula_lines(loss):
    """Return the formula in the lines of a tile: the loss, then what letters in it mean."""
    text = card.formula(loss)[0].removeprefix(r"\ell = ").replace(r"\frac", r"\dfrac")
    value, comma, meanings = text.partition(r", \quad ")
    return [line for part in (value + comma[:1], meanings) if part for line in _broken(part)]


def _broken(formula):
    """Return a formula in lines that a tile has room for, in one size: cut at a sign, or at a log.

    Where that does not do, each summand below the fraction at its end has a line.
    """
    if _width(formula) <= ROOM:
        return [formula]
    for mark, start in (r" (?=[+-] )", r"\quad {}"), (r" (?=\\log)", r"\quad \cdot"):
        pieces = _split(mark, formula)
        for n in range(len(pieces) - 1, 0, -1):
            cut = [" ".join(pieces[:n]), " ".join((start, *pieces[n:]))]
            if max(map(_width, cut)) <= ROOM:
                return cut
    if not (found := re.fullmatch(r"(.*\\dfrac\{.*\}\{)(.*)\}", formula)):
        raise NotImplementedError(f"No place is known to break {formula}. Add one to _broken.")
    rows = r" \\ {} ".join(_split(r" (?=[+-] )", found[2]))
    return [rf"{found[1]}\begin{{array}}{{l}} {rows} \end{{array}}}}"]


def _split(mark, formula):
    """Return a formula in pieces, split at marks that stand outside of what LaTeX must close."""
    pieces = []
    for piece in re.split(mark, formula):
        if pieces and len(_OPEN.findall(pieces[-1])) > len(_CLOSE.findall(pieces[-1])):
            pieces[-1] += " " + piece
        else:
            pieces.append(piece)
    return pieces


ROOM = 160  # of _width, for a line in a tile
_OPEN = re.compile(r"\{|\\begin\b|\\left\b|\\l[vV]ert\b")
_CLOSE = re.compile(r"\}|\\end\b|\\right\b|\\r[vV]ert\b")


def _width(formula):
    """Return about how wide a formula is set, in points; cases are as wide as their columns."""
    plain = re.sub(r"\\(?:begin|end)\{cases\}|\\(?:bigl|bigr|left|right)\b", "", formula)
    plain = plain.replace(r"\text", r"\mathrm").replace(r"\:", "~")
    plain = re.sub(r"\\[lr]Vert\b", r"\|", re.sub(r"\\[lr]?vert\b", "|", plain))
    rows = [row.split("&") for row in plain.split(r"\\")]
    parse = MathTextParser("path").parse
    columns = [max(parse(f"${cell}$").width for cell in column) for column in zip(*rows)]
    return sum(columns) + 20 * (len(columns) - 1)


def _drawing(loss, width=100, height=44):
    """Return a small picture: the loss as a solid line, its derivative dashed, the axes thin."""
    _, t, found = curves(loss)
    low, high = -3.0, 3.0

    def points(values):
        x = (t - t[0]) / (t[-1] - t[0]) * width
        y = (high - np.clip(values, low - 1, high + 1)) / (high - low) * height
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[::4], y[::4]))

    axis = -t[0] / (t[-1] - t[0]) * width
    across = f'<path d="M0 {height / 2:.1f}H{width}M{axis:.1f} 0V{height}"/>'
    drawn = "".join(
        f'<polyline points="{points(values)}"/><polyline class="slope" points="{points(slopes)}"/>'
        for _, values, slopes in found
    )
    label = alt(loss).replace("Two line charts", "Loss and derivative in one chart")
    label = html.escape(label)
    box = (
        f'viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" aria-label="{label}"'
    )
    return f"<svg {box}>{across}{drawn}</svg>"
