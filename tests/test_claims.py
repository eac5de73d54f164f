"""One test for each kind of claim, run over every loss that makes it."""

import dataclasses

import numpy as np
import pytest
from samples import SAMPLEWISE, VARIANTS, as_batch, batch, extreme_samples, random_sample

import lossbook
from lossbook import sigmoid, softmax
from lossbook.base import Claims, Rowwise
from lossbook.overlap import Overlap


def predictions(loss, rng, n):
    """Return n random predictions (rows of 4 for a loss of rows), far and near."""
    _, p = batch(loss, rng, n)
    if loss.prediction.symbol not in ("p", "z", "s", r"\hat{y}") or isinstance(loss, Overlap):
        return p
    spread = rng.choice([0.5, 3.0, 20.0], n).reshape(n, *[1] * (p.ndim - 1))
    z = rng.normal(0, spread, p.shape)
    if loss.prediction.symbol != "p":
        return z if not loss.prediction.bounded else np.abs(z)
    return softmax(z) if p.ndim == 2 else sigmoid(z)


def targets(loss, rng, n):
    return batch(loss, rng, n)[0]


def problems_convex(loss, claim, rng):
    """At the middle of two predictions the loss is at most the mean of their losses."""
    for space in claim:
        a, b, y = (
            predictions(loss, rng, 3000),
            predictions(loss, rng, 3000),
            targets(loss, rng, 3000),
        )
        link = (softmax if a.ndim == 2 else sigmoid) if space == "logits" else lambda z: z
        if space == "logits":
            a, b = rng.normal(0, 5, a.shape), rng.normal(0, 5, b.shape)
        middle, ends = (
            loss.per_sample(y, link((a + b) / 2)),
            (loss.per_sample(y, link(a)) + loss.per_sample(y, link(b))) / 2,
        )
        if not (middle <= ends * (1 + 1e-9) + 1e-12).all():
            yield f"not convex in {space}"


def problems_lipschitz(loss, claim, rng):
    """No gradient of a sample is longer than claimed, and some are nearly as long."""
    samples = [random_sample(loss, rng) for _ in range(2000)] + list(extreme_samples(loss))
    gradients = [np.nan_to_num(gradient_of(loss, y, p)) for y, p in samples]
    lengths = [np.hypot.reduce(gradient, axis=None) for gradient in gradients]
    if np.isinf(claim):
        if max(lengths) < 1e5:
            yield f"gradients are claimed to be unbounded, the longest found is {max(lengths)}"
    elif not 0.98 * claim <= max(lengths) <= claim * (1 + 1e-12):
        yield f"the longest gradient is claimed to be {claim}, the longest found is {max(lengths)}"


def gradient_of(loss, y, p):
    return loss.gradient(*as_batch(y, p))


def problems_lower_bound(loss, claim, rng):
    samples = [random_sample(loss, rng) for _ in range(500)] + list(extreme_samples(loss))
    least = min(loss(*as_batch(y, p)) for y, p in samples)
    wrong = least > -30 if np.isinf(claim) else not claim <= least <= claim + 1e-9
    if wrong:
        yield f"the greatest lower bound is claimed to be {claim}, the least loss found is {least}"


def problems_zero_when(loss, claim, rng):
    y = targets(loss, rng, 50)
    p, others = y, [batch(loss, rng, 50)[1]]
    if isinstance(loss, Rowwise):
        p = np.eye(4)[y]
    elif claim == "the directions agree":
        p = y / 2
    elif claim == "y_pred = y_true":
        others.append(y / 2)
    if loss.per_sample(y, p).any():
        yield f"not zero when {claim}"
    pairs = [(y, other) for other in others]
    if claim == "the truth has probability 1":
        soft = softmax(rng.normal(size=(50, 4)))
        pairs.append((soft, soft))
    if not all((loss.per_sample(*pair) > 0).all() for pair in pairs):
        yield "zero also elsewhere"


