"""Losses of embeddings: what samples pay for their distances from one another."""

import dataclasses

import numpy as np

from . import checks
from .base import Claims, Loss
from .checks import Domain, require_parameter
from .elementary import softmax_terms, unit, wide


class Embedding(Loss):
    """A loss of pairs or triplets: labels ``y_true`` (n,), embeddings ``y_pred`` (n, d).

    ``sample_weight`` has shape (n,).  A pair or triplet counts by the product of the weights
    of its samples, so that a sample of weight 0 is absent.  A subclass says what one sample,
    the anchor i, pays for its squared distances from all; that from itself is NaN:

    ``_numbers(i, y, x, squares)``
        the numbers of this anchor; the loss is the mean of those of all anchors;
    ``_anchor(i, y, x, squares, w)``
        their weighted sum, the sum of their weights, and the derivative of the weighted sum
        by each distance.
    """

    prediction = Domain("x", "an embedding: a row of real numbers for each sample")
    # Distances are differences, and lose digits in float32.
    widened = True
    too_few = "There are no two samples of weight above 0. Pass a larger batch."

    def _shape(self, y, p):
        if p.ndim != 2 or y.shape != p.shape[:1]:
            fix = "Pass one row of y_pred for each label."
            if p.ndim == 2 and y.shape == (len(p), 1):
                fix = "Pass np.ravel(y_true)."
            elif p.ndim not in (0, 2) and y.shape == p.shape[:1]:
                fix = "Pass np.reshape(y_pred, (len(y_pred), -1))."
            must = "they must be (n,) and (n, d), a label and an embedding for each sample"
            checks.misfit(y, p, must, fix)
        return y, p, y.shape

    def _holds_classes(self, y, p):
        return True

    def _check(self, y, samples):
        fix = "Number the labels: np.unique(y_true, return_inverse=True)[1]."
        checks.require_whole(y, samples, fix)

    def _per_sample(self, y_true, y_pred, checked=True):
        y, p, _, dtype, _ = self._accept(y_true, y_pred)
        samples = np.arange(len(p))
        self._check(y, samples)
        x = self._points(np.asarray(p, wide(dtype)), samples)
        squares = _squared_distances(x)
        numbers = [self._numbers(i, y, x, squares[i]) for i in range(len(x))]
        if not any(map(len, numbers)):
            raise ValueError(self.too_few)
        return np.concatenate(numbers).astype(dtype)

    def _mean(self, y_true, y_pred, sample_weight, value=True, derivative="_gradient"):
        y, p, shape, dtype, full = self._accept(y_true, y_pred)
        share = np.ones(shape)
        if sample_weight is not None:
            share = checks.shares(sample_weight, shape, y)
        kept = np.flatnonzero(share)
        # A power of two keeps equal weights exact, and their sum at most 1.
        w = share[kept] / share.max() * 2.0 ** -len(kept).bit_length()
        y, x = y[kept], np.asarray(p[kept], wide(dtype))
        self._check(y, kept)
        mean, slope = self._weighted_mean(y, self._points(x, kept), w, derivative is not None)
        if derivative is None:
            return mean, None
        gradient = np.zeros(full, dtype)
        gradient[kept] = self._by_embedding(x, slope)
        return mean, gradient

    def _weighted_mean(self, y, x, w, gradient):
        rows = _squared_distances(x)  # each becomes its anchor's slopes
        sums = np.empty((2, len(x)))
        for i in range(len(x)):
            *sums[:, i], rows[i] = self._anchor(i, y, x, rows[i], w)
        total, weight = sums.sum(axis=1)
        if weight == 0:
            raise ValueError(self.too_few)
        slope = _pull(x, rows + rows.T) / weight if gradient else None
        return float(total / weight), slope

    def _points(self, x, samples):
        """Return the points between which distances are taken, of samples so numbered."""
        return x

    def _by_embedding(self, x, gradient):
        """Return the derivative by ``x`` from that by its points."""
        return gradient


