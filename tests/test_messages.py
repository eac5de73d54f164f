"""What messages say of bad input: the fact, and a fix, which is applied here, and works.

A row has the arguments of a call, words of the message with ... between them, the fix by argument,
and what is right then: a number, or the arguments that give it.  A fix in quotes is code that the
message holds, evaluated as it stands there; others follow what the message says in words.
"""

import ast
import dataclasses
import decimal
import inspect
import re
import traceback
from pathlib import Path

import numpy as np
import pytest
from samples import batch

import lossbook
from lossbook import (
    CATALOGUE,
    CTC,
    AbsolutePercentageError,
    BinaryCrossEntropy,
    Brier,
    CategoricalCrossEntropy,
    Contrastive,
    CosineDistance,
    Dice,
    Expectile,
    GaussianNLL,
    GeneralizedCrossEntropy,
    GeneralRobust,
    Hinge,
    Huber,
    InfoNCE,
    KLDivergence,
    MulticlassHinge,
    Poisson,
    PseudoHuber,
    Quantile,
    SigmoidCrossEntropy,
    SigmoidFocal,
    SoftmaxCrossEntropy,
    SoftmaxFocal,
    SquaredError,
    SquaredLogarithmicError,
    Triplet,
    Tversky,
    sigmoid,
    smooth_labels,
    softmax,
    xlogy,
)
from lossbook.base import Elementwise, Loss, Rowwise
from lossbook.embedding import Embedding

MODULES = sorted(Path(lossbook.__file__).parent.glob("*.py"))


def of_any(loss):
    y, p = batch(loss, np.random.default_rng(0))
    ones, absent = np.ones(7), np.arange(7) == 3
    others, without = (y[~absent], p[~absent]), {"sample_weight": ~absent}
    for weight in ([1.0], [], 2.0):
        says = "it must be (7,), one weight for each number"
        yield (y, p, weight), says, {"sample_weight": ones}, (y, p)
    fix = {"sample_weight": "np.reshape(sample_weight, (7,))"}
    yield (y, p, [[1.0]] * 7), "sample_weight has shape (7, 1)", fix, (y, p)
    for weight in (-1.0, np.nan, np.inf):
        says = "a negative, infinite or NaN weight ... finite and at least 0. Use 0 to leave"
        yield (y, p, np.where(absent, weight, 1)), says, without, others
    yield (y, p, 0 * ones), "Keep at least one sample", {"sample_weight": ones}, (y, p)
    fix = {"sample_weight": "sample_weight.filled(0)"}
    yield (y, p, np.ma.array(ones, mask=absent)), "Give what is masked the weight 0", fix, others
    for bad in (np.nan, np.inf, -np.inf):
        says = f"y_true is {bad} at sample 3 ... Leave such samples out, or give them the weight 0"
        broken = np.where(np.reshape(absent, (-1, *[1] * (y.ndim - 1))), bad, y)
        for fix in ({"y_true": others[0], "y_pred": others[1]}, without):
            yield (broken, p), says, fix, others
    yield (y[:0], p[:0]), "a mean needs at least one", {"y_true": y, "y_pred": p}, (y, p)
    yield (y, p[..., :0]), "y_pred is empty, shape ", {"y_pred": p}, (y, p)
    for name, array in (("y_true", y), ("y_pred", p)):
        for bad, says, fix, right in of_dtypes(name, array, absent):
            pair = (bad, p) if name == "y_true" else (y, bad)
            yield pair, f"{name} {says}", fix, others if right == "others" else (y, p)
    if y.dtype.kind == "i" and y.ndim == 1:
        right = np.unique(y, return_inverse=True)[1], p
        fix = {"y_true": "np.unique(y_true, return_inverse=True)[1]"}
        yield ([f"class {i}" for i in y], p), "y_true has dtype <U7", fix, right


def of_dtypes(name, array, absent):
    """One argument that is no array of real numbers."""
    masked = np.ma.array(array, mask=np.zeros(array.shape, bool))
    masked[absent] = np.ma.masked
    present = f"~np.ma.getmaskarray({name})"
    if array.ndim > 1:
        present += f".any(axis={1 if array.ndim == 2 else (1, 2)})"
    fix = {name: f"{name}.filled(0)", "sample_weight": present}
    yield masked, "is a masked array, and its mask would be lost", fix, "others"
    yield array + 0j, "has dtype complex128", {name: f"np.real({name})"}, "all"
    fix = {name: f"np.asarray({name}, float)"}
    yield array.astype(str), "has dtype <U", fix, "all"
    yield array.astype(object), "has dtype object: it must hold real numbers", fix, "all"
    if name == "y_pred":
        names = np.full(array.shape, "cat")
        yield names, "has dtype <U3 ... Pass numbers, not names", {name: array}, "all"