def problems_symmetric(loss, claim, rng):
    y, p = targets(loss, rng, 200), predictions(loss, rng, 200)
    if claim == "a change of the residual's sign":
        y, p = rng.integers(1, 1000, (2, 200)) / 8  # their sums are exact
        same = loss.per_sample(y, y + p), loss.per_sample(y, y - p)
    elif isinstance(loss, Rowwise):
        order = np.array([2, 0, 3, 1])
        same = loss.per_sample(order[y], p), loss.per_sample(y, p[:, order])
    elif loss.target.labels and loss.target.low == -1:
        same = loss.per_sample(y, p), loss.per_sample(-y, -p)
    else:
        p = (np.floor(p * 1000) + 1) / 1024 if loss.prediction.symbol == "p" else p
        same = (
            loss.per_sample(y, p),
            loss.per_sample(1 - y, 1 - p if loss.prediction.symbol == "p" else -p),
        )
    if not np.allclose(*same, rtol=1e-9, atol=0):
        yield f"changed by {claim}"


CHANGES = {
    "adding one number to all logits of a row": lambda z: z + 1024.0,
    "adding one number to all scores of a row": lambda s: s + 1024.0,
    "a positive factor on a prediction": lambda z: z * 8.0,
}


def problems_invariant(loss, claim, rng):
    y, z = targets(loss, rng, 200), np.round(8 * predictions(loss, rng, 200)) / 8
    z = np.where(z.any(axis=-1, keepdims=True), z, 1.0)
    same = loss.per_sample(y, z), loss.per_sample(y, CHANGES[claim](z))
    if not np.allclose(*same, rtol=1e-12, atol=0):
        yield f"changed by {claim}"


def expectile(y, q):
    """Return the q-expectile of a sample: the mean, weighed by side, that it is itself."""
    e = y.mean()
    for _ in range(200):
        e = np.average(y, weights=np.where(y > e, q, 1 - q))
    return e


def functional(name, y):
    """Return what a claimed minimiser is for a sample."""
    level, _, kind = name.rpartition("-")
    if kind == "quantile":
        return np.quantile(y, float(level), method="inverted_cdf")
    if kind == "expectile":
        return expectile(y, float(level))
    known = {"mean": np.mean, "median": np.median, "probability": np.mean}
    return np.log(np.mean(y)) if name == "log of the mean" else known[name](y)


def problems_minimiser(loss, claim, rng):
    """The constant prediction with the least mean loss on a skewed sample is what is claimed."""
    if isinstance(loss, Rowwise):
        y = np.repeat([0, 1, 2], [5, 3, 2])
        best, step = np.log([0.5, 0.3, 0.2]), 0.02 * np.array([1, -1, 0.5])
        link = softmax if loss.prediction.symbol == "p" else lambda z: z
        rows = [np.tile(link(best + move * step), (10, 1)) for move in (0, -1, 1)]
        rows.append(np.full((10, 3), 1 / 3) if loss.prediction.symbol == "p" else np.zeros((10, 3)))
        means = [loss(y, row) for row in rows]
        if np.argmin(means) != 0:
            yield f"the best constant is not the {claim}"
        return
    y = (
        np.array([0, 0, 0, 0, 0, 0, 1.0])
        if loss.target.high == 1.0 and loss.target.low == 0.0
        else np.array([1, 2, 3, 4, 100.0])
    )
    grid = (
        np.linspace(0.001, 0.999, 4991)
        if loss.prediction.symbol == "p"
        else np.linspace(-10, 110, 120001)
    )
    means = np.mean([loss.per_sample(np.full_like(grid, target), grid) for target in y], axis=0)
    best = grid[np.argmin(means)]
    got = sigmoid(best) if claim == "probability" and loss.prediction.symbol == "z" else best
    want = functional(claim, y)
    if abs(got - want) > 1e-3:
        yield f"the best constant is {got:.4g}; the {claim} is {want:.4g}"


def problems_calibrated(loss, claim, rng):
    grid = np.linspace(-6, 6, 2401)
    ones = np.ones_like(grid)
    for probability in (0.05, 0.3, 0.45, 0.55, 0.8):
        risk = probability * loss.per_sample(ones, grid)
        risk += (1 - probability) * loss.per_sample(-ones, grid)
        if np.sign(grid[np.argmin(risk)]) != np.sign(probability - 0.5):
            yield f"for the probability {probability} the best score has the wrong sign"


