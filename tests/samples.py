"""Random and extreme inputs for any loss, made from what the loss says of itself."""

import numpy as np

from lossbook import CATALOGUE, CTC, softmax
from lossbook.base import Rowwise
from lossbook.classification import GeneralizedCrossEntropy, SigmoidFocal, SoftmaxFocal
from lossbook.embedding import Contrastive, Embedding, InfoNCE, Triplet
from lossbook.likelihood import GaussianNLL
from lossbook.overlap import Overlap, Tversky
from lossbook.residual import (
    EpsilonInsensitive,
    Expectile,
    GeneralRobust,
    Huber,
    PseudoHuber,
    Quantile,
)

EXTREME_LOGITS = [0.0, 1e-30, 1e-8, 1.0, 17.0, 20.0, 36.9, 40.0, 88.0, 105.0, 700.0, 745.0]
EXTREME_LOGITS += [1e3, 1e5, 1e30]
EXTREME_PROBABILITIES = [0.0, 1e-45, 1e-38, 1e-20, 1e-8, 9.9e-8, 1e-7, 0.25, 0.5, 0.75, 1 - 2**-20]
EXTREME_PROBABILITIES += [1.0]
EXTREME_RESIDUALS = [0.0, 1e-38, 1e-20, 1e-9, 1e-4, 1.0, 20.0, 1e15, 1e18]
EXTREME_DOUBLES = {
    "p": [1e-300, 1e-50, 1e-17, 1 - 2**-53],
    "z": [1e-300, 1e300],
    r"\hat{y}": [1e-150, 1e150, 1e200],
}
EXTREME_ROWS = [
    [20, 0, 0], [40, 0, 0], [0, 0, 0], [1e5, 1e5, 1e5], [1e8, 1e8 + 8, 1e8], [1e3, 0, -1e3],
    [-1e3, -1e3, 0], [0, -np.inf, 0], [-np.inf, -np.inf, 3], [3e38, -3e38, 0], [700, 0, -40],
    [714.7, 0, -1],
]  # fmt: skip

# Losses of which each sample has a number of its own; those of a batch are tested elsewhere.
SAMPLEWISE = tuple(loss for loss in CATALOGUE if not isinstance(loss, Embedding | CTC))
BATCHWISE = tuple(loss for loss in CATALOGUE if isinstance(loss, Embedding | CTC))
# Every loss with parameters, away from the defaults, which may hide an exchange or a lost factor.
VARIANTS = (
    Huber(2.5),
    PseudoHuber(0.3),
    Quantile(0.9),
    Expectile(0.1),
    EpsilonInsensitive(0.7),
    GeneralRobust(0.0, scale=2.0),
    GeneralRobust(2.0, scale=0.5),
    GeneralRobust(-np.inf, scale=0.5),
    GeneralRobust(-2.0, scale=0.5),
    GeneralRobust(1.0, scale=2.0),
    GeneralRobust(1e-9),
    GeneralRobust(2 - 1e-9),
    GeneralizedCrossEntropy(1.0),
    GeneralizedCrossEntropy(0.1),
    SigmoidFocal(0.5),
    SoftmaxFocal(0.5),
    SigmoidFocal(0.0),
    SoftmaxFocal(0.0),
    Tversky(alpha=0.3, beta=0.7),
)
BATCHWISE_VARIANTS = (Contrastive(2.0), Triplet(0.5), InfoNCE(1.0), InfoNCE(0.01))


def target(loss, rng):
    """Return a random target that is a number."""
    domain = loss.target
    if domain.labels:
        return domain.sample(rng)
    if domain.high == 1.0:
        return rng.choice([0.0, 1.0, rng.random()])
    return domain.sample(rng, spread=10.0 ** rng.integers(-3, 4))


