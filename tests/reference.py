"""The losses of embeddings and sequences, literally as they are defined, to 50 digits and more.

Every function takes nested lists of mpmath numbers and sums in loops over the definition.
Weights count as the documentation says; without them all are 1.
"""

import collections
import dataclasses
import functools
import itertools
import math

import mpmath
import numpy as np

DIGITS = 50


def contrastive(y, x, w, margin):
    pairs = itertools.combinations(range(len(x)), 2)
    numbers = []
    for i, j in pairs:
        d = distance(x[i], x[j])
        number = d**2 if y[i] == y[j] else max(0, margin - d) ** 2
        numbers.append((w[i] * w[j], number))
    return mean(numbers)


def triplet(y, x, w, margin):
    numbers = []
    for a, p, n in itertools.permutations(range(len(x)), 3):
        if y[a] == y[p] != y[n]:
            hinge = distance(x[a], x[p]) - distance(x[a], x[n]) + margin
            numbers.append((w[a] * w[p] * w[n], max(0, hinge)))
    return mean(numbers)


def info_nce(y, x, w, temperature):
    length = [mpmath.sqrt(dot(a, a)) for a in x]
    numbers = []
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        positives = [j for j in others if y[j] == y[i]]
        if not positives:
            continue
        term = {
            j: w[j] * mpmath.exp(dot(x[i], x[j]) / length[i] / length[j] / temperature)
            for j in others
        }
        logs = [(w[p], -mpmath.log(term[p] / sum(term.values()))) for p in positives]
        numbers.append((w[i], mean(logs)))
    return mean(numbers)


def ctc(y, z, w):
    return mean([(w[i], -mpmath.log(paths(y[i], z[i])[0])) for i in range(len(z))])


def paths(labels, z):
    """Return the probability of becoming the labels, and of missing them, over all paths.

    Beside them, the same of the paths that have class c at frame t, as lists [t][c].
    """
    totals = [sum(map(mpmath.exp, frame)) for frame in z]
    p = [[mpmath.exp(c) / total for c in frame] for frame, total in zip(z, totals)]
    wanted = tuple(c for c in labels if c)
    sums = [[mpmath.mpf(0), [[mpmath.mpf(0)] * len(f) for f in z]] for _ in range(2)]
    for path in itertools.product(range(len(z[0])), repeat=len(z)):
        total = sums[merged(path) != wanted]
        probability = mpmath.fprod(p[t][c] for t, c in enumerate(path))
        total[0] += probability
        for t, c in enumerate(path):
            total[1][t][c] += probability
    (hit, hit_with), (miss, miss_with) = sums
    return hit, miss, hit_with, miss_with


@functools.cache
def merged(path):
    """Return a path with repeats merged, then blanks dropped."""
    return tuple(c for c, _ in itertools.groupby(path) if c)


def distance(a, b):
    difference = [s - t for s, t in zip(a, b)]
    return mpmath.sqrt(dot(difference, difference))


def dot(a, b):
    return sum(s * t for s, t in zip(a, b))


def mean(numbers):
    return sum(w * v for w, v in numbers) / sum(w for w, _ in numbers)


DEFINITIONS = {"Contrastive": contrastive, "Triplet": triplet, "InfoNCE": info_nce, "CTC": ctc}


class Exact:
    """The exact value of a loss, its derivatives, and how much these depend on rounded inputs.

    An entry of ``y_pred`` is named by its place among those of positive weight.  Numbers that
    differ by more than 50 orders of magnitude need more ``digits``.
    """

    def __init__(self, loss, y_true, y_pred, sample_weight=None, digits=DIGITS):
        definition, self.digits = DEFINITIONS[type(loss).__name__], digits
        weight = np.ones(len(y_pred)) if sample_weight is None else np.array(sample_weight)
        self.kept = weight > 0
        y, shape = y_true[self.kept].tolist(), y_pred[self.kept].shape
        self.size = math.prod(shape)
        parts = [y_pred[self.kept].ravel(), weight[self.kept], dataclasses.astuple(loss)]
        self.inputs = [mpmath.mpf(float(v)) for part in parts for v in part]
        # Rounded inputs are the embeddings, the parameter, and weights that are given.
        given = sample_weight is not None
        self.rounded = [
            k for k in range(len(self.inputs)) if given or not 0 <= k - self.size < len(y)
        ]

        def of(inputs):
            entries = iter(inputs)
            x = _nested(entries, shape)
            return definition(y, x, list(itertools.islice(entries, len(y))), *entries)

        self.of = of

    def value(self):
        with mpmath.workdps(self.digits):
            return self.of(self.inputs)

    def derivative(self, *entries):
        """Return the derivative by the entry k, or the second derivative by k and l."""
        with mpmath.workdps(self.digits):
            orders = collections.Counter(entries)

            def along(*values):
                inputs = list(self.inputs)
                for k, v in zip(orders, values):
                    inputs[k] = v
                return self.of(inputs)

            point = tuple(self.inputs[k] for k in orders)
            slope = mpmath.diff(along, point, tuple(orders.values()))
            return mpmath.chop(slope, mpmath.mpf(10) ** (10 - self.digits))

    def rounding(self, *entries):
        """Return Σ |x ∂/∂x| of the value or of a derivative, over all inputs that are rounded.

        Divided by what it belongs to, it is the condition number.
        """
        return sum(
            abs(self.inputs[k] * self.derivative(*entries, k))
            for k in self.rounded
            if self.inputs[k]
        )


def _nested(entries, shape):
    if not shape:
        return next(entries)
    return [_nested(entries, shape[1:]) for _ in range(shape[0])]
