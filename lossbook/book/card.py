"""The card of a loss: what is known of it, as Markdown that notebooks, the site and print show."""

import math

from sympy.printing.latex import LatexPrinter

from ..base import Loss, Rowwise
from .libraries import LIBRARIES, library_of
from .symbolic import definition, is_defined


def formula(loss):
    """Return the LaTeX of the definition and of its derivative; nothing where there is none."""
    return equations(loss, *definition(loss)[:2]) if is_defined(loss) else loss.formula


def equations(loss, value=None, gradient=None, hessian=None):
    """Return the LaTeX of expressions that are the loss of a sample and its derivatives."""
    symbol = loss.prediction.symbol
    by = f"{symbol}_j" if loss.indexed else f"({symbol})" if "," in symbol else symbol
    left = r"\ell", rf"\frac{{\partial \ell}}{{\partial {by}}}"
    twice = [rf"\frac{{\partial^2 \ell}}{{\partial {s}^2}}" for s in by.strip("()").split(", ")]
    left += (twice[0] if len(twice) == 1 else rf"\left({', '.join(twice)}\right)",)
    given = zip(left, (value, gradient, hessian))
    return tuple(f"{name} = {_latex(e)}" for name, e in given if e is not None)


def card(loss: Loss):
    """Return the card of ``loss``: formula, derivatives, claims, and its names elsewhere."""
    shown = formula(loss)
    if is_defined(loss) and len(definition(loss)) > 2:
        shown += equations(loss, hessian=definition(loss)[2])
    names = "loss of a sample", "derivative", "second derivative"
    rows = [(name, f"${text}$") for name, text in zip(names, shown)]
    rows += [("prediction", _domain(loss)), *_claims(loss)]
    for key, call in loss.claims.elsewhere.items():
        library, versions = library_of(key)
        name, measured, _ = LIBRARIES[library]
        version = versions.removeprefix("==") or measured
        rows.append((f"same mean loss in {name} {version}", f"`{call}`"))
    head = [f"| loss | `{loss!r}` |", "|:--|:--|"]
    return "\n".join(head + [f"| {name} | {text} |" for name, text in rows])


def minimiser(loss):
    """Return in words the constant prediction with the least mean loss, "" if none is claimed."""
    claimed = loss.claims.minimiser
    as_logit = claimed == "probability" and loss.prediction.symbol == "z"
    return f"{claimed} (as a logit)" if as_logit else claimed


class _Printer(LatexPrinter):
    """SymPy's printer, but a sum begins with a minus only where all its terms have one."""

    def _as_ordered_terms(self, expr, order=None):
        terms = super()._as_ordered_terms(expr, order)
        if terms[0].could_extract_minus_sign():
            terms = sorted(terms, key=lambda term: term.could_extract_minus_sign())
        return terms

    def _print_Relational(self, expr):
        bare = expr.lhs.is_Symbol and not expr.rhs.is_Symbol  # a parameter stands on the right
        return super()._print_Relational(expr.reversed if bare else expr)


def _latex(expression):
    text = _Printer({"order": "none", "fold_func_brackets": True}).doprint(expression)
    # A bar would end the cell of the table; the book's epsilon is the round one.
    return text.replace("|", r"\vert ").replace(r"\epsilon", r"\varepsilon").strip()


def _domain(loss):
    rows = ", a row of them for each sample" if isinstance(loss, Rowwise) else ""
    sums = ", which sum to 1" if rows and loss.prediction.high == 1 else ""
    return f"${loss.prediction.symbol}$, {loss.prediction.words}{rows}{sums}"


def _claims(loss):
    claims, symbol = loss.claims, loss.prediction.symbol
    names = {"y_pred": f"${symbol}$", "logits": "the logits"}
    if claims.convex_in:
        yield "convex in", ", ".join(names[c] for c in claims.convex_in)
    if claims.lipschitz is not None:
        bound = f"at most {_number(claims.lipschitz)}"
        yield ("length of the gradient", "unbounded" if math.isinf(claims.lipschitz) else bound)
    if claims.lower_bound is not None:
        bound = _number(claims.lower_bound)
        yield ("bounded below by", "nothing" if math.isinf(claims.lower_bound) else bound)
    if claims.zero_when:
        yield ("zero when", claims.zero_when.replace("y_pred = y_true", f"${symbol} = y$"))
    if claims.symmetric:
        yield "symmetric under", claims.symmetric
    if claims.invariant:
        yield "invariant under", claims.invariant
    if claims.minimiser:
        yield "best constant prediction", f"the {minimiser(loss)}"
    if claims.calibrated:
        yield ("calibrated", "yes: the best score has the sign of the more probable class")
    if claims.strictly_proper:
        yield ("strictly proper", "yes: only the true probabilities have the least expected loss")


def _number(x):
    roots = {
        math.sqrt(2): r"$\sqrt{2}$",
        2 * math.sqrt(2): r"$2\sqrt{2}$",
        math.sqrt(6): r"$\sqrt{6}$",
    }
    return roots.get(x, f"{x:g}")
