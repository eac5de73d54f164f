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
import subprocess
import sys
import time
import warnings
from pathlib import Path

from . import sandbox
from .collection import collect
from .course import SOURCES, Course

UNCONFINED = """\
Bubblewrap is not there, or may not be used: the code of students would run as you, with your files
and your network. On Debian and Ubuntu: sudo apt install bubblewrap. Go on without? [y/N] """


def main(arguments=None):
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
    COMMANDS[given.command](Course(given.course, confine), given)


def consents():
    return sys.stdin.isatty() and input(UNCONFINED).strip().lower() in ("y", "yes")


def release(course, given):
    print(f"For the students: {course.release(given.name)}")


def publish(course, given):
    for path in SOURCES.glob("*.ipynb"):
        shutil.copy(course.release(path.stem), SOURCES.parent)


def take(course, given):
    students, others = collect(given.download, course.folder / "collected" / given.name)
    print(f"{len(students)} students: {', '.join(students)}")
    for path in others:
        print(f"left out, no notebook of a student: {path}")


def grade(course, given):
    course.release(given.name)  # the tests of now
    begin, rows, most = time.monotonic(), [], len(course.collected(given.name))
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
    print(f"{len(rows)} graded in {time.monotonic() - begin:.0f} s, {flagged} to be looked at")


def feedback(course, given):
    print(f"A folder for each student: {course.feedback(given.name)}")


def export(course, given):
    path = course.folder / "grades.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("student", "assignment", "points", "of", "by hand, waiting", "look at"))
        writer.writerows(course.grades())
    print(path)


def open_(course, given):
    lines = "c = get_config()", "c.CourseDirectory.course_id = 'lossbook'"
    (course.folder / "nbgrader_config.py").write_text("\n".join(lines) + "\n")
    program = [sys.executable, "-m", "jupyter", "lab", "--ServerApp.default_url=/formgrader"]
    enabled = subprocess.run(
        [*program[:3], "server", "extension", "enable", "--sys-prefix", "--py", "nbgrader"]
    )
    sys.exit(enabled.returncode or subprocess.run(program, cwd=course.folder).returncode)


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
