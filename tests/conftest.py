"""Settings that the test processes and the notebooks' kernels inherit."""

import os

# The workers share the cores, and on small matrices further threads only wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
