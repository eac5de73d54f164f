"""What some tests need beside the book's own requirements."""

import os

import pytest


def need(promise, **found):
    """Leave a test, or a whole file, out where something is not found; fail where it is promised.

    ``found`` says of each thing whether it is there; REQUIRE_<promise>=1 promises all of them.
    """
    lacking = [name.replace("_", " ") for name, there in found.items() if not there]
    if lacking:
        message = f"missing: {', '.join(lacking)}"
        if os.environ.get(f"REQUIRE_{promise}"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message, allow_module_level=True)
