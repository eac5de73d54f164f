"""What may go into a loss: domains, shapes, labels, weights.  Errors state the fact and the fix.

Messages are ASCII, so that any console can print them.
"""

import dataclasses

import numpy as np

from .elementary import real_array

# A row of probabilities comes from float32 numbers more often than not, as such, as a list, or from
# a file.  The sum of such a row is off by less than this; a wrong row is off by more.
ROW_SUM_TOLERANCE = 1e-5
LEAVE_OUT = "Leave such samples out, or choose a loss that is defined for them."


@dataclasses.dataclass(frozen=True)
class Domain:
    """Which numbers a target or a prediction may be, how they are written, what is said of others.

    NaN and infinity may be predicted, so that a diverged run looks diverged.  A target is finite.
    """

    symbol: str = r"\hat{y}"  #: in formulas
    words: str = "a number: any real number"  #: on the card
    low: float = -np.inf
    high: float = np.inf
    open: bool = False  #: whether the low end is excluded
    labels: bool = False  #: whether only the two ends are allowed
    nonzero: bool = False  #: whether 0 is excluded
    fix: str = LEAVE_OUT  #: what to do about a number outside

    @property
    def bounded(self):
        return self.low > -np.inf

    @property
    def must(self):
        """What a number must be, in words."""
        if self.labels:
            return f"{self.low:g} or {self.high:g}"
        if self.nonzero:
            return "other than 0, because the loss divides by it"
        if not self.bounded:
            return "a finite number"
        if np.isfinite(self.high):
            return f"between {self.low:g} and {self.high:g}"
        return f"above {self.low:g}" if self.open else f"at least {self.low:g}"

    def __contains__(self, x):
        """Return whether a number lies inside; the ends of an open domain do not."""
        return not self.outside(np.float64(x))

    def outside(self, x):
        """Return where ``x`` lies outside.  NaN does not."""
        if self.labels:
            return (x != self.low) & (x != self.high)
        wrong = (x < self.low) | (x > self.high)
        if self.open:
            wrong |= x == self.low
        if self.nonzero:
            wrong |= x == 0
        return wrong

    def require_predictions(self, p, samples):
        """Raise ValueError for predictions outside; ``samples`` are their numbers."""
        if not self.bounded:
            return
        least = np.minimum.reduce(p, axis=None)
        inside = self.low < least or (not self.open and self.low == least)
        if inside and np.maximum.reduce(p, axis=None) <= self.high:
            return
        wrong = self.outside(p)
        if wrong.any():
            refuse("y_pred", p, wrong, samples, self.must, self.fix)

    def require_targets(self, y, samples):
        """Raise ValueError for targets outside, and for NaN and infinity."""
        # A sum is finite only if all numbers are; it may overflow even then.
        if y.dtype.kind == "f" and not np.isfinite(np.add.reduce(y, axis=None)):
            wrong = ~np.isfinite(y)
            if wrong.any():
                fix = "Leave such samples out, or give them the weight 0."
                must = "a finite number" if not self.labels else self.must
                refuse("y_true", y, wrong, samples, must, fix)
        if self.bounded and not (self.labels or self.open):
            least, most = np.minimum.reduce(y, axis=None), np.maximum.reduce(y, axis=None)
            if self.low <= least and most <= self.high:
                return
        elif not (self.bounded or self.nonzero):
            return
        wrong = self.outside(y)
        if wrong.any():
            refuse("y_true", y, wrong, samples, self.must, self.fix)

    def sample(self, rng, size=None, spread=2.0):
        """Draw numbers from the inside: uniform between two ends, else normal or exponential."""
        if self.labels:
            return rng.choice((self.low, self.high), size)
        if np.isfinite(self.high):
            return rng.uniform(self.low, self.high, size)
        if self.bounded:
            return self.low + rng.exponential(spread, size)
        return rng.normal(0, spread, size)


REAL = Domain()
POSITIVE = Domain(low=0.0)
ABOVE_MINUS_ONE = Domain(words="a number: above -1", low=-1.0, open=True)
LOGIT = Domain("z", "a logit: any real number")
SCORE = Domain("s", "a score: any real number")
PROBABILITY = Domain(
    "p", "a probability: from 0 to 1", 0.0, 1.0,
    fix="Turn logits into probabilities with sigmoid or softmax, or use the loss that takes logits.",
)  # fmt: skip
TRUTH = Domain(
    "y", "a label 0 or 1, or a probability", 0.0, 1.0,
    fix="Labels are 0 and 1, or probabilities between them; class numbers belong to losses of rows.",
)  # fmt: skip
CLASS = Domain(
    "y", "a label 0 or 1", 0.0, 1.0, labels=True,
    fix="This loss has no soft labels; take the more probable class.",
)  # fmt: skip
SIGN = Domain(
    "y", "a label -1 or 1", -1.0, 1.0, labels=True,
    fix="Turn labels 0 and 1 into -1 and 1 with 2 * y - 1.",
)  # fmt: skip


def refuse(name, array, wrong, samples, must, fix):
    """Raise ValueError for the first entry of ``array`` that is ``wrong``."""
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    column = f", column {first[1]}" if len(first) > 1 else ""
    raise ValueError(
        f"{name} is {array[first]:.10g} at sample {samples[first[0]]}{column}: "
        f"it must be {must}. {fix}"
    )


def arrays(y_true, y_pred):
    """Return both as arrays of real numbers with at least one prediction."""
    y, p = real_array(y_true, "y_true"), real_array(y_pred, "y_pred")
    if p.size == 0:
        raise ValueError(
            f"y_pred is empty, shape {p.shape}: a mean needs at least one sample. "
            "Check how it was selected."
        )
    return y, p


