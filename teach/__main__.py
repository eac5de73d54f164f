"""Release, collect and grade the assignments of the book.

    python3 make.py teach release NAME            the students' version
    python3 make.py teach collect NAME DOWNLOAD   a folder or a zip, as Moodle or Canvas names files
    python3 make.py teach grade NAME              what is new since the last time; --again: all
    python3 make.py teach open                    the page for what is graded by hand
    python3 make.py teach feedback NAME           a page for each student
    python3 make.py teach export                  the grades as CSV
    python3 make.py teach publish                 for authors: the students' versions in the book

All is kept in the folder `course`, or in the one that --course names.
"""

import argparse
import csv
import shutil
import signal
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

from . import sandbox
from .collection import collect
from .course import SOURCES, Course

UNCONFINED = """\
Bubblewrap is not there, or may not be used: the code of students would run as you, with your files
and your network. On Debian and Ubuntu: sudo apt install bubblewrap. Go on without? [y/N] """


def main(arguments=None):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # make.py, its parent, ignores it
    parser = argparse.ArgumentParser("make.py teach", description=__doc__.split("\n")[0])
    parser.add_argument("--course", default="course", type=Path, help="the folder of the course")
    commands = parser.add_subparsers(dest="command", required=True)
    names = sorted(path.stem for path in SOURCES.glob("*.ipynb"))
    for command in COMMANDS:
        sub = commands.add_parser(command)
        if command in ("release", "collect", "grade", "feedback"):
            sub.add_argument("name", choices=names)
        if command == "collect":
            sub.add_argument("download", type=Path)
        if command == "grade":
            sub.add_argument("--again", action="store_true", help="also what is graded already")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # those of nbgrader and its database are not the teacher's
    grades = given.command == "grade"  # no other command runs code of students
    confine = grades and sandbox.available()
    if grades and not confine and not consents():
        sys.exit("Nothing was graded.")
    try:
        COMMANDS[given.command](Course(given.course, confine), given)
    except OSError as error:  # a full disk, a folder that may not be written
        sys.exit(f"{error.strerror or error}: {error.filename or given.course}")


def consents():
    return sys.stdin.isatty() and input(UNCONFINED).strip().lower() in ("y", "yes")


def release(course, given):
    print(f"For the students: {course.release(given.name)}")


def publish(course, given):
    for path in sorted(SOURCES.glob("*.ipynb")):
        print(shutil.copy(course.release(path.stem), SOURCES.parent))


def take(course, given):
    if not given.download.exists():
        sys.exit(f"There is no {given.download.resolve()}.")
    if not given.download.is_dir() and not zipfile.is_zipfile(given.download):
        sys.exit(f"{given.download} is neither a zip nor a folder of notebooks.")
    students, left_out = collect(given.download, course.folder / "collected" / given.name)
    for path, why in left_out:
        print(f"left out: {path}: {why}")
    if not students:
        sys.exit(f"There is no notebook of a student in {given.download}.")
    print(f"{len(students)} students: {', '.join(students)}")


def grade(course, given):
    most = len(course.collected(given.name))
    if not most:
        sys.exit(f"Nothing is collected: run collect {given.name} first.")
    course.release(given.name)  # the tests of now
    begin, rows = time.monotonic(), []
    try:
        for row in course.grade(given.name, given.again):
            rows.append(row)
            student, score, best, by_hand, flags = row
            note = f", {by_hand} to be graded by hand" if by_hand else ""
            line = f"{len(rows):4} of {most}  {student:30} {score:5g} of {best:g} points{note}"
            print(line, *flags, sep="\n      ", flush=True)
    except KeyboardInterrupt:
        print("Stopped. What is graded is kept; the same command goes on from here.")
    flagged = sum(bool(row[-1]) for row in rows)
    took = time.monotonic() - begin
    print(f"{course.fresh} graded in {took:.0f} s, {len(rows)} in all, {flagged} to be looked at")


def feedback(course, given):
    if given.name not in {name for _, name, *_ in course.grades()}:
        sys.exit(f"Nothing is graded: run grade {given.name} first.")
    print(f"A folder for each student: {course.feedback(given.name)}")


def export(course, given):
    path, rows = course.folder / "grades.csv", list(course.grades())
    if not rows:
        sys.exit("Nothing is graded yet.")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("student", "assignment", "points", "of", "by hand, waiting", "look at"))
        writer.writerows(rows)
    print(path)


def open_(course, given):
    lines = "c = get_config()", "c.CourseDirectory.course_id = 'lossbook'"
    (course.folder / "nbgrader_config.py").write_text("\n".join(lines) + "\n")
    program = [sys.executable, "-m", "jupyter", "lab", "--LabApp.default_url=/formgrader"]
    enable = [*program[:3], "server", "extension", "enable", "--sys-prefix", "--py", "nbgrader"]
    enabled = subprocess.run(enable, capture_output=True, text=True)  # it doubts what then works
    if enabled.returncode:
        sys.exit(enabled.stderr)
    sys.exit(subprocess.run(program, cwd=course.folder).returncode)


COMMANDS = {
    "release": release,
    "collect": take,
    "grade": grade,
    "open": open_,
    "feedback": feedback,
    "export": export,
    "publish": publish,
}

if __name__ == "__main__":
    main()