def prediction(loss, rng):
    """Return a random prediction that is a number."""
    return loss.prediction.sample(rng, spread=10.0 ** rng.integers(-3, 3))


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
        y = distribution(rng, k, loss.target.labels)
        return y.astype(dtype), softmax(z) if loss.prediction.high == 1 else z
    if isinstance(loss, GaussianNLL):
        return dtype(rng.normal(0, 3)), rng.normal(0, 3, 2).astype(dtype)
    if isinstance(loss, Overlap):
        y = rng.choice([0.0, 1.0, rng.random()], k)
        return y.astype(dtype), rng.random(k).astype(dtype)
    if loss.indexed:
        return rng.normal(0, 10.0 ** rng.integers(-3, 4), k).astype(dtype), z
    return dtype(target(loss, rng)), dtype(prediction(loss, rng))


def as_batch(y, p):
    """Return a sample as the arrays that a loss takes."""
    return (np.asarray(y)[np.newaxis], p[np.newaxis]) if np.ndim(p) else (y, p)


def extreme_samples(loss, dtype=np.float64):
    """Yield samples at the edges of the domain, the dtype, and what other libraries get right."""
    if isinstance(loss, Rowwise):
        rows = EXTREME_ROWS
        if loss.prediction.high == 1:
            rows = [[p, 1 - p, 0.0] for p in EXTREME_PROBABILITIES] + [[0.2, 0.3, 0.5]]
        for row in np.array(rows, dtype):
            for label in range(3):
                yield np.eye(3, dtype=dtype)[label], row
    elif isinstance(loss, GaussianNLL):
        for y in (0.0, 1.0, -1e3):
            for s in (0.0, -30.0, -80.0, 30.0, 80.0):
                yield dtype(y), np.array([1.0, s], dtype)
    elif isinstance(loss, Overlap):
        masks = [[0, 0, 0], [1, 0, 0], [1, 1, 1], [0.5, 1, 0], [1e-9, 0, 0], [0.5, 1e-9, 0]]
        masks = np.array(masks, dtype)
        for y in masks:
            for p in [*masks, np.array([1e-30, 1e-8, 0.25], dtype)]:
                if y.any() or p.any():
                    yield y, p
    elif loss.indexed:
        y = np.array([1.0, 2.0, 2.0], dtype)
        rows = [2, 4, 4], [-1, -2, -2], [2, 1, -2], [1, 2, 2.0001], [1e-30, 0, 0], [1e30, 1, 0]
        for p in rows:
            yield y, np.array(p, dtype)
    else:
        yield from extreme_numbers(loss, dtype)


def extreme_numbers(loss, dtype):
    symbol, low = loss.prediction.symbol, loss.prediction.low
    lists = {"p": EXTREME_PROBABILITIES, "z": EXTREME_LOGITS, "s": EXTREME_LOGITS}
    points = list(lists.get(symbol, EXTREME_RESIDUALS))
    if dtype == np.float64:
        points += EXTREME_DOUBLES.get(symbol, [])
    if low == -np.inf:
        points += [-x for x in points]
    elif low < 0:
        points += [-0.5, -0.999]
    targets = 0.0, 1.0, 0.25 if loss.target.high == 1 else 2.5
    if loss.target.labels:
        targets = loss.target.low, loss.target.high
    elif loss.target.nonzero:
        targets = 1.0, -2.5
    for y in targets:
        for p in points:
            yield dtype(y), dtype(p)


def batch(loss, rng, n=7, dtype=np.float64, labels=True):
    """Return arrays of n samples, with class numbers (n,) for losses of rows where ``labels``."""
    if isinstance(loss, CTC):
        y = rng.integers(1, 4, (n, 3)) * (np.arange(3) < rng.integers(0, 4, (n, 1)))
        return y, rng.normal(0, 2, (n, 6, 4)).astype(dtype)
    if isinstance(loss, Embedding):
        return np.arange(n) * 2 // 5, rng.normal(0, 1, (n, 3)).astype(dtype)
    shape = (n, 2) if isinstance(loss, GaussianNLL) else (n, 4) if loss.indexed else (n,)
    if loss.prediction.high == 1 and not isinstance(loss, Rowwise):
        p = rng.uniform(0.05, 0.95, shape)
    else:
        p = rng.normal(0, 2, shape)
        p = softmax(p) if loss.prediction.high == 1 else p
    if loss.prediction.bounded:
        p = np.abs(p)
    if isinstance(loss, Rowwise):
        y = rng.integers(0, 4, n)
        if not labels:
            soft = softmax(rng.normal(0, 2, shape))
            y = (np.eye(4)[y] if loss.target.labels else soft).astype(dtype)
        return y, p.astype(dtype)
    if loss.target.high == 1:
        y = rng.choice((loss.target.low, 1.0), shape)
    else:
        y = rng.normal(0, 2, (n,) if isinstance(loss, GaussianNLL) else shape)
        y = np.abs(y) if loss.target.bounded else y
    return y.astype(dtype), p.astype(dtype)


