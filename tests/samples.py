"""Random and extreme inputs for any loss, made from what the loss says of itself."""

import numpy as np

from lossbook import softmax
from lossbook.base import Rowwise

EXTREME_LOGITS = [
    0.0,
    1e-30,
    1e-8,
    1.0,
    17.0,
    20.0,
    36.9,
    40.0,
    88.0,
    105.0,
    700.0,
    745.0,
    1e3,
    1e5,
    1e30,
]
EXTREME_PROBABILITIES = [
    0.0,
    1e-45,
    1e-38,
    1e-20,
    1e-8,
    9.9e-8,
    1e-7,
    0.25,
    0.5,
    0.75,
    1 - 2**-20,
    1.0,
]
EXTREME_RESIDUALS = [0.0, 1e-38, 1e-20, 1e-9, 1e-4, 1.0, 20.0, 1e15, 1e18]
EXTREME_DOUBLES = {
    "p": [1e-300, 1e-50, 1e-17, 1 - 2**-53],
    "z": [1e-300, 1e300],
    r"\hat{y}": [1e-150, 1e150, 1e200],
}
EXTREME_ROWS = [
    [20, 0, 0], [40, 0, 0], [0, 0, 0], [1e5, 1e5, 1e5], [1e8, 1e8 + 8, 1e8], [1e3, 0, -1e3], [-1e3, -1e3, 0],
    [0, -np.inf, 0], [-np.inf, -np.inf, 3], [3e38, -3e38, 0], [700, 0, -40],
]  # fmt: skip


def target(loss, rng):
    """Return a random target of an elementwise loss."""
    low, high = loss.targets
    if loss.hard:
        return rng.choice(loss.targets)
    if (low, high) == (0.0, 1.0):
        return rng.choice([0.0, 1.0, rng.random()])
    y = rng.normal(0, 10.0 ** rng.integers(-3, 4))
    return y if low == -np.inf else low + abs(y)


def random_sample(loss, rng, dtype=np.float64):
    """Return one sample (y_true, y_pred): numbers, or rows with the truth as a distribution."""
    if isinstance(loss, Rowwise):
        k = int(rng.integers(2, 6))
        z = rng.normal(0, rng.choice([1, 5, 20]), k).astype(dtype)
        y = (
            np.eye(k)[rng.integers(k)]
            if rng.random() < 0.6
            else np.round(softmax(rng.normal(0, 2, k)) * 2**20) / 2**20
        )
        y[np.argmax(y)] += 1 - y.sum()  # exactly 1, also in float32
        return y.astype(dtype), softmax(z) if loss.symbol == "p" else z
    y = target(loss, rng)
    p = (
        rng.random()
        if loss.symbol == "p"
        else rng.normal(0, 10.0 ** rng.integers(-3, 3))
    )
    return dtype(y), dtype(p)


def extreme_samples(loss, dtype=np.float64):
    """Yield samples at the edges of the domain, of the dtype, and of what other libraries get right."""
    if isinstance(loss, Rowwise):
        rows = EXTREME_ROWS
        if loss.symbol == "p":
            rows = [[p, 1 - p, 0.0] for p in EXTREME_PROBABILITIES] + [
                [0.2, 0.3, 0.5]
            ]
        for row in np.array(rows, dtype):
            for label in range(3):
                yield np.eye(3, dtype=dtype)[label], row
        return
    points = {"p": EXTREME_PROBABILITIES, "z": EXTREME_LOGITS}.get(
        loss.symbol, EXTREME_RESIDUALS
    )
    points = (
        points + EXTREME_DOUBLES[loss.symbol] if dtype == np.float64 else points
    )
    points = points if loss.domain[0] == 0 else points + [-x for x in points]
    targets = (0.0, 1.0, 0.25) if loss.targets == (0.0, 1.0) else (0.0, 1.0, -2.5)
    for y in targets:
        for p in points:
            yield dtype(y), dtype(p)


def batch(loss, rng, n=7, dtype=np.float64, labels=True):
    """Return arrays of n samples: class numbers (n,) with rows (n, 4), or numbers (n,)."""
    if isinstance(loss, Rowwise):
        z = rng.normal(0, 2, (n, 4)).astype(dtype)
        y = (
            rng.integers(0, 4, n)
            if labels
            else softmax(rng.normal(0, 2, (n, 4))).astype(dtype)
        )
        return y, softmax(z) if loss.symbol == "p" else z
    y = (
        rng.integers(0, 2, n).astype(dtype)
        if loss.targets == (0.0, 1.0)
        else rng.normal(0, 2, n).astype(dtype)
    )
    return y, (
        rng.uniform(0.05, 0.95, n) if loss.symbol == "p" else rng.normal(0, 2, n)
    ).astype(dtype)
