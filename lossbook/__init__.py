"""Loss functions in NumPy: exact values, exact gradients, and every claim about them tested."""

from . import catalogue, elementary
from .catalogue import *  # noqa: F403 - every loss of the catalogue, so that a new one is listed once
from .classification import smooth_labels
from .elementary import *  # noqa: F403
from .gradcheck import check_gradient

__version__ = "0.1.0"

__all__ = [*catalogue.__all__, *elementary.__all__, "check_gradient", "smooth_labels"]
