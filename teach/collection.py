"""Take in what a learning platform hands over: a folder or a zip of notebooks, by student."""

import itertools
import os
import re
import time
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

from .submission import LARGEST

MOODLE = re.compile(r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_file_?.*")
# ``again`` counts later hand-ins.
CANVAS = re.compile(
    r"(?P<student>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_.*?(?:-(?P<again>\d+))?\.ipynb", re.I
)


def files(source):
    """Yield (path, time, bytes) of each file of a folder or a zip; too large a one is cut."""
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
            yield path.relative_to(source).as_posix(), path.stat().st_mtime, content
    else:
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    with archive.open(entry) as file:
                        content = file.read(LARGEST + 1)
                    yield entry.filename, time.mktime((*entry.date_time, 0, 0, -1)), content


def is_notebook(path):
    """Return whether a path is that of a notebook that is not hidden, by an editor or macOS."""
    parts = PurePosixPath(path).parts
    hidden = any(
        (part[0] == "." and part not in (".", "..")) or part == "__MACOSX" for part in parts
    )
    return not hidden and path.lower().endswith(".ipynb")


def students_of(paths, name):
    """Return {path: (student, count of the hand-in)} for notebooks of the assignment ``name``.

    The student is named by Moodle or Canvas, else by the first folder below those that all share,
    or by the file where all lie in one folder.  nbgrader's own folders STUDENT/NAME are understood.
    """
    found, plain = {}, {}
    for path in paths:
        *folders, file = [
            part for part in PurePosixPath(path).parts if part not in (".", "..", "/")
        ]
        moodle = next(filter(None, map(MOODLE.fullmatch, [*folders, file])), None)
        if match := moodle or CANVAS.fullmatch(file):
            parts = match.groupdict()
            found[path] = f"{parts['student']} {parts['number']}", int(parts.get("again") or 0)
        else:
            if folders and folders[-1] == name:
                folders.pop()
            plain[path] = folders, PurePosixPath(file).stem
    levels = zip(*(folders for folders, _ in plain.values()))
    shared = [level[0] for level in itertools.takewhile(lambda level: len({*level}) == 1, levels)]
    flat = all(len(folders) == len(shared) for folders, _ in plain.values())
    if flat and shared and name in {stem.lower() for _, stem in plain.values()}:
        flat, shared = False, shared[:-1]  # the folder of one student
    for path, (folders, stem) in plain.items():
        below = folders[len(shared) :]
        found[path] = stem if flat or not below else below[0], 0
    return found


def slugs(students):
    """Return {student: name for files}, another for each student."""
    result = {}
    for student in sorted(students):
        words = re.findall(r"\w+", unicodedata.normalize("NFC", student).lower())
        slug = wanted = "-".join(words) or "student"
        number = 1
        while slug in result.values():
            number += 1
            slug = f"{wanted}-{number}"
        result[student] = slug
    return result


def collect(source, target):
    """Store the last notebook of each student in the folder ``target``, as STUDENT.ipynb.

    The folder has the name of the assignment; a notebook that has it in its own is preferred.
    Return (students, [(file that was not taken, why)]).
    """
    name, found, left_out = target.name, {}, []
    for path, moment, content in files(Path(source)):
        if is_notebook(path):
            found[unicodedata.normalize("NFC", path)] = moment, content
        else:
            left_out.append((path, "no notebook"))
    owners = students_of(found, name)
    names, taken = slugs({student for student, _ in owners.values()}), {}
    for path, (student, again) in owners.items():
        rank = name in path.rpartition("/")[2].lower(), again, found[path]
        taken.setdefault(names[student], []).append((rank, path))
    target.mkdir(parents=True, exist_ok=True)
    for student, candidates in taken.items():
        *others, ((_, _, (moment, content)), path) = sorted(candidates)
        left_out += [(other, f"another of {student} was taken") for _, other in others]
        there = target / f"{student}.ipynb"
        if there.exists() and there.stat().st_mtime > moment:
            if there.read_bytes() != content:
                left_out.append((path, "older than what was collected before"))
            continue
        there.write_bytes(content)
        os.utime(there, (moment, moment))
    return sorted(taken), left_out
