"""The published site: built once from the stored outputs, checked as files and in a browser.

Sphinx notices neither bad formulas nor dead HTML links, scripts that fail, requests to other
hosts or a contrast that is too low.  Each check returns or yields problems; the pages of the
book go through it, and so does a page that was broken on purpose.
"""

import base64
import functools
import gzip
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

import bookenv
import lean
import nbformat
import pytest
import styles
from building import ADDRESSES, build, scratch_book, surroundings
from contents import CHAPTERS, PAGES, ROOT, SECRET
from fontTools.ttLib import TTFont
from needs import need
from pages import (
    DESK,
    PARTS,
    PHONE,
    SCROLLS,
    THIN,
    TOO_WIDE,
    UNFOLD,
    UNTYPESET,
    page_problems,
    served,
    shifts,
    show,
    visit,
)
from PIL import Image

import lossbook
from lossbook import CATALOGUE
from lossbook.book import figures

# --- building ----------------------------------------------------------------------------

BAD_PAGE = r"""# Bad

<p>Without its class: \(y\) <span class="math">z</span></p>

[Elsewhere](https://example.org) is fine.

<p><a href="missing.html">file</a> <a href="index.html#missing">anchor</a>
<a href="/index.html">absolute</a></p>

<p><img src="https://example.org/a.png" alt="of another host">
<img src="_static/favicon.svg">
<img src="_static/favicon.svg" alt="_images/a.png">
<img src="_static/favicon.svg" alt="at 3.5<!--value-->">
<img src="_static/favicon.svg" alt="flat" width="64" height="64" style="height: 16px"></p>

<table><tr><th></th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>

<div style="width: 900px">wide</div>

<pre style="mask: none"><i style="padding: 400px">unsaid</i></pre>
<div style="display: flex"><b class="eqno">(1)</b><b class="katex-display" style="overflow: auto;
width: 9em; margin: 0; mask: none">long<i style="padding: 400px">formula</i></b></div>
<pre style="mask-image: linear-gradient(#000, #000)">whole</pre>

<p style="color: #999; background: #888">faint</p>

<style>[data-theme="dark"] pre [lang] { color: #444; }</style>
<pre><span class="n">first</span> <span class="n">again</span> <span class="n" lang="en">dim</span>
<span class="n" style="color: #fff">pale</span> <span class="n" style="background: #111">dark</span>
<span class="hll">line <span class="k">one</span></span>
<span class="hll">line <span class="o" style="color: #fff">nested</span></span></pre>
<pre style="background: #222"><span class="n">boxed</span></pre>

<script>nothing.at.all; </script>
"""


GREEN = """<svg xmlns="http://www.w3.org/2000/svg" width="40pt" height="20pt" viewBox="0 0 40 20">
<path d="M0 0H40V20H0z" fill="green"/></svg>"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A book that knows its addresses and has PDFs, and a bad page that stops no build."""
    pages = {"bad": BAD_PAGE, "cheat-sheet": "# Sheet"}
    pages["pictured"] = "# Pictured\n\n![Red](red.png)\n"
    pages["drawn"] = "# Drawn\n\n![Green](green.svg)\n"
    folder = scratch_book(tmp_path_factory.mktemp("scratch"), **pages)
    Image.new("RGB", (40, 20), "red").save(folder / "red.png")
    (folder / "green.svg").write_text(GREEN, "utf-8")
    addresses = {
        "BOOK_REPOSITORY_URL": "https://github.com/acme/lossbook",
        "BOOK_BASEURL": "https://acme.example.org/lossbook",
        "BOOK_BRANCH": "published",
    }
    target = tmp_path_factory.mktemp("scratch-site")
    for name in bookenv.PDFS:
        path = target / "_build" / "pdf" / f"{name}.pdf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    built = build(folder, target, **addresses)
    assert built.code == 0, built.text
    return built


def test_the_book_is_built_without_a_warning(site):
    assert (site.code, re.findall("WARNING|ERROR", site.text)) == (0, []), site.text


def test_a_reference_that_leads_nowhere_stops_the_build(tmp_path):
    links = "[a](#sec-none), [b](chapters/one.ipynb#ex-none), [c](no-page.md)"
    folder = scratch_book(tmp_path / "book", bad=f"# Bad\n\n{{numref}}`fig-none`, {links}\n")
    built = build(folder, tmp_path / "site")
    assert built.code != 0
    for place in ("fig-none", "sec-none", "ex-none", "no-page"):
        assert place in built.text


