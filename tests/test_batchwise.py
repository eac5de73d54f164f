"""Losses of embeddings and sequences, whose samples are no rows of numbers of their own."""

import itertools
import tracemalloc

import mpmath
import numpy as np
import pytest
import reference
from reference import Exact
from samples import BATCHWISE, BATCHWISE_VARIANTS, batch
from test_exact import ULPS, ulps
from test_peers import installed

from lossbook import SoftmaxCrossEntropy, check_gradient, embedding, sequence
from lossbook.embedding import Contrastive, InfoNCE, Triplet
from lossbook.sequence import CTC

EPS = 2.0**-52
EMBEDDING = Contrastive(), Triplet(), InfoNCE()
by_repr = {"ids": repr}


# -- exact values ------------------------------------------------------------------------


def too_far(loss, y, p, w=None, digits=50, least=0.0):
    """Return what is further from the exact number than 4 ulps, or than its rounded inputs allow.

    ``least`` is the least size that a derivative is taken to have.
    """
    exact = Exact(loss, y, p, w, digits)
    value, gradient = loss.value_and_gradient(y, p, w)
    numbers = [("value", value, exact.value(), ())]
    for k, got in enumerate(gradient[exact.kept].ravel()):
        numbers.append((f"derivative {k}", got, exact.derivative(k), (k,)))
    found = []
    for name, got, true, entries in numbers:
        distance = ulps(got, true)
        if distance > ULPS:
            rounding = max(float(exact.rounding(*entries)), least if entries else 0.0)
            allowed = ULPS * EPS * rounding / float(np.spacing(abs(float(true))))
            if distance > allowed:
                found.append(
                    f"{loss} y={y} p={p.tolist()} w={w}: {name} is {got}, {distance:.1f} ulps "
                    f"from {mpmath.nstr(true, 20)}, allowed are {allowed:.1f}"
                )
    return found


def random_cases(loss, rng, count):
    while count:
        n, d = rng.integers(2, 7), rng.integers(1, 4)
        x = rng.normal(0, 10.0 ** rng.integers(-1, 2), (n, d))
        y = rng.integers(0, 3, n)
        w = rng.random(n) * (rng.random(n) < 0.8) if rng.random() < 0.4 else None
        try:
            loss(y, x, w)
        except ValueError:
            continue  # no pair, triplet or positive among these labels
        yield y, x, w
        count -= 1


@pytest.mark.parametrize("loss", (*EMBEDDING, *BATCHWISE_VARIANTS), **by_repr)
def test_random_embeddings(loss):
    rng = np.random.default_rng(0)
    # A sure InfoNCE of temperature 0.01 is as small as exp(-200).
    digits = 120 if loss == InfoNCE(0.01) else 50
    cases = random_cases(loss, rng, 12 if isinstance(loss, InfoNCE) else 40)
    found = [text for case in cases for text in too_far(loss, *case, digits)]
    assert not found, "\n".join(found[:10])


ALL = np.array([0, 0, 1, 1])
EXTREME = {
    "coinciding": (ALL, [[1.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.5, 2.0]]),
    "all at one point": (ALL, [[0.3, 0.1]] * 4),
    "nearly coinciding": (ALL, [[1.0, 2.0], [1.0, 2.0 + 2e-16], [1 + 1e-15, 2.0], [1.0, 2.1]]),
    "far": (ALL, [[1e150, 0.0], [0.0, -1e150], [1e150, 1e149], [3.0, 4.0]]),
    "near and far": (ALL, [[1e-150, 0.0], [0.0, 2e-150], [1e150, 0.0], [1e-160, 1e-155]]),
    "on a line": (ALL, [[0.0], [1.0], [2.0], [4.0]]),
    "around the margin": (ALL, [[0.0], [0.25], [1.25], [1.5]]),
    "two samples": (np.array([5, 5]), [[1.0, 2.0], [2.0, 1.0]]),
    "on axes": (ALL, [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -2.0]]),
    "near an axis": (ALL, [[1.0, 1e-20], [1.0, -1e-20], [1.0, 1e-9], [-1.0, 1e-20]]),
    "opposite": (ALL, [[1.0, 1e-9], [-1.0, 2e-9], [-1.0, -1e-9], [-2.0, 1e-8]]),
    "alike": (ALL, [[1.0, 1e-8], [1.0, 2e-8], [1.0, -1e-8], [1.0, 0.0]]),
}  # fmt: skip
LEFT_OUT = {
    "on a line": (Triplet, InfoNCE),  # at the kink; a zero vector
    "around the margin": (Triplet, InfoNCE),
    "two samples": (Triplet,),  # no triplet
    "near and far": (Triplet,),  # to the last place at the kink, where the slope jumps
    "opposite": (Triplet,),
}


