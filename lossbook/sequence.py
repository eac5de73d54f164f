"""Losses of sequences: the alignment of labels with frames is not known."""

import dataclasses

import numpy as np

from . import checks
from .base import Claims, Samplewise
from .checks import Domain
from .elementary import log_softmax, softmax

BLOCK = 1 << 20  # numbers in a block: a step of a frame serves many samples


@dataclasses.dataclass(frozen=True)
class CTC(Samplewise):
    """Connectionist temporal classification: the cross-entropy of labels of unknown alignment.

    Also called: CTC loss.

    Formula: minus the logarithm of the total probability of all paths of T classes that become
    the labels y when repeats are merged and then blanks dropped; a path has the product of its
    probabilities in the softmax of each frame.  The derivative by a logit is the probability of
    that class in its frame, minus the probability that a path which becomes y has it there.

    Domain: logits are real numbers (n, T, C), and -inf masks a class; class 0 is the blank.
    Targets are class numbers from 1, (n, L), padded with 0 at the end; a row of zeros asks for
    blanks alone.  The unit is the nat.  Labels that do not fit into T frames, where equal
    neighbours need a blank between them, cost inf whatever the logits: their gradient is 0.

    Good for: speech and handwriting, whose labels come without their times
    :cite:p:`graves2006`.  Price: given the logits, frames are taken as independent, and a trained
    network tends to put most frames on the blank.

    >>> CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])  # 3 of 4 paths: 11, 01, 10
    0.2876820724517809
    """

    prediction = Domain("z", "logits: a row of real numbers for each frame, class 0 the blank")
    # Products over the frames lose digits in float32.
    widened = True
    formula = (
        r"\ell = -\log \sum_{\pi \to y} \prod_{t=1}^{T} p_{t \pi_t}, \quad"
        r" p_{tc} = \frac{e^{z_{tc}}}{\sum_m e^{z_{tm}}}",
        r"\frac{\partial \ell}{\partial z_{tc}} = p_{tc} - \Pr(\pi_t = c \mid y)",
    )
    claims = Claims(
        lower_bound=0.0,
        invariant="adding one number to all logits of a frame",
        elsewhere={
            "keras": "keras.losses.CTC()(y_true, y_pred)",
            "optax": "optax.losses.ctc_loss(y_pred, 0 * y_pred[..., 0], y_true, y_true == 0)"
            ".mean()",
        },
    )

    def _shape(self, y, p):
        if p.ndim != 3:
            fix = "Pass a logit for each class of each frame."
            if p.ndim == 2:
                single = f"np.reshape(y_pred, {(1, *p.shape)}) and np.reshape(y_true, (1, -1))"
                fix = f"For a single sample use {single}."
            must = "y_pred must be (n, T, C), logits of C classes for each of T frames"
            checks.misfit(y, p, must, fix)
        if y.ndim != 2 or len(y) != len(p):
            fix = "Pass a row for each sample, and pad shorter ones with 0 at the end."
            if y.shape == p.shape[:1]:
                fix = "For one label a sample pass np.reshape(y_true, (-1, 1))."
            elif len(p) == 1 and y.ndim < 2:
                fix = "For a single row pass np.reshape(y_true, (1, -1))."
            must = f"y_true must be ({len(p)}, L), a row of labels for each sample"
            checks.misfit(y, p, must, fix)
        if y.shape[1] == 0:
            # No labels: blanks alone.
            y = np.zeros((len(y), 1), np.intp)
        return y, p, p.shape[:1]

    def _holds_classes(self, y, p):
        return True

    def _check(self, y, p, samples):
        checks.require_whole(y, samples, "Number the classes from 1.")
        wrong = (y < 0) | (y >= p.shape[2])
        if wrong.any():
            must = f"a class number from 1 to {p.shape[2] - 1}, or 0 after the last"
            fix = "Pad with 0, the blank, and give y_pred one more column than there are labels."
            checks.refuse("y_true", y, wrong, samples, must, fix)
        hole = (y[:, :-1] == 0) & (y[:, 1:] != 0)
        if hole.any():
            must, fix = "a label, because another follows", "Drop blanks, and pad at the end only."
            checks.refuse("y_true", y[:, :-1], hole, samples, must, fix)

    def _block(self, y, p, dtype):
        _, frames, classes = p.shape
        states = 2 * y.shape[1] + 1
        return BLOCK // (max(frames, states) * max(classes, states))

    def _prepare(self, y, dtype):
        return y.astype(np.intp)

    def _terms(self, y, z):
        return (_Paths(y, z),)

    def _value(self, paths):
        sure = paths.missed < 0.5
        return np.where(sure, -np.log1p(-paths.missed), -paths.log_likelihood)

    def _gradient(self, paths):
        posterior, failing = paths.backward()
        # Let Q be the probability of a miss.  p = (1 - Q)·posterior + Q·(posterior of a miss),
        # so that p - posterior = Pr(π_t = c, miss) - Q·posterior, which does not cancel for
        # small Q.
        stray = paths.lost[:, :-1, np.newaxis] + paths.before @ paths.barred
        stray = paths.p * stray + (paths.inside * failing) @ paths.emits
        due = paths.missed[:, np.newaxis, np.newaxis] * (posterior @ paths.emits)
        slope, size = stray - due, stray + due
        # The slopes of a frame sum to 0: a class of most of the size takes what others leave.
        large = size > size.sum(axis=2, keepdims=True) / 2
        rest = np.where(large, 0.0, slope).sum(axis=2, keepdims=True)
        slope = np.where(large, -rest, slope)
        slope[paths.log_likelihood == -np.inf] = 0.0
        return slope


