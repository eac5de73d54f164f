"""One test for each kind of claim, run over every loss that makes it."""

import dataclasses
import importlib

import numpy as np
import pytest
from samples import batch, extreme_samples, random_sample

import lossbook
from lossbook import CATALOGUE, sigmoid, softmax
from lossbook.base import Claims, Rowwise


def predictions(loss, rng, n):
    """Return n random predictions (rows of 4 for a loss of rows), far and near."""
    shape = (n, 4) if isinstance(loss, Rowwise) else (n,)
    z = rng.normal(
        0,
        rng.choice([0.5, 3.0, 20.0], n).reshape(n, *[1] * (len(shape) - 1)),
        shape,
    )
    if loss.symbol != "p":
        return z
    return softmax(z) if len(shape) == 2 else sigmoid(z)


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
        link = (
            (softmax if a.ndim == 2 else sigmoid)
            if space == "logits"
            else lambda z: z
        )
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
    samples = [random_sample(loss, rng) for _ in range(2000)] + list(
        extreme_samples(loss)
    )
    gradients = [np.nan_to_num(gradient_of(loss, y, p)) for y, p in samples]
    lengths = [np.hypot.reduce(gradient, axis=None) for gradient in gradients]
    if np.isinf(claim):
        if max(lengths) < 1e6:
            yield f"gradients are claimed to be unbounded, the longest found is {max(lengths)}"
    elif not 0.99 * claim <= max(lengths) <= claim * (1 + 1e-12):
        yield f"the longest gradient is claimed to be {claim}, the longest found is {max(lengths)}"


def gradient_of(loss, y, p):
    return (
        loss.gradient(y[np.newaxis], p[np.newaxis])
        if isinstance(loss, Rowwise)
        else loss.gradient(y, p)
    )


def problems_lower_bound(loss, claim, rng):
    samples = [random_sample(loss, rng) for _ in range(500)] + list(
        extreme_samples(loss)
    )
    arrays = [
        (y[np.newaxis], p[np.newaxis]) if isinstance(loss, Rowwise) else (y, p)
        for y, p in samples
    ]
    least = min(loss(*pair) for pair in arrays)
    if not claim <= least <= claim + 1e-9:
        yield f"the greatest lower bound is claimed to be {claim}, the least loss found is {least}"


def problems_zero_when(loss, claim, rng):
    y = targets(loss, rng, 50)
    p = np.eye(4)[y] if isinstance(loss, Rowwise) else y
    if loss.per_sample(y, p).any():
        yield f"not zero when {claim}"
    _, others = batch(loss, rng, 50)
    if not (loss.per_sample(y, others) > 0).all():
        yield "zero also elsewhere"


def problems_symmetric(loss, claim, rng):
    y, p = targets(loss, rng, 200), predictions(loss, rng, 200)
    if claim == "a change of the residual's sign":
        y, p = rng.integers(-1000, 1000, (2, 200)) / 8  # their sums are exact
        same = loss.per_sample(y, y + p), loss.per_sample(y, y - p)
    elif isinstance(loss, Rowwise):
        order = np.array([2, 0, 3, 1])
        same = loss.per_sample(order[y], p), loss.per_sample(y, p[:, order])
    else:
        p = (np.floor(p * 1000) + 1) / 1024 if loss.symbol == "p" else p
        same = (
            loss.per_sample(y, p),
            loss.per_sample(1 - y, 1 - p if loss.symbol == "p" else -p),
        )
    if not np.allclose(*same, rtol=1e-9, atol=0):
        yield f"changed by {claim}"


def problems_invariant(loss, claim, rng):
    y, z = targets(loss, rng, 200), np.round(8 * predictions(loss, rng, 200)) / 8
    if not np.allclose(
        loss.per_sample(y, z), loss.per_sample(y, z + 1024.0), rtol=1e-12, atol=0
    ):
        yield f"changed by {claim}"


def problems_minimiser(loss, claim, rng):
    """The constant prediction with the least mean loss on a skewed sample is what is claimed."""
    if isinstance(loss, Rowwise):
        y = np.repeat([0, 1, 2], [5, 3, 2])
        best, step = np.log([0.5, 0.3, 0.2]), 0.02 * np.array([1, -1, 0.5])
        link = softmax if loss.symbol == "p" else lambda z: z
        rows = [np.tile(link(best + move * step), (10, 1)) for move in (0, -1, 1)]
        rows.append(
            np.full((10, 3), 1 / 3) if loss.symbol == "p" else np.zeros((10, 3))
        )
        means = [loss(y, row) for row in rows]
        if np.argmin(means) != 0:
            yield f"the best constant is not the {claim}"
        return
    y = (
        np.array([0, 0, 0, 0, 0, 0, 1.0])
        if loss.targets == (0.0, 1.0)
        else np.array([1, 2, 3, 4, 100.0])
    )
    grid = (
        np.linspace(0.001, 0.999, 4991)
        if loss.symbol == "p"
        else np.linspace(-10, 110, 120001)
    )
    means = np.mean(
        [loss.per_sample(np.full_like(grid, target), grid) for target in y], axis=0
    )
    best = grid[np.argmin(means)]
    got = sigmoid(best) if loss.symbol == "z" else best
    want = {"mean": np.mean, "median": np.median, "probability": np.mean}[claim](y)
    if abs(got - want) > 1e-3:
        yield f"the best constant is {got:.4g}; the {claim} is {want:.4g}"


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
            honest = np.atleast_2d(true if loss.symbol == "p" else np.log(true))
            expected = [
                np.sum(
                    [
                        true[c] * loss.per_sample(np.full(len(q), c), q)
                        for c in range(4)
                    ],
                    axis=0,
                )
                for q in (others, honest)
            ]
        else:
            honest = true if loss.symbol == "p" else np.log(true / (1 - true))
            expected = [true * loss.per_sample(np.ones_like(q), q) + (1 - true) * loss.per_sample(np.zeros_like(q), q)
                        for q in (others, np.atleast_1d(honest))]  # fmt: skip
        if not (expected[0] > expected[1][0]).all():
            yield "another prediction is as good as the true probabilities"


