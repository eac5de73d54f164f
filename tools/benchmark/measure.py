"""What a worker measures, a process for each library: lossbook and the peer take turns."""

import ctypes
import functools
import gc
import itertools
import math
import statistics
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from peers import PEERS, arguments, comparable, kind, points

DTYPES = ("float32", "float64")
# Numbers; rows of classes; sequences, as (samples, frames, classes).
SIZES = {
    "numbers": {"small": (100,), "medium": (10**4,), "large": (10**6,)},
    "rows": {"small": (128, 10), "large": (4096, 1000)},
    "sequences": {"small": (8, 20, 10), "large": (64, 80, 30)},
}
# Only the GNU library on Linux gives memory back on demand.
CAN_WEIGH = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")


def seconds(run, repeats):
    """Return the processor time of a call, of all threads together.

    On a busy machine a clock on the wall would charge a library for the time that its threads wait
    for one another and for a core.
    """
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats


def turns(ours, theirs, quick):
    """Return medians over rounds: (ratio, its relative uncertainty, our seconds, the peer's).

    What else the machine does hits both, because they take turns.  Rounds are added until the
    ratio is certain, or the time of a row is spent.
    """
    turn, budget, enough = (5e-4, 0.1, 0.05) if quick else (2e-3, 0.5, 0.01)
    both = ours, theirs
    repeats = [max(1, round(turn / min(seconds(run, 1), seconds(run, 1)))) for run in both]
    rounds, end = [], time.perf_counter() + budget
    while True:
        times = [seconds(run, n) for run, n in zip(both, repeats)]
        rounds.append((times[1] / times[0], *times))
        ratio, *medians = map(statistics.median, zip(*rounds))
        deviation = statistics.median(abs(r / ratio - 1) for r, *_ in rounds)
        # The standard error of a median, from the median deviation of normal noise.
        uncertainty = 1.86 * deviation / math.sqrt(len(rounds))
        late = time.perf_counter() > end
        if len(rounds) >= (5 if late else 9) and (late or uncertainty < enough):
            return ratio, uncertainty, *medians


def peak(run, size):
    """Return the extra memory of a call at its peak, result included, in ``size`` bytes."""

    def status(key):
        text = Path("/proc/self/status").read_text("ascii")
        return 1024 * int(text.split(key + ":")[1].split()[0])

    run()
    grown = []
    for _ in range(2):
        gc.collect()
        time.sleep(0.05)  # JAX gives memory back from another thread
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # resets the peak
        before = status("VmRSS")
        run()
        grown.append((status("VmHWM") - before) / size)
    return max(grown)


def memory_shows():
    """Let each block go back to the system when it is freed, so that what is resident is in use."""
    M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
    for threshold in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        ctypes.CDLL(None).mallopt(threshold, 1 << 16)
    gc.freeze()  # the objects of TensorFlow alone would take a second to go through


def samples(loss, soft, dtype, n=20):
    """Return random samples, each as arrays of its own."""
    y, p = points(loss, soft, (n, 4) if kind(loss) == "rows" else (n,), dtype)
    return [(y[i : i + 1], p[i : i + 1]) for i in range(n)]


def flat(array):
    return np.asarray(array, float).ravel().tolist()


class Pair:
    """A loss and the call of a peer in one dtype, so that it is compiled once for a shape."""

    def __init__(self, peer, loss, call, dtype):
        self.peer, self.loss, self.call, self.dtype = peer, loss, call, dtype
        self.convert, self.run = PEERS[peer].prepare(loss, call, dtype)
        self.soft = "distribution" in str(call)

    def calls(self, shape):
        """Return (ours, theirs), both without arguments, and the bytes of the predictions."""
        y, p = points(self.loss, self.soft, shape, self.dtype)
        theirs = functools.partial(self.run, *arguments(self.call, self.convert, y, p))
        both = self.loss if theirs()[1] is None else self.loss.value_and_gradient
        return functools.partial(both, y, p), theirs, p.nbytes

    def speed(self, quick):
        for size, shape in SIZES[kind(self.loss)].items():
            if size == "small" or not quick:
                *both, _ = self.calls(shape)
                yield {"shape": shape, "times": turns(*both, quick)}

    def outputs(self):
        """Yield what the peer gives for single samples, to be compared with exact values."""
        if self.peer == "tf-function" or self.loss.formula:
            return  # the kernels of Keras; a loss without a SymPy definition
        if self.peer == "sklearn" and self.loss.target.high == 1:
            return  # a metric takes the classes from the data: one sample is too few
        got = []
        for y, p in samples(self.loss, self.soft, self.dtype):
            result = self.run(*arguments(self.call, self.convert, y, p))
            got.append([None if r is None else flat(r) for r in result])
        yield {"soft": self.soft, "outputs": got}

    def memory(self):
        ours, theirs, size = self.calls(SIZES[kind(self.loss)]["large"])
        yield {"memory": (peak(ours, size), peak(theirs, size))}

    def named(self, results):
        """Yield results with what they are of, or why there is none."""
        names = {"peer": self.peer, "loss": repr(self.loss), "dtype": self.dtype}
        try:
            for result in results:
                yield names | result
        except Exception as error:
            yield names | {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}


def work(peers, losses, quick):
    """Yield all results of peers that share a library."""
    warnings.simplefilter("ignore")
    pairs = []
    for peer, dtype in itertools.product(peers, DTYPES):
        for loss, call in comparable(peer, losses):
            pairs.append(pair := Pair(peer, loss, call, dtype))
            yield from pair.named(itertools.chain(pair.speed(quick), pair.outputs()))
    if CAN_WEIGH and not quick:
        memory_shows()
        for pair in pairs:
            yield from pair.named(pair.memory())