def of_elementwise(loss):
    y, p = batch(loss, np.random.default_rng(1), 6)
    table = y.reshape(2, 3), p.reshape(2, 3)
    says = "y_true has shape (6,) and y_pred (5,): they must be equal. Pass one prediction"
    yield (y, p[:5]), says, {"y_pred": p}, (y, p)
    fix = {"y_pred": "np.reshape(y_pred, (6,))"}
    yield (y, p[:, np.newaxis].tolist()), "y_pred (6, 1): they must be equal. Reshape", fix, (y, p)
    fix = {"y_pred": "np.transpose(y_pred)"}
    yield (table[0], table[1].T.tolist()), "y_pred (3, 2): they must be equal", fix, (y, p)
    fix = {"sample_weight": "np.broadcast_to(np.reshape(sample_weight, (2, 1)), (2, 3))"}
    yield (*table, [1.0, 2.0]), "sample_weight has shape (2,)", fix, (y, p, [1, 1, 1, 2, 2, 2])
    masked = np.ma.array(table[1], mask=[[0, 0, 1], [0, 1, 1]])
    fix = {"y_pred": "y_pred.filled(0)", "sample_weight": "~np.ma.getmaskarray(y_pred)"}
    yield (table[0], masked), "is a masked array", fix, (y[[0, 1, 3]], p[[0, 1, 3]])
    y_padded, p_padded = (np.reshape([*a[:4], a[0] * 0, a[0] * 0], (2, 3)) for a in (y, p))
    fix = {"y_true": y_padded, "y_pred": p_padded, "sample_weight": [[1, 1, 1], [1, 0, 0]]}
    says = "rows of unequal length. Pad the shorter ones with 0 ... give the padding the weight 0"
    yield ([[*y[:3]], [y[3]]], [[*p[:3]], [p[3]]]), says, fix, (y[:4], p[:4])


def of_labels(loss):
    """Numbers of which each is a label of two classes."""
    p = np.full(4, 0.25)
    if loss.target.low == -1:
        for labels in ([1, 0, 1, 0], [True, False, True, False]):
            fix = {"y_true": "2 * np.asarray(y_true) - 1"}
            yield (labels, p), "is 0 at sample 1: it must be -1 or 1", fix, ([1, -1, 1, -1], p)
        return
    y, fix = [1, 0, 1, 0], {"y_true": "np.maximum(y_true, 0)"}
    yield ([1, -1, 1, -1], p), "y_true is -1 at sample 1: it must be", fix, (y, p)
    fix = {"sample_weight": "np.take(sample_weight, np.asarray(y_true, int))"}
    yield (y, p, [1.0, 3.0]), "Weights of classes", fix, (y, p, [3.0, 1.0, 3.0, 1.0])
    if loss.target.labels:
        says = "is 0.75 at sample 0: it must be 0 or 1. This loss has no soft labels"
        yield ([0.75, 0.25, 1, 0.5], p), says, {"y_true": "np.round(y_true)"}, (y, p)
        return
    rows = SoftmaxCrossEntropy() if loss.prediction.symbol == "z" else CategoricalCrossEntropy()
    fix = {"call": rows, "y_pred": np.full((4, 3), 1 / 3)}
    says = "is 2 at sample 1: it must be between 0 and 1 ... belong to losses of rows"
    yield ([0, 2, 1, 0], p), says, fix, np.log(3)


# The same loss of two classes, with one number for each sample, and by how much it is smaller.
OF_TWO = {
    CategoricalCrossEntropy(): (BinaryCrossEntropy(), 1),
    KLDivergence(): (BinaryCrossEntropy(), 1),
    SoftmaxCrossEntropy(): (SigmoidCrossEntropy(), 1),
    SoftmaxFocal(): (SigmoidFocal(), 1),
    MulticlassHinge(): (Hinge(), 1),
    Brier(): (Brier(), 2),
}
P = np.array([[4, 2, 1, 1], [1, 4, 1, 2], [1, 1, 4, 2]]) / 8
LABELS, ONE_HOT = [2, 0, 1], np.eye(4)[[2, 0, 1]]
STORED = np.array, np.float32, np.float16, np.ndarray.tolist


