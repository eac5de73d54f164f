"""What may go into a loss: domains, shapes, labels, weights.  Errors state the fact and the fix.

Messages are ASCII, so that any console can print them.
"""

import dataclasses
import math

import numpy as np

from .elementary import real_array

# A row of probabilities comes from float32 numbers more often than not, as such, as a list, or from
# a file.  The sum of such a row is off by less than this; a wrong row is off by more.
ROW_SUM_TOLERANCE = 1e-5
LEAVE_OUT = "Leave such samples out, or choose a loss that is defined for them."


@dataclasses.dataclass(frozen=True)
class Domain:
    """Which numbers a target or a prediction may be, how they are written, what is said of others.

    They lie from ``low`` to ``high``, where ``open`` excludes ``low`` and ``nonzero`` excludes 0;
    with ``labels`` only the two ends are meant.  ``symbol`` stands for them in formulas, ``words``
    on the card, and ``fix`` says what to do about a number outside.

    NaN and infinity may be predicted, so that a diverged run looks diverged.  A target is finite.
    """

    symbol: str = r"\hat{y}"
    words: str = "a number: any real number"
    low: float = -np.inf
    high: float = np.inf
    open: bool = False
    labels: bool = False
    nonzero: bool = False
    fix: str = LEAVE_OUT

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
        if self.low == -np.inf or self._holds(p):
            return
        wrong = self.outside(p)
        if wrong.any():
            refuse("y_pred", p, wrong, samples, self.must, self.fix)

    def require_targets(self, y, samples):
        """Raise ValueError for targets outside, and for NaN and infinity."""
        # A sum is finite only if all numbers are; it may overflow even then.
        if not self._holds(y) or not math.isfinite(np.add.reduce(y, None)):
            wrong = ~np.isfinite(y)
            if wrong.any():
                must = self.must if self.labels else "a finite number"
                fix = "Leave such samples out, or give them the weight 0."
                refuse("y_true", y, wrong, samples, must, fix)
            wrong = self.outside(y)
            if wrong.any():
                refuse("y_true", y, wrong, samples, self.must, self.fix)

    def _holds(self, x):
        """Return whether all numbers surely lie inside, from as few passes as can be."""
        if self.labels:
            return not np.count_nonzero(self.outside(x))
        if self.nonzero:
            return np.count_nonzero(x) == x.size
        if self.low == -np.inf:
            return True
        least = np.minimum.reduce(x, None)
        inside = self.low < least or (not self.open and self.low == least)
        return inside and (self.high == np.inf or np.maximum.reduce(x, None) <= self.high)

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
    fix="Turn logits into probabilities with sigmoid or softmax, or use the loss that takes "
    "logits. What rounding added is taken back by np.clip(y_pred, 0, 1).",
)  # fmt: skip
TRUTH = Domain(
    "y", "a label 0 or 1, or a probability", 0.0, 1.0,
    fix="Labels are 0 and 1, or probabilities between them: labels -1 and 1 become 0 and 1 by "
    "np.maximum(y_true, 0), and class numbers belong to losses of rows.",
)  # fmt: skip
CLASS = Domain(
    "y", "a label 0 or 1", 0.0, 1.0, labels=True,
    fix="This loss has no soft labels: take the more probable class, np.round(y_true), or of rows "
    "np.argmax(y_true, axis=1). Labels -1 and 1 become 0 and 1 by np.maximum(y_true, 0).",
)  # fmt: skip
SIGN = Domain(
    "y", "a label -1 or 1", -1.0, 1.0, labels=True,
    fix="Turn labels 0 and 1 into -1 and 1 with 2 * np.asarray(y_true) - 1.",
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
        if y.ndim == 2 and y.shape == p.T.shape:
            fix = "Transpose one of them, for example np.transpose(y_pred)."
        elif y.size == p.size:
            fix = f"Reshape one of them, for example np.reshape(y_pred, {y.shape})."
        misfit(y, p, "they must be equal", fix)


def require_rows(y, p, rows="a row of k classes for each sample"):
    """Raise ValueError unless ``p`` is (n, k) with k > 1, and ``y`` is (n,) or (n, k)."""
    if p.ndim != 2:
        misfit(y, p, f"y_pred must be (n, k), {rows}", _flattened(y, p))
    if p.shape[1] == 1:
        misfit(
            y, p, "one column is no choice between classes",
            "Give each of two classes a column: np.hstack([np.subtract(1, y_pred), y_pred]) of "
            "probabilities, np.hstack([np.zeros_like(y_pred), y_pred]) of logits, with the class "
            "numbers np.ravel(y_true). Or use the loss of two classes, with np.ravel of both.",
        )  # fmt: skip
    if y.shape not in (p.shape, p.shape[:1]):
        fix = "one class number or one row for each row of y_pred"
        if y.shape == (len(p), 1):
            fix = "np.ravel(y_true)"
        must = f"y_true must be class numbers {p.shape[:1]} or distributions {p.shape}"
        misfit(y, p, must, f"Pass {fix}.")


def _flattened(y, p):
    """Return how predictions with other than two axes become rows."""
    if p.ndim == 1 and y.size == 1:
        return "For a single row use np.reshape(y_pred, (1, -1)) and np.reshape(y_true, -1)."
    if p.ndim < 2:
        return (
            "One number for each sample belongs to the loss of two classes. For a single row use "
            "np.reshape(y_pred, (1, -1)) and np.reshape(y_true, (1, -1))."
        )
    if y.shape == p.shape[:1] + p.shape[2:]:
        rows = f"np.moveaxis(y_pred, 1, -1).reshape(-1, {p.shape[1]})"
        return f"Put the classes last and flatten both: {rows} and np.ravel(y_true)."
    rows = f"np.reshape(y_pred, (-1, {p.shape[-1]}))"
    labels = "np.ravel(y_true)" if y.shape != p.shape else rows.replace("y_pred", "y_true")
    return f"Flatten both, with the classes last: {rows} and {labels}."


def require_whole(y, samples, fix):
    """Raise ValueError unless ``y`` holds whole numbers."""
    REAL.require_targets(y, samples)
    if y.dtype.kind == "f":
        wrong = y != np.floor(y)
        if wrong.any():
            refuse("y_true", y, wrong, samples, "a whole number", fix)


def require_classes(y, k, samples):
    """Raise ValueError unless ``y`` holds whole numbers 0..k-1."""
    if y.dtype.kind in "iub" and y.min() >= 0 and y.max() < k:
        return
    require_whole(y, samples, "Distributions over the classes are rows, shape (n, k).")
    wrong = (y < 0) | (y >= k)
    if wrong.any():
        fix = "Count from 0, give y_pred one column a class, and samples to ignore the weight 0."
        refuse("y_true", y, wrong, samples, f"a class number from 0 to {k - 1}", fix)


def require_rows_sum_to_one(name, array, samples):
    """Raise ValueError for rows whose sum is off by more than float32 arithmetic explains."""
    sums = np.add.reduce(array, axis=1, dtype=np.float64)
    # float16 has rounding of its own, 2**-11 of each probability.
    tolerance = 1e-3 if array.dtype == np.float16 else ROW_SUM_TOLERANCE
    wrong = np.abs(sums - 1.0) > tolerance
    if wrong.any():
        fix = f"Divide each row by its sum: {name} / np.sum({name}, axis=1, keepdims=True)."
        if name == "y_true":
            fix += " Give rows of zeros the weight 0."
        refuse(f"the row sum of {name}", sums, wrong, samples, "1", fix)


def require_parameter(name, value, low, high, end=None):
    """Raise ValueError unless a parameter lies between ``low`` and ``high`` or is ``end``."""
    if not (low < value < high or value == end):
        excluded = "both" if end is None else f"{low + high - end:g}"
        must = f"between {low:g} and {high:g}, {excluded} excluded"
        if (low, high) == (0, np.inf):
            must = "a positive finite number" + (" or 0" if end == 0 else "")
        raise ValueError(f"{name} is {value}: it must be {must}.")


def shares(sample_weight, shape, y):
    """Return each sample's share of the mean as a flat float64 array that sums to 1."""
    weight = real_array(sample_weight, "sample_weight").astype(np.float64)
    if weight.shape != shape:
        raise ValueError(
            f"sample_weight has shape {weight.shape}: it must be {shape}, one weight for each "
            f"number that is averaged.{_one_for_each(weight, shape, y)}"
        )
    largest = np.maximum.reduce(weight, None)
    if not (np.minimum.reduce(weight, None) >= 0 and largest < np.inf):
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


def _one_for_each(weight, shape, y):
    """Return how weights of another shape become one for each number that is averaged."""
    if weight.size == math.prod(shape):
        return f" Reshape them: np.reshape(sample_weight, {shape})."
    if weight.ndim and weight.shape == shape[: weight.ndim]:
        column = weight.shape + (1,) * (len(shape) - weight.ndim)
        return f" Repeat them: np.broadcast_to(np.reshape(sample_weight, {column}), {shape})."
    if weight.ndim == y.ndim == len(shape) == 1 and np.isin(y, np.arange(weight.size)).all():
        return " Weights of classes are np.take(sample_weight, np.asarray(y_true, int))."
    return ""
