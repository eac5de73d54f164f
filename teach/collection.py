"""Take in what a learning platform hands over: a folder or a zip of notebooks, by student."""

import re
import zipfile
from pathlib import Path

from .submission import LARGEST

# As Moodle and Canvas name downloads, then plain folders.  ``again`` counts later hand-ins.
NAMINGS = [
    r"(?P<student>[^/]+?)_(?P<number>\d+)_assignsubmission_file_?/?(?P<file>[^/]*)\.ipynb",
    r"(?P<student>[^/_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>[^/]*?)(?:-(?P<again>\d+))?\.ipynb",
    r"(?P<student>[^/]+)/(?P<file>[^/]+)\.ipynb",
    r"(?P<student>[^/]+)\.ipynb",
]


def student_of(path):
    """Return the student's name as a slug and the count of the hand-in, None for another file."""
    inner = "/".join(part for part in path.split("/") if part not in ("", "."))
    for naming in NAMINGS:
        if found := re.search(rf"(?:^|/){naming}$", inner):
            parts = found.groupdict()
            words = re.findall(r"\w+", f"{parts['student']} {parts.get('number') or ''}".lower())
            return "-".join(words), int(parts.get("again") or 0)
    return None


def files(source):
    """Yield (path, time, bytes) of each file of a folder or a zip; too large a one is cut."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                yield (
                    path.relative_to(source).as_posix(),
                    path.stat().st_mtime,
                    file.read(LARGEST + 1),
                )
    else:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as file:
                        yield entry.filename, entry.date_time, file.read(LARGEST + 1)


def collect(source, target):
    """Store the last notebook of each student as STUDENT.ipynb; return (students, other files)."""
    newest, others = {}, []
    for path, moment, content in files(Path(source)):
        found = student_of(path)
        if found is None or Path(path).name.startswith("."):
            others.append(path)
        else:
            student, again = found
            newest[student] = max(newest.get(student, ()), (again, moment, content))
    target.mkdir(parents=True, exist_ok=True)
    for student, (_, _, content) in newest.items():
        (target / f"{student}.ipynb").write_bytes(content)
    return sorted(newest), others
