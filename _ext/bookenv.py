"""What the build learns from its surroundings, and what it adds to the pages."""

import functools
import os
import re
import shutil
import subprocess
import textwrap
from html import escape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from docutils import nodes
from sphinx import addnodes

PDFS = {"cheat-sheet": "Cheat sheet (.pdf)", "lossbook": "Whole book (.pdf)"}
HOSTS = {"github.com", "gitlab.com"}
LICENCES = "chapters/reference/licences"
TEXT = re.compile(r">[^<]*")
CHINESE = re.compile(r"[\u4e00-\u9fff]+")
MARK = re.compile(r"<!--.*?-->")
ADDRESS = re.compile(r"(?:https://(?:[^@/]+@)?|git@|ssh://git@)([^/:]+)[/:](.+?)(?:\.git)?/?")


def repository_url(folder):
    """Return the address of the book's repository, or "" when it is not known.

    It comes from BOOK_REPOSITORY_URL, from the variables that GitHub and GitLab set in their
    jobs, or from the git remote ``origin`` of ``folder``, credentials left out.
    """
    environment = os.environ
    if url := environment.get("BOOK_REPOSITORY_URL"):
        return url.rstrip("/")
    if name := environment.get("GITHUB_REPOSITORY"):
        return f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    if url := environment.get("CI_PROJECT_URL"):
        return url.rstrip("/")
    match = ADDRESS.fullmatch(git(folder, "remote", "get-url", "origin"))
    return f"https://{match[1]}/{match[2]}" if match and match[1] in HOSTS else ""


def git(folder, *arguments):
    """Return what git says of a folder, or "" where it has nothing to say."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def set_repository(app, config):
    """Show repository, issue and launch buttons where the address is known, and none elsewhere."""
    url, options = repository_url(app.srcdir), dict(config.html_theme_options)
    for key in ("repository_url", "launch_buttons"):  # without an address they would lead elsewhere
        options.pop(key, None)
    options.update(
        use_repository_button=bool(url), use_issues_button=bool(url), use_edit_page_button=False
    )
    if url:
        branch = os.environ.get("GITHUB_REF_NAME") or "main"
        options.update(repository_url=url, repository_branch=branch, path_to_docs="")
    if urlsplit(url).hostname == "github.com":
        options["launch_buttons"] = {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        }
    config.html_theme_options = options


def set_address(app, config):
    """Tell the extensions for published sites where the book will be read."""
    url = os.environ["BOOK_BASEURL"].rstrip("/") + "/"
    config.html_baseurl = config.ogp_site_url = url
    config.sitemap_url_scheme, config.sitemap_excludes = "{link}", ["404.html", "search.html"]
    config.ogp_social_cards, config.ogp_use_first_image = {"enable": False}, True
    config.notfound_urls_prefix = urlsplit(url).path


def preview(app, pagename, templatename, context, doctree):
    """Hand social media, which know no SVG, a picture of the drawing that is first on a page."""
    first = doctree and doctree.next_node(nodes.image)
    name = Path(first["uri"]).name if first else ""
    if name.endswith(".svg") and shutil.which("rsvg-convert"):
        source = next(path for path, stored in app.builder.images.items() if stored == name)
        picture = Path(app.outdir, "_images", f"{name}.png")
        picture.parent.mkdir(exist_ok=True)
        command = ["rsvg-convert", "--width=1200", "-o", picture, Path(app.srcdir, source)]
        subprocess.run(command, check=True)
        told = {"og:image": f"{app.config.html_baseurl}_images/{picture.name}"}
        context["meta"] = {**(context["meta"] or {}), **told, "og:image:alt": first["alt"]}


def buttons(context, group):
    """Return the list of buttons that a group in the header of a page holds."""
    return next((b["buttons"] for b in context["header_buttons"] if b.get("label") == group), [])


def open_published_notebooks(app, pagename, templatename, context, doctree):
    """Let Colab, which opens a notebook alone, take it from the branch where it holds addresses.

    Binder takes the whole repository, from the branch that the book is built from.
    """
    own = f"/blob/{app.config.html_theme_options.get('repository_branch')}/"
    for button in buttons(context, "launch-buttons"):
        if button["text"] == "Colab":
            button["url"] = button["url"].replace(own, f"/blob/{os.environ['BOOK_BRANCH']}/")


def pdf(app, name):
    """Return where ``python3 make.py pdf`` writes a PDF, beside the site."""
    return Path(app.outdir).with_name("pdf") / f"{name}.pdf"


def add_pdfs(app, config):
    """Put the PDFs that are there on the site; with the first, all pages are written again."""
    found = filter(Path.exists, (pdf(app, name) for name in PDFS))
    config.html_extra_path = [*config.html_extra_path, *map(str, found)]


def offer_pdfs(app, pagename, templatename, context, doctree):
    """Offer the PDF of the book on each page, that of the cheat sheet on its own, and to print."""
    for name, text in PDFS.items():
        if name in ("lossbook", Path(pagename).name) and pdf(app, name).exists():
            url = context["pathto"](f"{name}.pdf", resource=True)
            link = {"type": "link", "url": url, "text": text, "icon": "fas fa-file-pdf"}
            buttons(context, "download-buttons").append(link)
    for button in buttons(context, "download-buttons"):
        if button["text"] == ".pdf":  # it prints the page
            button["text"] = "Print"


@functools.cache
def commit_of(folder):
    return git(folder, "rev-parse", "--short", "HEAD")


def sign(app, pagename, templatename, context, doctree):
    """Say at the foot of a page its version, its licences, and where to report an error on it."""
    commit = commit_of(app.srcdir)
    version = " ".join(("Version", app.config.release, f"({commit})" * bool(commit))).strip()
    url = app.config.html_theme_options.get("repository_url", "")
    context["theme_extra_footer"] = f"<p>{version}</p>"
    if LICENCES in app.env.all_docs:
        link = f'<a href="{context["pathto"](LICENCES)}">Licences</a>'
        context["theme_extra_footer"] += f"<p>{link}</p>"
    if doctree and urlsplit(url).hostname == "github.com":
        title = re.sub("<[^>]*>", "", context["title"])
        form = urlencode({"template": "error.yml", "page": title, "version": version})
        link = f'<a href="{url}/issues/new?{escape(form)}">Report an error on this page</a>'
        context["theme_extra_footer"] += f"<p>{link}</p>"


def describe(app, pagename, templatename, context, doctree):
    """Tell search engines what a page is about, in the words of its first paragraph."""
    first = doctree and next(doctree.findall(nodes.paragraph), None)
    if first and "sphinxext.opengraph" not in app.extensions:
        words = escape(textwrap.shorten(first.astext(), 160, placeholder=" …"))
        context["metatags"] += f'<meta name="description" content="{words}">'


def title_print(app, pagename, templatename, context, doctree):
    """Let a printed page have the title that it has on the screen, with its number."""
    if doctree:
        context["pagetitle"] = context["title"]


def drop_options(app, pagename, templatename, context, doctree):
    """Leave out what only a theme with versions and its own search asks for, before it is there."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "DOCUMENTATION_OPTIONS." not in (script.attributes.get("body") or "")
    ]