def of_rows(loss):
    y, p = LABELS, P if sums_to_one(loss) else np.log(P)
    others, without = ([2, 1], p[[0, 2]]), {"sample_weight": [1, 0, 1]}
    fix = {"y_true": "np.ravel(y_true)"}
    yield ([[2], [0], [1]], p), "y_true must be class numbers (3,) or distributions", fix, (y, p)
    yield ([2, 0], p), "Pass one class number or one row for each row", {"y_true": y}, (y, p)
    says = "is 4 at sample 0: it must be a class number from 0 to 3. Count from 0"
    yield ([4, 2, 1], p), says, {"y_true": [3, 1, 0]}, ([3, 1, 0], p)
    wider = np.hstack([p, p[:, :1]])
    wider /= wider.sum(axis=1, keepdims=True) if sums_to_one(loss) else 1
    yield ([4, 2, 1], p), "one column a class", {"y_pred": wider}, (np.eye(5)[[4, 2, 1]], wider)
    for ignored in (-100, -1.0):
        says = f"is {ignored:g} at sample 1 ... and samples to ignore the weight 0"
        yield ([2, ignored, 1], p), says, without, others
    for of in STORED:
        says = "the row sum of y_true is 0.5 at sample 0: it must be 1. Divide each row"
        yield (of(ONE_HOT / 2), p), says, divided("y_true"), (y, p)
    says = "the row sum of y_true is 0 at sample 1 ... Give rows of zeros the weight 0"
    yield (ONE_HOT * [[1], [0], [1]], p), says, without, others
    says = "y_true is 2 at sample 1, column 0: it must be between 0 and 1. Labels are 0 and 1"
    yield (ONE_HOT * [[1], [2], [1]], p), says, {"y_true": ONE_HOT}, (y, p)
    fix = {"sample_weight": "np.take(sample_weight, np.asarray(y_true, int))"}
    yield (y, p, [1.0, 2.0, 3.0, 0.0]), "Weights of classes", fix, (y, p, [3.0, 1.0, 2.0])
    yield from of_soft_labels(loss, y, p)
    yield from of_axes(loss, y, p)
    yield from of_one_column(loss, p[:, :1])
    if sums_to_one(loss):
        says = "y_pred is ... between 0 and 1. Turn logits into probabilities with ... softmax"
        yield (y, np.log(p) + 4), says, {"y_pred": softmax(np.log(p) + 4)}, (y, p)
        for of in STORED:
            says = "the row sum of y_pred is 0.5 at sample 0: it must be 1. Divide each row"
            yield (y, of(p / 2)), says, divided("y_pred"), (y, of(p))


def sums_to_one(loss):
    return loss.prediction.high == 1


def divided(name):
    return {name: f"{name} / np.sum({name}, axis=1, keepdims=True)"}


def of_soft_labels(loss, y, p):
    soft = np.array([[0, 0, 1, 0], [0.75, 0.25, 0, 0], [0, 1, 0, 0]])
    if loss.target.labels:
        fix = {"y_true": "np.argmax(y_true, axis=1)"}
        yield (soft.tolist(), p), "is 0.75 at sample 1, column 0 ... no soft labels", fix, (y, p)
    rows = ONE_HOT if loss.target.labels else soft
    says = "is 0.5 at sample 1: it must be a whole number. Distributions ... are rows, shape (n, k)"
    yield ([2, 0.5, 1], p), says, {"y_true": rows}, (rows, p)


def of_axes(loss, y, p):
    """More axes than two, and fewer."""
    says = "y_pred must be (n, k) ... Flatten both, with the classes last"
    fix = {"y_pred": "np.reshape(y_pred, (-1, 4))", "y_true": "np.ravel(y_true)"}
    yield ([y], [p.tolist()]), says, fix, (y, p)
    yield (y, [p.tolist()]), says, fix, (y, p)
    yield ([ONE_HOT], [p]), says, fix | {"y_true": "np.reshape(y_true, (-1, 4))"}, (y, p)
    fix = {"y_pred": "np.moveaxis(y_pred, 1, -1).reshape(-1, 4)", "y_true": "np.ravel(y_true)"}
    yield ([y], [p.T.tolist()]), "Put the classes last and flatten both", fix, (y, p)
    if loss != Brier():
        fix = {"y_pred": "np.reshape(y_pred, (1, -1))", "y_true": "np.reshape(y_true, -1)"}
        for label in (2, [2]):
            yield (label, p[0].tolist()), "For a single row", fix, (y[:1], p[:1])
        fix = fix | {"y_true": "np.reshape(y_true, (1, -1))"}
        yield (ONE_HOT[0], p[0]), "For a single row", fix, (y[:1], p[:1])


