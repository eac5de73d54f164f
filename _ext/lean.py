"""Sends what pages use: icons, scripts and styles that none of them needs stay behind.

When the pages are written, their style sheets become one, the theme's font is cut to the icons that
it shows, scripts that draw them again are left out, and pictures get their size and leave to be
loaded late.
"""

import json
import re
import shutil
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import styles
from PIL import Image

# The theme draws its icons by a font, and then once more by half a megabyte of JavaScript.
UNUSED = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>")
NAMES = re.compile(r'(?:class|id)="([^"]*)"')
ICON_FONT = re.compile(r"src:url\([^)]*fa-solid-900\.woff2\)[^}]*")
UNSET = re.compile('(<html[^>]* data-theme=")auto"')  # a script sets it; without one, no colours
CODE = re.compile(r'"\\(f[0-9a-f]{3})"|"([\uf000-\uf8ff])"')  # as an escape or as it is
PICTURE = re.compile(r'<img (?!width=)([^>]*src="([^"]*/?_images/[^"]+\.(?:png|svg))"[^>]*)>')
POINTS = re.compile(r'<svg [^>]*width="([\d.]+)pt" height="([\d.]+)pt"')
SOUND = re.compile(r'<audio ([^>]*)src="data:audio/(\w+);base64,([^"]+)"')


def lighten(app, exception):
    """Lighten the pages that this build has written; it knows the classes of the others."""
    if exception or app.builder.format != "html":
        return
    out, kept = Path(app.outdir), Path(app.doctreedir) / "lean"
    kept.mkdir(exist_ok=True)
    store, known, since, named = kept / "names.json", {}, 0, {}
    if store.exists():  # it is older than the pages that were written after it
        known, since = json.loads(store.read_text("utf-8")), store.stat().st_mtime_ns
    for page in sorted(out.rglob("*.html")):
        name = page.relative_to(out).as_posix()
        if name in known and page.stat().st_mtime_ns <= since:
            named[name] = known[name]
        elif not name.startswith("_static/"):
            named[name] = lighten_page(page, out)
    store.write_text(json.dumps(named), "utf-8")
    for name in ("searchtools.js", "language_data.js"):  # no page loads Sphinx's search
        (out / "_static" / name).unlink(missing_ok=True)
    sheet = styles.sheet(app, out / "_static", set().union(*named.values()))
    write_sheet(sheet, out / "_static", kept)


def lighten_page(page, out):
    """Write a page without what it does not use; return its classes and identifiers."""
    text = page.read_text("utf-8")
    lean = UNSET.sub(r'\g<1>light"', UNUSED.sub("", text), 1)
    lean = SOUND.sub(Stored(page, out), PICTURE.sub(Sized(page), lean))
    if lean != text:
        page.write_text(lean, "utf-8")
    return sorted({name for value in NAMES.findall(lean) for name in value.split()})


class Sized:
    """Replaces the pictures of a page by such with a size, all but the first loaded late."""

    def __init__(self, page):
        self.page, self.first = page, True

    def __call__(self, found):
        width, height = size(self.page.parent / found[2])
        late = "" if self.first else ' loading="lazy"'
        self.first = False
        return f'<img width="{width}" height="{height}"{late} {found[1]}>'


def size(picture):
    """Return the width and height of a picture, in pixels; a drawing in points has 160 an inch."""
    if picture.suffix == ".svg":
        points = POINTS.search(picture.read_text("utf-8"))
        return [round(float(length) * 160 / 72) for length in points.groups()]
    with Image.open(picture) as image:
        return image.size


class Stored:
    """Replaces the sounds in a page by files, which are loaded when someone listens."""

    def __init__(self, page, out):
        self.up, self.folder = "../" * (len(page.relative_to(out).parts) - 1), out / "_images"

    def __call__(self, found):
        attributes, kind, data = found.groups()
        sound = b64decode(data)
        name = f"{sha256(sound).hexdigest()}.{kind}"
        (self.folder / name).write_bytes(sound)
        return f'<audio {attributes}preload="none" src="{self.up}_images/{name}"'


def write_sheet(sheet, static, kept):
    """Write the style sheet, and the theme's font with the icons that a rule of it shows."""
    sheet = ICON_FONT.sub('src:url(../icons.woff) format("woff")', sheet)
    (static / styles.SITE).write_text(sheet, "utf-8")
    found = {escaped or f"{ord(sign):x}" for escaped, sign in CODE.findall(sheet)}
    codes = ",".join(sorted(found))
    source = static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    font = kept / f"{sha256(codes.encode() + source.read_bytes()).hexdigest()}.woff"
    if not font.exists():
        from fontTools import subset  # half a second, which most builds need not wait for

        subset.main([str(source), f"--unicodes={codes}", "--flavor=woff", f"--output-file={font}"])
    shutil.copyfile(font, static / "icons.woff")


def setup(app):
    app.connect("build-finished", lighten, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