@pytest.mark.parametrize("loss", (*EMBEDDING, *BATCHWISE_VARIANTS), **by_repr)
def test_extreme_embeddings(loss):
    # A derivative of Triplet is a mean of unit vectors, and asked to have their digits.
    least = float(isinstance(loss, Triplet))
    for case, (y, x) in EXTREME.items():
        digits = 700 if "far" in case else 120
        if not isinstance(loss, LEFT_OUT.get(case, ())):
            assert not too_far(loss, y, np.array(x), None, digits, least), case


def test_distances_whose_squares_are_no_floats():
    y, x = [0, 0, 1], np.array([[3.0, 0.0], [0.0, 0.0], [0.0, 4.0]])
    for scale in (2.0**-600, 2.0**600):
        loss = Triplet(margin=2 * scale)
        value, gradient = loss.value_and_gradient(y, x * scale)
        same, slope = Triplet(margin=2.0).value_and_gradient(y, x)
        assert value == same * scale
        np.testing.assert_array_equal(gradient, slope)
    value, gradient = InfoNCE().value_and_gradient(y, x + 1)
    for scale in (2.0**-1000, 2.0**1000):
        scaled = InfoNCE().value_and_gradient(y, (x + 1) * scale)
        assert scaled[0] == value
        np.testing.assert_array_equal(scaled[1] * scale, gradient)


KINK = np.array([0, 0, 1]), np.array([[0.0], [-1.0], [2.0]])


def test_at_the_kink_the_subgradient_is_0():
    # d(a,p) + 1 = d(a,n) for the first sample as anchor.
    value, gradient = Triplet().value_and_gradient(*KINK)
    assert value == 0.0 and not gradient.any()
    value, gradient = Triplet(1 + 2 * EPS).value_and_gradient(*KINK)
    assert value == EPS and gradient.ravel().tolist() == [1.0, -0.5, -0.5]
    value, gradient = Contrastive().value_and_gradient([0, 1], [[0.0], [1.0]])
    assert value == 0.0 and not gradient.any()
    for loss in (Contrastive(), Triplet()):
        value, gradient = loss.value_and_gradient([0, 0, 1, 1], np.ones((4, 2)))
        assert value > 0.0 and not gradient.any(), "coinciding points have no direction"


def test_opposite_pulls_cancel_exactly():
    x = np.array([[-1.0], [-0.1], [0.1], [1.0]])
    gradient = Triplet(3.0).gradient([0, 1, 1, 0], x)
    np.testing.assert_array_equal(gradient, -gradient[::-1])
    assert not Contrastive(2.0).gradient([0, 1, 2], [[-0.3], [0.0], [0.3]])[1].any()


def labels(frames, classes):
    """Return all rows of up to 3 labels, padded to 3."""
    for length in range(4):
        for row in itertools.product(range(1, classes), repeat=length):
            yield [*row, *[0] * (3 - length)]