def ends(dtype):
    """Return positive numbers from the smallest of a floating type to the largest."""
    tiny, largest = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    return [tiny * 2.0**-10, tiny, tiny**0.5, largest**0.5 * 4, largest / 2, largest]


# Parameters at the ends of their ranges.
ENDS = (
    *(cls(delta) for cls in (Huber, PseudoHuber) for delta in (1e-200, 0.25, 1e200)),
    *(cls(q) for cls in (Quantile, Expectile) for q in (1e-300, 1 - 2**-53)),
    *(EpsilonInsensitive(epsilon) for epsilon in (1e-300, 1e300)),
    *(
        GeneralRobust(alpha, scale=c)
        for alpha in (-2.0, 0.0, 0.5, 1.0, 1.5, 3.0)
        for c in (1e-200, 1e200)
    ),
    GeneralRobust(1e-300),
    SigmoidFocal(1e-90),
    SoftmaxFocal(1e-90),
    Tversky(alpha=1e100, beta=1e100),
    Tversky(alpha=1e12, beta=1e-12),
)


def at_the_ends(loss, dtype):
    """Yield samples of the least and largest numbers that type and domain allow."""
    positive = ends(dtype)
    numbers = [0.0, *positive, *(-x for x in positive)]
    small, large = positive[0], positive[-1]
    if isinstance(loss, Rowwise) and loss.prediction.high == 1:
        rows = [[small, 1.0, 0.0], [1.0, small, small], [positive[2], positive[1], 1.0]]
    elif isinstance(loss, Rowwise):
        rows = [[large, -large, 0], [large, large, -large], [-large] * 3, [small, 0, -small]]
        rows += [[large / 2, 0, -large], [0, positive[2], -(large**0.5)]]
    if isinstance(loss, Rowwise):
        truths = [*np.eye(3)] + [[1e-5, 1 - 1e-5, 0], [0, small, 1]] * (not loss.target.labels)
        for row in rows:
            for y in truths:
                yield np.array(y, dtype), np.array(row, dtype)
    elif isinstance(loss, GaussianNLL):
        for y in (0.0, large, -small):
            for mean in (0.0, positive[2], -large):
                for s in (0.0, -800.0, 800.0, -1500.0, 1400.0, 1e30, -1e30):
                    yield dtype(y), np.array([mean, s], dtype)
    elif isinstance(loss, Overlap):
        # Sums of subnormal numbers have no digits to divide by.
        least = 8 * positive[1]
        masks = [[0, 0, 0], [0, 0, least], [least, 1, 0], [positive[2], least, 1]]
        for y in masks:
            for p in masks[1:]:
                yield np.array(y, dtype), np.array(p, dtype)
    elif loss.indexed:
        rows = [
            [large, -large, 0],
            [small, 0, 0],
            [large, small, 1],
            [positive[2], -positive[1], 0],
        ]
        for y in rows:
            for p in rows:
                yield np.array(y, dtype), np.array(p, dtype)
    else:
        targets = [0.0, 1.0] if loss.target.high == 1.0 else [0.0, *positive, -large, -small]
        if loss.target.labels:
            targets = [loss.target.low, loss.target.high]
        elif loss.target.high == 1.0:
            targets += [small, 0.25]
        for y in targets:
            for p in numbers:
                inside = not loss.prediction.outside(np.float64(p))
                if inside and not loss.target.outside(np.float64(y)):
                    yield dtype(y), dtype(p)
