"""What a build need not do, for all pages or after the change of one, and what it must not forget.

Figures, tables and exercises are numbered by a walk through all pages: an outline of each is kept,
which holds what can have a number.  The list of exercises, which each build reads and writes,
refers to the whole pages that they stand on: it gets copies.  The list of pages that stands beside
each is made once; its cost would grow with the square of their number.  And a page with a warning
is read again by the next build, which would otherwise pass, since the page has not changed.
"""

import logging
import pickle
import re
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sphinx import addnodes
from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.util.logging import NAMESPACE, SphinxWarningLogRecord, WarningStreamHandler
from sphinx.util.osutil import relative_uri

LINK = re.compile(
    r'<li class="(toctree-l\d)(?: current)?"><a class="(?:current )?(reference \w+)" href="([^"]*)"'
)
walk = TocTreeCollector.assign_figure_numbers


def outline(parent, counted):
    """Return what of a node can have a number, with the sections, captions and contents."""
    found = nodes.Element() if isinstance(parent, nodes.document) else parent.copy()
    for child in parent.children:
        if isinstance(child, nodes.title | nodes.caption) and counted(parent):
            found.append(child.deepcopy())
        elif isinstance(child, nodes.Element):
            inside = outline(child, counted)
            kept = isinstance(child, nodes.section | addnodes.toctree)
            if kept or inside.children or (child["ids"] and counted(child)):
                found.append(inside)
    return found


def alone(copy):
    """Return a copy that does not refer to its page, which would be stored with it."""
    for node in copy.findall():
        node.document = None
    return copy


def keep(app, doctree):
    """Keep the outline of a page that was read; have the list of exercises hold copies of its."""
    env = app.env

    def counted(node):
        return any(domain.get_enumerable_node_type(node) for domain in env.domains.values())

    env.metadata[env.docname]["outline"] = alone(outline(doctree, counted))
    for exercise in getattr(env, "sphinx_exercise_registry", {}).values():
        if exercise["docname"] == env.docname:
            exercise["node"] = alone(exercise["node"].deepcopy())


def assign_figure_numbers(collector, env):
    """Number what has a number, from the outlines in place of the pages."""
    env.get_doctree = lambda page: env.metadata[page]["outline"]
    try:
        return walk(collector, env)
    finally:
        del env.get_doctree


def list_pages(app, pagename, templatename, context, doctree):
    """Take the list of all pages from the page that asked first, and change the links in it."""
    lists = app.builder.__dict__.setdefault("lists_of_pages", {})
    own, first = app.builder.get_target_uri(pagename), context["toctree"]
    around = {own, *(urljoin(own, page["link"]) for page in context["parents"])}

    def from_root(found):
        level, kind, link = found.groups()
        return f'<li class="{level}"><a class="{kind}" href="{urljoin(own, link)}"'

    def from_own(found):
        level, kind, link = found.groups()
        level += " current" * (link in around)
        kind = "current " * (link == own) + kind
        return f'<li class="{level}"><a class="{kind}" href="{relative_uri(own, link) or "#"}"'

    def toctree(**options):
        key = tuple(sorted(options.items()))
        if key not in lists:
            lists[key] = LINK.sub(from_root, first(**options)).replace(' class="current"', "")
        return LINK.sub(from_own, lists[key])

    context["toctree"] = toctree


class Faults(WarningStreamHandler):
    """Holds the pages with a warning; None stands for a page that a warning does not name.

    Of this class, it stays behind Sphinx's own handler, which finds the place in the sources.
    """

    def __init__(self, app):
        super().__init__()
        self.setLevel(logging.WARNING)
        self.app, self.pages = app, set()

    def emit(self, record):
        if isinstance(record, SphinxWarningLogRecord):  # else it is one that settings suppress
            place = record.location or ""
            self.pages.add(self.app.env.path2doc(place.rpartition(":")[0]))

    def leave_unread(self, app, exception):
        """Let the pages count as changed since they were read; all, where one is not known."""
        if self.pages and not exception:
            read = app.env.all_docs
            read |= dict.fromkeys(read if None in self.pages else self.pages & read.keys(), 0)
            with Path(app.doctreedir, ENV_PICKLE_FILENAME).open("wb") as file:
                pickle.dump(app.env, file, pickle.HIGHEST_PROTOCOL)


def setup(app):
    TocTreeCollector.assign_figure_numbers = assign_figure_numbers
    app.connect("doctree-read", keep, priority=900)
    app.connect("html-page-context", list_pages, priority=100)  # before the theme asks for it
    faults = Faults(app)
    logging.getLogger(NAMESPACE).addHandler(faults)
    app.connect("build-finished", faults.leave_unread)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
