"""Time lossbook beside Keras, PyTorch, JAX and scikit-learn, and weigh its accuracy beside theirs.

    pip install -r requirements-benchmark.txt -e .
    python tools/benchmark.py [--quick] [--peers keras torch ...] [--out build/benchmark]

Writes report.md and report.png.  The calls of the other libraries are those that each loss names
in ``claims.elsewhere``, so a loss added to the catalogue is compared with no further line.
"""

import argparse
import functools
import gc
import importlib.metadata
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from lossbook import CATALOGUE, sigmoid, softmax
from lossbook.base import Elementwise, Rowwise
from lossbook.likelihood import GaussianNLL
from lossbook.overlap import Overlap
from lossbook.residual import CosineDistance

NUMBERS, ROWS = [(100,), (10**4,), (10**6,)], [(128, 10), (4096, 1000)]
NAMES = {(100,): "100", (10**4,): "10⁴", (10**6,): "10⁶", (128, 10): "128×10", (4096, 1000): "4096×1000"}  # fmt: skip
DTYPES = ("float32", "float64")
# One thread each: OpenMP for PyTorch and scikit-learn; the linear algebra of NumPy; TensorFlow's
# two pools; XLA's pool, which NPROC sizes, and Eigen within it.  They are read at import.
THREADS = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC",
                     "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}  # fmt: skip
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "tensorflow",
}
# Each block is mapped and unmapped on its own, so that the resident set shows what is in use.
MEMORY = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
# scikit-learn's compiled losses of raw predictions, which have gradients; they are private.
COMPILED = {
    "SquaredError": (2, "HalfSquaredError()"),
    "AbsoluteError": (1, "AbsoluteError()"),
    "Quantile": (1, "PinballLoss(quantile=0.5)"),
    "Huber": (1, "HuberLoss(delta=1.0)"),
    "Poisson": (1, "HalfPoissonLoss()"),
    "SigmoidCrossEntropy": (1, "HalfBinomialLoss()"),
    "SoftmaxCrossEntropy": (1, "HalfMultinomialLoss(n_classes=k)"),
}


# The peers.  Each takes (call, dtype) and returns (convert, run): NumPy arrays become arrays of
# the library before the clock starts, and run(y, p, one_hot) returns (mean, gradient or None).


class Made:
    """A module whose classes are instantiated once for each set of arguments, as a user would."""

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        setattr(self, name, functools.cache(getattr(self.module, name)))
        return self.__dict__[name]


def function(call, **names):
    """Return the call of another library as a function of its arrays."""
    call = call.replace("distribution", "y_true")
    made = eval(f"lambda y_true, y_pred, one_hot: {call}", names)

    def named(*arrays):
        try:
            return made(*arrays)
        except Exception as error:  # the traceback of an eval does not show its text
            error.add_note(call)
            raise

    return named


def keras_eager(call, dtype):
    import keras
    import tensorflow as tf

    keras.config.set_floatx(dtype)  # a loss of Keras computes in floatx
    names = SimpleNamespace(losses=Made(keras.losses), ops=keras.ops)
    loss = function(call, keras=names)

    def run(y, p, one_hot):
        with tf.GradientTape() as tape:
            tape.watch(p)
            value = loss(y, p, one_hot)
        return value, tape.gradient(value, p)

    return tf.constant, run


def keras_graph(call, dtype):
    import tensorflow as tf

    convert, run = keras_eager(call, dtype)
    return convert, tf.function(run)


def torch_backward(call, dtype):
    import torch

    loss = function(call, torch=torch)

    def run(y, p, one_hot):
        value = loss(y, p.requires_grad_(True), one_hot)
        value.backward()
        gradient, p.grad = p.grad, None
        return value.detach(), gradient

    return torch.tensor, run


def jax_jit(call, dtype):
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)  # float32 arrays stay float32
    loss = function(call, optax=optax, jax=jax)
    both = jax.jit(jax.value_and_grad(loss, argnums=1))
    return jax.numpy.asarray, lambda *a: jax.block_until_ready(both(*a))


def sklearn_value(call, dtype):
    import scipy.special
    import sklearn.metrics

    loss = function(call, sklearn=sklearn, scipy=scipy)
    return np.asarray, lambda *a: (loss(*a), None)


