"""What all losses share: the interface, dtypes, weights, the mean, the walk over blocks of samples.

A loss is a frozen dataclass.  :class:`Loss` is what a user sees of it.  :class:`Samplewise` is the
base of losses whose samples have numbers of their own; its subclasses write three hooks, which see
one block of samples at a time:

``_terms(y, p)``
    what value and derivatives need (the residual, an exponential), computed once;
``_value(*terms)``
    the loss of each sample, called before ``_gradient``, which may overwrite the terms;
``_gradient(*terms)``
    its derivative by ``y_pred``, shaped like the block of ``y_pred``;
``_hessian(*terms)``
    where it exists, the second derivative by each entry of ``y_pred``, shaped alike.

A block has the precision of the result, or float64 where the class says ``widened``.
"""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import checks
from .checks import REAL, TRUTH, Domain
from .elementary import common_dtype, wide

# Bytes of a block of predictions: its temporaries stay in the cache, and are few.
BLOCK = 1 << 18
# Integers beyond this size are not float32 numbers.
EXACT_IN_FLOAT32 = 1 << 24


@dataclasses.dataclass(frozen=True)
class Claims:
    """What is claimed of a loss.  Each field that is set is shown on the card and tested.

    A loss is here the number of one sample as a function of its prediction.
    """

    #: of "y_pred" and "logits" (after sigmoid or softmax)
    convex_in: tuple = ()
    #: the largest Euclidean length of a sample's gradient
    lipschitz: float | None = None
    #: the greatest lower bound, approached or reached
    lower_bound: float | None = None
    #: "y_pred = y_true", "the directions agree" or "the truth has probability 1"
    zero_when: str = ""
    #: under "a change of the residual's sign" or "a renaming of the classes"
    symmetric: str = ""
    #: under "adding one number to all logits of a row", for example
    invariant: str = ""
    #: the constant with the least mean loss, "mean" or "median", for example
    minimiser: str = ""
    #: its best score has the sign of the more probable class
    calibrated: bool = False
    #: only the true probabilities minimise the expected loss
    strictly_proper: bool = False
    #: by library, the same mean loss
    elsewhere: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Loss:
    """Base of all losses: the mean loss of predictions, its derivatives, the checks around them.

    Arguments come in the order ``(y_true, y_pred)``.  Shapes must be equal or fit as the class
    says; nothing is broadcast.  The result has the dtype of the floating arguments, at least
    float32.  Nothing is clipped: the loss is inf where the truth is inf, and a NaN in a prediction
    comes out as NaN.

    ``sample_weight`` holds one finite number ≥ 0 for each number that is averaged, and the mean
    divides by their sum; for embeddings one for each sample, and the class says what it does.  A
    sample of weight 0 is left out: it may hold anything, as target and as prediction.

    Methods raise ValueError for shapes, labels, probabilities or weights that cannot be meant.

    In a notebook that has imported ``lossbook.book``, a loss shows its card: formula, derivative,
    claims, names elsewhere.
    """

    prediction: ClassVar[Domain] = REAL
    target: ClassVar[Domain] = REAL
    #: whether float32 is computed in float64, because in float32 digits would be lost
    widened: ClassVar[bool] = False
    #: whether a sample is a row, indexed by j
    indexed: ClassVar[bool] = False
    #: LaTeX of the loss and of its derivative, where there is no SymPy definition
    formula: ClassVar[tuple[str, ...]] = ()
    claims: ClassVar[Claims] = Claims()
    _hessian: ClassVar[Any] = None

    @np.errstate(all="ignore")
    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean loss as a float."""
        return self._mean(y_true, y_pred, sample_weight, derivative=None)[0]

    @np.errstate(all="ignore")
    def gradient(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the derivative of the mean loss by ``y_pred``, shaped like ``y_pred``."""
        return self._mean(y_true, y_pred, sample_weight, value=False)[1]

    @np.errstate(all="ignore")
    def value_and_gradient(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, NDArray[Any]]:
        """Return the mean loss and its gradient, computed in one pass."""
        return self._mean(y_true, y_pred, sample_weight)

    @np.errstate(all="ignore")
    def per_sample(self, y_true: ArrayLike, y_pred: ArrayLike) -> NDArray[Any]:
        """Return the numbers that are averaged, one for each sample, pair or triplet."""
        return self._per_sample(y_true, y_pred)

    @np.errstate(all="ignore")
    def hessian(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return the second derivative of the mean loss by each entry, shaped like ``y_pred``.

        For a loss of numbers this is the whole Hessian, for one of rows its diagonal.  Where the
        gradient has a kink or a jump, it is the second derivative of the formula that holds there.
        Raises NotImplementedError for losses that have none here.
        """
        if self._hessian is None:
            raise NotImplementedError(
                f"{type(self).__name__} has no second derivative here. Difference its gradient."
            )
        return self._mean(y_true, y_pred, sample_weight, value=False, derivative="_hessian")[1]

    def _accept(self, y_true, y_pred):
        """Return what ``_shape`` does, the dtype of results, and the shape of the gradient."""
        y, p = checks.arrays(y_true, y_pred)
        dtype = common_dtype(p) if self._holds_classes(y, p) else common_dtype(y, p)
        return *self._shape(y, p), dtype, p.shape

    def _shape(self, y, p):
        """Check the shapes; return both, samples along the first axis, and the shape of weights."""
        raise NotImplementedError

    def _holds_classes(self, y, p):
        """Return whether targets are numbers of classes, whose dtype says nothing of precision."""
        return False

    def _mean(self, y_true, y_pred, sample_weight, value=True, derivative="_gradient"):
        raise NotImplementedError

    def _per_sample(self, y_true, y_pred, checked=True):
        raise NotImplementedError


class Samplewise(Loss):
    """A loss whose samples have numbers of their own, each from its target and prediction alone."""

    def _per_sample(self, y_true, y_pred, checked=True):
        y, p, shape, dtype, _ = self._accept(y_true, y_pred)
        out = np.empty(len(p), dtype)
        for rows, terms in self._blocks(y, p, dtype, range(len(p)), checked):
            values = self._value(*terms)
            if not math.isfinite(np.add.reduce(values)):
                values = self._recovered(values, y[rows], p[rows])
            out[rows] = values
        return out.reshape(shape)

    def _mean(self, y_true, y_pred, sample_weight, value=True, derivative="_gradient"):
        y, p, shape, dtype, full = self._accept(y_true, y_pred)
        share, kept, samples = None, None, range(len(p))
        if sample_weight is not None:
            share = checks.shares(sample_weight, shape, y)
            if not share.all():
                samples = kept = np.flatnonzero(share)
                y, p, share = y[kept], p[kept], share[kept]
        mean, slope = 0.0, np.empty(p.shape, dtype) if derivative else None
        for rows, terms in self._blocks(y, p, dtype, samples):
            part = None if share is None else share[rows]
            if value:
                values = self._value(*terms)
                added = _mean_part(values, part, len(p))
                if not math.isfinite(added):
                    values = self._recovered(values, y[rows], p[rows])
                    added = _mean_part(values, part, len(p))
                mean += added
            if derivative:
                _scale(getattr(self, derivative)(*terms), part, len(p), out=slope[rows])
        if derivative and kept is not None:
            whole = np.zeros(full, dtype).reshape(-1, *slope.shape[1:])
            whole[kept] = slope
            slope = whole
        return mean, slope.reshape(full) if derivative else None

    def _blocks(self, y, p, dtype, samples, checked=True):
        """Yield the rows of each block and its terms, after checking what they are made of."""
        step = max(1, self._block(y, p, dtype))
        for start in range(0, len(p), step):
            rows, block = slice(start, start + step), (y, p, samples)
            # For a few numbers a slice costs as much as a sum.
            if len(p) > step:
                block = y[rows], p[rows], samples[rows]
            if checked:
                self._check(*block)
            work = self._precision(block[0], dtype)
            yield rows, self._terms(self._prepare(block[0], work), _cast(block[1], work))

    def _block(self, y, p, dtype):
        """Return how many samples make a block."""
        width = wide(dtype).itemsize if self.widened else dtype.itemsize
        return BLOCK // width * len(p) // p.size

    def _precision(self, y, dtype):
        """Return the dtype that a block is computed in."""
        if self.widened or (dtype == np.float32 and not self._fits_float32(y)):
            return wide(dtype)
        return dtype

    def _fits_float32(self, y):
        """Return whether targets and parameters are float32 numbers of ordinary size, or 0."""
        for parameter in vars(self).values():
            if not 1e-30 < parameter < 1e30:
                return False
        if y.dtype.kind in "iu" and not self.target.bounded:
            return max(abs(int(y.min())), abs(int(y.max()))) <= EXACT_IN_FLOAT32
        return True

    def _prepare(self, y, dtype):
        return _cast(y, dtype)

    def _check(self, y, p, samples):
        self.target.require_targets(y, samples)
        self.prediction.require_predictions(p, samples)

    def _recovered(self, values, y, p):
        """Return ``values`` with those that are not finite computed anew, in more range."""
        lost = np.flatnonzero(~np.isfinite(values))
        if len(lost):
            values = values.astype(wide(values.dtype))
            values[lost] = self._in_more_range(y[lost], p[lost])
        return values

    def _in_more_range(self, y, p):
        """Return the losses of samples whose float32 or float64 terms may have overflowed."""
        dtype = wide(p.dtype)
        return self._value(*self._terms(self._prepare(y, dtype), _cast(p, dtype)))


class Elementwise(Samplewise):
    """A loss of numbers: ``y_true`` and ``y_pred`` of equal shapes, the mean over all entries."""

    def _shape(self, y, p):
        checks.require_equal_shapes(y, p)
        return (y, p, p.shape) if p.ndim == 1 else (y.reshape(-1), p.reshape(-1), p.shape)


class Rowwise(Samplewise):
    """A loss of rows: ``y_pred`` of shape (n, k), the mean over the n rows.

    ``y_true`` holds class numbers 0..k-1, shape (n,), or distributions over the classes,
    shape (n, k).
    """

    target = TRUTH
    indexed = True

    def _shape(self, y, p):
        checks.require_rows(y, p)
        return y, p, p.shape[:1]

    def _holds_classes(self, y, p):
        return y.ndim < p.ndim

    def _prepare(self, y, dtype):
        return y.astype(np.intp) if y.ndim == 1 else _cast(y, dtype)

    def _check(self, y, p, samples):
        if y.ndim == 1:
            checks.require_classes(y, p.shape[1], samples)
        else:
            TRUTH.require_targets(y, samples)
            checks.require_rows_sum_to_one("y_true", y, samples)
            self.target.require_targets(y, samples)
        self.prediction.require_predictions(p, samples)


def _cast(array, dtype):
    return np.asarray(array, dtype, order="C")


def _mean_part(values, share, n):
    """Return what a block adds to the mean of n samples."""
    if share is not None:
        return float(np.add.reduce(values * share))
    total = float(np.add.reduce(values))
    if math.isfinite(total):
        return total / n
    # The sum of finite numbers may overflow where their mean does not.
    return float(np.add.reduce(values.astype(wide(values.dtype)) / n))


def _scale(slopes, share, n, out):
    """Write a block's part of the derivative of the mean into ``out``."""
    part = 1.0 / n if share is None else share.reshape(-1, *[1] * (slopes.ndim - 1))
    np.multiply(slopes, part, out)