def of_one_column(loss, p):
    y, code = [1, 0, 1], "np.hstack([np.zeros_like(y_pred), y_pred])"
    if sums_to_one(loss):
        code = "np.hstack([np.subtract(1, y_pred), y_pred])"
    right = loss(y, np.hstack([1 - p if sums_to_one(loss) else 0 * p, p]))
    for labels in (y, [[1], [0], [1]]):
        says = "one column is no choice between classes. Give each of two classes a column"
        fix = {"y_pred": code, "y_true": "np.ravel(y_true)"}
        yield (labels, p.tolist()), says, fix, right
    if loss in OF_TWO:
        two, factor = OF_TWO[loss]
        labels = np.array(y) if two.target.low == 0 else 2 * np.array(y) - 1
        fix = {"call": two, "y_true": labels, "y_pred": np.ravel(p)}
        yield (y, p), "Or use the loss of two classes, with np.ravel of both", fix, right / factor
        if loss != Brier():
            says = "One number for each sample belongs to the loss of two classes"
            yield (y, np.ravel(p)), says, fix, right


POINTS, PAIRS = np.eye(4)[:, :3] + 1, [0, 0, 1, 1]
TOO_FEW = {
    Contrastive(): "There are no two samples of weight above 0. Pass a larger batch",
    Triplet(): "No triplet can be formed ... several samples of at least two classes",
    InfoNCE(): "No sample has a positive ... Draw batches with at least two samples of a class",
}


def of_embeddings(loss):
    right, both = (PAIRS, POINTS), {"y_true": PAIRS, "y_pred": POINTS}
    says = "they must be (n,) and (n, d), a label and an embedding for each sample. Pass "
    yield ([0, 0, 1], POINTS), f"{says}one row of y_pred for each", {"y_true": PAIRS}, right
    yield (0, 1.0), f"{says}one row of y_pred for each", both, right
    yield ([[0], [0], [1], [1]], POINTS), says, {"y_true": "np.ravel(y_true)"}, right
    fix = {"y_pred": "np.reshape(y_pred, (len(y_pred), -1))"}
    for points in ([1.0, 2.0, 3.0, 5.0], POINTS[:, np.newaxis].tolist()):
        yield (PAIRS, points), says, fix, (PAIRS, np.reshape(points, (4, -1)))
    fix = {"y_true": "np.unique(y_true, return_inverse=True)[1]"}
    yield ([0.5, 0.5, 1, 1], POINTS), "is 0.5 at sample 0: it must be a whole number", fix, right
    yield ([0], [[1.0]]), TOO_FEW[loss], both, right
    yield (*right, [1, 0, 0, 0]), TOO_FEW[loss], {"sample_weight": np.ones(4)}, right
    if loss != Contrastive():
        yield ([0, 1, 2, 3], POINTS), TOO_FEW[loss], {"y_true": PAIRS}, right
        yield (*right, [1, 0, 1, 0]), TOO_FEW[loss], {"sample_weight": np.ones(4)}, right
    if loss == Triplet():
        yield ([0, 0, 0, 0], POINTS), TOO_FEW[loss], {"y_true": PAIRS}, right
        yield (*right, [1, 1, 0, 0]), TOO_FEW[loss], {"sample_weight": np.ones(4)}, right
    if loss == InfoNCE():
        points = POINTS * [[1], [0], [1], [1]]
        says = "y_pred is the zero vector at sample 1: a cosine needs a direction. Leave the sample"
        others = {"y_true": [0, 1, 1], "y_pred": POINTS[[0, 2, 3]]}
        for fix in (others, {"sample_weight": [1, 0, 1, 1]}):
            yield (PAIRS, points), says, fix, tuple(others.values())


