"""One style for all figures, and pictures that say in text what they show."""

import base64
import io
import re
import xml.etree.ElementTree as ET
import zlib

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import display

# Distinct for the common kinds of colour blindness and at least 3:1 against white.
COLOURS = ["#0072b2", "#d55e00", "#007f5c", "#aa3377", "#000000"]
STYLE = {
    "axes.prop_cycle": cycler(
        color=COLOURS, linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
    ),
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": 11,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.unicode_minus": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "figure.facecolor": "white",  # opaque: the picture is legible on a dark page too
    "font.family": "DejaVu Sans",  # ships with Matplotlib, so a figure looks the same everywhere
    "grid.alpha": 0.3,
    "image.cmap": "cividis",
    "legend.frameon": False,
    "legend.handlelength": 2.6,  # long enough to tell the line styles apart
    "lines.linewidth": 2,
    "savefig.facecolor": "white",
    "svg.hashsalt": "lossbook",  # the same names in a drawing each time
}
# What a drawing may weigh of a picture in all colours; of one in 256, as stored, that is the half.
# No figure of the book lies within 4 % of it, so that other machines choose the same form.
LIGHT = 0.165
SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", SVG)


def subplots(rows=1, columns=1, width=7.5, height=3.2, **options):
    """Return (figure, axes) in the style of the book; sizes are in inches.

    The style stays in force for what is drawn afterwards.
    """
    mpl.rcParams.update(STYLE)
    return plt.subplots(rows, columns, figsize=(width, height), **options)


def show(figure, data=True):
    """Show ``figure`` and, as its text form, its labels and what is drawn.

    The text form is what a stored output is compared by: a changed label or curve is noticed,
    although pictures are not compared.  With ``data=False`` the ranges of the drawn data are
    left out, for results of training that differ between machines.
    """
    display({**picture(figure), "text/plain": describe(figure, data)}, raw=True)


def picture(figure):
    """Return ``figure`` by its form, SVG where that is much lighter to send, else PNG; close it."""
    pixels, drawing = png(figure), svg(figure)
    if len(zlib.compress(drawing.encode())) < LIGHT * len(base64.b64decode(pixels)):
        return {"image/svg+xml": drawing}
    return {"image/png": pixels}


def png(figure):
    """Return the picture of ``figure`` as base64 text, the same bytes each time, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def svg(figure):
    """Return the drawing of ``figure``, the same text each time; its letters are outlines."""
    buffer = io.StringIO()
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=unsaid)
    return _shortened(buffer.getvalue())


def _shortened(text):
    """Return a drawing as one line, to a hundredth of a point, with few and short names.

    The names that are left follow from what they name, so that drawings may share a page.
    """
    text = text.replace("xlink:href", "href").replace("DejaVuSans", "D")
    text = re.sub(r'(<use [^>]*)transform="translate\((\S+) 0\)"', r'\1x="\2"', text)
    root, used = ET.fromstring(text), set(re.findall(r"#([\w.-]+)", text))
    for element in root.iter():
        element.tail = None
        if element.tag != f"{{{SVG}}}style":
            element.text = None
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for name, value in element.items():
            element.set(name, _attribute(name, value))
    text = ET.tostring(root, encoding="unicode").replace(" />", "/>")
    for clip in root.iter(f"{{{SVG}}}clipPath"):  # Matplotlib's name has all digits of the place
        text = text.replace(clip.get("id"), f"p{zlib.crc32(ET.tostring(clip[0])):x}")
    return text


def _attribute(name, value):
    """Return an attribute of a drawing without spaces and digits that nobody sees."""
    if name == "style":
        return re.sub(r"([:;]) ", r"\1", value)
    if name == "transform":  # a scale keeps its digits
        return re.sub(r"translate\(.*?\)", lambda found: _rounded(found[0]), value)
    if name in {"d", "x", "y", "width", "height"}:
        return re.sub(r"\s*([A-Za-z])\s*", r"\1", _rounded(value)).strip()
    return value


def _rounded(text):
    """Return a text with its decimal numbers to two places."""
    return re.sub(r"-?\d+\.\d+", lambda found: f"{round(float(found[0]), 2) + 0.0:g}", text)


def describe(figure, data=True):
    """Return the labels of a figure, and for each panel what is drawn, as text."""
    lines = ["Figure"]
    for number, axes in enumerate(figure.axes, 1):
        labels = (("title", axes.get_title()), ("x", axes.get_xlabel()), ("y", axes.get_ylabel()))
        lines.append(
            f"  panel {number}: " + ", ".join(f"{name}: {text!r}" for name, text in labels if text)
        )
        for kind, artists in (
            ("line", axes.lines),
            ("points", axes.collections),
            ("image", axes.images),
        ):
            for artist in artists:
                name = "" if artist.get_label().startswith("_") else f" {artist.get_label()!r}"
                lines.append(f"    {kind}{name}{_extent(kind, artist) if data else ''}")
        lines += [f"    text {text.get_text()!r}" for text in axes.texts if text.get_text()]
    return "\n".join(lines)


def _extent(kind, artist):
    if kind == "image":
        return f", {' × '.join(map(str, artist.get_array().shape))}"
    points = np.ma.getdata(artist.get_xydata() if kind == "line" else artist.get_offsets())
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return ""
    (x0, y0), (x1, y1) = points.min(axis=0) + 0.0, points.max(axis=0) + 0.0  # no -0
    return f", {len(points)} points, x {x0:.4g} to {x1:.4g}, y {y0:.4g} to {y1:.4g}"


def plot_loss(*losses, y_true=0.0, y_pred=None, xlabel=None):
    """Draw elementwise losses and their gradients over predictions; return (figure, axes).

    The grid is by default from -3 to 3 around ``y_true``, or the inside of the losses' domain.
    """
    prediction = losses[0].prediction
    low, high = prediction.low, prediction.high
    if y_pred is None:
        ends = max(low + 0.005, y_true - 3), min(high - 0.005, y_true + 3)
        y_pred = np.linspace(*ends, 199 if np.isfinite(high) else 241)
    target = np.full_like(y_pred, y_true)
    figure, (left, right) = subplots(1, 2)
    for loss in losses:
        left.plot(y_pred, loss.per_sample(target, y_pred), label=repr(loss))
        # The gradient of the mean is that of a sample divided by their number.
        right.plot(y_pred, len(y_pred) * loss.gradient(target, y_pred), label=repr(loss))
    for axes, what in ((left, "loss"), (right, "derivative of the loss")):
        given = f"for the target $y = {y_true:g}$"
        axes.set_xlabel(xlabel or f"prediction ${prediction.symbol}$, {given}")
        axes.set_ylabel(what)
    left.legend()
    return figure, (left, right)
