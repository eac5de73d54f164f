"""What makes the book: definitions and exact values, cards, figures, notebooks, training, data.

Its modules import SymPy, Matplotlib and IPython; ``lossbook`` itself needs NumPy alone.  After
``import lossbook.book`` a loss shows its card in a notebook.
"""

from ..base import Loss


def _mimebundle(loss, include=None, exclude=None):
    # SymPy is loaded only when a card is shown.
    from .card import card

    return {"text/plain": repr(loss), "text/markdown": card(loss)}


Loss._repr_mimebundle_ = _mimebundle