class _Paths:
    """All paths of T classes, frame by frame, on their way through the labels of n samples.

    After each frame a path is in one of S = 2L + 1 states, which are the labels with a blank
    before, between and after them, or it is lost, by a class that its state did not allow.
    It is never in two, so that probabilities of paths are sums over states.

    - ``p`` (n, T, C), the softmax; ``emit`` (n, T, S), its logarithm at the class of a state
    - ``emits`` (n, S, C), 1 at the class of a state; ``barred``, 1 at those it does not allow next
    - ``arrive`` (n, T, S), log probability of coming to a state, before the frame is seen
    - ``inside`` and ``before`` (n, T, S), probability of a state after a frame and before it
    - ``leak`` (n, T, S), probability that a frame loses the paths of a state
    - ``lost`` (n, T + 1), probability of being lost, before the first frame and after each
    - ``missed`` (n,), probability of not becoming the labels, and ``log_likelihood`` (n,)
    """

    def __init__(self, y, z):
        path, self.final, self.skip = _states(y)
        self.emits = 1.0 * (path[:, :, np.newaxis] == np.arange(z.shape[2]))
        self.barred = 1.0 - _onward(self.emits, self.skip[:, :, np.newaxis])
        at, self.p = path[:, np.newaxis], softmax(z)
        emit = np.take_along_axis(log_softmax(z), at, axis=2)
        self.emit = np.where(at < 0, -np.inf, emit)
        self._forward()

    def _forward(self):
        # Before the first frame a path is where it would be after a blank.
        first = np.arange(self.emit.shape[2]) < 2
        self.arrive = _arrivals(self.emit, self.skip, first)
        after = self.arrive + self.emit
        self.log_likelihood = np.logaddexp.reduce(
            np.where(self.final, after[:, -1], -np.inf), axis=1
        )
        self.inside = np.exp(after)
        self.before = np.zeros_like(after)
        self.before[:, 0, 0] = 1.0
        self.before[:, 1:] = self.inside[:, :-1]
        self.leak = self.p @ self.barred.swapaxes(1, 2)
        losses = np.einsum("nts,nts->nt", self.before, self.leak)
        self.lost = np.cumsum(np.pad(losses, ((0, 0), (1, 0))), axis=1)
        # A sum of its own, because 1 - likelihood would cancel.
        unfinished = np.where(self.final, 0.0, self.inside[:, -1]).sum(axis=1)
        self.missed = self.lost[:, -1] + unfinished

    def backward(self):
        """Return for each frame the states' probability given y, and that of a miss from them."""
        leave = _arrivals(self.emit[:, ::-1, ::-1], self.skip[:, ::-1], self.final[:, ::-1])[
            :, ::-1, ::-1
        ]
        failing = np.empty_like(leave)
        failing[:, -1] = ~self.final
        go = np.exp(self.emit)
        for t in range(failing.shape[1] - 1, 0, -1):
            onward = _onward(go[:, t] * failing[:, t], self.skip)
            failing[:, t - 1] = self.leak[:, t] + onward
        return softmax(self.arrive + self.emit + leave), failing


def _states(y):
    """Return the class of each state, -1 beyond the last; which may be the last; what may skip.

    A state may follow the one before its predecessor, a blank, if it is a label and differs
    from that one.
    """
    path = np.zeros((len(y), 2 * y.shape[1] + 1), np.intp)
    path[:, 1::2] = y
    skip = (path[:, 2:] != path[:, :-2]) & (path[:, 2:] != 0)
    end = 2 * (y > 0).sum(axis=1, keepdims=True)
    state = np.arange(path.shape[1])
    path[state > end] = -1
    return path, (end - 1 <= state) & (state <= end), skip


def _onward(a, skip):
    """Return for each state (axis 1) the sum of ``a`` over the states that may follow."""
    total = a.copy()
    total[:, :-1] += a[:, 1:]
    total[:, :-2] += np.where(skip, a[:, 2:], 0.0)
    return total


def _arrivals(emit, skip, first):
    """Return the log probability of coming to each state at each frame, before it is seen.

    ``first`` says which states may come first.  Of reversed frames and states it is the log
    probability of what comes after.
    """
    arrive = np.empty_like(emit)
    arrive[:, 0] = np.where(first, 0.0, -np.inf)
    for t in range(emit.shape[1] - 1):
        here, there = arrive[:, t] + emit[:, t], arrive[:, t + 1]
        there[:, 0] = here[:, 0]
        np.logaddexp(here[:, 1:], here[:, :-1], out=there[:, 1:])
        np.logaddexp(there[:, 2:], here[:, :-2], out=there[:, 2:], where=skip)
    return arrive
