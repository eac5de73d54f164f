"""Tell GitHub what a scheduled run found, or publish a release; what it needs is the program gh.

python3 tools/github.py report TITLE LOG     open an issue, or add to the open one
python3 tools/github.py release TAG          release a tag with its section of CHANGELOG.md
"""

import json
import re
import subprocess
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"
FAILURE = re.compile(r"(FAILED|ERROR) |.*\[(broken|timeout)\] ")  # of pytest, of Sphinx


def gh(*arguments):
    return subprocess.run(
        ["gh", *arguments], check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ).stdout


def report(title, log):
    """Open an issue with what failed, or comment on the open one, unless it ends with the same.

    Where no line names a failure, the last lines stand for it.
    """
    lines = Path(log).read_text("utf-8").splitlines()
    failed = [line for line in lines if FAILURE.match(line)] or lines[-30:]
    shown = "\n".join(line[:500] for line in failed[:100])  # GitHub takes 65,536 characters
    text = f"Lines of the log: {len(failed)}\n\n```text\n{shown}\n```"
    fields = "--json", "number,title,body,comments"
    for issue in json.loads(gh("issue", "list", "--limit", "1000", *fields)):
        if issue["title"] == title:
            said = [issue["body"], *(comment["body"] for comment in issue["comments"])]
            if said[-1].replace("\r", "") != text:
                gh("issue", "comment", str(issue["number"]), "--body", text)
            return
    gh("issue", "create", "--title", title, "--body", text)


def section(tag):
    """Return what CHANGELOG.md says of a version, without its heading."""
    heading = rf"(?m)^## {re.escape(tag.removeprefix('v'))} \(.*\)\n"
    parts = re.split(heading, CHANGELOG.read_text("utf-8"))
    if len(parts) != 2:
        sys.exit(f"CHANGELOG.md has no section, or several, of {tag}")
    return re.split(r"(?m)^## ", parts[1])[0].strip()


def release(tag):
    gh("release", "create", tag, "--verify-tag", "--title", tag, "--notes", section(tag))


if __name__ == "__main__":
    commands = {"report": (report, 2), "release": (release, 1)}
    command, count = commands.get("".join(sys.argv[1:2]), (None, 0))
    if not command or len(sys.argv) != 2 + count:
        sys.exit(__doc__)
    command(*sys.argv[2:])