def of_sequences(loss):
    """The logits say 1/2 for the path 1, 2, frame by frame, and it is the only one."""
    y, z, right = [[1, 2], [1, 2]], np.log([[[1.0, 2, 1], [1, 1, 2]]] * 2), np.log(4)
    says = "y_pred must be (n, T, C), logits of C classes for each of T frames."
    fix = {"y_pred": "np.reshape(y_pred, (1, 2, 3))", "y_true": "np.reshape(y_true, (1, -1))"}
    yield ([1, 2], z[0].tolist()), f"{says} For a single sample", fix, right
    yield (y, z[:, 0, 0]), f"{says} Pass a logit for each class", {"y_pred": z}, right
    says, fix = "a row of labels for each sample.", {"y_true": "np.reshape(y_true, (-1, 1))"}
    yield ([1, 2], z), f"y_true must be (2, L), {says} For one label", fix, ([[1], [2]], z)
    fix = {"y_true": "np.reshape(y_true, (1, -1))"}
    yield ([1, 2], z[:1]), f"y_true must be (1, L), {says} For a single row", fix, right
    for labels in ([1, 2, 1, 2], y[:1], [y]):
        yield (labels, z), f"{says} Pass a row for each sample", {"y_true": y}, right
    short, shorter = [[1, 2], [1, 0]], ([[1, 2], [1, 0]], z)
    yield ([[1, 2], [1]], z), "of unequal length. Pad", {"y_true": short}, shorter
    for padding in (-1, -100):
        says = (
            f"is {padding} at sample 1, column 1 ... from 1 to 2, or 0 after the last. Pad with 0"
        )
        yield ([[1, 2], [1, padding]], z), says, {"y_true": short}, shorter
    says, fix = "is 3 at sample 1 ... one more column", {"y_pred": np.zeros((2, 2, 4))}
    yield ([[1, 2], [2, 3]], z), says, fix, np.log(16)
    says = "is 0.5 at sample 0, column 0: it must be a whole number. Number the classes from 1"
    yield ([[0.5, 2], [1, 2]], z), says, {"y_true": y}, right
    says = "y_true is 0 at sample 0, column 0: it must be a label, because another follows. Drop"
    yield ([[0, 1, 2], [1, 2, 0]], z), says, {"y_true": y}, right


def of_numbers():
    """Losses of numbers and vectors, each with what it alone refuses."""
    for loss, y, p, says in (
        (SquaredLogarithmicError(), [1.0, 1.0], [1.0, -1.5], "y_pred is -1.5 ... above -1"),
        (SquaredLogarithmicError(), [1.0, -1.0], [1.0, 1.0], "y_true is -1 ... above -1"),
        (AbsolutePercentageError(), [1.0, 0.0], [1.0, 1.0], "y_true is 0 ... divides by it"),
        (Poisson(), [1.0, -1.0], [0.0, 0.0], "y_true is -1 at sample 1: it must be at least 0"),
        (CosineDistance(), np.eye(2), [[1.0, 0], [0, 0]], "length of y_pred is 0 at sample 1: it"),
        (CosineDistance(), [[1.0, 0], [0, 0]], np.eye(2), "length of y_true is 0 at sample 1: it"),
    ):
        right = y[:1], p[:1]
        for fix in ({"y_true": right[0], "y_pred": right[1]}, {"sample_weight": [1, 0]}):
            yield loss, (y, p), f"{says} ... Leave such samples out", fix, right
        if loss == Poisson():
            fix = {"call": SquaredError()}
            yield loss, (y, p), "or choose a loss that is defined for them", fix, 1.0
    loss = SquaredError()
    yield loss, ([1j], [1.0]), "dtype complex128", {"y_true": "np.abs(y_true)"}, 0.0
    fix = {"y_true": "np.asarray(y_true, float)"}
    yield loss, ([decimal.Decimal("0.5")], [1.0]), "has dtype object", fix, 0.25
    fix = fix | {"sample_weight": [1, 0]}  # None becomes NaN
    yield loss, ([3.0, None], [1.0, 2.0]), "has dtype object", fix, 4.0
    says = "sample_weight has dtype <U8 ... Pass numbers"
    yield loss, ([1.0], [3.0], "balanced"), says, {"sample_weight": [2.0]}, 4.0
    loss, says = GaussianNLL(), "they must be (n,) and (n, 2). Put mean and log variance into two"
    fix = {"y_pred": "np.column_stack([mean, log_variance])"}
    yield loss, ([1.0, 3.0], [1.0, 3.0]), says, fix, np.log(2 * np.pi) / 2
    fix = {"y_true": "np.ravel(y_true)"}
    yield (
        loss,
        ([[1.0], [3.0]], [[1.0, 0], [3, 0]]),
        "they must be (n,)",
        fix,
        np.log(2 * np.pi) / 2,
    )
    loss, single = CosineDistance(), "np.reshape({}, (1, -1))".format
    fix = {"y_true": single("y_true"), "y_pred": single("y_pred")}
    yield loss, ([1.0, 0.0], [0.0, 1.0]), "both must be (n, d) ... Reshape both", fix, 1.0
    says, fix = "Pass one vector of y_pred for each of y_true", {"y_pred": np.eye(4)[::-1]}
    yield loss, (np.eye(4), np.eye(4)[:3]), says, fix, 1.0
    vectors = np.eye(4).reshape(2, 2, 4)
    fix = {name: f"np.reshape({name}, (-1, 4))" for name in ("y_true", "y_pred")}
    yield loss, (vectors, vectors[::-1, ::-1]), "both must be (n, d) ... Reshape both", fix, 1.0


