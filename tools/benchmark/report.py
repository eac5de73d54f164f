"""The report of what the workers measured: tables, and a plot of all ratios."""

import math
import os
import platform
import statistics
from pathlib import Path

import numpy as np
from accuracy import errors
from measure import DTYPES, SIZES
from peers import PEERS, installed

from lossbook import CATALOGUE
from lossbook.book.figures import COLOURS, subplots

NAMES = {s: "×".join(map(str, s)) for shapes in SIZES.values() for s in shapes.values()}
NAMES |= {(10**4,): "10⁴", (10**6,): "10⁶"}
METHOD = """\
A ratio is the time of the peer divided by that of lossbook, for the mean loss and its gradient by
`y_pred`: above 1, lossbook is faster. Time is processor time, on one thread. Both take turns in one
process; the ratio is the median over the rounds, and ± its standard error. The peer's arrays are
made, its functions traced and its one-hot rows built before the clock starts. scikit-learn's
metrics and SciPy have no gradient: there, value is compared with value. `sklearn._loss` is private
and has gradients. Bare NumPy is the plain expression of value and gradient, with no checks and no
care for extremes.
"""
MEMORY = """\
Peak extra memory of a call with the largest arrays, result included, in arrays of the size of
`y_pred`: growth of the resident set, for lossbook the largest that was seen.
"""
ACCURACY = """\
Worst relative error of 20 single samples against values to 50 digits. An error near 1 or above says
that the library computes another function there: it clips a probability, or divides a row by its
sum. Left out are losses without an exact definition, metrics of scikit-learn that need every class,
and tf.function, which runs the kernels of Keras.
"""


def machine(load):
    """Yield what the numbers depend on: processor, instructions in use, versions, load."""
    cpu, path = platform.processor() or platform.machine(), Path("/proc/cpuinfo")
    if path.exists():
        fields = [line.partition(":") for line in path.read_text("utf-8").splitlines()]
        cpu = next((value.strip() for key, _, value in fields if "model name" in key), cpu)
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    packages = dict.fromkeys(["numpy", *(p for peer in PEERS.values() for p in peer.packages)])
    versions = [f"{name} {version}" for name in packages if (version := installed(name))]
    yield f"- {cpu}, {os.cpu_count()} cores, {platform.system()}"
    yield f"- NumPy runs with {', '.join([*simd['baseline'], *simd['found']])}"
    yield f"- Python {platform.python_version()}, {', '.join(versions)}"
    yield f"- load average before and after: {' and '.join(f'{x:.1f}' for x in load)}\n"


def table(header, rows):
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def summary(rows):
    """Return the geometric mean of the ratios and how many the peer wins."""
    if not rows:
        return "–", "–"
    mean = math.exp(statistics.fmean(math.log(row["times"][0]) for row in rows))
    return f"{mean:.2f}", f"{sum(row['times'][0] < 1 for row in rows)} of {len(rows)}"


def rows_below(limit, rows):
    """Return a table of the rows whose ratio is below a limit, the lowest first."""
    body = []
    for row in sorted(rows, key=lambda row: row["times"][0]):
        ratio, uncertainty, ours, theirs = row["times"]
        if ratio < limit:
            what = f"`{row['loss']}` {NAMES[tuple(row['shape'])]} {row['dtype']}"
            shown = f"{ratio:.2f} ± {ratio * uncertainty:.2f}", *map(micro, (ours, theirs))
            body.append([what, PEERS[row["peer"]].title, *shown])
    return table(["row", "peer", "ratio", "lossbook, µs", "peer, µs"], body)


def micro(seconds):
    return f"{1e6 * seconds:.0f}" if seconds > 1e-4 else f"{1e6 * seconds:.1f}"


def speed_tables(rows):
    """Yield tables of the ratios: a line for each loss, a column for each size and dtype."""
    cells = {(r["loss"], tuple(r["shape"]), r["dtype"]): f"{r['times'][0]:.2f}" for r in rows}
    for shapes in SIZES.values():
        columns = [(s, d) for s in shapes.values() for d in DTYPES]
        columns = [c for c in columns if any(key[1:] == c for key in cells)]
        losses = dict.fromkeys(key[0] for key in cells if key[1:] in columns)
        body = [[f"`{x}`", *(cells.get((x, *c), "–") for c in columns)] for x in losses]
        if body:
            yield from table(["loss", *(f"{NAMES[s]} {d}" for s, d in columns)], body)