def problems_elsewhere(loss, claim, rng):
    """The named call of the library gives the same mean loss."""
    for library, call in claim.items():
        if library != "keras" and not importlib.util.find_spec(library):
            continue
        y, p = batch(loss, rng, 20)
        ours = loss(y, p)
        names = {
            library: importlib.import_module(library),
            "y_true": y,
            "y_pred": p,
        }
        if library == "torch":
            names.update(
                y_true=names["torch"].tensor(y), y_pred=names["torch"].tensor(p)
            )
        if library == "sklearn":
            importlib.import_module("sklearn.metrics")
            importlib.import_module("scipy.special")
            names.update(scipy=importlib.import_module("scipy"))
        theirs = float(eval(call, names))
        if abs(theirs - ours) > 2e-6 * abs(ours):
            yield f"{call} is {theirs}, ours is {ours}"


CHECKS = {
    "convex_in": problems_convex,
    "lipschitz": problems_lipschitz,
    "lower_bound": problems_lower_bound,
    "zero_when": problems_zero_when,
    "symmetric": problems_symmetric,
    "invariant": problems_invariant,
    "minimiser": problems_minimiser,
    "strictly_proper": problems_strictly_proper,
    "elsewhere": problems_elsewhere,
}


def problems(loss, claims):
    """Return what is wrong with ``claims`` of ``loss``."""
    set_fields = {
        f.name: getattr(claims, f.name)
        for f in dataclasses.fields(Claims)
        if getattr(claims, f.name)
    }
    rng = np.random.default_rng(0)
    return [
        f"{name}: {problem}"
        for name, claim in set_fields.items()
        for problem in CHECKS[name](loss, claim, rng)
    ]


@pytest.mark.parametrize("loss", CATALOGUE, ids=repr)
def test_claims(loss):
    assert not problems(loss, loss.claims)


def test_every_kind_of_claim_has_a_check():
    assert set(CHECKS) == {f.name for f in dataclasses.fields(Claims)}


FALSE_CLAIMS = [
    (lossbook.AbsoluteError(), {"lipschitz": 2.0}),
    (lossbook.AbsoluteError(), {"lipschitz": 0.5}),
    (lossbook.AbsoluteError(), {"minimiser": "mean"}),
    (lossbook.SquaredError(), {"minimiser": "median"}),
    (lossbook.SquaredError(), {"lower_bound": -1.0}),
    (lossbook.SquaredError(), {"lower_bound": 1.0}),
    (
        lossbook.SquaredError(),
        {
            "elsewhere": {
                "keras": "keras.losses.MeanAbsoluteError()(y_true, y_pred)"
            }
        },
    ),
    (lossbook.SoftmaxCrossEntropy(), {"lipschitz": 1.0}),
    (lossbook.SigmoidCrossEntropy(), {"lipschitz": np.inf}),
    (
        lossbook.SigmoidCrossEntropy(),
        {"invariant": "adding one number to all logits of a row"},
    ),
]


@pytest.mark.parametrize("loss, change", FALSE_CLAIMS, ids=str)
def test_a_false_claim_is_noticed(loss, change):
    (name,) = change
    assert list(CHECKS[name](loss, change[name], np.random.default_rng(0)))


@dataclasses.dataclass(frozen=True)
class Lopsided(lossbook.SquaredError):
    """Neither convex nor symmetric nor proper: what the remaining checks must notice."""

    def _value(self, r):
        return np.where(r > 0, np.sqrt(np.abs(r)), 2 * np.abs(r)) * (
            np.abs(r) > 0.5
        )


@dataclasses.dataclass(frozen=True)
class Linear(lossbook.BinaryCrossEntropy):
    """|p - y| as a score of probabilities is not proper."""

    def _value(self, y, p):
        return np.abs(p - y)


@pytest.mark.parametrize("name, claim", [("convex_in", ("y_pred",)), ("zero_when", "y_pred = y_true"),
                                         ("symmetric", "a change of the residual's sign")])  # fmt: skip
def test_a_loss_without_the_property_is_noticed(name, claim):
    assert list(CHECKS[name](Lopsided(), claim, np.random.default_rng(0)))


def test_an_improper_score_is_noticed():
    assert list(problems_strictly_proper(Linear(), True, np.random.default_rng(0)))
    assert list(problems_convex(Linear(), ("logits",), np.random.default_rng(0)))
