"""What all losses share: the interface, checks, dtypes, weights, the mean, the walk over blocks.

A loss is a frozen dataclass with three hooks, which see one block of samples at a time as
float64 arrays:

``_terms(y, p)``
    what value and gradient both need (the residual, an exponential), computed once;
``_value(*terms)``
    the loss of each sample;
``_gradient(*terms)``
    its derivative by ``y_pred``, shaped like the block of ``y_pred``.
"""

import dataclasses
from typing import ClassVar

import numpy as np

from .elementary import common_dtype, working

BLOCK = 1 << 15  # numbers in a block: 256 KiB of float64, so that its temporaries stay in the cache


@dataclasses.dataclass(frozen=True)
class Claims:
    """What is claimed of a loss.  Each field that is set is shown on the card and tested.

    A loss is here the number of one sample as a function of its prediction.
    """

    convex_in: tuple = ()  #: of "y_pred" and "logits" (after sigmoid or softmax)
    lipschitz: float | None = None  #: the largest Euclidean length of a sample's gradient
    lower_bound: float | None = None  #: the greatest lower bound, approached or reached
    zero_when: str = ""  #: "y_pred = y_true" or "the truth has probability 1"
    symmetric: str = ""  #: under "a change of the residual's sign" or "a renaming of the classes"
    invariant: str = ""  #: under "adding one number to all logits of a row", for example
    minimiser: str = ""  #: the constant with the least mean loss, "mean" or "median", for example
    calibrated: bool = False  #: its best score has the sign of the more probable class
    strictly_proper: bool = False  #: only the true probabilities minimise the expected loss
    elsewhere: dict = dataclasses.field(default_factory=dict)  #: by library, the same mean loss


