"""Spares a build that follows the change of one page what Sphinx does anew for all pages.

Figures, tables and exercises are numbered by a walk through all pages: an outline of each is kept,
which holds what can have a number.  And the list of exercises, which each build reads and writes,
refers to the whole pages that they stand on: it gets copies.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors.toctree import TocTreeCollector

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


def setup(app):
    TocTreeCollector.assign_figure_numbers = assign_figure_numbers
    app.connect("doctree-read", keep, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