def sklearn_compiled(call, dtype):
    import sklearn._loss.loss as compiled

    factor, make = call
    loss = functools.cache(lambda k: eval(make, vars(compiled), {"k": k}))

    def run(y, p, one_hot):
        values, gradient = loss(p.shape[-1]).loss_gradient(y, p)
        return factor * values.mean(), gradient * (factor / len(p))

    return lambda a: a.astype(dtype), run


PEERS = {  # name: (title, key of claims.elsewhere, how it is run)
    "keras": ("Keras, eager", "keras", keras_eager),
    "tf-function": ("Keras in tf.function", "keras", keras_graph),
    "torch": ("PyTorch, eager", "torch", torch_backward),
    "jax": ("JAX with Optax, jit", "optax", jax_jit),
    "sklearn": ("scikit-learn, value only", "sklearn", sklearn_value),
    "sklearn-loss": ("scikit-learn, sklearn._loss", "", sklearn_compiled),
}
PACKAGES = "numpy keras tensorflow torch jax optax scikit-learn"


# The points


def is_rowwise(loss):
    return isinstance(loss, (Rowwise, Overlap, CosineDistance))


def comparable(peer):
    """Return (loss, call) for each loss that the peer has too."""
    key = PEERS[peer][1]
    for loss in CATALOGUE:
        if isinstance(loss, Elementwise | GaussianNLL) or is_rowwise(loss):
            name = type(loss).__name__
            call = loss.claims.elsewhere.get(key) if key else COMPILED.get(name)
            if call:
                yield loss, call


def points(loss, call, shape, dtype):
    """Return random (y_true, y_pred) from what the loss says of itself; each class occurs.

    The targets of a loss of rows are class numbers, or rows where the peer's call names a
    distribution.
    """
    rng, (low, high) = np.random.default_rng(0), loss.targets
    z = rng.normal(0, 3, shape)
    if isinstance(loss, Rowwise):
        y = rng.permutation(np.arange(shape[0]) % shape[1])
        if "distribution" in call:
            y = softmax(rng.normal(0, 3, shape)).astype(dtype)
        return y, (softmax(z) if loss.symbol == "p" else z).astype(dtype)
    if isinstance(loss, GaussianNLL):
        z = rng.normal(0, 1, (*shape, 2))
    if loss.hard or (low, high) == (0.0, 1.0):
        y = rng.choice(loss.targets, shape)
        y[..., 0] = high  # no mask is empty
    else:
        y = rng.normal(0, 3, shape)
        y = y if low == -np.inf else np.abs(y)
    p = sigmoid(z) if loss.symbol == "p" else z
    p = np.abs(p) if np.isfinite(loss.domain[0]) else p
    return y.astype(dtype), p.astype(dtype)


def arguments(call, convert, y, p):
    """Return (y, p, one_hot) as arrays of the library; one_hot only where the call names it."""
    rows = np.eye(p.shape[1], dtype=p.dtype)[y] if "one_hot" in call else p[:1]
    return convert(y), convert(p), convert(rows)


# What a worker measures: one process for each peer, lossbook and the peer in turns


def seconds(run, repeats):
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def ratio(ours, theirs, quick):
    """Return the median of the peer's time divided by ours, over rounds in which both take turns."""
    ours(), theirs()
    once = seconds(ours, 1), seconds(theirs, 1)
    repeats = [max(1, round((5e-4 if quick else 2e-3) / s)) for s in once]
    rounds = 5 if quick else max(7, min(31, round(1.0 / sum(once))))
    times = [(seconds(ours, repeats[0]), seconds(theirs, repeats[1])) for _ in range(rounds)]  # fmt: skip
    return statistics.median(b / a for a, b in times)


def peak(run, size):
    """Return the extra memory of a call at its peak, result included, in units of ``size`` bytes."""

    def status(key):
        text = Path("/proc/self/status").read_text("ascii")
        return 1024 * int(text.split(key + ":")[1].split()[0])

    run()
    grown = []
    for _ in range(3):
        gc.collect()
        time.sleep(0.05)  # JAX gives memory back from another thread
        try:
            Path("/proc/self/clear_refs").write_text("5", "ascii")  # resets the peak
            before = status("VmRSS")
            run()
            grown.append((status("VmHWM") - before) / size)
        except OSError:  # only Linux tells
            return math.nan
    return max(grown)


