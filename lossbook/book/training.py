"""Two models and gradient descent, small enough to read beside the chapters that use them."""

import dataclasses
from typing import NamedTuple

import numpy as np

from ..elementary import sigmoid


class LinearModel:
    """Predictions x·w + b.

    ``weights`` has shape (inputs,), ``bias`` shape (); both start at 0.  With ``outputs`` given
    they have shapes (inputs, outputs) and (outputs,), and a prediction is a row.

    >>> LinearModel(2).forward(np.ones((3, 2)))
    array([0., 0., 0.])
    """

    def __init__(self, inputs, outputs=None):
        tail = () if outputs is None else (outputs,)
        self.weights = np.zeros((inputs, *tail))
        self.bias = np.zeros(tail)

    @property
    def parameters(self):
        """The arrays that training changes."""
        return [self.weights, self.bias]

    def forward(self, x):
        """Return the predictions for ``x`` of shape (n, inputs)."""
        x = np.asarray(x, float)
        if x.ndim != 2 or x.shape[1] != len(self.weights):
            raise ValueError(
                f"x has shape {x.shape}: it must be (n, {len(self.weights)}), "
                "one row for each sample."
            )
        return x @ self.weights + self.bias

    def backward(self, x, slope):
        """Return the gradients of the loss by ``parameters``.

        ``slope`` is the gradient of the loss by the predictions, shaped like them.
        """
        return [np.asarray(x, float).T @ slope, slope.sum(axis=0)]


class LogisticModel(LinearModel):
    """A linear model whose predictions are logits; train it with SigmoidCrossEntropy."""

    def probability(self, x):
        """Return the probability of class 1 for each row of ``x``."""
        return sigmoid(self.forward(x))


class History(NamedTuple):
    """What gradient descent saw: entry t of each list belongs to the parameters after t updates."""

    loss: list
    gradient_norm: list
    validation_loss: list
    stopped: str  #: "steps", "gradient norm", "validation loss" or "diverged"
    best_step: int  #: the number of updates behind the parameters that the model holds now


@dataclasses.dataclass
class _Best:
    loss: float = np.inf
    step: int = 0
    parameters: list = None


@np.errstate(all="ignore")
def gradient_descent(
    model,
    loss,
    x,
    y,
    learning_rate,
    steps=1000,
    *,
    gradient_norm=0.0,
    validation=None,
    patience=10,
    sample_weight=None,
):
    """Train ``model`` in place on the whole of ``x`` and ``y``; return a :class:`History`.

    Stops after ``steps`` updates, or before when the Euclidean length of the gradient is at most
    ``gradient_norm``, or when the loss is no longer finite.  With ``validation=(x, y)`` it also
    stops when the validation loss has not improved for ``patience`` updates, and the model gets
    back the parameters of the best validation loss.

    >>> x = np.array([[0.0], [1.0]])
    >>> from lossbook import SquaredError
    >>> model = LinearModel(1)
    >>> history = gradient_descent(
    ...     model, SquaredError(), x, [1.0, 3.0], learning_rate=0.5, gradient_norm=1e-12
    ... )
    >>> history.stopped, model.weights.round(6), model.bias.round(6)
    ('gradient norm', array([2.]), np.float64(1.0))
    """
    losses, norms, validation_losses = [], [], []
    best, stopped = _Best(), "steps"
    for step in range(steps + 1):
        value, slope = loss.value_and_gradient(y, model.forward(x), sample_weight)
        gradients = model.backward(x, slope)
        losses.append(value)
        norms.append(float(np.sqrt(sum(np.sum(g * g) for g in gradients))))
        if validation is not None:
            validation_losses.append(loss(validation[1], model.forward(validation[0])))
            if validation_losses[-1] < best.loss:
                best = _Best(validation_losses[-1], step, [p.copy() for p in model.parameters])
        if not np.isfinite(value):
            stopped = "diverged"
        elif norms[-1] <= gradient_norm:
            stopped = "gradient norm"
        elif validation is not None and step - best.step >= patience:
            stopped = "validation loss"
        if stopped != "steps" or step == steps:
            break
        for parameter, gradient in zip(model.parameters, gradients):
            parameter -= learning_rate * gradient
    if best.parameters is not None:
        for parameter, saved in zip(model.parameters, best.parameters):
            parameter[...] = saved
        step = best.step
    return History(losses, norms, validation_losses, stopped, step)