def of_probabilities():
    """Probabilities and masks."""
    says = (
        "between 0 and 1. Turn logits into probabilities with sigmoid or softmax, or use the loss"
    )
    for loss, of_logits in (
        (BinaryCrossEntropy(), SigmoidCrossEntropy()),
        (CategoricalCrossEntropy(), SoftmaxCrossEntropy()),
    ):
        y, z = ([0, 1], [[1.5, 0.5], [3.0, 2.0]]) if loss in ROWWISE else ([0.0, 1.0], [1.5, -1.0])
        right = np.mean(np.log1p(np.exp([-1.0, 1.0] if loss in ROWWISE else [1.5, 1.0])))
        turned = softmax(z) if loss in ROWWISE else sigmoid(z)
        for fix in ({"y_pred": turned}, {"call": of_logits}):
            yield loss, (y, z), f"y_pred is 1.5 at sample 0 ... {says}", fix, right
    fix = {"y_pred": "np.clip(y_pred, 0, 1)"}
    says = "taken back by np.clip"
    yield BinaryCrossEntropy(), ([1.0, 0.0], [1 + 1e-9, -1e-9]), says, fix, 0.0
    yield BinaryCrossEntropy(), ([1.0], [np.inf]), "y_pred is inf at sample 0", fix, 0.0
    yield Brier(), ([1.0, 0.0], [0.5, 1.5]), "y_pred is 1.5 at sample 1: it", fix, 0.625
    for loss in (Dice(), Tversky(alpha=0.5, beta=0.5)):
        says, right = "both must be (n, ...), equal, one mask for each of n samples. ", 1 / 3
        single = "np.reshape({}, (1, -1))".format
        fix = {"y_true": single("y_true"), "y_pred": single("y_pred")}
        yield loss, ([1, 1], [1.0, 0.0]), f"{says}For a single mask", fix, right
        fix = {"y_pred": [[1.0, 0.0]]}
        yield loss, ([[1, 1]], [[1.0]]), f"{says}Pass a probability for each entry", fix, right
        for bad in (2.0, -1.0):
            says = f"y_true is {bad:g} at sample 0, column 1: it must be between 0 and 1"
            yield loss, ([[1, bad]], [[1.0, 0.0]]), says, {"y_true": [[1, 1]]}, right
        says = "y_pred is 1.5 at sample 0, column 0: it must be between 0 and 1"
        yield loss, ([[1, 1]], [[1.5, 0.0]]), says, fix, right
        # Of the 2 pixels of each of 2 images the second one's have the wrong one of 3 classes.
        labels, p = [[0, 2], [1, 1]], np.eye(3)[[[0, 2], [0, 2]]]
        says, masks = "Turn class numbers into a mask", "np.eye(3)[np.asarray(y_true, int)]"
        for stored in (labels, np.array(labels, float)):
            yield loss, (stored, p), says, {"y_true": masks}, 0.5
            fix = {"y_true": f"np.moveaxis({masks}, -1, 1)"}
            yield loss, (stored, np.moveaxis(p, -1, 1)), says, fix, 0.5
        one, fix = np.array([[[1.0, 0]], [[0, 1]]]), {"y_true": "np.reshape(y_true, (2, 1, 2))"}
        yield loss, (one[:, 0].tolist(), one), "Give both the axes of one", fix, 0.0


