"""Time lossbook beside Keras, PyTorch, JAX, scikit-learn and bare NumPy, and weigh its accuracy.

    pip install -r requirements-benchmark.txt -e .
    python tools/benchmark [--quick] [--peers keras torch ...] [--losses Huber ...]

Writes report.md and report.png into build/benchmark.  Ctrl-C reports what was measured by then.
"""

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import work
from peers import PEERS, comparable, installed

from lossbook import CATALOGUE

# Read at import.  OpenMP is for PyTorch and scikit-learn, BLAS for NumPy; XLA has a pool of its
# own, which NPROC sizes, and Eigen within it.
ONE_THREAD = """OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS NPROC
TF_NUM_INTRAOP_THREADS TF_NUM_INTEROP_THREADS"""
ENVIRONMENT = dict.fromkeys(ONE_THREAD.split(), "1") | {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "tensorflow",
}


def results(peers, losses, quick):
    """Run a worker, with one thread for each library, and yield its results."""
    command = [sys.executable, Path(__file__).parent, "--worker", *["--quick"] * quick]
    command += ["--peers", *peers, "--losses", *(type(loss).__name__ for loss in losses)]
    with tempfile.TemporaryFile("w+") as talk:  # TensorFlow talks even when told not to
        # In a session of its own a worker does not see Ctrl-C.
        process = subprocess.Popen(
            command, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, stderr=talk,
            text=True, start_new_session=True,
        )  # fmt: skip
        try:
            yield from map(json.loads, process.stdout)
        except BaseException:
            process.kill()
            raise
        if code := process.wait():
            talk.seek(0)
            why = (talk.read().splitlines() or [""])[-1] or f"the worker ended with {code}"
            yield from ({"peer": x, "loss": "all", "dtype": "", "failed": why} for x in peers)


def measured(peers, losses, quick):
    """Return the results of each peer; after Ctrl-C those that there are."""
    found, workers, start = {}, {}, time.perf_counter()
    for peer in peers:
        packages = PEERS[peer].packages
        missing = " and ".join(name for name in packages if not installed(name))
        if missing:
            print(f"{PEERS[peer].title}: {missing} is not installed", file=sys.stderr)
        elif comparable(peer, losses):
            # What imports the same shares a process.
            workers.setdefault(packages, []).append(peer)
    rows = itertools.chain.from_iterable(results(w, losses, quick) for w in workers.values())
    try:
        for row in rows:
            found.setdefault(peer := row.pop("peer"), []).append(row)
            line = f"{time.perf_counter() - start:4.0f} s  {PEERS[peer].title}: {row['loss']}"
            print(f"\r{line:<79}", end="", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("\nStopped: the report holds what was measured", file=sys.stderr)
    return {peer: found[peer] for peer in peers if peer in found}


def load_average():
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def main():
    names = [type(loss).__name__ for loss in CATALOGUE]
    parser = argparse.ArgumentParser("benchmark", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="the smallest sizes, few rounds, no memory: a try")
    add("--peers", nargs="+", choices=PEERS, default=PEERS, help="what to compare with")
    add("--losses", nargs="+", choices=names, default=names, metavar="LOSS", help="such as Huber")
    add("--out", type=Path, default=Path("build/benchmark"), help="folder of the report")
    add("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    losses = [loss for loss in CATALOGUE if type(loss).__name__ in options.losses]
    if options.worker:
        for row in work(options.peers, losses, options.quick):
            print(json.dumps(row), flush=True)
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    load = [load_average()]
    found = measured(options.peers, losses, options.quick)
    load.append(load_average())
    # Not before: a worker needs neither SymPy nor Matplotlib.
    from report import plot, report

    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.md").write_text("\n".join(report(found, load)), "utf-8")
    (options.out / "results.json").write_text(json.dumps(found), "utf-8")
    plot(found, options.out / "report.png")
    print(f"\nWrote report.md, report.png and results.json to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