def problems_of_paths(y, z, value, gradient):
    """Compare one sample with the sum over all its paths.

    Each derivative is a difference of two probabilities, of which it is asked to have the
    digits: of what the class has, or of what is left for the others, whichever is less.  A
    rounded logit changes the probability of a path by as many ulps as the logit is large.
    """
    with mpmath.workdps(700):
        logits = [[mpmath.mpf(c) for c in frame] for frame in z.tolist()]
        hit, miss, hit_with, miss_with = reference.paths(tuple(y.tolist()), logits)
        if hit == 0:
            return ["impossible"] * bool(value != np.inf or gradient.any())
        true, rounding, found = -mpmath.log(hit), mpmath.mpf(0), []
        steps = max(1.0, np.abs(np.where(np.isinf(z), 0, z)).max(axis=1).sum())
        for t, c in np.ndindex(z.shape):
            size = [s + miss * d / hit for s, d in zip(miss_with[t], hit_with[t])]
            slope = miss_with[t][c] - miss * hit_with[t][c] / hit
            rounding += abs(logits[t][c] * slope) if slope else 0
            least = steps * min(size[c], sum(size) - size[c])
            if not near(gradient[t, c], slope, least):
                found.append(f"derivative {t, c} is {gradient[t, c]}, not {float(slope)}")
        if not near(value, true, rounding):
            found.append(f"value is {value}, not {float(true)}")
    return [f"y={y} z={z.tolist()}: {text}" for text in found]


def near(got, true, rounding):
    """Return whether got is within 4 ulps of true, or 4 eps of what rounding costs."""
    unit = max(float(np.spacing(abs(float(true)))), EPS * float(rounding))
    return bool(abs(mpmath.mpf(float(got)) - true) <= ULPS * mpmath.mpf(unit))


def problems_of_sequences(loss, y, z):
    rows = zip(y, z, loss.per_sample(y, z), loss.gradient(y, z) * len(y))
    return [text for row in rows for text in problems_of_paths(*row)]


@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0, 30.0, 1e3, 1e5])
@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_all_small_sequences(frames, classes, scale):
    rng = np.random.default_rng(int(frames + 10 * classes + scale))
    y = np.array(list(labels(frames, classes)))
    z = rng.normal(0, 1, (len(y), frames, classes)) * scale
    found = problems_of_sequences(CTC(), y, z)
    assert not found, "\n".join(found[:10])


def test_masked_classes_and_sure_paths():
    z = np.zeros((6, 4, 3))
    z[0, :, 2] = -np.inf  # a class that is not needed
    z[1, 1:, 1] = -np.inf  # a label that fits into one frame alone
    z[2, :, 1] = -np.inf  # a label that cannot be: the loss is inf
    for i, logit in ((3, 40.0), (4, 800.0), (5, -800.0)):
        z[i, [0, 1, 2, 3], [1, 1, 2, 0]] = logit
    y = np.array([[1, 0], [1, 0], [1, 2], [1, 2], [1, 2], [1, 2]])
    values = CTC().per_sample(y, z)
    assert values[2] == np.inf and not CTC().gradient(y, z)[2].any()
    assert 0 < values[3] < 1e-16 and 0 <= values[4] < 1e-300
    assert not problems_of_sequences(CTC(), y, z)


def test_the_sum_over_paths_has_the_derivative_of_the_definition():
    rng = np.random.default_rng(4)
    y, z = np.array([[1, 2]]), rng.normal(0, 2, (1, 3, 3))
    exact = Exact(CTC(), y, z)
    with mpmath.workdps(50):
        logits = [[mpmath.mpf(c) for c in frame] for frame in z[0].tolist()]
        hit, miss, hit_with, miss_with = reference.paths((1, 2), logits)
        for k, (t, c) in enumerate(np.ndindex(3, 3)):
            slope = miss_with[t][c] - miss * hit_with[t][c] / hit
            assert abs(slope - exact.derivative(k)) < 1e-40


def test_impossible_labels():
    y, z = [[1, 1, 2, 0], [1, 2, 1, 2], [1, 1, 0, 0]], np.zeros((3, 3, 3))
    value, gradient = CTC().value_and_gradient(y, z)
    each = CTC().per_sample(y, z)
    assert value == np.inf and each[:2].tolist() == [np.inf, np.inf]
    assert each[2] == pytest.approx(np.log(27), rel=1e-15)  # of 27 paths 1, blank, 1
    assert not gradient[:2].any() and gradient[2].any()