@dataclasses.dataclass(frozen=True)
class Contrastive(Embedding):
    """Pairs of equal label are pulled together, others pushed at least ``margin`` apart.

    Also called: pairwise loss, siamese loss.

    Formula: the mean over all pairs of samples: for equal labels the square of their distance, for
    different ones the square of what it falls short of the margin, if it does.  The derivative by
    the distance is twice the number that is squared, and minus twice for different labels.  Two
    samples of different label at one point have no direction in which to part: 0 is returned.

    Domain: labels are whole numbers (n,), embeddings real (n, d), n ≥ 2; ``margin`` m > 0 has the
    unit of a distance.  A pair counts by the product of the weights of its samples.

    Good for: embeddings in which near means alike :cite:p:`hadsell2006`.  Price: the margin
    fixes one scale for all classes, and pairs of different labels beyond it teach nothing.

    >>> Contrastive(margin=1.0)([0, 0, 1], [[0.0], [0.5], [1.0]])
    0.16666666666666666
    """

    margin: float = 1.0

    formula = (
        r"\ell_{ij} = \begin{cases} d^2 & y_i = y_j \\ \max(0, m - d)^2 & y_i \ne y_j"
        r" \end{cases}, \quad d = \lVert x_i - x_j \rVert",
        r"\frac{\partial \ell_{ij}}{\partial x_i} = \begin{cases} 2 (x_i - x_j) & y_i = y_j \\"
        r" -2 \max(0, m - d) (x_i - x_j) / d & y_i \ne y_j \end{cases}",
    )
    claims = Claims(
        lipschitz=np.inf,
        lower_bound=0.0,
        symmetric="a renaming of the classes",
        invariant="adding one vector to all embeddings",
    )

    def __post_init__(self):
        require_parameter("margin", self.margin, 0, np.inf)

    def _pairs(self, i, y, x, squares):
        equal, later = y[i + 1 :] == y[i], slice(i + 1, None)
        d = _distances(i, x, squares)[later]
        gap = np.maximum(self.margin - d, 0.0)
        return equal, d, gap, np.where(equal, squares[later], gap * gap)

    def _numbers(self, i, y, x, squares):
        return self._pairs(i, y, x, squares)[-1]

    def _anchor(self, i, y, x, squares, w):
        equal, d, gap, numbers = self._pairs(i, y, x, squares)
        weight = w[i] * w[i + 1 :]
        slope = np.zeros_like(squares)
        slope[i + 1 :] = 2.0 * weight * np.where(equal, d, -gap)
        return weight @ numbers, weight.sum(), slope


@dataclasses.dataclass(frozen=True)
class Triplet(Embedding):
    """An anchor must be nearer to each sample of its label than to any of another, by ``margin``.

    Also called: triplet margin loss, here over all triplets of the batch ("batch all").

    Formula: the mean over all triplets of an anchor, a positive of equal label and a negative of
    another label, of the margin plus the distance to the positive minus that to the negative, or 0
    where this is below 0.  The derivative by the two distances is 1 and -1 where it is above.  At
    the kink, and for a distance of 0, 0 is returned.

    Domain: labels are whole numbers (n,), embeddings real (n, d), with at least two samples of
    one label and one of another; ``margin`` m > 0 has the unit of a distance.  A triplet counts by
    the product of the weights of its samples.

    Good for: rankings, retrieval and faces :cite:p:`schroff2015`; only differences of distances
    matter.  Price: often most triplets soon pay nothing, and their zeros hide the others in the
    mean.  Only ``per_sample`` forms the triplets, up to the order of n³.

    >>> Triplet(margin=1.0)([0, 0, 1], [[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    0.5
    """

    margin: float = 1.0

    too_few = (
        "No triplet can be formed: it needs two samples of equal label and one of another, of "
        "weight above 0. Draw batches with several samples of at least two classes."
    )
    formula = (
        r"\ell_{apn} = \max\bigl(0, \lVert x_a - x_p \rVert - \lVert x_a - x_n \rVert + m\bigr)",
        r"\frac{\partial \ell_{apn}}{\partial x_a} = \frac{x_a - x_p}{\lVert x_a - x_p \rVert}"
        r" - \frac{x_a - x_n}{\lVert x_a - x_n \rVert} \quad (\ell_{apn} > 0)",
    )
    claims = Claims(
        lipschitz=float(np.sqrt(6)),
        lower_bound=0.0,
        symmetric="a renaming of the classes",
        invariant="adding one vector to all embeddings",
    )

    def __post_init__(self):
        require_parameter("margin", self.margin, 0, np.inf)

    def _numbers(self, i, y, x, squares):
        positive, negative = _roles(i, y)
        d = _distances(i, x, squares)
        limits = d[positive] + self.margin
        return np.maximum(limits[:, np.newaxis] - d[negative], 0.0).ravel()

    def _anchor(self, i, y, x, squares, w):
        positive, negative = _roles(i, y)
        slope = np.zeros_like(squares)
        if not positive.any() or not negative.any():
            return 0.0, 0.0, slope
        d = _distances(i, x, squares)
        limits, near, far = d[positive] + self.margin, w[positive], w[negative]
        # A triplet pays where d(a,n) is below the limit of p: to each limit belongs the weight
        # of the negatives below it, to each negative that of the limits above it.
        below, shortfall = _below(limits, d[negative], far)
        above, _ = _below(-d[negative], -limits, near)
        slope[positive] = w[i] * near * below
        slope[negative] = -w[i] * far * above
        return w[i] * (near @ shortfall), w[i] * near.sum() * far.sum(), slope