def misfit(y, p, must, fix):
    """Raise ValueError for shapes that do not fit."""
    raise ValueError(f"y_true has shape {y.shape} and y_pred {p.shape}: {must}. {fix}")


def require_equal_shapes(y, p):
    """Raise ValueError unless the shapes are equal."""
    if y.shape != p.shape:
        fix = "Pass one prediction for each target."
        if y.size == p.size:
            fix = f"Reshape one of them, for example y_pred.reshape({y.shape})."
        misfit(y, p, "they must be equal", fix)


def require_rows(y, p, rows="a row of k classes for each sample"):
    """Raise ValueError unless ``p`` is (n, k) with k > 1, and ``y`` is (n,) or (n, k)."""
    if p.ndim != 2:
        misfit(y, p, f"y_pred must be (n, k), {rows}", _flattened(y, p))
    if p.shape[1] == 1:
        misfit(
            y, p, "one column is no choice between classes",
            "Give each of two classes a column: np.hstack([1 - y_pred, y_pred]) of probabilities, "
            "np.hstack([0 * y_pred, y_pred]) of logits, with class numbers of shape (n,); or use the "
            "loss of two classes, with y_true.ravel() and y_pred.ravel().",
        )  # fmt: skip
    if y.shape not in (p.shape, p.shape[:1]):
        fix = "one class number or one row for each row of y_pred"
        if y.shape == (len(p), 1):
            fix = "y_true.ravel()"
        must = f"y_true must be class numbers of shape {p.shape[:1]} or distributions of shape {p.shape}"
        misfit(y, p, must, f"Pass {fix}.")


def _flattened(y, p):
    """Return how predictions with other than two axes become rows."""
    if p.ndim < 2:
        return "For a single row use y_pred.reshape(1, -1) and np.reshape(y_true, -1)."
    if y.shape in (p.shape[:-1], p.shape):
        labels = "y_true.ravel()" if y.ndim < p.ndim else f"y_true.reshape(-1, {p.shape[-1]})"
        return f"Flatten both: y_pred.reshape(-1, {p.shape[-1]}) and {labels}."
    if y.shape == p.shape[:1] + p.shape[2:]:
        rows = f"np.moveaxis(y_pred, 1, -1).reshape(-1, {p.shape[1]})"
        return f"Put the classes last and flatten both: {rows} and y_true.ravel()."
    return "Flatten both, with the classes last: y_pred.reshape(-1, k) and y_true.ravel()."


def require_classes(y, k, samples):
    """Raise ValueError unless ``y`` holds whole numbers 0..k-1."""
    if y.dtype.kind in "iub" and y.min() >= 0 and y.max() < k:
        return
    wrong = ~((y >= 0) & (y < k))
    if y.dtype.kind == "f":
        wrong |= y != np.floor(y)
    if wrong.any():
        must = f"a class number, whole and from 0 to {k - 1}"
        fix = "Count classes from 0, give y_pred one column for each, and give samples to ignore the weight 0."  # noqa: E501
        refuse("y_true", y, wrong, samples, must, fix)


def require_rows_sum_to_one(name, array, samples):
    """Raise ValueError for rows whose sum differs from 1 by more than float32 arithmetic explains."""
    sums = np.add.reduce(array, axis=1, dtype=np.float64)
    # float16 has rounding of its own, 2**-11 of each probability.
    tolerance = 1e-3 if array.dtype == np.float16 else ROW_SUM_TOLERANCE
    wrong = np.abs(sums - 1.0) > tolerance
    if wrong.any():
        fix = f"Divide each row by its sum: {name} / np.sum({name}, axis=1, keepdims=True)."
        refuse(f"the row sum of {name}", sums, wrong, samples, "1", fix)


def require_parameter(name, value, low, high):
    """Raise ValueError unless a parameter of a loss lies strictly between ``low`` and ``high``."""
    if not low < value < high:
        must = f"between {low:g} and {high:g}, both excluded"
        if (low, high) == (0, np.inf):
            must = "a positive finite number"
        raise ValueError(f"{name} is {value}: it must be {must}.")


def shares(sample_weight, shape, y):
    """Return each sample's share of the mean as a flat float64 array that sums to 1."""
    weight = real_array(sample_weight, "sample_weight").astype(np.float64)
    if weight.shape != shape:
        fix = ""
        if weight.ndim and weight.shape == shape[: weight.ndim]:
            column = weight.shape + (1,) * (len(shape) - weight.ndim)
            fix = f" Repeat it: np.broadcast_to(np.reshape(sample_weight, {column}), {shape})."
        elif weight.ndim == 1 and y.ndim == 1 and len(shape) == 1:
            fix = " Weights of classes are class_weight[y_true]."
        raise ValueError(
            f"sample_weight has shape {weight.shape}: it must be {shape}, one weight for each "
            f"number that is averaged.{fix}"
        )
    largest = np.maximum.reduce(weight, axis=None)
    if not (np.minimum.reduce(weight, axis=None) >= 0 and largest < np.inf):
        raise ValueError(
            "sample_weight holds a negative, infinite or NaN weight: weights must be finite and at "
            "least 0. Use 0 to leave a sample out."
        )
    if largest == 0:
        raise ValueError(
            "sample_weight is 0 for every sample, and a weighted mean divides by the sum. "
            "Keep at least one sample."
        )
    # The sum of huge weights would be inf, and of tiny ones inexact.
    weight /= largest
    return (weight / weight.sum()).ravel()