def test_one_frame_is_a_softmax_cross_entropy():
    z = np.array([[[20.0, 0.0, 0.0]], [[0.0, 20.0, 0.0]], [[3.0, -1e5, 1e5]]])
    y = np.array([[0], [1], [2]])
    value, gradient = SoftmaxCrossEntropy().value_and_gradient(y[:, 0], z[:, 0])
    ours = CTC().value_and_gradient(y, z)
    assert ours[0] == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(ours[1][:, 0], gradient, rtol=1e-14)


def test_one_positive_is_a_softmax_cross_entropy_of_cosines():
    rng = np.random.default_rng(5)
    y, x = np.array([0, 0, 1, 1, 2]), rng.normal(0, 1, (5, 4))
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    z = u @ u.T / 0.1
    np.fill_diagonal(z, -np.inf)
    want = SoftmaxCrossEntropy().per_sample([1, 0, 3, 2], z[:4])
    np.testing.assert_allclose(InfoNCE().per_sample(y, x), want, rtol=1e-12)


def test_numbers_that_are_averaged_and_their_order():
    rng = np.random.default_rng(6)
    y, x = np.array([1, 0, 1, 1, 0, 7]), rng.normal(0, 1, (6, 3))
    d = np.linalg.norm(x[:, np.newaxis] - x, axis=2)
    i, j = np.triu_indices(6, 1)
    pairs = np.where(y[i] == y[j], d[i, j] ** 2, np.maximum(0, 1 - d[i, j]) ** 2)
    np.testing.assert_allclose(Contrastive().per_sample(y, x), pairs, rtol=1e-13)
    triplets = [
        max(0.0, d[a, p] - d[a, n] + 1)
        for a, p, n in itertools.permutations(range(6), 3)
        if y[a] == y[p] != y[n]
    ]
    np.testing.assert_allclose(Triplet().per_sample(y, x), triplets, rtol=1e-12)
    length = np.linalg.norm(x, axis=1)
    e = np.exp(x @ x.T / np.outer(length, length) / 0.1)
    anchors = []
    for a in range(5):  # the last has no positive
        positives = [p for p in range(6) if p != a and y[p] == y[a]]
        others = e[a].sum() - e[a, a]
        anchors.append(np.mean([-np.log(e[a, p] / others) for p in positives]))
    np.testing.assert_allclose(InfoNCE().per_sample(y, x), anchors, rtol=1e-10)


def test_sorted_triplets_are_all_triplets():
    rng = np.random.default_rng(25)
    y, w = rng.integers(0, 4, 24), rng.random(24)
    x = np.round(rng.normal(0, 2, (24, 2)))  # many distances are equal, or differ by 1
    d = np.linalg.norm(x[:, np.newaxis] - x, axis=2)
    value, weight, slope = 0.0, 0.0, np.zeros_like(x)
    for a, p, n in itertools.permutations(range(24), 3):
        if y[a] == y[p] != y[n]:
            product = w[a] * w[p] * w[n]
            weight += product
            if d[a, p] + 1 > d[a, n]:
                value += product * (d[a, p] + 1 - d[a, n])
                for j, sign in ((p, 1.0), (n, -1.0)):
                    pull = sign * product * (x[a] - x[j]) / (d[a, j] or 1.0)
                    slope[a] += pull
                    slope[j] -= pull
    got, gradient = Triplet().value_and_gradient(y, x, w)
    assert got == pytest.approx(value / weight, rel=1e-13)
    np.testing.assert_allclose(gradient, slope / weight, rtol=1e-11, atol=1e-15)


# -- differences and mutants -------------------------------------------------------------


def away_from_kinks(loss):
    """Return a batch none of whose hinges is within the steps of the differences."""
    for rng in map(np.random.default_rng, itertools.count()):
        y, p = batch(loss, rng)
        if not hasattr(loss, "margin"):
            return y, p
        d = np.linalg.norm(p[:, np.newaxis] - p, axis=2)
        hinges = d - loss.margin
        if isinstance(loss, Triplet):
            hinges = d[:, np.newaxis] - d[:, :, np.newaxis] - loss.margin
        if np.abs(hinges).min() > 4e-3:
            return y, p