def measure(peer, quick, memory):
    """Yield a result for each row: the ratio of the times, or the memory of both."""
    for dtype in DTYPES:
        for loss, call in comparable(peer):
            convert, run = PEERS[peer][2](call, dtype)
            sizes = ROWS if is_rowwise(loss) else NUMBERS
            if memory:
                sizes = [(1000, 1000) if is_rowwise(loss) else (10**6,)]
            for shape in sizes[:1] if quick else sizes:
                y, p = points(loss, call, shape, dtype)
                theirs = functools.partial(run, *arguments(call, convert, y, p))
                both = loss if theirs()[1] is None else loss.value_and_gradient
                ours = functools.partial(both, y, p)
                row = {"loss": repr(loss), "shape": shape, "dtype": dtype}
                if memory:
                    yield row | {"memory": (peak(ours, p.nbytes), peak(theirs, p.nbytes))}  # fmt: skip
                else:
                    yield row | {"ratio": ratio(ours, theirs, quick)}


def outputs(peer):
    """Yield what the peer returns for single samples, to be compared with exact values."""
    for dtype in DTYPES:
        for loss, call in comparable(peer):
            convert, run = PEERS[peer][2](call, dtype)
            got = []
            # scikit-learn's metrics take the classes from the data: one sample is too few.
            if peer == "sklearn" and loss.targets in ((0.0, 1.0), (-1.0, 1.0)):
                continue
            for y, p in samples(loss, call, dtype):
                result = run(*arguments(call, convert, y, p))
                got.append([None if r is None else flat(r) for r in result])
            yield {"loss": repr(loss), "call": str(call), "dtype": dtype, "outputs": got}


def flat(array):
    return np.asarray(array, float).ravel().tolist()


def samples(loss, call, dtype, n=20):
    y, p = points(loss, call, (n, 4) if is_rowwise(loss) else (n,), dtype)
    return [(y[i : i + 1], p[i : i + 1]) for i in range(n)]


def work(arguments):
    """Write the results of one worker as JSON."""
    peer, job = arguments.worker
    rows = outputs(peer) if job == "accuracy" else measure(peer, arguments.quick, job == "memory")  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = json.dumps(list(rows))
    (arguments.out / f"{peer}-{job}.json").write_text(text, "utf-8")


def results(peer, job, arguments):
    """Run a worker, with one thread for each library, and return its rows."""
    command = [sys.executable, __file__, "--worker", peer, job, "--out", str(arguments.out)]  # fmt: skip
    extra = MEMORY if job == "memory" else {}
    done = subprocess.run(
        command + ["--quick"] * arguments.quick,
        env=os.environ | THREADS | QUIET | extra,
        stderr=subprocess.PIPE,  # TensorFlow talks even when told not to
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads((arguments.out / f"{peer}-{job}.json").read_text("utf-8"))


# Accuracy


def error(got, true, dtype):
    """Return the relative error; below the smallest normal number, relative to that."""
    if not np.isfinite(got) or (true == 0 and got != 0):
        return math.inf
    return float(abs(got - true) / max(abs(true), float(np.finfo(dtype).tiny)))


@functools.cache
def truth(loss, call, dtype):
    """Return the 50-digit (value, gradient) of each sample, None where there is no definition."""
    from lossbook.book import symbolic

    if not symbolic.is_defined(loss):
        return None
    width = 4 if is_rowwise(loss) else None
    return [symbolic.exact(loss, row_of(y, width), p[0]) for y, p in samples(loss, call, dtype)]  # fmt: skip


def row_of(y, width):
    """Return the target of a single sample as the definition takes it: a row for a class number."""
    return np.eye(width)[y[0]] if y.dtype.kind == "i" else y[0]


def worst(found, exact, dtype):
    """Return the worst relative errors (value, gradient) of a library; None where it has none."""
    values = [error(f[0][0], e[0], dtype) for f, e in zip(found, exact)]
    slopes = [error(a, b, dtype) for f, e in zip(found, exact) if f[1] is not None
              for a, b in zip(f[1], e[1])]  # fmt: skip
    return max(values, default=None), max(slopes, default=None)


def errors(rows):
    """Return (loss, dtype, errors of lossbook, errors of the peer) for rows of outputs."""
    by_name = {repr(loss): loss for loss in CATALOGUE}
    table = []
    for row in rows:
        key = by_name[row["loss"]], row["call"], row["dtype"]
        loss, _, dtype = key
        exact = truth(*key)
        if exact:
            ours = [map(flat, loss.value_and_gradient(*pair)) for pair in samples(*key)]
            ours = [tuple(pair) for pair in ours]
            found = worst(ours, exact, dtype), worst(row["outputs"], exact, dtype)
            table.append((row["loss"], dtype, *found))
    return table


# The report


def geometric_mean(rows):
    return math.exp(statistics.fmean(math.log(row["ratio"]) for row in rows))


def reason(peer, row):
    """Return why a peer may win a row."""
    if math.prod(row["shape"]) <= 2000:
        return "few numbers: the cost of a call decides, above all the checks of its input"  # fmt: skip
    if row["dtype"] == "float32":
        return "the peer computes in float32; lossbook in float64, for its digits"
    if peer in ("jax", "sklearn-loss"):
        return "one compiled loop over all numbers, where NumPy makes a pass for each operation"  # fmt: skip
    return "kernels written for this loss, where NumPy makes a pass for each operation"  # fmt: skip


def markdown(header, rows):
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines] + [""]