def of_parameters():
    for loss in CATALOGUE:
        for field in dataclasses.fields(loss):
            for bad in (np.nan, np.inf, *[-1.0] * (loss != GeneralRobust())):
                says, fix = f"{field.name} is {bad}: it must be", {field.name: field.default}
                yield type(loss), {field.name: bad}, says, fix, None
    for cls, name, bad, good in (
        (Huber, "delta", 0.0, 1e-300),
        (PseudoHuber, "delta", 0, 2),
        (Contrastive, "margin", 0.0, 2.0),
        (Triplet, "margin", 0.0, 2.0),
        (InfoNCE, "temperature", 0.0, 0.5),
        (GeneralRobust, "scale", -2, 2),
        (Tversky, "alpha", 0, 0.3),
        (Tversky, "beta", 0.0, 0.3),
        (SigmoidFocal, "gamma", -1.0, 1.0),
        (SoftmaxFocal, "gamma", -2, 0),
    ):
        says = f"{name} is {bad}: it must be a positive finite number"
        says += " or 0." if name == "gamma" else "."
        yield cls, {name: bad}, says, {name: good}, None
    for cls, bad in ((Quantile, 0.0), (Quantile, 1.0), (Expectile, 1.5)):
        says = f"q is {bad}: it must be between 0 and 1, both excluded"
        yield cls, {"q": bad}, says, {"q": 0.25}, None
    for bad in (0, 1.1):
        says = f"q is {bad}: it must be between 0 and 1, 0 excluded"
        yield GeneralizedCrossEntropy, {"q": bad}, says, {"q": 1}, None
    says = "alpha is inf: it must be a finite number or -inf"
    for good in (-1e300, -np.inf):
        yield GeneralRobust, {"alpha": np.inf}, says, {"alpha": good}, None


def of_functions():
    says, fix = "Dice has no second derivative here. Difference its gradient", {"call": differences}
    yield Dice().hessian, ([[1, 1]], [[0.25, 0.75]]), says, fix, [[8 / 27, 8 / 27]]
    yield sigmoid, (1j,), "z has dtype complex128", {"z": "np.real(z)"}, 0.5
    masked = np.ma.array([0.0, 1.0], mask=[0, 1])
    yield sigmoid, (masked,), "z is a masked array", {"z": "np.ma.getdata(z)"}, sigmoid([0.0, 1.0])
    yield xlogy, (2.0, "a"), "y has dtype <U1 ... Pass numbers", {"y": 1.0}, 0.0
    soft, fix = [[0.95, 0.05], [0.05, 0.95]], {"y_true": "np.eye(k)[y_true]"}
    yield smooth_labels, ([0, 1], 0.1), "y_true has shape (2,): it must be (n, k)", fix, soft
    fix = {"result": "np.multiply(1 - alpha, y_true) + alpha / 2"}
    yield smooth_labels, ([[0], [1]], 0.1), "y_true has shape (2, 1)", fix, [[0.05], [0.95]]
    says = "the row sum of y_true is 2 at sample 0 ... do not exclude each other are smoothed each"
    yield smooth_labels, ([[1, 0, 1]], 0.1), says, fix, [[0.95, 0.05, 0.95]]
    says = "y_true is 2 at sample 1, column 0: it must be between 0 and 1"
    yield smooth_labels, ([[1, 0], [2, -1]], 0.1), says, {"y_true": np.eye(2)}, soft
    for bad in (-0.1, 1.1, np.nan):
        says = f"alpha is {bad}: it must be from 0 to 1"
        yield smooth_labels, (np.eye(2), bad), says, {"alpha": 0.1}, soft


def differences(y_true, y_pred, h=2.0**-8):
    """Return the second derivatives of Dice by each entry, from five-point differences."""
    steps = h * np.eye(2)[:, np.newaxis]
    near, far = (
        [
            Dice().gradient(y_true, y_pred + k * s) - Dice().gradient(y_true, y_pred - k * s)
            for s in steps
        ]
        for k in (1, 2)
    )
    return np.einsum("jij->ij", (8 * np.array(near) - far) / (12 * h))


ROWWISE = [loss for loss in CATALOGUE if isinstance(loss, Rowwise)]
KINDS = (
    (of_any, CATALOGUE),
    (of_elementwise, [loss for loss in CATALOGUE if isinstance(loss, Elementwise)]),
    (of_rows, ROWWISE),
    (of_embeddings, [loss for loss in CATALOGUE if isinstance(loss, Embedding)]),
    (of_sequences, [CTC()]),
    (
        of_labels,
        [loss for loss in CATALOGUE if isinstance(loss, Elementwise) and loss.target.high == 1],
    ),
)
BAD = [(loss, *row) for rows, losses in KINDS for loss in losses for row in rows(loss)]
for others in (of_numbers, of_probabilities, of_parameters, of_functions):
    BAD += others()