@pytest.mark.parametrize("loss", (*BATCHWISE, *BATCHWISE_VARIANTS[:3]), **by_repr)
def test_five_point_differences(loss):
    assert check_gradient(loss, *away_from_kinks(loss)) <= 1e-9


def noticed(loss):
    """Return whether the differences or the exact values tell that ``loss`` is wrong."""
    y, p = away_from_kinks(loss)
    if not check_gradient(loss, y, p) <= 1e-9:
        return True
    if isinstance(loss, CTC):
        y, z = np.zeros((5, 2), int), np.zeros((5, 3, 3))
        y[:] = [1, 2], [1, 1], [2, 0], [0, 0], [1, 0]
        z[:4, [0, 1, 2], [1, 0, 2]] = 40.0
        z[4, [0, 1, 1, 2], [1, 0, 1, 0]] = 40.0  # two paths share the probability
        return bool(problems_of_sequences(loss, y, z))
    if isinstance(loss, Triplet):
        return loss.gradient(*KINK).any() or bool(too_far(loss, ALL, p[:4]))
    close = 1.0 + np.array([[0.0, 0.0], [0.0, 1e-9], [0.0, -1e-9], [2e-9, 0.0]])
    return bool(too_far(loss, ALL, p[:4]) or too_far(loss, 0 * ALL, close))


def changed(function, change):
    return lambda *arguments: change(function(*arguments), *arguments)


