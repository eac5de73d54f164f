"""Find the first use of each term of the glossary in a chapter, and report those that are no link.

    python tools/check_terms.py [--fix]                  every chapter
    python tools/check_terms.py [--fix] [notebook ...]   the named ones

A term counts as used where it, or its plural, stands in running prose: not in code, formulas,
headings, links, nor in the list of what the reader will be able to do.  Inside a longer term, such
as *gradient* in *gradient descent*, it is no use.  --fix makes the first use the link,
[gradient](../reference/glossary.md#term-gradient), and a later link a word again.
"""

import re
import sys
from pathlib import Path

import nbformat
import run_notebooks

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "chapters" / "reference" / "glossary.md"
LINK = re.compile(r"\[([^]]*)\]\(([^()\s]*glossary\.md#term-[\w-]+)\)")
AIMS = re.compile(r"(?s):::\{admonition\} What you will be able to do.*?\n:::")
NOT_PROSE = re.compile(
    r"(?m)^`{3,}(?:(?!^`{3,})[\s\S])*^`{3,}|^:{3,}.*$|^:[\w-]+:.*$|^#.*$|^\(.*\)=$"  # lines
    r"|`[^`]*`|\$\$[^$]*\$\$|\$[^$]*\$"  # code, formulas
    r"|<!--(?:(?!-->)[\s\S])*-->|<[^>\n]*>|\{[\w:]+\}`[^`]*`|\[[^\]]*\]\([^)]*\)"  # marks, links
)
# A term that is an everyday word is not searched for; in these chapters another word looks the
# same: a verb (to weight), the temperature of the air, connectionist temporal classification.
EVERYDAY = {"error"}
OTHER_SENSE = {
    "ch-what-a-loss-is": {"temperature"},
    "ch-gradients": {"accuracy"},
    "ch-numbers-that-survive": {"blank"},
    "ch-embeddings": {"mask", "weight"},
    "ch-sequences": {"classification"},
    "ch-training-loop": {"weight"},
    "ch-custom-loss": {"margin"},
    "ch-images": {"blank"},
    "ch-speech": {"sample"},
    "ch-looking-at-losses": {"filter"},
    "ch-several-losses": {"weight"},
    "ch-large": {"residual", "weight"},
}


def terms():
    """Return the terms of the glossary, the longest first."""
    blocks = re.findall(r"(?ms)^:::\{glossary\}\n(.*?)^:::", GLOSSARY.read_text("utf-8"))
    found = [line for line in "".join(blocks).splitlines() if line[:1].strip()]
    return sorted(found, key=len, reverse=True)


def place(term):
    """Return where a link from a chapter to a term leads, by the anchor that Sphinx gives it."""
    anchor = re.sub(r"\W+", "-", term.encode("ascii", "ignore").decode())
    return f"../reference/glossary.md#term-{anchor}"


def pattern(term):
    """Return the expression that finds a term, at the start of a sentence or not, or its plural."""
    words = re.escape(term).replace(r"\ ", r"\s+")
    return re.compile(rf"(?<![\w-])(?:{words}|{words[0].upper()}{words[1:]})(?:s|es)?(?![\w-])")


def hidden(match):
    return re.sub(r"[^\n]", "\0", match[0])


def uses(notebook):
    """Yield (term, first use, links, cells); a use and a link are (number of the cell, match)."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    label = re.match(r"\(([\w-]+)\)=", cells[0].source) if cells else None
    skipped = EVERYDAY | OTHER_SENSE.get(label and label[1], set())
    prose = [NOT_PROSE.sub(hidden, AIMS.sub(hidden, cell.source)) for cell in cells]
    for term in terms():
        links = [
            (number, match)
            for number, cell in enumerate(cells)
            for match in LINK.finditer(cell.source)
            if match[2] == place(term)
        ]
        found = [(n, m) for n, text in enumerate(prose) if (m := pattern(term).search(text))]
        prose = [pattern(term).sub(hidden, text) for text in prose]
        first = found[0] if found and term not in skipped else None
        yield term, first, links, cells


def unlinked(notebook):
    """Yield (term, cell, match, later) for each first use that is no link; later: (cell, match)."""
    for term, first, links, cells in uses(notebook):
        start = first and (first[0], first[1].start())
        if first and not any((number, match.start()) < start for number, match in links):
            later = [(cells[number], match) for number, match in links[:1]]
            yield term, cells[first[0]], first[1], later


def fix(notebook):
    """Link each first use; return how many."""
    count = 0
    while (change := next(unlinked(notebook), None)) is not None:
        term, cell, match, later = change
        for other, link in later:
            start, end = link.span()
            other.source = other.source[:start] + link[1] + other.source[end:]
        start, end = match.span()
        link = f"[{' '.join(match[0].split())}]({place(term)})"
        cell.source = cell.source[:start] + link + cell.source[end:]
        count += 1
    return count


def main(arguments):
    problems, names = 0, [a for a in arguments if a != "--fix"]
    for name in names or run_notebooks.notebooks():
        notebook = nbformat.read(name, as_version=4)
        if not names and not any(AIMS.search(cell.source) for cell in notebook.cells):
            continue  # the errata and the questions are no chapters
        if "--fix" in arguments:
            print(name, fix(notebook), "terms linked")
            nbformat.write(notebook, name)
        for term, cell, _, _ in unlinked(notebook):
            print(f"{name}: {cell.id}: link the first use of {term}")
            problems += 1
    return problems


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