@dataclasses.dataclass(frozen=True)
class Loss:
    """Base of all losses: the mean loss of predictions, its gradient, and the checks around them.

    Arguments come in the order ``(y_true, y_pred)``.  Shapes must be equal or fit as the class
    says; nothing is broadcast.  The result has the dtype of the floating arguments, at least
    float32; inside, at least float64 is used.  Nothing is clipped: the loss is inf where the
    truth is inf, and a NaN in a prediction comes out as NaN.

    As the last line of a notebook cell a loss shows its card: formula, derivative, claims,
    names elsewhere.
    """

    symbol: ClassVar[str] = r"\hat{y}"  # how the prediction is written
    domain: ClassVar[tuple] = (-np.inf, np.inf)  # where a prediction may lie
    targets: ClassVar[tuple] = (-np.inf, np.inf)  # where a target may lie
    hard: ClassVar[bool] = False  # whether only the ends of that interval may
    takes: ClassVar[str] = ""  # what a prediction is, where symbol and domain do not say it
    indexed: ClassVar[bool] = False  # whether a sample is a row, indexed by j
    claims: ClassVar[Claims] = Claims()

    @np.errstate(all="ignore")
    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the mean loss as a float.

        ``sample_weight`` holds one number ≥ 0 for each number that is averaged; the mean divides
        by their sum, and a sample of weight 0 is left out even if its loss is inf or NaN.
        Raises ValueError for shapes, labels, probabilities or weights that cannot be meant.
        """
        return self._mean(y_true, y_pred, sample_weight, gradient=False)[0]

    @np.errstate(all="ignore")
    def gradient(self, y_true, y_pred, sample_weight=None):
        """Return the derivative of the mean loss by ``y_pred``, shaped like ``y_pred``."""
        return self._mean(y_true, y_pred, sample_weight, value=False)[1]

    @np.errstate(all="ignore")
    def value_and_gradient(self, y_true, y_pred, sample_weight=None):
        """Return the mean loss and its gradient, computed in one pass."""
        return self._mean(y_true, y_pred, sample_weight)

    @np.errstate(all="ignore")
    def per_sample(self, y_true, y_pred):
        """Return the numbers that are averaged, one for each sample."""
        return self._per_sample(y_true, y_pred)

    def _repr_mimebundle_(self, include=None, exclude=None):
        from .book.card import card  # SymPy is loaded only when a card is shown

        return {"text/plain": repr(self), "text/markdown": card(self)}

    def _per_sample(self, y_true, y_pred, checked=True):
        y, p, dtype, shape = self._accept(y_true, y_pred)
        out = np.empty(len(p), dtype)
        for rows, terms in self._blocks(y, p, dtype, checked):
            out[rows] = self._value(*terms)
        return out.reshape(shape)

    def _mean(self, y_true, y_pred, sample_weight, value=True, gradient=True):
        y, p, dtype, shape = self._accept(y_true, y_pred)
        share = _shares(sample_weight, shape)
        mean, slope = 0.0, np.empty(p.shape, dtype) if gradient else None
        for rows, terms in self._blocks(y, p, dtype):
            if value:
                mean += _mean_part(self._value(*terms), share, rows, len(p))
            if gradient:
                _scale(self._gradient(*terms), share, rows, len(p), out=slope[rows])
        return mean, slope.reshape(np.shape(y_pred)) if gradient else None

    def _blocks(self, y, p, dtype, checked=True):
        step = max(1, self._block(y, p))
        for start in range(0, len(p), step):
            rows = slice(start, start + step)
            if checked:
                self._check(y[rows], p[rows], start)
            yield (rows, self._terms(self._prepare(y[rows], dtype), working(p[rows], dtype)))

    def _block(self, y, p):
        """Return how many samples make a block."""
        return BLOCK * len(p) // p.size

    def _prepare(self, y, dtype):
        return working(y, dtype)

    def _check(self, y, p, start):
        if self.hard:
            require_labels(y, self.targets, start)
        else:
            require_inside("y_true", y, self.targets, start)
        require_inside("y_pred", p, self.domain, start)


class Elementwise(Loss):
    """A loss of numbers: ``y_true`` and ``y_pred`` of any equal shapes, the mean over all entries."""

    def _accept(self, y_true, y_pred):
        y, p = real_array("y_true", y_true), real_array("y_pred", y_pred)
        if y.shape != p.shape:
            fix = f"Reshape one of them, for example y_pred.reshape({y.shape})"
            raise ValueError(
                f"y_true has shape {y.shape} and y_pred has shape {p.shape}: they must be equal. "
                + (f"{fix}." if y.size == p.size else "Pass one prediction for each target.")
            )
        return y.reshape(-1), p.reshape(-1), common_dtype(y, p), p.shape


class Rowwise(Loss):
    """A loss of rows: ``y_pred`` of shape (n, k), the mean over the n rows.

    ``y_true`` holds class numbers 0..k-1, shape (n,), or distributions over the classes,
    shape (n, k).
    """

    targets = (0.0, 1.0)
    indexed = True

    def _accept(self, y_true, y_pred):
        y, p = real_array("y_true", y_true), real_array("y_pred", y_pred)
        if p.ndim != 2:
            raise ValueError(
                f"y_pred has shape {p.shape}: it must be (n, k), a row of k classes for each sample. "
                "For a single row use y_pred.reshape(1, -1)."
            )
        if y.shape not in (p.shape, p.shape[:1]):
            fix = (
                "y_true.ravel()"
                if y.shape == (len(p), 1)
                else "one class number or one row for each row of y_pred"
            )
            raise ValueError(
                f"y_true has shape {y.shape} and y_pred {p.shape}: y_true must be class numbers of "
                f"shape {p.shape[:1]} or distributions of shape {p.shape}. Pass {fix}."
            )
        return (y, p, common_dtype(y, p) if y.ndim == 2 else common_dtype(p), p.shape[:1])

    def _prepare(self, y, dtype):
        return y.astype(np.intp) if y.ndim == 1 else working(y, dtype)

    def _check(self, y, p, start):
        if y.ndim == 1:
            require_classes(y, p.shape[1], start)
        else:
            require_inside("y_true", y, self.targets, start)
            require_rows_sum_to_one("y_true", y, start)
            if self.hard:
                require_labels(y, self.targets, start)
        require_inside("y_pred", p, self.domain, start)


def real_array(name, values):
    """Return ``values`` as an array of real numbers with at least one entry."""
    if type(values) is not np.ndarray and np.ma.is_masked(values):
        raise ValueError(
            f"{name} is a masked array, and its mask would be lost. Give masked samples the weight 0."
        )
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has dtype {array.dtype}: a loss needs real numbers. Convert it, as in np.asarray(x, float)."
        )
    if array.size == 0:
        raise ValueError(
            f"{name} is empty, shape {array.shape}: a mean needs at least one sample. Check how it was selected."
        )
    return array


def _refuse(name, array, wrong, start, must, fix):
    """Raise ValueError for the entries of ``array`` that are ``wrong``; the block begins at sample ``start``."""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"sample {start + first[0]}" + (f", column {first[1]}" if len(first) > 1 else "")
    raise ValueError(f"{name} is {array[first]:.10g} at {where}: it must be {must}. {fix}")


def require_inside(name, array, interval, start=0):
    """Raise ValueError for numbers outside the interval.  NaN is refused in y_true only.

    A finite end belongs to the interval, but for -1, the end where log(1 + y) is infinite.
    """
    low, high = interval
    if interval == (-np.inf, np.inf):
        return
    least, closed = array.min(), low != -1.0
    if (low < least or (closed and low == least)) and array.max() <= high:
        return
    wrong = (array < low) | (array > high)
    if not closed:
        wrong |= array == low
    if name == "y_true":
        wrong |= np.isnan(array)
    if not wrong.any():
        return
    if high == 1.0:
        must = f"between {low:g} and {high:g}"
        fix = "Turn logits into probabilities with sigmoid or softmax, or use the loss that takes logits."
        if name == "y_true":
            fix = "Labels are 0 and 1, or probabilities between them; class numbers belong to losses of rows."
    else:
        must = f"at least {low:g}" if closed else "above -1"
        fix = "Leave such samples out, or choose a loss that is defined for them."
    _refuse(name, array, wrong, start, must, fix)


def require_labels(y, labels, start=0):
    """Raise ValueError unless ``y`` holds only the two labels."""
    wrong = (y != labels[0]) & (y != labels[1])
    if wrong.any():
        fix = "Turn labels 0 and 1 into -1 and 1 with 2 * y - 1."
        if labels[0] == 0:
            fix = "This loss has no soft labels; take the more probable class."
        must = f"{labels[0]:g} or {labels[1]:g}"
        _refuse("y_true", y, wrong, start, must, fix)


def require_classes(y, k, start=0):
    """Raise ValueError unless ``y`` holds whole numbers 0..k-1."""
    if y.dtype.kind in "iu" and y.min() >= 0 and y.max() < k:
        return
    wrong = ~((y >= 0) & (y < k))
    if y.dtype.kind == "f":
        wrong |= y != np.floor(y)
    if wrong.any():
        _refuse("y_true", y, wrong, start, f"a class number, whole and from 0 to {k - 1}",
                "Count classes from 0, and give y_pred one column for each class.")  # fmt: skip


def require_rows_sum_to_one(name, array, start=0):
    """Raise ValueError for rows whose sum differs from 1 by more than the square root of eps."""
    eps = np.finfo(common_dtype(array) if array.dtype.kind != "f" else array.dtype).eps
    sums = array.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1.0) > np.sqrt(eps)
    if wrong.any():
        _refuse(f"the row sum of {name}", sums, wrong, start, "1",
                f"Divide each row by its sum: {name} / {name}.sum(axis=1, keepdims=True).")  # fmt: skip


def require_parameter(name, value, low, high):
    """Raise ValueError unless a parameter of a loss lies strictly between ``low`` and ``high``."""
    if not low < value < high:
        must = (
            "a positive finite number"
            if (low, high) == (0, np.inf)
            else f"between {low:g} and {high:g}, both excluded"
        )
        raise ValueError(f"{name} is {value}: it must be {must}.")


def _shares(sample_weight, shape):
    """Return each sample's share of the mean as a flat float64 array, or None for equal shares."""
    if sample_weight is None:
        return None
    weight = real_array("sample_weight", sample_weight).astype(np.float64)
    if weight.shape != shape:
        raise ValueError(
            f"sample_weight has shape {weight.shape}: it must be {shape}, one weight for each number that is averaged."
        )
    if not (weight >= 0).all() or not np.isfinite(weight).all():
        raise ValueError(
            "sample_weight holds a negative, infinite or NaN weight: weights must be ≥ 0. Use 0 to leave a sample out."
        )
    largest = weight.max()
    if largest == 0:
        raise ValueError(
            "sample_weight is 0 for every sample, and a weighted mean divides by the sum. Keep at least one sample."
        )
    weight /= largest  # the sum of huge weights would be inf
    return (weight / weight.sum()).ravel()


def _mean_part(values, share, rows, n):
    """Return what a block adds to the mean."""
    if share is not None:
        return float(np.where(share[rows] == 0, 0.0, values * share[rows]).sum())
    total = values.sum()
    # The sum of finite numbers may overflow where their mean does not.
    return float(total / n if np.isfinite(total) else (values / n).sum())


def _scale(gradient, share, rows, n, out):
    """Write a block's part of the gradient of the mean into ``out``."""
    if share is None:
        np.multiply(gradient, 1.0 / n, out=out, casting="same_kind")
    else:
        part = share[rows].reshape(-1, *[1] * (gradient.ndim - 1))
        out[...] = np.where(part == 0, 0.0, gradient * part)