def memory_table(rows):
    """Return a table of the extra memory: a line for each loss, a column for each peer."""
    cells = {(row["loss"], row["peer"]): row["memory"] for row in rows}
    peers, body = list(dict.fromkeys(peer for _, peer in cells)), []
    for loss in dict.fromkeys(loss for loss, _ in cells):
        found = [cells.get((loss, peer)) for peer in peers]
        theirs = [f"{f[1]:.1f}" if f else "–" for f in found]
        body.append([f"`{loss}`", f"{max(f[0] for f in found if f):.1f}", *theirs])
    return table([rows[0]["dtype"], "lossbook", *(PEERS[peer].title for peer in peers)], body)


def accuracy_table(rows):
    """Return a table of the worst errors of lossbook and the peer."""
    losses, body = {repr(loss): loss for loss in CATALOGUE}, []
    for row in rows:
        pairs = zip(*errors(losses[row["loss"]], row))
        shown = ["–" if x is None else f"{x:.1e}" for pair in pairs for x in pair]
        body.append([f"`{row['loss']}`", row["dtype"], *shown])
    header = [f"{what}: {who}" for what in ("value", "gradient") for who in ("lossbook", "peer")]
    return table(["loss", "dtype", *header], body)


def report(results, load):
    """Yield the lines of the report of {peer: results}; ``load`` is the machine's."""
    rows = [row | {"peer": peer} for peer in results for row in results[peer]]

    def of(what, **fields):
        return [r for r in rows if what in r and all(r[name] == fields[name] for name in fields)]

    yield "# lossbook beside other libraries\n"
    yield from machine(load)
    yield METHOD
    yield "## Geometric means\n"
    header = ["peer", *(f"{dtype}: {what}" for dtype in DTYPES for what in ("mean", "lost"))]
    yield from table(header, [
        [PEERS[peer].title, *(x for d in DTYPES for x in summary(of("times", peer=peer, dtype=d)))]
        for peer in results
    ])  # fmt: skip
    yield "## Rows that a peer wins\n"
    yield from rows_below(1, [row for row in of("times") if row["peer"] != "numpy"])
    yield "## Rows that take more than twice the time of bare NumPy\n"
    yield from rows_below(0.5, of("times", peer="numpy"))
    if failed := of("failed"):
        yield "## Calls that failed\n"
        header = ["loss", "dtype", "peer", "failed"]
        yield from table(header, [[row[name] for name in header] for row in failed])
    for peer in results:
        yield f"## {PEERS[peer].title}\n"
        yield from speed_tables(of("times", peer=peer))
    if of("memory"):
        yield f"## Memory\n\n{MEMORY}"
        for dtype in DTYPES:
            yield from memory_table(of("memory", dtype=dtype))
    yield f"## Accuracy\n\n{ACCURACY}"
    for peer in results:
        if outputs := of("outputs", peer=peer):
            yield f"### {PEERS[peer].title}\n"
            yield from accuracy_table(outputs)


def plot(results, path):
    """Draw the ratio of each row: a panel for each peer, a point for each loss, size and dtype."""
    speed = {peer: [row for row in rows if "times" in row] for peer, rows in results.items()}
    found = {row["loss"] for rows in speed.values() for row in rows}
    names = [name for name in map(repr, CATALOGUE) if name in found]
    style = dict(zip(("small", "medium", "large"), zip(COLOURS, "os^")))
    marks = {shape: style[size] for shapes in SIZES.values() for size, shape in shapes.items()}
    figure, axes = subplots(
        1, len(speed) or 1, 3 + 3 * len(speed), 2.5 + 0.3 * len(names),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    for panel, (peer, rows) in zip(axes[0], speed.items()):
        for row in rows:
            colour, marker = marks[tuple(row["shape"])]
            face = colour if row["dtype"] == "float64" else "white"
            at = row["times"][0], names.index(row["loss"])
            panel.plot(*at, marker, color=colour, markerfacecolor=face)
        panel.axvline(1, color="black", linewidth=1, linestyle="-")
        panel.set(xscale="log", title=PEERS[peer].title, xlabel="time of the peer / of lossbook")
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_ylabel("loss")
    for size, (colour, marker) in style.items():
        shapes = ", ".join(NAMES[s[size]] for s in SIZES.values() if size in s)
        axes[0, -1].plot([], [], marker, color=colour, label=f"{size}: {shapes}")
    axes[0, -1].plot([], [], "o", color="black", markerfacecolor="white", label="float32")
    figure.legend(loc="outside lower center", ncols=len(style) + 1)
    figure.savefig(path, metadata={"Software": None})