def strip_marks(app, doctree):
    """Take the marks that tie numbers to values out of alternative texts, which are read aloud."""
    for image in doctree.findall(nodes.image):
        image["alt"] = MARK.sub("", image.get("alt", ""))


def mark_chinese(app, pagename, templatename, context, doctree):
    """Tell screen readers and browsers which words of an English page are Chinese."""
    if "body" in context:
        context["body"] = TEXT.sub(
            lambda text: CHINESE.sub(r'<span lang="zh">\g<0></span>', text[0]), context["body"]
        )


def add_letters(app, doctree):
    """Put a line of letters above the glossary, each a link to the first term that starts so."""
    for glossary in doctree.findall(addnodes.glossary):
        first = {}
        for term in glossary.findall(nodes.term):
            first.setdefault(term.astext()[0].upper(), term["ids"][0])
        links = " ".join(f'<a href="#{place}">{letter}</a>' for letter, place in first.items())
        line = f'<nav class="letters" aria-label="Letters">{links}</nav>'
        glossary.insert(0, nodes.raw("", line, format="html"))


def let_links_name_labels(app, doctree):
    """Let links end in what a page calls a section, exercise or term: page.ipynb#label."""
    known = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for node in doctree.findall(nodes.Element):
        for label in node["ids"]:
            known.setdefault(label, (0, label, ""))


def insert_formula(app, what, name, obj, options, lines):
    """Typeset the formula on the card of a loss after the one that its docstring has in NumPy."""
    start = next((n for n, line in enumerate(lines) if line.startswith("Formula:")), None)
    if what == "class" and start is not None:
        # SymPy takes a second, which pages without a loss need not wait for.
        from lossbook.book.card import formula

        loss, end = obj(), lines.index("", start)
        added = [f"In symbols, as on the card of ``{loss!r}``:"]
        added += [f".. math:: {text}" for text in formula(loss)]
        lines[end:end] = [line for text in added for line in ("", text)]


def leave_out_aliases(app, what, name, obj, options, lines):
    """Say nothing of the field of a tuple where Python would say its number."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()


def setup(app):
    if os.environ.get("BOOK_BASEURL"):  # without an address these extensions warn
        app.connect("config-inited", set_address, priority=50)
        app.connect("html-page-context", preview, priority=400)  # before sphinxext.opengraph
        for name in ("sphinx_sitemap", "sphinxext.opengraph", "notfound.extension"):
            app.setup_extension(name)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", insert_formula)
    app.connect("autodoc-process-docstring", leave_out_aliases)
    app.connect("config-inited", set_repository, priority=100)
    app.connect("doctree-read", strip_marks)
    app.connect("doctree-read", add_letters)
    app.connect("doctree-read", let_links_name_labels)
    app.connect("html-page-context", mark_chinese)
    app.connect("html-page-context", sign)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", drop_options, priority=900)
    app.connect("html-page-context", title_print, priority=600)  # after the theme's title
    app.connect("config-inited", add_pdfs)
    app.connect("html-page-context", offer_pdfs, priority=600)  # after the theme's buttons
    if os.environ.get("BOOK_BRANCH"):
        app.connect("html-page-context", open_published_notebooks, priority=600)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
