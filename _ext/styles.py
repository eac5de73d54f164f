"""One style sheet for all pages, with the rules that one of them uses.

A dozen sheets, one of which asks for another, cost a phone a second before it shows a word, and
seven in ten of their bytes are for parts that the book does not have.
"""

import os
import re
from pathlib import Path

SITE = "styles/site.css"
THEME = ["styles/theme.css", "styles/pydata-sphinx-theme.css"]  # its layout links them by itself
LATER = ["katex/katex.min.css"]  # _ext/formulas.py brings it
IMPORT = re.compile(r'@import\s+(?:url\()?"?([^")]+)"?\)?;')
ADDRESS = re.compile(r"""url\((["']?)(?!["']?(?:data:|#))""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CLASSES = re.compile(r'(?:class|id)="([^"]*)"')
NAME = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")
COMMA = re.compile(r",(?![^(]*\))")
NOT = re.compile(r":not\([^()]*\)")  # what a rule excludes need not be there
HOLDS_RULES = "@media", "@supports", "@layer", "@container"


def write(app, exception):
    """Put the sheets together when all is written, also what lean.py leaves of the theme's."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    linked = [str(sheet.filename) for sheet in app.builder._css_files]
    own = [name.removeprefix("_static/") for name in linked]
    styles = "".join(read(static / name, static / SITE) for name in [*THEME, *own, *LATER])
    (static / SITE).write_text(used(styles, names(app.outdir)), "utf-8")


def read(sheet, site):
    """Return a sheet with those that it imports, its addresses as they are seen from the site's."""
    text = COMMENT.sub("", sheet.read_text("utf-8")).replace('@charset "UTF-8";', "")
    up = os.path.relpath(sheet.parent, site.parent).replace(os.sep, "/")
    text = ADDRESS.sub(rf"url(\1{up}/", text)
    return IMPORT.sub(lambda found: read(sheet.parent / found[1], site), text) + "\n"


def names(out):
    """Return the classes and identifiers of the pages, and all words of the scripts."""
    found, out = set(), Path(out)
    for page in out.rglob("*.html"):
        if "_static" not in page.relative_to(out).parts:
            found.update(CLASSES.findall(page.read_text("utf-8")))
    found = {name for value in found for name in value.split()}
    for script in (out / "_static").rglob("*.js"):
        if "fontawesome" not in script.name and "search-" not in script.name:
            found.update(re.findall(r"[\w-]+", script.read_text("utf-8")))
    return found


def used(styles, known):
    """Leave out the rules for classes and identifiers that are not known."""
    kept, start = [], 0
    while (opening := styles.find("{", start)) >= 0:
        head, end, depth = styles[start:opening].strip(), opening + 1, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(styles[end], 0)
            end += 1
        body, start = styles[opening + 1 : end - 1], end
        if head.startswith(HOLDS_RULES):
            body = used(body, known)
        elif not head.startswith("@"):
            selectors = COMMA.split(head)
            head = ",".join(s for s in selectors if known.issuperset(NAME.findall(NOT.sub("", s))))
        if head and body.strip():
            kept.append(f"{head}{{{body}}}")
    return "".join(kept)


def setup(app):
    app.connect("build-finished", write, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