@dataclasses.dataclass(frozen=True)
class InfoNCE(Embedding):
    """The cross-entropy of finding a sample's own kind by cosine similarity among all others.

    Also called: NT-Xent for two views of each sample, supervised contrastive loss for labels.

    Formula: for each anchor, all other samples get probabilities by the softmax of their cosine
    similarity to it divided by the temperature.  The loss is minus the mean logarithm of those of
    its positives, which are the others of its label, and the mean over all anchors that have one.
    The derivative by a similarity is the probability, less 1 / (number of positives) for a
    positive, divided by the temperature.

    Domain: labels are whole numbers (n,), of which two are equal; embeddings are real (n, d) and
    not the zero vector, which has no direction; ``temperature`` τ > 0.  The unit is the nat.
    A weight counts its sample as an anchor and among positives, and multiplies its exponential
    above and below the fraction bar: the softmax stays one, and only ratios of weights matter.

    Good for: learning embeddings from pairs that belong together, as two views of one image do.
    Price: it wants many negatives, so large batches, and takes negatives that are alike for
    enemies.

    >>> round(InfoNCE(temperature=0.5)([0, 0, 1], [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]), 12)
    0.126928011043
    """

    temperature: float = 0.1

    too_few = (
        "No sample has a positive: no label occurs twice among the samples of weight above 0. "
        "Draw batches with at least two samples of a class."
    )
    formula = (
        r"\ell_i = -\frac{1}{\lvert P_i \rvert} \sum_{p \in P_i} \log q_{ip}, \quad"
        r" q_{ij} = \frac{e^{s_{ij} / \tau}}{\sum_{h \ne i} e^{s_{ih} / \tau}}, \quad"
        r" s_{ij} = \frac{x_i \cdot x_j}{\lVert x_i \rVert \lVert x_j \rVert}",
        r"\frac{\partial \ell_i}{\partial s_{ij}} = \frac{1}{\tau} \begin{cases}"
        r" q_{ij} - 1 / \lvert P_i \rvert & j \in P_i \\ q_{ij} & j \notin P_i \end{cases}",
    )
    claims = Claims(
        lipschitz=np.inf,
        lower_bound=0.0,
        symmetric="a renaming of the classes",
        invariant="a positive factor on an embedding",
    )

    def __post_init__(self):
        require_parameter("temperature", self.temperature, 0, np.inf)

    def _points(self, x, samples):
        zero = ~x.any(axis=1)
        if zero.any():
            raise ValueError(
                f"y_pred is the zero vector at sample {samples[zero][0]}: a cosine needs a "
                "direction. Leave the sample out, or give it the weight 0."
            )
        return unit(x)[0]

    def _by_embedding(self, x, gradient):
        u, length, exponent = unit(x)
        # What of it lies across u: |u|² g - (u·g) u.  Both terms hold u_k² g_k, which is left
        # out of both sums, so that it need not cancel.
        across = _sum_of_others(u * u) * gradient - _sum_of_others(u * gradient) * u
        return np.ldexp(across / length, -exponent)

    def _numbers(self, i, y, x, squares):
        positive, _ = _roles(i, y)
        if not positive.any():
            return np.empty(0)
        return self._softmax(i, positive, x, squares, np.ones(len(x)))[0]

    def _anchor(self, i, y, x, squares, w):
        positive, negative = _roles(i, y)
        if not positive.any():
            return 0.0, 0.0, np.zeros_like(squares)
        parts = self._softmax(i, positive, x, squares, w)
        number, target, near, best, e, total = parts
        # q - target, times the total.  Positives that are alike have about equal e, which
        # cancel: each is taken as its expm1 from the nearest of them.
        spread = np.expm1(near[positive] - near[positive].max())
        level = np.exp(near[positive].max() - best) * (w[positive].sum() / w.max())
        spread -= target @ spread
        e[positive] = target * (level * spread - e[negative].sum())
        # The cosine 1 - d²/2 falls with the distance d, by d.
        slope = -w[i] * (e / total) * _distances(i, x, squares) / self.temperature
        return w[i] * number[0], w[i], slope

    def _softmax(self, i, positive, u, squares, w):
        """Return the number of the anchor i, and the parts of the softmax over the others."""
        squares[i] = np.inf  # the anchor is not among the others
        # The cosine is 1 - |u - v|²/2, which keeps the digits of near samples, and for samples
        # that all lie behind the anchor |u + v|²/2 - 1.  The 1 has no effect.
        if (squares > 2).all():
            middle = u + u[i]
            squares = -np.einsum("jk,jk->j", middle, middle)
            squares[i] = np.inf
        near = (squares.min() - squares) / 2.0 / self.temperature
        logit = near + np.log(w / w.max())
        gap, e, others, top = softmax_terms(logit)
        e[top] = 1.0
        target = w[positive] / w[positive].sum()
        number = np.log1p(others) - target @ gap[positive]
        return number, target, near, logit[top], e, 1.0 + others


