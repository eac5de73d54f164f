"""The pages of the book, in the order of its table of contents; names are paths without an end."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def files(entry):
    """Return the files at and below an entry of the table of contents, in order."""
    below = [*entry.get("chapters", ()), *entry.get("sections", ())]
    own = [entry["file"]] if "file" in entry else []
    return own + [file for part in below for file in files(part)]


TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
PAGES = [TOC["root"], *(file for part in TOC["parts"] for file in files(part))]
CHAPTERS = [file for part in TOC["parts"] if part.get("numbered") for file in files(part)]
ASSIGNMENTS = [page for page in PAGES if page.startswith("assignments/")]
# Those of the assignments hold no outputs.
NOTEBOOKS = [p for p in PAGES if (ROOT / f"{p}.ipynb").exists() and p not in ASSIGNMENTS]
TEXTS = [page for page in PAGES if (ROOT / f"{page}.md").exists()]
# What students must not see in the source of an assignment.
SECRET = re.compile(
    r"(?ms)^ *### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)^ *### END (?:SOLUTION|HIDDEN TESTS)"
)