MUTANTS = {
    "sign": (EMBEDDING, embedding, "_pull", lambda g, *_: -g),
    "one slope": (EMBEDDING, embedding, "_pull", lambda g, *_: g * np.where(g == g[0], 1.001, 1)),
    "anchor is its positive": (
        EMBEDDING[1:], embedding, "_roles", lambda r, i, y: (y == y[i], r[1]),
    ),
    "a missing positive": (
        EMBEDDING[1:], embedding, "_roles",
        lambda r, i, y: (r[0] & (np.arange(len(y)) != len(y) - 1), r[1]),
    ),
    "kink": (
        (Triplet(),), embedding, "_below",
        lambda r, limits, values, w: ((w * (values <= limits[:, np.newaxis])).sum(axis=1), r[1]),
    ),
    "cancelling distances": (
        EMBEDDING[::2], embedding, "_squared_distances",
        lambda s, x: np.maximum((x * x).sum(1)[:, np.newaxis] + (x * x).sum(1) - 2 * x @ x.T, 0),
    ),
    "length": ((InfoNCE(),), embedding, "unit", lambda r, x: (r[0], 1.001 * r[1], r[2])),
    "no skip": ((CTC(),), sequence, "_states", lambda r, y: (*r[:2], r[2] & False)),
    "skip to a repeat": (
        (CTC(),), sequence, "_states",
        lambda r, y: (*r[:2], r[2] | (np.arange(r[2].shape[1]) % 2 == 1) & (r[0][:, 2:] > 0)),
    ),
    "no last blank": (
        (CTC(),), sequence, "_states", lambda r, y: (r[0], r[1] & (r[0] != 0), r[2]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_noticed(name, monkeypatch):
    losses, module, function, change = MUTANTS[name]
    assert not any(noticed(loss) for loss in losses)
    monkeypatch.setattr(module, function, changed(getattr(module, function), change))
    assert [loss for loss in losses if not noticed(loss)] == []


def test_a_likelihood_that_cancels_is_noticed():
    class Naive(CTC):
        def _value(self, paths):
            return -paths.log_likelihood

    class Difference(CTC):
        def _gradient(self, paths):
            return paths.p - paths.backward()[0] @ paths.emits

    assert noticed(Naive()) and noticed(Difference())


# -- what goes in ------------------------------------------------------------------------


@pytest.mark.parametrize("loss", EMBEDDING, **by_repr)
def test_labels_may_be_any_whole_numbers(loss):
    rng = np.random.default_rng(14)
    y, x = batch(loss, rng)
    want = loss(y, x)
    for names in ([7, -3, 10**15], [0.0, -0.5 * 4, 1e300], [True, False, 5]):
        assert loss(np.array(names)[y], x) == want
    assert loss(y.astype(np.uint8), x) == loss((y == 1) + 2 * (y == 2), x) == want


@pytest.mark.parametrize("loss", EMBEDDING, **by_repr)
def test_nan_goes_to_all_that_a_sample_takes_part_in(loss):
    y, x = (np.array([0, 0, 1, 1, 2, 3]), np.random.default_rng(15).normal(0, 1, (6, 3)))
    for sample, column in itertools.product(range(6), range(3)):
        broken = x.copy()
        broken[sample, column] = np.nan
        value, gradient = loss.value_and_gradient(y, broken)
        assert np.isnan(value)
        touched = np.ones(6, bool)
        if isinstance(loss, Triplet) and sample >= 4:  # a negative of both classes only
            touched[4:] = np.arange(4, 6) == sample
        assert np.isnan(gradient[touched]).all()
        np.testing.assert_array_equal(gradient[~touched], loss.gradient(y, x)[~touched])
        np.testing.assert_array_equal(
            np.isnan(loss.per_sample(y, broken)), np.isnan(literal(loss, y, broken))
        )


def literal(loss, y, x):
    """Return NaN for each number that a NaN takes part in, 0 for the others."""
    bad, n = np.isnan(x).any(axis=1), range(len(y))
    if isinstance(loss, Contrastive):
        takers = itertools.combinations(n, 2)
    elif isinstance(loss, Triplet):
        takers = (t for t in itertools.permutations(n, 3) if y[t[0]] == y[t[1]] != y[t[2]])
    else:
        takers = (n for i in n if (y == y[i]).sum() > 1)
    return np.array([np.nan if bad[list(t)].any() else 0.0 for t in takers])


def test_an_infinite_embedding():
    y, x = np.array([0, 0, 1]), np.array([[0.0, 1.0], [0.0, 2.0], [np.inf, 0.0]])
    value, gradient = Contrastive().value_and_gradient(y, x)
    assert value == pytest.approx(1 / 3) and np.isfinite(gradient).all()
    value, gradient = Triplet().value_and_gradient(y, x)
    assert value == 0.0 and not gradient.any()
    assert np.isnan(InfoNCE()(y, x))
    assert Contrastive()(y[::-1], x) == np.inf


def test_claims_of_embeddings():
    rng = np.random.default_rng(20)
    y, x = batch(Triplet(), rng)
    x = np.round(x * 64) / 64
    for loss in EMBEDDING:
        assert loss.claims.symmetric == "a renaming of the classes"
        assert loss(np.array([5, 3, 9])[y], x) == loss(y, x)
        far = [[3.0, 0.0], [3.0, 0.0], [-1e200, 0.0]]
        assert loss.claims.lower_bound == 0.0 <= loss([0, 0, 1], far) < 3e-9
    for loss in EMBEDDING[:2]:
        assert loss.claims.invariant == "adding one vector to all embeddings"
        moved = loss.per_sample(y, x + np.array([1024.0, -2048.0, 1.0]))
        np.testing.assert_array_equal(moved, loss.per_sample(y, x))
    assert InfoNCE().claims.invariant == "a positive factor on an embedding"
    scaled = x * rng.random((7, 1))
    np.testing.assert_allclose(InfoNCE().per_sample(y, scaled), InfoNCE().per_sample(y, x))


def test_claimed_lengths_of_gradients():
    rng = np.random.default_rng(26)
    far, small = (np.array([[0.0], [1e7]]), np.array([[1e-7, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    assert Contrastive().claims.lipschitz == InfoNCE().claims.lipschitz == np.inf
    assert np.linalg.norm(Contrastive().gradient([0, 0], far)) > 1e6
    assert np.linalg.norm(InfoNCE().gradient([0, 0, 1], small)) > 1e6
    # Of one triplet: [0, 0, 1] are two, of which the second pays nothing.
    steepest = np.linalg.norm(2 * Triplet(1 + 2 * EPS).gradient(*KINK))
    assert steepest == pytest.approx(Triplet().claims.lipschitz, rel=1e-15)
    for _ in range(200):
        x = rng.normal(0, 1, (3, 2))
        if np.count_nonzero(Triplet().per_sample([0, 0, 1], x)) == 1:
            assert np.linalg.norm(2 * Triplet().gradient([0, 0, 1], x)) <= steepest


def test_claims_of_sequences():
    y, z = batch(CTC(), np.random.default_rng(21))
    z = np.round(z * 64) / 64
    assert CTC().claims.invariant == "adding one number to all logits of a frame"
    moved = z + 1024.0 * np.arange(6)[:, np.newaxis]
    np.testing.assert_array_equal(CTC().per_sample(y, moved), CTC().per_sample(y, z))
    sure = np.zeros((1, 3, 3))
    sure[0, :, 1] = 1000.0
    assert CTC().claims.lower_bound == 0.0 == CTC()([[1]], sure)
    # The gradient of a frame is a difference of probabilities: it sums to 0.
    assert np.abs(CTC().gradient(y, z).sum(axis=2)).max() < 1e-15


def test_no_labels_are_blanks_alone():
    z = np.zeros((2, 2, 3))
    for y in (np.zeros((2, 0)), [[], []], [[0], [0]], [[0, 0, 0]] * 2):
        value, gradient = CTC().value_and_gradient(y, z)
        assert value == pytest.approx(2 * np.log(3), rel=1e-15)
        np.testing.assert_allclose(gradient, [[[-1 / 3, 1 / 6, 1 / 6]] * 2] * 2, rtol=1e-14)


def test_labels_that_do_not_fit_do_not_hide_a_nan():
    assert np.isnan(CTC()([[1, 1]], [[[0.0, np.nan]]]))


@pytest.mark.parametrize("loss", BATCHWISE, **by_repr)
def test_a_formula_fits_into_a_table(loss):
    assert len(loss.formula) == 2 and "|" not in "".join(loss.formula)
    assert "formula" not in repr(loss)


def peak(loss, y, p):
    tracemalloc.start()
    loss.value_and_gradient(y, p)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


@pytest.mark.parametrize("loss", EMBEDDING, **by_repr)
def test_memory_grows_by_pairs_and_not_by_triplets(loss):
    rng = np.random.default_rng(22)
    for n in (200, 400):
        y, x = rng.integers(0, 5, n), rng.normal(0, 1, (n, 16))
        assert peak(loss, y, x) < 4 * 8 * n * n + 200_000


def test_sequences_are_walked_in_blocks():
    rng = np.random.default_rng(23)
    y, z = rng.integers(1, 5, (96, 12)), rng.normal(0, 1, (96, 50, 5))
    whole = CTC().value_and_gradient(y, z)
    sizes = []
    with pytest.MonkeyPatch.context() as patch:
        for block in (1 << 16, 1 << 12):
            patch.setattr(sequence, "BLOCK", block)
            sizes.append(peak(CTC(), y, z))
            value, gradient = CTC().value_and_gradient(y, z)
            assert value == pytest.approx(whole[0], rel=1e-14)
            np.testing.assert_allclose(gradient, whole[1], rtol=1e-9, atol=1e-18)
    assert sizes[1] < sizes[0] / 4
    z[70] = np.nan
    assert np.flatnonzero(np.isnan(CTC().per_sample(y, z))) == [70]
    y[70, 3] = 0
    with pytest.raises(ValueError, match="sample 70, column 3"):
        CTC()(y, z)


# -- Keras -------------------------------------------------------------------------------


def keras_ctc(y, z):
    keras, tf = pytest.importorskip("keras"), pytest.importorskip("tensorflow")
    with tf.GradientTape() as tape:
        logits = tf.Variable(np.float32(z))
        value = keras.losses.CTC()(np.asarray(y), logits)
    return float(value), tape.gradient(value, logits).numpy()


def test_keras_agrees_where_it_is_right():
    rng = np.random.default_rng(24)
    for _ in range(5):
        y = rng.integers(1, 6, (8, 4)) * (np.arange(4) < rng.integers(0, 5, (8, 1)))
        z = rng.normal(0, 2, (8, 12, 6)).astype(np.float32)
        value, gradient = keras_ctc(y, z)
        ours = CTC().value_and_gradient(y, z)
        assert ours[0] == pytest.approx(value, rel=2e-6)
        np.testing.assert_allclose(ours[1], gradient, atol=2e-6)


def test_keras_differs_where_it_is_wrong():
    zero = np.zeros((1, 2, 3))
    value, gradient = keras_ctc([[1, 1]], zero)  # needs three frames
    assert np.isfinite(value) and value > 100 and CTC()([[1, 1]], zero) == np.inf
    value, _ = keras_ctc([[7]], zero)  # a class that is not there
    assert np.isfinite(value)
    sure = zero.copy()
    sure[0, :, 1] = 20.0
    value, gradient = keras_ctc([[1]], sure)
    ours = CTC().value_and_gradient([[1]], sure)
    assert value == gradient[0, 0, 1] == 0.0  # a small loss is rounded to 0
    assert ours[0] == pytest.approx(4.1223e-9, rel=1e-4)
    assert ours[1][0, 0, 1] == pytest.approx(-2.0612e-9, rel=1e-4)
    masked = zero.copy()
    masked[0, :, 2] = -np.inf
    assert np.isnan(keras_ctc([[1]], masked)[0])
    assert CTC()([[1]], masked) == pytest.approx(np.log(4 / 3), rel=1e-15)


# -- PyTorch -----------------------------------------------------------------------------


def torch_ctc(y, z, logits=False, **options):
    installed("torch")
    import torch

    y, z = np.asarray(y), torch.tensor(z, dtype=torch.float64, requires_grad=True)
    frames = z.transpose(0, 1) if logits else z.log_softmax(2).transpose(0, 1)
    lengths = torch.tensor((y > 0).sum(axis=1))
    loss = torch.nn.CTCLoss(**options)
    value = loss(frames, torch.tensor(y), torch.full((len(y),), z.shape[1]), lengths)
    (gradient,) = torch.autograd.grad(value.sum(), z)
    return value.detach().numpy(), gradient.numpy()


def test_pytorch_agrees_and_divides_by_the_labels_of_each_sample():
    rng = np.random.default_rng(25)
    y = rng.integers(1, 6, (8, 4)) * (np.arange(4) < np.arange(8)[:, np.newaxis] % 5)
    z = rng.normal(0, 2, (8, 12, 6))
    each, gradient = torch_ctc(y, z, reduction="none")
    np.testing.assert_allclose(CTC().per_sample(y, z), each, rtol=1e-12)
    np.testing.assert_allclose(8 * CTC().gradient(y, z), gradient, atol=1e-12)
    labels = np.maximum(1, (y > 0).sum(axis=1))
    np.testing.assert_allclose(torch_ctc(y, z)[0], np.mean(each / labels), rtol=1e-12)


def test_pytorch_takes_logits_in_silence_and_targets_that_do_not_fit():
    z = np.random.default_rng(3).normal(0, 2, (4, 12, 6))
    assert torch_ctc([[1, 2], [3, 0], [4, 2], [5, 5]], z, logits=True)[0] < 0
    zero, y = np.zeros((2, 2, 3)), [[1, 1], [1, 2]]  # "aa" needs three frames
    value, gradient = torch_ctc(y, zero)
    assert value == np.inf and np.isnan(gradient[0]).all() and np.isfinite(gradient[1]).all()
    value, gradient = torch_ctc(y, zero, zero_infinity=True)
    assert not gradient[0].any()
    assert value == pytest.approx(CTC()([[1, 2]], zero[:1]) / 2 / 2)  # 2 labels, 2 samples


def test_pytorch_leaves_tokens_out_by_ignore_index():
    installed("torch")
    import torch

    z, y = torch.randn(2, 3, 5, dtype=torch.float64), torch.tensor([[1, 2, 0, -100, -100], [0] * 5])
    each = torch.nn.functional.cross_entropy(z, y, reduction="none")  # (n, k, T)
    kept = each[y != -100]
    assert each.shape == y.shape and torch.nn.CrossEntropyLoss().ignore_index == -100
    assert torch.nn.CrossEntropyLoss()(z, y).item() == pytest.approx(kept.mean().item(), rel=1e-12)
