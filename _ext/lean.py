"""Sends what pages use: icons, scripts and styles that none of them needs stay behind.

When the pages are written, icons are cut out of the theme's font and style sheet, scripts that draw
them again are left out, and pictures get 256 colours, their size, and leave to be loaded late.
"""

import re
import shutil
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

from fontTools import subset
from PIL import Image

# The theme draws its icons by a font, and then once more by half a megabyte of JavaScript.
UNUSED = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>")
ICON = re.compile(r"\bfa-[a-z0-9-]+")
ICON_RULE = re.compile(r'(\.fa-[a-z0-9-]+:before(?:,\.fa-[a-z0-9-]+:before)*)\{content:"[^"]*"\}')
ICON_FONT = re.compile(r"src:url\([^)]*fa-solid-900\.woff2\)[^}]*")
CODE = re.compile(r'"\\(f[0-9a-f]{3})"|"([\uf000-\uf8ff])"')  # as an escape or as it is
PICTURE = re.compile(r'<img (?!width=)([^>]*src="([^"]*/?_images/[^"]+\.png)"[^>]*)>')
SOUND = re.compile(r'<audio ([^>]*)src="data:audio/(\w+);base64,([^"]+)"')


def lighten(app, exception):
    """Go through what was written; what an earlier build has lightened stays as it is."""
    if exception or app.builder.format != "html":
        return
    out, kept = Path(app.outdir), Path(app.doctreedir) / "lean"
    kept.mkdir(exist_ok=True)
    for picture in (out / "_images").glob("*.png"):
        fewer_colours(picture, kept / picture.name)
    icons = set()
    for page in out.rglob("*.html"):
        if "_static" not in page.relative_to(out).parts:
            text = page.read_text("utf-8")
            icons |= set(ICON.findall(text))
            lean = SOUND.sub(Stored(page, out), PICTURE.sub(Sized(page), UNUSED.sub("", text)))
            if lean != text:
                page.write_text(lean, "utf-8")
    cut_icons(out / "_static", icons, kept)


def fewer_colours(picture, kept):
    """Store a picture with 256 colours, or 64 if it is heavy; keep the result for other builds."""
    if not kept.exists():
        shutil.copyfile(picture, kept)
        with Image.open(picture) as image:
            colours = [] if image.mode == "P" else [256, 64]
            while colours and kept.stat().st_size > 100_000 * (colours[0] == 64):
                few = image.convert("RGB").quantize(colours.pop(0), dither=Image.Dither.NONE)
                few.save(kept, optimize=True)
    shutil.copyfile(kept, picture)


class Sized:
    """Replaces the pictures of a page by such with a size, all but the first loaded late."""

    def __init__(self, page):
        self.page, self.first = page, True

    def __call__(self, found):
        with Image.open(self.page.parent / found[2]) as image:
            width, height = image.size
        late = "" if self.first else ' loading="lazy"'
        self.first = False
        return f'<img width="{width}" height="{height}"{late} {found[1]}>'


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


def cut_icons(static, icons, kept):
    """Leave in the theme's style sheet and font the icons that a page or another rule shows."""
    sheet = static / "styles" / "pydata-sphinx-theme.css"

    def rule(found):
        return found[0] if icons & {name[1:-7] for name in found[1].split(",")} else ""

    style = ICON_RULE.sub(rule, sheet.read_text("utf-8"))
    style = ICON_FONT.sub('src:url(../icons.woff) format("woff")', style)
    sheet.write_text(style, "utf-8")
    styles = "".join(path.read_text("utf-8") for path in static.rglob("*.css"))
    found = {escaped or f"{ord(sign):x}" for escaped, sign in CODE.findall(styles)}
    codes = ",".join(sorted(found))
    source = static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
    font = kept / f"{sha256(codes.encode() + source.read_bytes()).hexdigest()}.woff"
    if not font.exists():
        subset.main([str(source), f"--unicodes={codes}", "--flavor=woff", f"--output-file={font}"])
    shutil.copyfile(font, static / "icons.woff")


def setup(app):
    app.connect("build-finished", lighten, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
