"""Folds what a page shows only to who asks: solutions, and other boxes of the class ``dropdown``.

Browsers fold details by themselves: before any script, without one, and where their search finds a
word inside, they open.
"""

from docutils import nodes

SAME = "exercise-content", "solution-content"  # sphinx-exercise names each box of a page so


class details(nodes.Admonition, nodes.Element):
    """A box that is folded; its first child is the title."""


class summary(nodes.TextElement):
    """What a folded box shows."""


def fold(app, doctree, docname):
    """Make details of the boxes; a press on a title opens one, so there is no link in it."""
    if app.builder.format != "html":
        return
    for box in list(doctree.findall(nodes.Admonition)):
        for inside in box.findall(nodes.section):
            inside["ids"] = [name for name in inside["ids"] if name not in SAME]
        if "dropdown" in box["classes"]:
            title = summary("", "", *box[0].children, classes=["admonition-title"])
            for link in list(title.findall(nodes.reference)):
                link.replace_self(link.children)
            box.replace_self(details("", title, *box[1:], **box.attributes))


def visit_details(translator, node):
    translator.body.append(translator.starttag(node, "details", CLASS="admonition"))


def depart_details(translator, node):
    translator.body.append("</details>\n")


def visit_summary(translator, node):
    translator.body.append(translator.starttag(node, "summary", ""))


def depart_summary(translator, node):
    translator.body.append("</summary>\n")


def setup(app):
    app.add_node(details, html=(visit_details, depart_details))
    app.add_node(summary, html=(visit_summary, depart_summary))
    app.connect("doctree-resolved", fold, priority=900)  # after the titles have their numbers
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
