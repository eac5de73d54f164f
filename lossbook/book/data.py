"""Data that ship with the book: no download, the same split on every machine.

All are real, but for the spoken digits, which a machine speaks.

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


class Paragraphs(NamedTuple):
    """English paragraphs, shuffled and split."""

    train: tuple  #: of strings, each a paragraph in one line of ASCII characters
    test: tuple  #: the same, none of them in ``train``


class Utterance(NamedTuple):
    """A sentence that was read aloud."""

    sound: np.ndarray  #: float32 in [-1, 1), 8,000 samples a second
    text: str
    words: tuple  #: (word, start, end) for each word, in seconds


class SpokenDigits(NamedTuple):
    """Strings of digits, split so that no voice of the test is heard in training."""

    x_train: np.ndarray
    y_train: np.ndarray
    spans_train: np.ndarray  #: where each digit begins and ends, in frames
    x_test: np.ndarray
    y_test: np.ndarray
    spans_test: np.ndarray


def _load(name, test, seed, prepare=lambda x: x):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        x, y, features = file["x"], file["y"], tuple(file["features"].tolist())
    train, held_out = _split(len(x), test, seed)
    return Data(prepare(x[train]), y[train], prepare(x[held_out]), y[held_out], features)


def _split(n, test, seed):
    if not 0 < test < n:
        allowed = f"between 1 and {n - 1}, a number of the {n} samples"
        raise ValueError(f"test is {test}: it must be {allowed}.")
    order = np.random.default_rng(seed).permutation(n)
    return order[test:], order[:test]


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


def english(test=100, seed=0):
    """Return 1,003 paragraphs of English prose from the help texts of Python 3.11.7.

    Each is a string of ASCII characters in one line, from 60 to 1,410 of them.  Headings, grammar,
    code and paragraphs that repeat earlier ones were left out.
    """
    with np.load(FOLDER / "english.npz", allow_pickle=False) as file:
        paragraphs = file["text"].tobytes().decode("ascii").split("\n")
    train, held_out = _split(len(paragraphs), test, seed)
    return Paragraphs(tuple(paragraphs[i] for i in train), tuple(paragraphs[i] for i in held_out))


def speech():
    """Return five sentences of Jane Austen, read by one voice, 24.7 seconds in all.

    A list of ``Utterance``.  The times of the words are those of a recogniser that was given the
    text, and come with the recordings.
    """
    with np.load(FOLDER / "speech.npz", allow_pickle=False) as file:
        sounds = np.split(file["sound"].astype(np.float32) / 2**15, file["ends"][:-1])
        texts, words = file["texts"].tolist(), file["words"].tolist()
        times, spoken_in = file["times"].tolist(), file["spoken_in"].tolist()
    timed = [(i, (word, *time)) for i, word, time in zip(spoken_in, words, times)]
    return [
        Utterance(sound, text, tuple(word for where, word in timed if where == i))
        for i, (sound, text) in enumerate(zip(sounds, texts))
    ]


def spoken_digits():
    """Return 1,200 synthesised strings of one to three digits in noise, 200 of them for the test.

    x: float32, shape (n, 72, 20): power in decibels, in steps of 2, of 20 bands from 100 to
    5,000 Hz, in 72 frames of 20 ms; y: int64, shape (n, 3): digit d as class d + 1, after the
    last one 0; spans: float32, shape (n, 3, 2), 0 after the last digit.

    The voices are those of a machine, with 10 variants for training and 2 others for the test.
    """
    with np.load(FOLDER / "spoken_digits.npz", allow_pickle=False) as file:
        x = 2 * (file["x"].astype(np.float32) - 10)
        y, spans = file["y"].astype(np.int64), file["spans"]
    n = 1000
    return SpokenDigits(x[:n], y[:n], spans[:n], x[n:], y[n:], spans[n:])