def test_what_was_wrong_stops_the_next_build_too(tmp_path):
    wrong = {"a": "{ref}`none`", "b": "```{none}\n```", "c": "[c](none.md)", "d": "{cite}`none`"}
    folder = scratch_book(tmp_path / "book", **dict.fromkeys(wrong, "# Page\n\nText.\n"))

    def named(**pages):
        """Change pages; return those that the build names."""
        for page, words in pages.items():
            (folder / f"{page}.md").write_text(f"# Page\n\n{words}\n", "utf-8")
        built = build(folder, tmp_path / "site")
        assert bool(built.code) == ("WARNING" in built.text)
        return {page for page in wrong if f"{page}.md:3: WARNING" in built.text}

    assert [named(), named(**wrong), named(index="Other.")] == [set(), set(wrong), set(wrong)]
    assert named(a="Right.") == {"b", "c", "d"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_watching_builds_after_each_change(tmp_path):
    folder = scratch_book(tmp_path / "book", two="# Two\n\nBefore.\n")
    html = folder / "_build" / "html" / "two.html"
    command = [sys.executable, ROOT / "tools" / "watch.py"]
    told = {"cwd": folder, "env": surroundings(), "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **told) as process:
        late = threading.Timer(300, process.kill)
        late.start()

        def said():
            line = next(line for line in process.stdout if line.startswith("make.py: "))
            return re.search("done|failed", line)[0]

        assert said() == "done" and "Before." in html.read_text("utf-8")
        for words, state in [("After.", "done"), ("{ref}`none`", "failed"), ("Right.", "done")]:
            (folder / "two.md").write_text(f"# Two\n\n{words}\n", "utf-8")
            assert said() == state and (words in html.read_text("utf-8")) == (state == "done")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        late.cancel()


@pytest.mark.parametrize("formula", [r"\nosuchmacro", "x}", "{z", r"\begin{aligned} a"])
def test_a_bad_formula_stops_the_build(formula, tmp_path):
    folder = scratch_book(tmp_path / "book", bad=f"# Bad\n\n$$ {formula} $$\n")
    built = build(folder, tmp_path / "site")
    assert built.code != 0 and "bad.md:3: WARNING: bad formula: " in built.text


# --- files -------------------------------------------------------------------------------


class Page(HTMLParser):
    """The anchors of a page, the elements that link or fetch, and the words for its images."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.alts = {"", "top"}, [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.add(values.get("id") or "")
        if tag == "a":
            self.anchors.add(values.get("name") or "")
        if tag == "img":
            self.alts.append(values.get("alt"))
        addresses = [values.get(key) for key in ("href", "src", "poster", "data")]
        candidates = (values.get("srcset") or "").split(",")
        addresses += [part.split()[0] for part in candidates if part.strip()]
        kind = "canonical" if values.get("rel") == "canonical" else tag
        self.links += [(kind, found) for found in addresses if found is not None]


read_page = functools.cache(Page)


def file_problems(html, path):
    """Yield links that lead nowhere, what comes from other hosts, and images without words."""
    for alt in read_page(path).alts:
        if not alt or re.search("<!--|_images/", alt):
            yield f"alt text {alt!r}"
    for kind, address in read_page(path).links:
        url = urlsplit(address)
        if url.netloc or url.scheme in ("http", "https"):
            if kind not in ("a", "area", "canonical"):
                yield f"<{kind}> fetches {address}"
        elif url.path.startswith("/"):
            yield f"{address} breaks where the site is published in a folder"
        elif not url.scheme:
            there = (path.parent / unquote(url.path)).resolve()
            target = there if url.path else path
            anchor = unquote(url.fragment)
            if not target.is_relative_to(html.resolve()) or not target.is_file():
                yield f"{address} leads to no file"
            elif anchor and anchor not in read_page(target).anchors:
                yield f"{address} leads to no anchor"


def test_every_page_of_the_toc_is_there(site):
    built = {page: (site.html / f"{page}.html").is_file() for page in PAGES}
    assert [page for page in PAGES if not built[page]] == []


def test_every_link_leads_somewhere_and_nothing_comes_from_another_host(site):
    paths = site.html.resolve().rglob("*.html")
    pages = [path for path in paths if "_static" not in path.parts]
    problems = {page.name: list(file_problems(site.html, page)) for page in pages}
    assert {name: found for name, found in problems.items() if found} == {}


def test_bad_links_are_reported(scratch):
    problems = file_problems(scratch.html, scratch.html.resolve() / "bad.html")
    assert list(problems) == [
        "alt text None",
        "alt text '_images/a.png'",
        "alt text 'at 3.5<!--value-->'",
        "missing.html leads to no file",
        "index.html#missing leads to no anchor",
        "/index.html breaks where the site is published in a folder",
        "<img> fetches https://example.org/a.png",
    ]


HEADING = re.compile(
    r'<h1>(?:<span class="section-number">([\d.]+)\s*</span>)?(.*?)<a class="headerlink"'
)


def title_of(site, page):
    """Return (number, title) of a built page."""
    heading = HEADING.search((site.html / f"{page}.html").read_text("utf-8"))
    return heading[1], re.sub(r"<[^>]*>", "", heading[2])


LISTED = re.compile(
    r'<li class="toctree-l\d( current active)?[^>]*><a class="(current )?[^>]*href="([^"]*)"'
)


@pytest.mark.parametrize("page", PAGES[1:])
def test_the_list_beside_a_page_has_all_pages_and_shows_this_one(page, site):
    text = (site.html / f"{page}.html").read_text("utf-8")
    found = LISTED.findall(text.replace("\n", ""))
    pages = [urljoin(f"{page}.html", link).removesuffix(".html") for _, _, link in found]
    around = [name for name, (active, _, _) in zip(pages, found, strict=True) if active]
    above = [name for name in around[:-1] if Path(name).name == "index"]
    assert pages == PAGES[1:] and around == [*above, page]
    assert above == [f"{Path(page).parent}/index"] * ("/document-" in page)
    assert [link for _, current, link in found if current] == ["#"]


@pytest.mark.parametrize("page", PAGES)
def test_no_two_parts_of_a_page_have_the_same_name(page, site):
    names = Counter(re.findall(r'\sid="([^"]*)"', (site.html / f"{page}.html").read_text("utf-8")))
    twice = [name for name, many in names.items() if many > 1]
    # Each docstring counts its citations from 1; nothing leads to them.
    assert len(names) > 3 and [name for name in twice if not re.fullmatch(r"id\d", name)] == []


def test_chapters_are_numbered_through_the_parts(site):
    numbers = {page: title_of(site, page)[0] for page in PAGES}
    expected = {page: f"{number}." for number, page in enumerate(CHAPTERS, 1)}
    assert {page: number for page, number in numbers.items() if number} == expected
    printed = re.compile(
        r'<div id="jb-print-docs-body".*?<h1>(?:<span class="section-number">)?([\d.]+)?', re.DOTALL
    )
    pages = {page: (site.html / f"{page}.html").read_text("utf-8") for page in PAGES}
    assert {page: printed.search(text)[1] for page, text in pages.items()} == numbers


def test_no_solution_of_an_assignment_and_no_hidden_test_is_on_the_site(site):
    sources = (ROOT / "assignments" / "source").glob("*.ipynb")
    cells = [cell for path in sources for cell in nbformat.read(path, as_version=4).cells]
    hidden = [part for cell in cells for part in SECRET.findall(cell.source)]
    marks = {line.strip() for part in hidden for line in part.splitlines() if "Marking" in line}
    assert len(hidden) > 100 and len(marks) > 5
    for path in site.html.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".js", ".txt") and "_static" not in path.parts:
            text = path.read_text("utf-8", errors="replace")
            found = [mark for mark in marks | {"BEGIN SOLUTION", "HIDDEN TESTS"} if mark in text]
            assert not found, path


# --- weight ------------------------------------------------------------------------------

ICON = re.compile(r"\b(fa-(?!solid|lg)[a-z-]+)")


def icon_problems(html, icons):
    """Yield the icons that the theme's style sheet and font, cut to what is used, do not draw."""
    static = html / "_static"
    style = (static / styles.SITE).read_text("utf-8")
    whole = TTFont(
        static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    ).getBestCmap()
    drawn = TTFont(static / "icons.woff").getBestCmap()
    for name, sign in re.findall(r'--pst-icon-([a-z-]+):"(.)"', style):
        if ord(sign) in whole and ord(sign) not in drawn:
            yield name
    for icon in sorted(icons):
        rule = re.search(rf'\.{icon}:before[^}}]*content:"\\(f[0-9a-f]+)"', style)
        if not rule or int(rule[1], 16) not in drawn:
            yield icon


def test_each_icon_is_drawn_and_few_others(site):
    texts = [(site.html / f"{page}.html").read_text("utf-8") for page in PAGES]
    icons = {icon for text in texts for icon in ICON.findall(text)}
    assert {"fa-magnifying-glass", "fa-circle-half-stroke"} <= icons
    assert list(icon_problems(site.html, icons | {"fa-kiwi-bird"})) == ["fa-kiwi-bird"]
    assert (site.html / "_static" / "icons.woff").stat().st_size < 5000


def test_a_rebuild_lightens_what_it_writes_and_gives_what_a_first_build_gives(tmp_path):
    two = '# Two\n\n<i class="fa-solid fa-kiwi-bird"></i>'
    folder = scratch_book(tmp_path / "book", two=two)
    again = build(folder, tmp_path / "site")
    page = again.html / "two.html"
    written = page.stat().st_mtime_ns
    text = '# Scratch\n\n<i class="fa-solid fa-dragon"></i>'
    (folder / "index.md").write_text(text, "utf-8")
    again, first = build(folder, tmp_path / "site"), build(folder, tmp_path / "first")
    assert (again.code, page.stat().st_mtime_ns) == (0, written), again.text
    assert list(icon_problems(again.html, {"fa-kiwi-bird", "fa-dragon"})) == []
    # Sphinx tells the version of files that extensions write only in a second build.
    there, here = (
        {
            (
                path.relative_to(built.html),
                re.sub(rb"\.(css|js)\?v=\w+", rb".\1", path.read_bytes()),
            )
            for path in built.html.rglob("*.*")
            if path.is_file()
        }
        for built in (again, first)
    )
    assert {path for path, _ in there ^ here} == set()


def test_each_picture_has_a_size_and_all_but_the_first_load_late(site):
    for page in PAGES:
        text = (site.html / f"{page}.html").read_text("utf-8")
        pictures = re.findall(r"<img [^>]*_images/[^>]*>", text)
        assert all(' width="' in tag and ' height="' in tag for tag in pictures), page
        assert all('loading="lazy"' in tag for tag in pictures[1:]), page
        again = lean.PICTURE.sub(lean.Sized(site.html / f"{page}.html"), text)
        assert again == text, f"a second build changes {page}"


def test_a_drawing_is_as_large_as_the_picture_of_the_same_figure(tmp_path):
    picture, drawing = tmp_path / "a.png", tmp_path / "a.svg"
    figure = figures.subplots(width=7.5, height=3.4)[0]
    drawing.write_text(figures.svg(figure), "utf-8")
    picture.write_bytes(base64.b64decode(figures.png(figure)))
    assert [*lean.size(drawing)] == [*lean.size(picture)] == [1200, 544]


RULES = {
    "a,.kept{top:0}": "a,.kept{top:0}",
    "#gone,.kept.gone,.kept b{top:0}": ".kept b{top:0}",
    ".kept:not(.gone,#gone){top:0}": ".kept:not(.gone,#gone){top:0}",
    "@media print{.gone{top:0}.kept{top:0}}": "@media print{.kept{top:0}}",
    "@media screen{.gone{top:0}}": "",
    "@keyframes gone{to{top:0}}": "@keyframes gone{to{top:0}}",
}


@pytest.mark.parametrize("rules, left", RULES.items())
def test_a_rule_for_a_class_that_no_page_has_is_left_out(rules, left):
    assert styles.used(rules + "i{top:0}", {"kept"}) == left + "i{top:0}"


def test_each_page_loads_one_sheet_with_the_rules_that_pages_use(site):
    sheet = (site.html / "_static" / styles.SITE).read_text("utf-8")
    assert ".katex" in sheet and ".sd-card" in sheet and ".spinner-border" not in sheet
    assert len(gzip.compress(sheet.encode())) < 30_000
    for page in PAGES:
        text = (site.html / f"{page}.html").read_text("utf-8")
        assert text.count('rel="stylesheet"') == 1, page
        # The layout puts words into those of the theme: here, both are as it knows them.
        head = text.split('rel="stylesheet"')[0]
        assert 'matchMedia("(prefers-color-scheme: dark)")' in head, f"{page} is drawn before"
        assert not re.findall("<script (?![^>]*defer)[^>]*src=", text), f"{page} waits for scripts"


def weight(tab, url):
    """Return what a first visit to a page sends before anyone scrolls, compressed, in bytes."""
    sent = []

    def note(response):
        packed = response.url.endswith((".png", ".woff", ".woff2"))
        sent.append(len(response.body() if packed else gzip.compress(response.body(), 6)))

    page = tab.context.browser.new_page(viewport={"width": 1440, "height": 900})
    page.on("response", note)
    page.goto(url, wait_until="networkidle")
    page.close()
    return sum(sent)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_light(page, tab, address):
    assert weight(tab, f"{address}/{page}.html") < (200_000 if page == "index" else 350_000)


# --- addresses ---------------------------------------------------------------------------

SERVICES = re.compile(
    r"mybinder\.org/v2|colab\.research|btn-source-\w+|executablebooks/jupyter-book|\w\.pdf"
)


def test_without_an_address_or_a_pdf_there_are_no_buttons_that_need_one(site):
    for page in PAGES:
        text = (site.html / f"{page}.html").read_text("utf-8")
        header = text[text.index("bd-header-article") : text.index("<article")]
        assert SERVICES.findall(header) == [], page


def test_with_an_address_the_buttons_lead_to_it(scratch):
    links = read_page(scratch.html / "chapters" / "one.html").links
    outside = [found for kind, found in links if kind == "a" and "//" in found]
    assert {address.split("?title=")[0] for address in outside} == {
        "https://mybinder.org/v2/gh/acme/lossbook/main?urlpath=lab/tree/chapters/one.ipynb",
        "https://colab.research.google.com/github/acme/lossbook/blob/published/chapters/one.ipynb",
        "https://github.com/acme/lossbook",
        "https://github.com/acme/lossbook/issues/new",
        "https://github.com/acme/lossbook/issues/new?template=error.yml&page=1.+One"
        "&version=Version+0.1.0",
    }


@pytest.mark.parametrize(
    "page, pdfs",
    [("chapters/one", ["lossbook"]), ("cheat-sheet", ["cheat-sheet", "lossbook"]), ("search", [])],
)
def test_a_pdf_that_was_made_is_offered(page, pdfs, scratch):
    path = scratch.html / f"{page}.html"
    links = [found for _, found in read_page(path).links if found.endswith(".pdf")]
    assert [(path.parent / link).read_text() for link in links] == pdfs


def test_each_page_names_its_version_and_licences(site):
    for page in PAGES:
        text = (site.html / f"{page}.html").read_text("utf-8")
        assert re.search(r'<p><a href="(?:[\w./-]*licences\.html|#)">Licences</a></p>', text), page
        assert f"<p>Version {lossbook.__version__}</p>" in text and "Report an error" not in text


def test_with_the_address_of_the_site_there_are_a_sitemap_and_a_404_page(scratch):
    sitemap = (scratch.html / "sitemap.xml").read_text("utf-8")
    place = "https://acme.example.org/lossbook/"
    names = "bad", "chapters/one", "cheat-sheet", "drawn", "genindex", "index", "pictured"
    pages = [f"{place}{name}.html" for name in names]
    assert sorted(re.findall("<loc>(.*?)</loc>", sitemap)) == pages
    one = (scratch.html / "chapters" / "one.html").read_text("utf-8")
    assert (
        f'<link rel="canonical" href="{pages[1]}"' in one
        and f'"og:url" content="{pages[1]}"' in one
    )
    pictured = (scratch.html / "pictured.html").read_text("utf-8")
    assert f'"og:image" content="{place}_images/red.png"' in pictured
    assert '"og:title" content="1. One"' in one and '"description" content="Text."' in one
    assert "<title>Scratch</title>" in (scratch.html / "index.html").read_text("utf-8")
    missing = (scratch.html / "404.html").read_text("utf-8")
    assert f"/lossbook/_static/{styles.SITE}" in missing


def test_social_media_get_a_picture_of_a_drawing(scratch):
    need("PAPER", **{"rsvg-convert": shutil.which("rsvg-convert")})
    text = (scratch.html / "drawn.html").read_text("utf-8")
    name = re.search(r'"og:image" content="https://acme.example.org/lossbook/(.*?)"', text)[1]
    with Image.open(scratch.html / name) as picture:
        assert picture.size == (1200, 600) and picture.getpixel((600, 300))[:3] == (0, 128, 0)
    assert '"og:image:alt" content="Green"' in text


KNOWN = "https://github.com/acme/lossbook"
REMOTES = {
    "https://github.com/acme/lossbook": KNOWN,
    "https://github.com/acme/lossbook.git": KNOWN,
    "https://github.com/acme/lossbook/": KNOWN,
    "https://someone:secret@github.com/acme/lossbook.git": KNOWN,
    "git@github.com:acme/lossbook.git": KNOWN,
    "ssh://git@github.com/acme/lossbook": KNOWN,
    "https://secret@gitlab.com/acme/books/loss.git": "https://gitlab.com/acme/books/loss",
    "https://example.org/acme/lossbook": "",
    "https://github.com@example.org/acme/lossbook": "",
    "http://github.com/acme/lossbook": "",
    "git@example.org:acme/lossbook.git": "",
    "../lossbook": "",
    "/srv/git/lossbook.git": "",
}


@pytest.fixture
def no_address(monkeypatch):
    for name in (*ADDRESSES, "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
@pytest.mark.parametrize("remote, address", REMOTES.items())
def test_the_address_is_that_of_the_remote(remote, address, tmp_path, no_address):
    git = ["git", "-C", tmp_path]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    assert bookenv.repository_url(tmp_path) == address


def test_the_environment_goes_before_the_git_remote(tmp_path, no_address):
    no_address.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert bookenv.repository_url(tmp_path) == ""
    no_address.setenv("CI_PROJECT_URL", "https://gitlab.example.org/a/b/")
    assert bookenv.repository_url(tmp_path) == "https://gitlab.example.org/a/b"
    no_address.setenv("GITHUB_REPOSITORY", "acme/lossbook")
    assert bookenv.repository_url(tmp_path) == KNOWN
    no_address.setenv("BOOK_REPOSITORY_URL", "https://github.com/c/d/")
    assert bookenv.repository_url(tmp_path) == "https://github.com/c/d"


# --- a browser ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(site):
    with served(site.html) as url:
        yield url


@pytest.mark.parametrize("name", [*PAGES, "search"])
def test_a_page_in_the_browser(name, tab, address):
    problems = page_problems(tab, f"{address}/{name}.html")
    assert not problems, "\n".join([name, *problems])


def test_text_and_formulas_are_there_without_a_script(tab, address):
    page = tab.context.browser.new_page(java_script_enabled=False)
    page.goto(f"{address}/{CHAPTERS[0]}.html")
    formulas = page.locator("article .math .katex-html")
    assert formulas.count() > 20 and formulas.first.is_visible()
    assert page.locator("article p").first.is_visible()
    assert page.locator("html").get_attribute("data-theme") == "light"  # else no colours at all
    page.close()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_page_with_buttons_for_its_repository(width, tab, scratch):
    with served(scratch.html) as url:
        assert page_problems(tab, f"{url}/chapters/one.html", width) == []


def test_a_chapter_opened_on_a_phone(tab, address):
    with visit(tab, f"{address}/{CHAPTERS[0]}.html", PHONE) as problems:
        show(tab, "light", PHONE)
        assert tab.evaluate(UNTYPESET) + tab.evaluate(TOO_WIDE) + problems == []


END = """() => document.querySelectorAll("[data-more]").forEach((e) => { e.scrollLeft = 1e6; })"""


def test_what_scrolls_fades_until_its_end(tab, address):
    with visit(tab, f"{address}/{CHAPTERS[1]}.html", PHONE) as problems:
        tab.evaluate(UNFOLD)
        show(tab, "light", PHONE)
        assert tab.locator(".katex-display[data-more]").count() > 3
        assert tab.evaluate(SCROLLS, PARTS) == problems == []
        tab.evaluate(END)
        tab.wait_for_function("!document.querySelector('[data-more]')")
        assert tab.evaluate(SCROLLS, PARTS) == []


ATLAS = "chapters/reference/atlas.html"
LOSSES = """() => [...document.querySelectorAll("table.sortable tbody tr")]
  .filter((row) => !row.hidden).map((row) => row.cells[0].textContent.trim())"""


def test_the_table_of_losses_sorts_and_filters(tab, address):
    with visit(tab, f"{address}/{ATLAS}") as problems:
        names, first = tab.evaluate(LOSSES), tab.locator("table.sortable th button").first
        assert names == [type(loss).__name__ for loss in CATALOGUE]
        first.click()
        assert tab.evaluate(LOSSES) == sorted(names, key=str.lower)
        first.click()
        assert tab.evaluate(LOSSES) == sorted(names, key=str.lower, reverse=True)
        assert tab.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
        tab.locator("table.sortable th button").nth(2).click()
        column = "table.sortable tbody td:nth-child(3)"
        minimisers = [text.strip() for text in tab.locator(column).all_inner_texts()]
        assert minimisers == sorted(minimisers, key=lambda text: (not text, text))
        tab.get_by_label("Rows with").fill("mse_LOSS")
        assert tab.evaluate(LOSSES) == ["SquaredError"]
        said = tab.locator("label.filter output")
        assert said.inner_text() == ""
        tab.get_by_label("Rows with").fill("no such loss")
        assert tab.evaluate(LOSSES) == [] and said.inner_text() == "None."
        tab.get_by_label("Rows with").fill("")
        assert len(tab.evaluate(LOSSES)) == len(CATALOGUE)
    assert not problems


SHEET = "chapters/reference/cheat-sheet.html"
# What a reader of a tile stumbles over; exponents and indices may be smaller than the least size.
STUMBLES = """(least) => [...document.querySelectorAll("ul.cheat-sheet li")].flatMap((tile) => {
  const all = (what) => [...tile.querySelectorAll(what)];
  const box = (part) => part.getBoundingClientRect();
  const letters = all(".katex-html span:not(.msupsub *, .vlist-s)")
    .filter((span) => !span.childElementCount && span.textContent.trim());
  const size = (letter) => parseFloat(getComputedStyle(letter).fontSize) * letter.currentCSSZoom;
  const lines = all(".math").map((line) => [...line.querySelectorAll(".katex-base")].map(box));
  const top = (line) => Math.min(...line.map((part) => part.top));
  const bottom = (line) => Math.max(...line.map((part) => part.bottom));
  const asks = box(tile.querySelector(":scope > div"));
  return Object.entries({
    "is cut": tile.scrollWidth > tile.clientWidth + 1 || bottom(lines.at(-1)) > box(tile).bottom,
    "is small": Math.min(...letters.map(size)) < least,
    "touches its curves": top(lines[0]) < box(tile.querySelector("svg")).bottom + 3,
    "runs into the next": lines.some((line, n) => n && top(line) < bottom(lines[n - 1])),
    "touches the words": asks.height && bottom(lines.at(-1)) > asks.top + 1,
  }).filter(([, found]) => found).map(([what]) => `${tile.querySelector("b").textContent} ${what}`);
})"""
A4 = 733, 1062  # the pixels between margins of 8 mm


def test_the_cheat_sheet_is_one_sheet_of_a4_and_is_read_with_ease(tab, address):
    with visit(tab, f"{address}/{SHEET}"):
        tab.evaluate(UNTYPESET)
        for width in (1200, PHONE, DESK):
            show(tab, "light", width)
            assert tab.evaluate(STUMBLES, 9) == [], width
        tab.emulate_media(media="print")
        tab.set_viewport_size(dict(zip(("width", "height"), A4)))
        assert tab.evaluate(STUMBLES, 8) == []  # 6 points
        assert tab.locator("article h1").is_visible()
        pdf = tab.pdf(format="A4", print_background=True, prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


QUANTILES = "chapters/formulas/quantiles.html"
LATE = """setTimeout(() => document.querySelector("article").insertAdjacentHTML("afterbegin",
  '<p style="height: 300px"></p>'), 2500);"""


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize(
    "page", ["index.html", "index.html#what-you-need", QUANTILES, f"{QUANTILES}#exercises", ATLAS]
)
def test_nothing_moves_while_a_page_is_loaded(page, width, tab, address):
    found = shifts(tab, f"{address}/{page}", width)
    assert sum(value for value, _ in found) <= 0.02, found


def test_what_moves_is_reported(tab, address):
    found = shifts(tab, f"{address}/index.html", PHONE, LATE)
    assert sum(value for value, _ in found) > 0.1


@pytest.fixture(scope="module")
def bad_page_problems(tab, scratch):
    with served(scratch.html) as url:
        return page_problems(tab, f"{url}/bad.html")


@pytest.mark.parametrize(
    "start",
    [
        "formula not typeset: z",
        r"LaTeX in the text: Without its class: \(y\)",
        "requests https://example.org/a.png",
        "script error: nothing is not defined",
        f"axe, light, {DESK} px: image-alt (critical)",
        f"axe, light, {PHONE} px: image-alt (critical)",
        f"axe, light, {DESK} px: empty-table-header (minor)",
        f"axe, light, {DESK} px: color-contrast (serious)",
        f"axe, dark, {DESK} px: color-contrast (serious)",
        f"axe, light, {PHONE} px: color-contrast (serious)",
        f"axe, dark, {PHONE} px: color-contrast (serious)",
        "scrolls sideways",
        "out of proportion: flat",
        "scrolls unsaid: unsaid",
        "fades without a rest: whole",
        "number beside a formula that is cut: long",
        "cut on paper: unsaid",
    ],
)
def test_a_bad_page_is_reported(start, bad_page_problems):
    assert any(p.startswith(start) for p in bad_page_problems), bad_page_problems


HARD_TO_READ = [("light", word) for word in ("pale", "dark", "nested", "boxed")] + [("dark", "dim")]


@pytest.mark.parametrize("theme, word", HARD_TO_READ)
def test_a_span_of_code_that_is_hard_to_read_is_reported(theme, word, bad_page_problems):
    start = f"axe, {theme}, {DESK} px: color-contrast"
    assert any(p.startswith(start) and f">{word}<" in p for p in bad_page_problems)


def test_of_the_spans_of_code_that_look_alike_one_is_left(tab, scratch):
    with served(scratch.html) as url, visit(tab, f"{url}/bad.html"):
        tab.evaluate(THIN)
        left = tab.locator("pre span:not(.hll, [data-alike])").all_inner_texts()
    assert left == ["first", "dim", "pale", "dark", "one", "nested", "boxed"]


def test_a_page_that_is_missing_is_reported(tab, address):
    with visit(tab, f"{address}/missing.html") as problems:
        assert f"{address}/missing.html answers 404" in problems


# What a reader comes with, and the words of it that the table of problems has.
PROBLEMS = {
    "prices outliers": "prices with outliers",
    "demand under-stocked": "demand, under-stocked",
    "counts visits": "counts",
    "ages": "ages 0–100",
    "spam": "spam",
    "rare disease": "rare disease",
    "ten classes wrong labels": "some labels wrong",
    "tags several": "tags",
    "face matching": "face matching",
    "segmentation organs": "segmentation of small organs",
    "captions": "captions",
    "waiting times": "waiting times",
    "ranking answers": "ranking of answers",
    "forecast interval": "forecast with a 90 % interval",
}
CHOOSING, FAQ = "chapters/challenges/choosing", "chapters/reference/faq"


def test_a_problem_is_three_clicks_from_the_landing_page(site):
    """The landing page links the table; a row of it links the chapter. A NaN is in the FAQ."""
    start = (site.html / "index.html").read_text("utf-8")
    assert f'href="{CHOOSING}.html#tab-choosing-losses"' in start
    table = (site.html / f"{CHOOSING}.html").read_text("utf-8")
    table = table[table.index('id="tab-choosing-losses"') :].partition("</table>")[0]
    rows = [row for row in table.split("<tr") if 'class="reference internal" href="' in row]
    linked = re.sub("<[^>]*>", "", "".join(rows))
    lost = {words for words in PROBLEMS.values() if words not in linked}
    assert lost == set()
    assert f'href="{FAQ}.html"' in start
    assert 'href="#faq-nan"' in (site.html / f"{FAQ}.html").read_text("utf-8")


def test_the_site_works_from_files_without_a_server(tab, site):
    page, start = CHAPTERS[0], site.html.as_uri()
    with visit(tab, f"{start}/{page}.html") as problems:
        assert tab.locator(".math").count() > 0
        assert tab.evaluate(UNTYPESET) + problems == []


def test_letters_lead_through_the_glossary(tab, address):
    with visit(tab, f"{address}/chapters/reference/glossary.html", PHONE) as problems:
        terms = tab.locator("dl.glossary > dt").evaluate_all("t => t.map(e => [e.innerText, e.id])")
        first = {}
        for text, place in terms:
            first.setdefault(text[0].upper(), f"#{place}")
        links = tab.get_by_role("navigation", name="Letters").locator("a")
        assert links.evaluate_all("a => a.map(e => [e.innerText, e.hash])") == [
            list(item) for item in first.items()
        ]
        sizes = links.evaluate_all("a => a.map(e => [e.offsetWidth, e.offsetHeight])")
        assert len(first) > 15 and min(map(min, sizes)) >= 44 and problems == []


FOLDS = "chapters/formulas/imbalance.html"
WORDS = """() => document.querySelector("#sol-imbalance-4 p").textContent
  .match(/ ((?:[a-z]+ ){3}[a-z]+) /)[1]"""


@pytest.mark.parametrize("script", [True, False])
def test_what_is_folded_opens_for_a_press(script, tab, address):
    page = tab.context.browser.new_page(java_script_enabled=script)
    page.goto(f"{address}/{FOLDS}")
    text = page.locator("#sol-imbalance-2 p").first
    assert not text.is_visible()
    page.get_by_text("Solution to Exercise 13.2 ", exact=False).click()
    assert text.is_visible() and not page.locator("#sol-imbalance-1 p").first.is_visible()
    page.close()


def test_what_is_folded_opens_for_a_link_and_for_words_in_it(tab, address):
    with visit(tab, f"{address}/{FOLDS}#sol-imbalance-1") as problems:
        assert tab.locator("details.solution[open]").get_attribute("id") == "sol-imbalance-1"
        words = quote(tab.evaluate(WORDS))
    with visit(tab, f"{address}/{FOLDS}?found#:~:text={words}") as more:
        assert tab.locator("details.solution[open]").get_attribute("id") == "sol-imbalance-4"
        assert problems == more == []


FOCUS = """() => document.activeElement.className.match(/[a-z]+-(?:button|toggle)/g)?.at(-1)"""


def test_the_contents_of_a_phone_give_way_to_what_was_chosen(tab, address):
    with visit(tab, f"{address}/chapters/reference/faq.html", PHONE) as problems:
        tab.locator(".secondary-toggle").press("Enter")
        link = tab.locator("dialog[open] a[href^='#']").last
        place = link.get_attribute("href")
        link.press("Enter")
        tab.wait_for_function("() => !document.querySelector('dialog[open]')")
        tab.wait_for_timeout(100)
        assert tab.evaluate(FOCUS) is None  # the keyboard goes on from there
        assert tab.evaluate("() => location.hash") == place and problems == []


def test_the_button_for_light_and_dark_says_which_it_is(tab, address):
    with visit(tab, f"{address}/{CHAPTERS[0]}.html", DESK):
        tab.evaluate("() => delete localStorage.mode")
        for mode in "auto", "dark", "light":  # dark first, since the browser prefers light
            tab.locator(f"html[data-mode={mode}]").wait_for(state="attached")
            button = tab.get_by_role("button", name=f"Colour theme: {mode}", exact=True)
            button.click()


def test_the_keyboard_stays_on_what_it_pressed(tab, address):
    with visit(tab, f"{address}/{CHAPTERS[0]}.html", PHONE) as problems:
        mode = tab.locator("html").get_attribute("data-mode")
        tab.locator(".theme-switch-button").focus()
        tab.keyboard.press("Enter")
        tab.locator(f"html:not([data-mode={mode}])").wait_for(state="attached")
        tab.wait_for_function(f"({FOCUS})() === 'switch-button'")
        for part, name in ("primary", "Pages"), ("secondary", "Contents"):
            tab.locator(f".{part}-toggle").focus()
            tab.keyboard.press("Enter")
            tab.get_by_role("dialog", name=name).wait_for()
            tab.keyboard.press("Escape")
            tab.wait_for_function(f"({FOCUS})() === '{part}-toggle'")
        tab.evaluate("() => localStorage.clear()")
        assert problems == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_list_of_pages_shows_the_page(width, tab, address):
    own = tab.locator(".bd-links .current > a").last
    with visit(tab, f"{address}/index.html", width) as problems:
        pass
    with visit(tab, f"{address}/{CHAPTERS[-1]}.html", width) as more:
        if width == PHONE:
            tab.locator(".primary-toggle").click()
        tab.wait_for_function(
            "e => e.getBoundingClientRect().bottom < innerHeight", arg=own.element_handle()
        )
        assert own.is_visible() and problems == more == []


def test_formulas_are_whole_where_the_system_chooses_colours(tab, address):
    colours = "e => [getComputedStyle(e).color, getComputedStyle(e).forcedColorAdjust]"
    with visit(tab, f"{address}/{CHAPTERS[0]}.html", DESK) as problems:
        tab.emulate_media(forced_colors="active")
        text, _ = tab.locator("article p").first.evaluate(colours)
        formula = tab.locator("article p .katex-html").first.evaluate(colours)
        tab.emulate_media(forced_colors="none")
        assert formula == [text, "none"] and problems == []


COPIED = """() => {
  const [formula] = document.querySelectorAll("article p:has(.katex)");
  getSelection().selectAllChildren(formula);
  const data = new DataTransfer();
  document.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true }));
  return [data.getData("text/plain"), formula.querySelector("annotation").textContent];
}"""


def test_a_formula_is_copied_as_latex(tab, address):
    with visit(tab, f"{address}/chapters/formulas/quantiles.html") as problems:
        copied, latex = tab.evaluate(COPIED)
        assert f"${latex}$" in copied and "\u200b" not in copied and problems == []


LINKS = """() => [...new Set([...document.querySelectorAll("article a:not(.headerlink, .nav-link)")]
  .flatMap((a) => [a, ...a.querySelectorAll("code")]).map((e) => getComputedStyle(e).color))]"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_links_have_one_colour_in_text_tables_and_code(theme, tab, address):
    with visit(tab, f"{address}/chapters/reference/atlas.html"):
        show(tab, theme)
        assert len(tab.evaluate(LINKS)) == 1


def test_a_dark_page_is_printed_light(tab, address):
    page = tab.locator("html")
    with visit(tab, f"{address}/{CHAPTERS[0]}.html"):
        show(tab, "dark")
        for event, theme in ("beforeprint", "light"), ("afterprint", "dark"):
            tab.evaluate("name => dispatchEvent(new Event(name))", event)
            assert page.get_attribute("data-theme") == theme


def test_a_rebuild_counts_as_a_first_build_does(tmp_path):
    numbered = ":::{{exercise}}\n:label: ex-{0}\nText.\n:::\n\n"
    numbered += ":::{{table}} Caption\n:name: tab-{0}\n| a |\n|---|\n| 1 |\n:::\n\n"
    text = "# Two\n\n{ref}`ex-b`, {numref}`tab-b`\n\n"
    folder = scratch_book(tmp_path / "book", two="")
    for exercises in "b", "ab":
        (folder / "two.md").write_text(text + "".join(map(numbered.format, exercises)), "utf-8")
        built = build(folder, tmp_path / "site")
        assert built.code == 0, built.text
        page, last = (built.html / "two.html").read_text("utf-8"), len(exercises)
        assert f">Exercise 2.{last}<" in page and f">Table 2.{last}<" in page
