"""The card of a loss: what is known of it, as Markdown that notebooks, the site and print show."""

import math

import sympy as sp

from ..base import Loss, Rowwise
from .defects import LIBRARIES
from .symbolic import definition, is_defined


def formula(loss):
    """Return the LaTeX of the definition and of its derivative."""
    return equations(loss, *definition(loss)) if is_defined(loss) else loss.formula


def equations(loss, value=None, gradient=None):
    """Return the LaTeX of expressions that are the loss of a sample and its derivative."""
    by = f"{loss.symbol}_j" if loss.indexed else loss.symbol
    by = f"({by})" if "," in by else by
    return (
        rf"\ell = {_latex(value)}" if value is not None else "",
        rf"\frac{{\partial \ell}}{{\partial {by}}} = {_latex(gradient)}"
        if gradient is not None
        else "",
    )


def card(loss: Loss):
    """Return the card of ``loss``: formula, derivative, claims, and its names elsewhere."""
    value, derivative = formula(loss)
    rows = [
        ("loss of a sample", f"${value}$"),
        ("derivative", f"${derivative}$"),
        ("prediction", _domain(loss)),
    ]
    rows += _claims(loss)
    rows += [
        (f"same mean loss in {LIBRARIES[name][0]}", f"`{call}`")
        for name, call in loss.claims.elsewhere.items()
    ]
    return "\n".join(
        [f"| loss | `{loss!r}` |", "|:--|:--|", *(f"| {name} | {text} |" for name, text in rows)]
    )


def _latex(expression):
    text = sp.latex(expression, order="none", fold_func_brackets=True)
    # A bar would end the cell of the table.
    return text.replace("|", r"\vert ").strip()


def _domain(loss):
    if loss.takes:
        return f"${loss.symbol}$, {loss.takes}"
    low, high = loss.domain
    kind = {"p": "probability", "z": "logit", "s": "score"}.get(loss.symbol, "number")
    interval = "any real number" if math.isinf(low) else f"from {low:g} to {high:g}"
    rows = ", a row of them for each sample" if isinstance(loss, Rowwise) else ""
    sums = ", which sum to 1" if rows and kind == "probability" else ""
    return f"${loss.symbol}$, a {kind}: {interval}{rows}{sums}"


def _claims(loss):
    claims = loss.claims
    names = {"y_pred": f"${loss.symbol}$", "logits": "the logits"}
    if claims.convex_in:
        yield "convex in", ", ".join(names[c] for c in claims.convex_in)
    if claims.lipschitz is not None:
        bound = f"at most {_number(claims.lipschitz)}"
        yield ("length of the gradient", "unbounded" if math.isinf(claims.lipschitz) else bound)
    if claims.lower_bound is not None:
        bound = _number(claims.lower_bound)
        yield ("bounded below by", "nothing" if math.isinf(claims.lower_bound) else bound)
    if claims.zero_when:
        yield ("zero when", claims.zero_when.replace("y_pred = y_true", f"${loss.symbol} = y$"))
    if claims.symmetric:
        yield "symmetric under", claims.symmetric
    if claims.invariant:
        yield "invariant under", claims.invariant
    if claims.minimiser:
        yield (
            "best constant prediction",
            f"the {claims.minimiser}"
            + (" (as a logit)" if claims.minimiser == "probability" and loss.symbol == "z" else ""),
        )
    if claims.calibrated:
        yield ("calibrated", "yes: the best score has the sign of the more probable class")
    if claims.strictly_proper:
        yield ("strictly proper", "yes: only the true probabilities have the least expected loss")


def _number(x):
    return {math.sqrt(2): r"$\sqrt{2}$", 2 * math.sqrt(2): r"$2\sqrt{2}$"}.get(x, f"{x:g}")
