"""Compare every number in the prose with the value it quotes, and every claim with its cell.

    python tools/check_numbers.py [--fix] [notebook ...]

In the prose a number is followed by a comment that names a value recorded with
lossbook.book.notebook.glue in the same notebook, and its format: 0.850<!--best_mse:.3f-->.  A
sentence is followed by the name of a condition that lossbook.book.notebook.claim has found to hold:
It never settles.<!--claim never_settles-->

Reported are numbers that differ from their value, decimal numbers tied to nothing, unknown names,
and recorded values and claims that no prose uses.  Numbers in code, formulas, links and HTML are
not prose.  Captions and alternative texts are prose too.  --fix rewrites the numbers that differ.
"""

import ast
import re
import sys
from pathlib import Path

import nbformat
import run_notebooks

NUMBER = r"[-−+]?\d[\d,]*(?:\.\d+)?(?:e[-−+]?\d+)?|[-+]?(?:inf|nan)\b"
MARK = re.compile(rf"({NUMBER})<!--\s*([A-Za-z_]\w*)(?::([^>\s]*?))?\s*-->")
CLAIM = re.compile(r"<!--\s*claim\s+(.*?)\s*-->")
CODE = r"^(`{3,})[^`].*?^\1\s*$|`[^`]*`"
FORMULA = r"\$\$.*?\$\$|\$[^$]*\$|\\begin\{.*?\\end\{[^}]*\}"
NOT_PROSE = re.compile(rf"(?sm){CODE}|{FORMULA}|<!--.*?-->|<[^>]*>|\]\([^)]*\)|\{{[^}}]*\}}")
DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)")
RECORD = "application/papermill.record/text/plain"
LIBRARY = r"\b(?:Keras|TensorFlow|PyTorch|JAX|optax|scikit-learn|SciPy|NumPy)\b"
# What a library does is said in the third person, or with an auxiliary.
DOES = rf"{LIBRARY}(?:['’]s)?(?:\W+\w+){{0,4}}?\W+(?:\w+[^s\W]s|is|do|are|have|cannot|can|will)\b"
SUPPORT = r"<!--|\{(?:cite|eq|ref|numref|doc|prf)(?::\w)?\}|\]\((?!\S*glossary\.md)"
ITEM = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.)\s)")
END = re.compile(r"([.!?](?:<!--(?:(?!-->).)*-->|[)\]*”\"])*)\s+")


def recorded_values(notebook):
    """Return the values that the stored outputs hold under their names."""
    values = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name")
            if name:
                text = output["data"][RECORD]
                values[name] = (
                    float(text) if re.fullmatch(r"-?(inf|nan)", text) else ast.literal_eval(text)
                )
    return values


def prose_of(cell):
    """Yield (read, write) for each text of a cell that a reader sees as prose."""
    if cell.cell_type == "markdown":
        yield cell.source, lambda text: setattr(cell, "source", text)
    myst = cell.metadata.get("mystnb", {})
    for owner, key in ((myst.get("image", {}), "alt"), (myst.get("figure", {}), "caption")):
        if key in owner:
            yield (owner[key], lambda text, owner=owner, key=key: owner.__setitem__(key, text))


def written(value, spec):
    """Return ``value`` as the prose should write it, with a true minus sign."""
    return format(value, spec).replace("-", "−") if spec else str(value)


def same(a, b):
    """Return whether two written numbers are equal, whatever their minus sign looks like."""
    return a.replace("−", "-") == b.replace("−", "-")


def unsupported(notebook):
    """Yield each sentence that needs support and carries none.

    Summaries (*In short*) and what another library does lose their condition most easily, and no
    machine looks at them.  Support is a mark of a claim or a number, a citation, or a reference to
    the equation, section or page that shows it.
    """
    part = ""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = re.sub(rf"(?sm){CODE}", lambda code: "" if "\n" in code[0] else code[0], cell.source)
        for heading, body in re.findall(r"(?ms)^(?:##? +(.*?)$)?(.*?)(?=^##? |\Z)", text):
            part = heading or part
            for sentence in END.sub(r"\1\0", ITEM.sub("\0", body)).split("\0"):
                needs = sentence.strip() and (part == "In short" or re.search(DOES, sentence))
                if needs and not re.search(SUPPORT, sentence):
                    yield " ".join(sentence.split())


def check(notebook, fix=False):
    """Return (numbers checked, problems); with ``fix`` rewrite the numbers that differ."""
    values, used, problems, count = recorded_values(notebook), set(), [], 0

    def compare(match):
        nonlocal count
        count += 1
        number, name, spec = match.groups()
        if name not in values:
            problems.append(f"{number} quotes {name}, which no cell records")
            return match[0]
        used.add(name)
        if values[name] is True:
            problems.append(f"{number} quotes {name}, which is a claim: write <!--claim {name}-->")
            return match[0]
        right = written(values[name], spec)
        if not same(number, right):
            if fix:
                return match[0].replace(number, right, 1)
            problems.append(f"{number} quotes {name}, which is {right}: run --fix")
        return match[0]

    for cell in notebook.cells:
        for text, write in prose_of(cell):
            new = MARK.sub(compare, text)
            for name in (n for names in CLAIM.findall(text) for n in re.split(r",\s*", names)):
                used.add(name)
                if values.get(name) is not True:
                    problems.append(f"a sentence rests on the claim {name}, which no cell records")
            if fix and new != text:
                write(new)
            rest = NOT_PROSE.sub(" ", MARK.sub(" ", text))
            for loose in DECIMAL.finditer(rest):
                around = rest[max(0, loose.start() - 30) : loose.end() + 20]
                how = "record it with glue, or make it a formula"
                problems.append(f"{loose[0]} is tied to no value ({how}): …{around!r}")
    problems += [f"{name} is recorded and never quoted" for name in sorted(set(values) - used)]
    return count, problems


def main(arguments):
    fix = "--fix" in arguments
    paths = [Path(a) for a in arguments if a != "--fix"] or run_notebooks.notebooks()
    numbers, wrong = 0, 0
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        count, problems = check(notebook, fix)
        if fix:
            nbformat.write(notebook, path)
        for problem in problems:
            print(f"{path}: {problem}")
        numbers, wrong = numbers + count, wrong + len(problems)
    print(f"{numbers} numbers checked, {wrong} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