def speed_table(rows):
    """Return the ratios with a line for each loss and a column for each size and dtype."""
    cells = {(r["loss"], tuple(r["shape"]), r["dtype"]): r["ratio"] for r in rows}
    for sizes in (NUMBERS, ROWS):
        columns = [(s, d) for s in sizes for d in DTYPES if any(key[1:] == (s, d) for key in cells)]  # fmt: skip
        losses = dict.fromkeys(name for name, *key in cells if tuple(key) in columns)
        if losses:
            header = ["loss", *(f"{NAMES[s]} {d}" for s, d in columns)]
            body = [[f"`{n}`", *(f"{cells[n, *c]:.2g}" for c in columns)] for n in losses]  # fmt: skip
            yield from markdown(header, body)


def speed_section(peer, rows):
    lost = [row for row in rows if row["ratio"] < 1]
    yield f"## {PEERS[peer][0]}\n"
    yield from speed_table(rows)
    yield f"Geometric mean: {geometric_mean(rows):.2f}. "
    yield f"Rows that the peer wins: {len(lost)} of {len(rows)}.\n"
    if lost:
        yield from markdown(["row", "ratio", "reason"], [
            [f"`{row['loss']}` {NAMES[tuple(row['shape'])]} {row['dtype']}",
             f"{row['ratio']:.2f}", reason(peer, row)] for row in lost])  # fmt: skip


def accuracy_section(peer, rows):
    def show(pair):
        return ["–" if x is None else f"{x:.1e}" for x in pair]

    yield f"### {PEERS[peer][0]}\n"
    yield from markdown(
        ["loss", "dtype", "value: lossbook", "value: peer", "gradient: lossbook", "gradient: peer"],
        [[f"`{name}`", dtype, *(x for pair in zip(show(a), show(b)) for x in pair)]
         for name, dtype, a, b in errors(rows)])  # fmt: skip


def memory_table(rows):
    """Return the peak extra memory, a line for each loss and a column for each peer."""
    for dtype in DTYPES:
        cells = {(row["loss"], peer): row["memory"] for peer in rows for row in rows[peer]
                 if row["dtype"] == dtype}  # fmt: skip
        body = []
        for name in dict.fromkeys(name for name, _ in cells):
            got = [cells.get((name, peer)) for peer in rows]
            ours = max(x[0] for x in got if x)
            theirs = ["–" if not x or x[1] < 0.5 else f"{x[1]:.1f}" for x in got]
            body.append([f"`{name}`", f"{ours:.1f}", *theirs])
        titles = [PEERS[peer][0] for peer in rows]
        yield from markdown([dtype, "lossbook", *titles], body)


def versions():
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES.split():
        for package in (name, f"{name}-cpu"):
            try:
                found.append(f"{name} {importlib.metadata.version(package)}")
                break
            except importlib.metadata.PackageNotFoundError:
                pass
    return ", ".join(found)