CALLS = list(dict.fromkeys(row[0] for row in BAD))


def bound(call, arguments):
    """Return the arguments by name."""
    signature = inspect.signature(call)
    named = isinstance(arguments, dict)
    return (signature.bind(**arguments) if named else signature.bind(*arguments)).arguments


def made(call, named):
    arguments = inspect.signature(call).bind(**named)
    return call(*arguments.args, **arguments.kwargs)


def refused(call, named):
    """Return the message, and the lines that were passed on the way to it."""
    with pytest.raises((ValueError, NotImplementedError)) as refusal:
        made(call, named)
    frames = traceback.walk_tb(refusal.value.__traceback__)
    return str(refusal.value), frozenset((f.f_code.co_filename, line) for f, line in frames)


SCOPE = {"np": np, "k": 2, "mean": [1.0, 3.0], "log_variance": [0.0, 0.0]}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: getattr(call, "__name__", repr(call)))
def test_the_fix_that_a_message_names_works(call):
    for arguments, says, fix, right in (row[1:] for row in BAD if row[0] == call):
        named = bound(call, arguments)
        message, _ = refused(call, named)
        assert re.search(".*".join(map(re.escape, says.split(" ... "))), message), message
        assert message.isascii() and message.endswith(".") and "  " not in message
        assert {refused(method, named)[0] for method in methods(call, named)} == {message}
        fixed = named | {name: evaluated(code, message, named) for name, code in fix.items()}
        works(fixed.pop("call", call), fixed, call(*right) if isinstance(right, tuple) else right)


def methods(call, named):
    """Return what refuses the same, with the same words."""
    if not isinstance(call, Loss):
        return [call]
    names = ["__call__", "gradient", "value_and_gradient"]
    names += ["hessian"] * bool(getattr(call, "_hessian", False))
    names += ["per_sample"] * ("sample_weight" not in named)
    return [getattr(call, name) for name in names]


def evaluated(code, message, named):
    if not isinstance(code, str):
        return code
    assert code in message, message
    return eval(code, SCOPE | named)


def works(call, arguments, right):
    if "result" in arguments:
        np.testing.assert_allclose(arguments["result"], right, rtol=1e-15)
    elif isinstance(call, Loss):
        value, gradient = call.value_and_gradient(**arguments)
        assert value == call(**arguments) == pytest.approx(right, rel=1e-12, abs=1e-15)
        assert gradient.shape == np.shape(arguments["y_pred"]) and np.isfinite(gradient).all()
    elif right is not None:
        np.testing.assert_allclose(made(call, arguments), right, rtol=1e-9)
    else:
        assert made(call, arguments)


def test_every_message_is_reached():
    rows = ((call, bound(call, arguments)) for call, arguments, *_ in BAD)
    refusals = (refused(method, named) for call, named in rows for method in methods(call, named))
    messages, reached = map(set, zip(*refusals))
    reached = set().union(*reached)
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if raises(node):
                lines = range(node.lineno, node.end_lineno + 1)
                assert any((str(path), line) in reached for line in lines), f"{path}:{node.lineno}"
        silent = [words for words in sayings(tree) if not any(words in m for m in messages)]
        assert not silent, path


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def raises(node):
    """Return whether a statement raises ValueError, or calls what does."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        return node.exc.func.id == "ValueError"
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    return named and ast.unparse(node.func).split(".")[-1] in ("refuse", "misfit")


def sayings(tree):
    """Yield the words that functions, domains and constants of a module may put into messages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name not in ("claims", "__repr__"):
            body = node.body[1:] if ast.get_docstring(node) else node.body
        elif ast.unparse(node).startswith(("too_few =", "LEAVE_OUT =", "fix=")):
            body = [node]
        else:
            continue
        for part in (part for statement in body for part in ast.walk(statement)):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value:
                yield part.value


def test_what_is_raised_or_printed_is_ascii():
    for path, tree in TREES.items():
        documentation = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and node not in documentation:
                assert str(node.value).isascii(), f"{path}:{node.lineno} {node.value}"
