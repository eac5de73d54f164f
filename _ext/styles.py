"""One style sheet for all pages, with the rules that one of them uses.

A dozen sheets, one of which asks for another, cost a phone a second before it shows a word, and
most of their bytes are for parts that the book does not have.
"""

import os
import re

SITE = "styles/site.css"
THEME = ["styles/theme.css", "styles/pydata-sphinx-theme.css"]  # its layout links them by itself
LATER = ["katex/katex.min.css"]  # _ext/formulas.py brings it
IMPORT = re.compile(r'@import\s+(?:url\()?"?([^")]+)"?\)?;')
ADDRESS = re.compile(r"""url\((["']?)(?!["']?(?:data:|#))""")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
BRACE = re.compile(r"[{}]")
NAME = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")
COMMA = re.compile(r",(?!(?:[^()]|\([^()]*\))*\))")  # not one inside parentheses
INSIDE = re.compile(r"\([^()]*\)")  # of :is, :not and such: one of many is enough, or none
HOLDS_RULES = "@media", "@supports", "@layer", "@container"


def sheet(app, static, known):
    """Return the sheet, of what is linked to pages, for the classes and identifiers they have."""
    linked = [str(sheet.filename).removeprefix("_static/") for sheet in app.builder._css_files]
    styles = "".join(read(static / name, static / SITE) for name in [*THEME, *linked, *LATER])
    for script in static.rglob("*.js"):  # a script can add any name that it holds
        if "fontawesome" not in script.name and "search-" not in script.name:
            known = known.union(re.findall(r"[\w-]+", script.read_text("utf-8")))
    return used(styles, known)


def read(sheet, site):
    """Return a sheet with those that it imports, its addresses as they are seen from the site's."""
    text = COMMENT.sub("", sheet.read_text("utf-8")).replace('@charset "UTF-8";', "")
    up = os.path.relpath(sheet.parent, site.parent).replace(os.sep, "/")
    text = ADDRESS.sub(rf"url(\1{up}/", text)
    return IMPORT.sub(lambda found: read(sheet.parent / found[1], site), text) + "\n"


def rules(styles):
    """Yield the head and the body of each rule."""
    depth = start = 0
    for brace in BRACE.finditer(styles):
        depth += 1 if brace[0] == "{" else -1
        if depth == 1 and brace[0] == "{":
            head, opened = styles[start : brace.start()].strip(), brace.end()
        elif depth == 0:
            yield head, styles[opened : brace.start()]
            start = brace.end()


def used(styles, known):
    """Leave out the rules for classes and identifiers that are not known."""
    kept = []
    for head, body in rules(styles):
        if head.startswith(HOLDS_RULES):
            body = used(body, known)
        elif not head.startswith("@"):
            head = ",".join(one for one in COMMA.split(head) if known.issuperset(needed(one)))
        if head and body.strip():
            kept.append(f"{head}{{{body}}}")
    return "".join(kept)


def needed(selector):
    """Return the classes and identifiers without which a selector finds nothing."""
    while (outer := INSIDE.sub("", selector)) != selector:
        selector = outer
    return NAME.findall(selector)
