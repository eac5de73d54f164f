"""Real data that ships with the book: no download, the same split on every machine.

Sources, licences and checksums stand in datasets/README.md; tools/make_datasets.py made the files.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).with_name("datasets")


class Data(NamedTuple):
    """A data set, shuffled and split.  Rows are samples."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    features: tuple  #: a name, with its unit where it has one, for each column of x


def _load(name, test, seed, prepare=lambda x: x):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        x, y, features = file["x"], file["y"], tuple(file["features"].tolist())
    if not 0 < test < len(x):
        allowed = f"between 1 and {len(x) - 1}, a number of the {len(x)} samples"
        raise ValueError(f"test is {test}: it must be {allowed}.")
    order = np.random.default_rng(seed).permutation(len(x))
    train, held_out = order[test:], order[:test]
    return Data(prepare(x[train]), y[train], prepare(x[held_out]), y[held_out], features)


def digits(test=1000, seed=0):
    """Return 5,000 handwritten digits of MNIST, 500 of each class.

    x: float32 pixels in [0, 1], shape (n, 784), rows of a 28 × 28 image one after another;
    y: int64 classes 0..9, shape (n,).
    """
    return _load("digits", test, seed, lambda x: x.reshape(len(x), -1).astype(np.float32) / 255)


def diabetes(test=142, seed=0):
    """Return measurements of 442 patients and the progress of their diabetes a year later.

    x: float64, shape (n, 10), in the units named in ``features``; y: float64, shape (n,), a
    measure of disease progression without a unit, from 25 to 346.
    """
    return _load("diabetes", test, seed)


def breast_cancer(test=169, seed=0):
    """Return 30 measurements of cell nuclei for 569 tumours.

    x: float64, shape (n, 30), as named in ``features``; y: int64, 1 for benign, 0 for malignant.
    """
    return _load("breast_cancer", test, seed)