def _roles(i, y):
    """Return which samples are positives and which negatives of the anchor i."""
    positive = y == y[i]
    negative = ~positive
    positive[i] = False
    return positive, negative


def _squared_distances(x):
    """Return all squared distances, NaN of a sample from itself.

    They are summed from differences: x·x - 2 x·y + y·y would cancel for near samples.
    """
    squares = np.full((len(x), len(x)), np.nan, x.dtype)
    for i in range(len(x) - 1):
        difference = x[i + 1 :] - x[i]
        row = np.einsum("jk,jk->j", difference, difference)
        squares[i, i + 1 :] = squares[i + 1 :, i] = row
    return squares


def _distances(i, x, squares):
    """Return the distances of sample i, also where their squares under- or overflow."""
    d = np.sqrt(squares)
    lost = (squares < 1e-290) | (squares == np.inf)
    if lost.any():
        d[lost] = np.hypot.reduce(x[lost] - x[i], axis=1)
    return d


def _below(limits, values, weights):
    """Return for each limit Σ weight and Σ weight·(limit - value) over the values below it.

    The second is the integral of the first, a sum of positive areas between sorted values;
    limit·Σ weight - Σ weight·value would cancel.  NaN where a difference is NaN.
    """
    order = np.argsort(values)
    values = values[order]
    weight = np.concatenate([[0.0], np.cumsum(weights[order])])
    area = np.concatenate([[0.0], np.cumsum(weight[1:-1] * np.diff(values))])
    below = np.searchsorted(values, limits)
    last = np.maximum(below, 1) - 1
    ends = limits - values[[0, -1], np.newaxis]
    weight = np.where(np.isnan(ends).any(axis=0), np.nan, weight[below])
    shortfall = area[last] + weight * (limits - values[last])
    return weight, np.where(weight == 0, 0.0, shortfall)


def _pull(x, slopes):
    """Return Σ_j s_ij (x_i - x_j) / d_ij, the gradient of a sum with slope s_ij by the distance."""
    gradient = np.empty_like(x)
    for i, slope in enumerate(slopes):
        difference = x[i] - x
        d = _distances(i, x, np.einsum("jk,jk->j", difference, difference))
        difference /= np.where(d == 0, 1.0, d)[:, np.newaxis]
        if not np.isfinite(d).all():  # 0 · NaN, and no direction to what is infinitely far
            difference[slope == 0] = 0.0
        gradient[i] = slope @ difference
    return gradient


def _sum_of_others(a):
    """Return for each entry of a row the sum of the others, without subtracting it again."""
    others = np.zeros_like(a)
    others[:, 1:] = np.cumsum(a[:, :-1], axis=1)
    others[:, :-1] += np.cumsum(a[:, :0:-1], axis=1)[:, ::-1]
    return others