def report(accuracy, memory, speed):
    """Yield the lines of the report."""
    yield "# lossbook beside other libraries\n"
    yield f"{versions()}; one thread each; lossbook and the peer take turns in one process.\n"  # fmt: skip
    yield ("A ratio is the median of the peer's time divided by lossbook's for the mean loss and its gradient by "
           "`y_pred`: above 1, lossbook is faster. The peer's arrays are made, its functions traced and its one-hot "
           "rows built before the clock starts. scikit-learn's metrics have no gradient: there, value is compared "
           "with value. `sklearn._loss` is private and has gradients.\n")  # fmt: skip
    body = [[PEERS[peer][0], f"{geometric_mean(rows):.2f}", len(rows), sum(r["ratio"] < 1 for r in rows)]
            for peer, rows in speed.items()]  # fmt: skip
    yield from markdown(["peer", "geometric mean", "rows", "rows the peer wins"], body)  # fmt: skip
    for peer, rows in speed.items():
        yield from speed_section(peer, rows)
    yield "## Memory\n"
    yield ("Peak extra memory of a call with a million numbers, result included, in arrays of the size of `y_pred`: "
           "growth of the resident set, the largest of what was seen for lossbook. A dash where it cannot be seen: "
           "TensorFlow reuses a pool of its own.\n")  # fmt: skip
    yield from memory_table(memory)
    yield "## Accuracy\n"
    yield ("Worst relative error of 20 single samples against values to 50 digits. An error near 1 or above says that "
           "the library computes another function there: it clips a probability, or divides a row by its sum. "
           "A loss without an exact definition is left out, and a metric of scikit-learn that needs every "
           "class.\n")  # fmt: skip
    for peer, rows in accuracy.items():
        yield from accuracy_section(peer, rows)


def plot(speed, path):
    """Draw the ratio of each row: a panel for each peer, a point for each loss, size and dtype."""
    from lossbook.book.figures import COLOURS, subplots

    names = [repr(x) for x in CATALOGUE]
    names = [x for x in names if any(r["loss"] == x for rows in speed.values() for r in rows)]  # fmt: skip
    style = dict(zip(NAMES, zip(COLOURS, "os^Dv")))
    figure, axes = subplots(1, len(speed), 3 + 3 * len(speed), 2 + 0.3 * len(names),
                            sharex=True, sharey=True, squeeze=False)  # fmt: skip
    for panel, (peer, rows) in zip(axes[0], speed.items()):
        for row in rows:
            colour, marker = style[tuple(row["shape"])]
            full = row["dtype"] == "float64"
            panel.plot(row["ratio"], names.index(row["loss"]), marker, color=colour,
                       markerfacecolor=colour if full else "white")  # fmt: skip
        panel.axvline(1, color="black", linewidth=1, linestyle="-")
        panel.set_xscale("log")
        panel.set_title(PEERS[peer][0])
        panel.set_xlabel("time of the peer / time of lossbook")
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    axes[0, 0].set_ylabel("loss")
    for shape, (colour, marker) in style.items():
        axes[0, -1].plot([], [], marker, color=colour, label=NAMES[shape])
    axes[0, -1].plot([], [], "o", color="black", markerfacecolor="white", label="float32")  # fmt: skip
    figure.legend(loc="outside lower center", ncols=len(style) + 1)
    figure.savefig(path, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smallest size, few rounds: a try")  # fmt: skip
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER",
                        help="of " + ", ".join(PEERS))  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("build/benchmark"), help="folder of the report")  # fmt: skip
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.worker:
        return work(arguments)
    found = {"accuracy": {}, "memory": {}, "speed": {}}  # a call that fails does at once
    for job, by_peer in found.items():
        for peer in arguments.peers:
            print(f"{PEERS[peer][0]}: {job}", flush=True)
            by_peer[peer] = results(peer, job, arguments)
    text = "\n".join(report(**found))
    (arguments.out / "report.md").write_text(text, "utf-8")
    plot(found["speed"], arguments.out / "report.png")
    print(f"Wrote report.md and report.png to {arguments.out}")


if __name__ == "__main__":
    main()
