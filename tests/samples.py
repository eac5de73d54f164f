"""Random and extreme inputs for any loss, made from what the loss says of itself."""

import numpy as np

from lossbook import CATALOGUE, CTC, softmax
from lossbook.base import Rowwise
from lossbook.classification import GeneralizedCrossEntropy, SigmoidFocal, SoftmaxFocal
from lossbook.embedding import Embedding
from lossbook.likelihood import GaussianNLL
from lossbook.overlap import Overlap, Tversky
from lossbook.residual import (
    AbsolutePercentageError,
    Expectile,
    GeneralRobust,
    Huber,
    PseudoHuber,
    Quantile,
)

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


# Losses of which each sample has a number of its own; those of a batch are tested elsewhere.
SAMPLEWISE = tuple(loss for loss in CATALOGUE if not isinstance(loss, Embedding | CTC))
VARIANTS = (
    Huber(2.5),
    PseudoHuber(0.3),
    Quantile(0.9),
    Expectile(0.1),
    GeneralRobust(0.0, scale=2.0),
    GeneralRobust(2.0, scale=0.5),
    GeneralRobust(-np.inf, scale=0.5),
    GeneralRobust(-2.0, scale=0.5),
    GeneralRobust(1e-9),
    GeneralRobust(2 - 1e-9),
    GeneralizedCrossEntropy(1.0),
    GeneralizedCrossEntropy(0.1),
    SigmoidFocal(0.5),
    SoftmaxFocal(0.5),
    Tversky(0.3, 0.7),
)


def target(loss, rng):
    """Return a random target that is a number."""
    low, high = loss.targets
    if loss.hard:
        return rng.choice(loss.targets)
    if (low, high) == (0.0, 1.0):
        return rng.choice([0.0, 1.0, rng.random()])
    y = rng.normal(0, 10.0 ** rng.integers(-3, 4))
    return y if low == -np.inf else low + abs(y)


def prediction(loss, rng):
    """Return a random prediction that is a number."""
    if loss.symbol == "p":
        return rng.random()
    p = rng.normal(0, 10.0 ** rng.integers(-3, 3))
    return p if loss.domain[0] == -np.inf else loss.domain[0] + abs(p)


def distribution(rng, k, hard):
    """Return a row that sums to 1 also in float32, one-hot or not."""
    if hard or rng.random() < 0.6:
        return np.eye(k)[rng.integers(k)]
    y = np.round(softmax(rng.normal(0, 2, k)) * 2**20) / 2**20
    y[np.argmax(y)] += 1 - y.sum()
    return y


def random_sample(loss, rng, dtype=np.float64):
    """Return one sample (y_true, y_pred): numbers, or rows with the truth as a distribution."""
    k = int(rng.integers(2, 6))
    z = rng.normal(0, rng.choice([1, 5, 20]), k).astype(dtype)
    if isinstance(loss, Rowwise):
        y = distribution(rng, k, loss.hard)
        return y.astype(dtype), softmax(z) if loss.symbol == "p" else z
    if isinstance(loss, GaussianNLL):
        return dtype(rng.normal(0, 3)), rng.normal(0, 3, 2).astype(dtype)
    if isinstance(loss, Overlap):
        y = rng.choice([0.0, 1.0, rng.random()], k)
        return y.astype(dtype), rng.random(k).astype(dtype)
    if loss.indexed:
        return rng.normal(0, 10.0 ** rng.integers(-3, 4), k).astype(dtype), z
    return dtype(target(loss, rng)), dtype(prediction(loss, rng))


def as_batch(loss, y, p):
    """Return a sample as the arrays that the loss takes."""
    return (np.asarray(y)[np.newaxis], p[np.newaxis]) if np.ndim(p) else (y, p)


def extreme_samples(loss, dtype=np.float64):
    """Yield samples at the edges of the domain, of the dtype, and of what other libraries get right."""
    if isinstance(loss, Rowwise):
        rows = EXTREME_ROWS
        if loss.symbol == "p":
            rows = [[p, 1 - p, 0.0] for p in EXTREME_PROBABILITIES] + [[0.2, 0.3, 0.5]]
        for row in np.array(rows, dtype):
            for label in range(3):
                yield np.eye(3, dtype=dtype)[label], row
    elif isinstance(loss, GaussianNLL):
        for y in (0.0, 1.0, -1e3):
            for s in (0.0, -30.0, -80.0, 30.0, 80.0):
                yield dtype(y), np.array([1.0, s], dtype)
    elif isinstance(loss, Overlap):
        masks = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 1], [0.5, 1, 0]], dtype)
        for y in masks:
            for p in [*masks, np.array([1e-30, 1e-8, 0.25], dtype)]:
                if y.any() or p.any():
                    yield y, p
    elif loss.indexed:
        y = np.array([1.0, 2.0, 2.0], dtype)
        for p in ([2, 4, 4], [-1, -2, -2], [2, 1, -2], [1, 2, 2.0001], [1e-30, 0, 0], [1e30, 1, 0]):
            yield y, np.array(p, dtype)
    else:
        yield from extreme_numbers(loss, dtype)


def extreme_numbers(loss, dtype):
    points = {"p": EXTREME_PROBABILITIES, "z": EXTREME_LOGITS, "s": EXTREME_LOGITS}.get(
        loss.symbol, EXTREME_RESIDUALS
    )
    points = points + EXTREME_DOUBLES.get(loss.symbol, []) if dtype == np.float64 else points
    if loss.domain[0] == -np.inf:
        points = points + [-x for x in points]
    elif loss.domain[0] < 0:
        points = [*points, -0.5, -0.999]
    targets = loss.targets if loss.hard else (0.0, 1.0, 0.25 if loss.targets[1] == 1 else 2.5)
    if isinstance(loss, AbsolutePercentageError):
        targets = (1.0, -2.5)
    for y in targets:
        for p in points:
            yield dtype(y), dtype(p)


def batch(loss, rng, n=7, dtype=np.float64, labels=True):
    """Return arrays of n samples, with class numbers (n,) for losses of rows unless ``labels`` is False."""
    if isinstance(loss, Rowwise):
        z = rng.normal(0, 2, (n, 4)).astype(dtype)
        y = rng.integers(0, 4, n)
        if not labels:
            y = (
                np.eye(4, dtype=dtype)[y]
                if loss.hard
                else softmax(rng.normal(0, 2, (n, 4))).astype(dtype)
            )
        return y, softmax(z) if loss.symbol == "p" else z
    if isinstance(loss, GaussianNLL):
        return rng.normal(0, 2, n).astype(dtype), rng.normal(0, 1, (n, 2)).astype(dtype)
    if isinstance(loss, Overlap):
        return rng.integers(0, 2, (n, 4)).astype(dtype), rng.uniform(0.05, 0.95, (n, 4)).astype(
            dtype
        )
    if loss.indexed:
        return rng.normal(0, 2, (n, 4)).astype(dtype), rng.normal(0, 2, (n, 4)).astype(dtype)
    if loss.hard or loss.targets == (0.0, 1.0):
        y = rng.choice(loss.targets, n).astype(dtype)
    else:
        y = rng.normal(0, 2, n).astype(dtype)
        y = y if loss.targets[0] == -np.inf else np.abs(y)
    p = rng.uniform(0.05, 0.95, n) if loss.symbol == "p" else rng.normal(0, 2, n)
    p = p if loss.domain[0] in (-np.inf, 0.0) else np.abs(p)
    return y, p.astype(dtype)
