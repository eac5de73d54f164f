"""The pages of the book, in the order of its table of contents; names are paths without an end."""

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
NOTEBOOKS = [page for page in PAGES if (ROOT / f"{page}.ipynb").exists()]
NOTEBOOKS = [page for page in NOTEBOOKS if page not in ASSIGNMENTS]  # those hold no outputs
TEXTS = [page for page in PAGES if (ROOT / f"{page}.md").exists()]
