"""The benchmark: what it compares, and what its report holds.  No time is asserted."""

import itertools
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lossbook import CATALOGUE, CTC, Hinge, Huber
from lossbook.base import Elementwise

FOLDER = Path(__file__).parents[1] / "tools" / "benchmark"
sys.path.insert(0, str(FOLDER))

import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402

BARE = peers.comparable("numpy")


def row(loss, shape, dtype, ratio):
    return {"loss": repr(loss), "shape": shape, "dtype": dtype, "times": [ratio, 0.1, 1e-5, 1e-5]}


def test_every_loss_with_a_call_elsewhere_is_compared():
    compared = {repr(loss) for peer in peers.PEERS for loss, _ in peers.comparable(peer)}
    assert {repr(loss) for loss in CATALOGUE if loss.claims.elsewhere} <= compared
    assert len(BARE) == len(peers.BARE) and all(isinstance(x, Elementwise) for x, _ in BARE)


@pytest.mark.parametrize("dtype", measure.DTYPES)
@pytest.mark.parametrize(("loss", "call"), BARE, ids=[repr(loss) for loss, _ in BARE])
def test_a_bare_expression_is_the_loss(loss, call, dtype):
    y, p = peers.points(loss, False, (100,), dtype)
    _, run = peers.bare(loss, call, dtype)
    got, expected = run(y, p, None), loss.value_and_gradient(y, p)
    rtol = 1e-3 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(got[0], expected[0], rtol)
    np.testing.assert_allclose(got[1], expected[1], rtol, atol=1e-9)
    assert got[1].dtype == dtype == p.dtype


@pytest.mark.parametrize("loss", [x for x in CATALOGUE if x.claims.elsewhere], ids=repr)
def test_points_are_taken_and_finite(loss):
    shape = measure.SIZES[peers.kind(loss)]["small"]
    for soft in {any("distribution" in call for call in loss.claims.elsewhere.values()), False}:
        y, p = peers.points(loss, soft, shape, "float32")
        value, gradient = loss.value_and_gradient(y, p)
        assert np.isfinite(value) and np.isfinite(gradient).all() and gradient.any()
        assert p.shape[0] == shape[0] and p.dtype == np.float32
    assert not isinstance(loss, CTC) or ((y[:, 0] > 0).all() and (y == 0).any())


def test_the_ratio_is_the_median_of_rounds_until_it_is_certain(monkeypatch):
    # A clock of its own: each call takes the next of these times.
    calls = {"steady": itertools.repeat(2.0), "noisy": itertools.cycle([4.0, 8.0, 4.0, 4.0, 1.0])}
    monkeypatch.setattr(measure, "seconds", lambda run, repeats: next(calls[run]))
    assert measure.turns("steady", "steady", quick=True) == (1.0, 0.0, 2.0, 2.0)
    ratio, uncertainty, ours, theirs = measure.turns("steady", "noisy", quick=True)
    assert (ratio, ours, theirs, uncertainty) == (2.0, 2.0, 4.0, 0.0)


def test_each_dtype_has_its_mean_and_each_lost_row_is_named():
    rows = [row(Huber(), (100,), "float32", 4.0), row(Hinge(), (100,), "float32", 1.0)]
    rows += [row(Huber(), (10**6,), "float64", 0.5)]
    failed = [{"loss": "Hinge()", "dtype": "float64", "failed": "ValueError: no"}]
    bare = [row(Hinge(), (100,), "float32", 0.6), row(Hinge(), (10**6,), "float32", 0.25)]
    text = "\n".join(report.report({"torch": rows + failed, "numpy": bare}, [1.0, 2.0]))
    assert "| PyTorch, eager | 2.00 | 0 of 2 | 0.50 | 1 of 1 |" in text
    assert "| bare NumPy | 0.39 | 2 of 2 | – | – |" in text
    lost, rest = text.split("## Rows that a peer wins")[1].split(
        "## Rows that take more than twice"
    )
    assert re.findall(r"^\| `(.*?)\n", lost, re.M) == [
        "Huber(delta=1.0)` 10⁶ float64 | PyTorch, eager | 0.50 ± 0.05 | 10.0 | 10.0 |"
    ]
    assert re.findall(r"^\| `(.*?) \| bare", rest, re.M) == ["Hinge()` 10⁶ float32"]
    assert "| Hinge() | float64 | torch | ValueError: no |" in text
    assert "- load average before and after: 1.0 and 2.0" in text


@pytest.mark.skipif(not measure.CAN_WEIGH, reason="only glibc on Linux tells")
def test_memory_is_what_a_call_needs_more_at_its_peak():
    code = (
        "import numpy as np, measure; a = np.ones(10**6)\n"
        "[np.ones(10**6) for _ in range(5)]\n"
        "measure.memory_shows(); print(measure.peak(lambda: np.stack([a, a]).sum(), a.nbytes))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True
    )
    assert float(result.stdout) == pytest.approx(2, abs=0.1), result.stderr


def start(folder, *options):
    command = [sys.executable, FOLDER, "--out", folder, "--peers", "numpy", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_the_quick_benchmark_of_one_loss(tmp_path):
    process = start(tmp_path, "--quick", "--losses", "Huber")
    progress = process.communicate(timeout=300)[1]
    assert process.returncode == 0 and "bare NumPy: Huber(delta=1.0)" in progress
    text = (tmp_path / "report.md").read_text("utf-8")
    for name in ("NumPy runs with", f"numpy {np.__version__}", "load average", "## Accuracy"):
        assert name in text
    assert re.search(r"^\| loss \| 100 float32 \| 100 float64 \|\n.*\n\| `Huber", text, re.M)
    assert re.search(r"^\| `Huber\(delta=1.0\)` \| float64( \| \d\.\de-1\d){4} \|", text, re.M)
    assert "failed" not in text and "Memory" not in text
    assert (tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_what_was_measured(tmp_path, number):
    process = start(tmp_path, "--losses", "SquaredError", "AbsoluteError", "Exponential")
    while "AbsoluteError" not in process.stderr.read(80):
        assert process.poll() is None
    process.send_signal(number)
    assert "Stopped" in process.communicate(timeout=300)[1] and process.returncode == 0
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))["numpy"]
    assert {"SquaredError()", "AbsoluteError()"} <= {r["loss"] for r in found}
    assert "Exponential()" not in (tmp_path / "report.md").read_text("utf-8")