def problems_strictly_proper(loss, claim, rng):
    """For every distribution, no other prediction has an expected loss as small as the true one."""
    if not claim:
        return
    for _ in range(100):
        true = (
            softmax(rng.normal(0, 1, 4))
            if isinstance(loss, Rowwise)
            else np.array(rng.uniform(0.05, 0.95))
        )
        others = predictions(loss, rng, 300)
        if true.ndim:
            honest = np.atleast_2d(true if loss.prediction.symbol == "p" else np.log(true))
            expected = [
                np.sum([true[c] * loss.per_sample(np.full(len(q), c), q) for c in range(4)], axis=0)
                for q in (others, honest)
            ]
        else:
            honest = true if loss.prediction.symbol == "p" else np.log(true / (1 - true))
            expected = [
                true * loss.per_sample(np.ones_like(q), q)
                + (1 - true) * loss.per_sample(np.zeros_like(q), q)
                for q in (others, np.atleast_1d(honest))
            ]
        if not (expected[0] > expected[1][0]).all():
            yield "another prediction is as good as the true probabilities"


CHECKS = {
    "convex_in": problems_convex,
    "lipschitz": problems_lipschitz,
    "lower_bound": problems_lower_bound,
    "zero_when": problems_zero_when,
    "symmetric": problems_symmetric,
    "invariant": problems_invariant,
    "minimiser": problems_minimiser,
    "calibrated": problems_calibrated,
    "strictly_proper": problems_strictly_proper,
}


def problems(loss, claims):
    """Return what is wrong with ``claims`` of ``loss``."""
    set_fields = {
        f.name: getattr(claims, f.name)
        for f in dataclasses.fields(Claims)
        if f.name in CHECKS and getattr(claims, f.name) not in (None, "", (), {}, False)
    }
    rng = np.random.default_rng(0)
    return [
        f"{name}: {problem}"
        for name, claim in set_fields.items()
        for problem in CHECKS[name](loss, claim, rng)
    ]


@pytest.mark.parametrize("loss", (*SAMPLEWISE, *VARIANTS), ids=repr)
def test_claims(loss):
    assert not problems(loss, loss.claims)


def test_every_kind_of_claim_has_a_check():
    # What holds of other libraries is tested beside them, in test_peers.py.
    assert {*CHECKS, "elsewhere"} == {f.name for f in dataclasses.fields(Claims)}


FALSE_CLAIMS = [
    (lossbook.AbsoluteError(), {"lipschitz": 2.0}),
    (lossbook.AbsoluteError(), {"lipschitz": 0.5}),
    (lossbook.AbsoluteError(), {"minimiser": "mean"}),
    (lossbook.SquaredError(), {"minimiser": "median"}),
    (lossbook.SquaredError(), {"lower_bound": -1.0}),
    (lossbook.SquaredError(), {"lower_bound": 1.0}),
    (lossbook.Brier(), {"zero_when": "the truth has probability 1"}),
    (lossbook.SoftmaxCrossEntropy(), {"lipschitz": 1.0}),
    (lossbook.SigmoidCrossEntropy(), {"lipschitz": np.inf}),
    (lossbook.SigmoidCrossEntropy(), {"invariant": "adding one number to all logits of a row"}),
]


@pytest.mark.parametrize("loss, change", FALSE_CLAIMS, ids=str)
def test_a_false_claim_is_noticed(loss, change):
    (name,) = change
    assert list(CHECKS[name](loss, change[name], np.random.default_rng(0)))


@dataclasses.dataclass(frozen=True)
class Lopsided(lossbook.SquaredError):
    """Neither convex nor symmetric nor proper: what the remaining checks must notice."""

    def _value(self, r):
        return np.where(r > 0, np.sqrt(np.abs(r)), 2 * np.abs(r)) * (np.abs(r) > 0.5)


@dataclasses.dataclass(frozen=True)
class Linear(lossbook.BinaryCrossEntropy):
    """|p - y| as a score of probabilities is not proper."""

    def _value(self, y, p):
        return np.abs(p - y)


@pytest.mark.parametrize(
    "name, claim",
    [
        ("convex_in", ("y_pred",)),
        ("zero_when", "y_pred = y_true"),
        ("symmetric", "a change of the residual's sign"),
    ],
)
def test_a_loss_without_the_property_is_noticed(name, claim):
    assert list(CHECKS[name](Lopsided(), claim, np.random.default_rng(0)))


def test_an_improper_score_is_noticed():
    assert list(problems_strictly_proper(Linear(), True, np.random.default_rng(0)))
    assert list(problems_convex(Linear(), ("logits",), np.random.default_rng(0)))
