"""Tell GitHub what a scheduled run found, or publish; what it needs is the program gh.

python3 tools/github.py report TITLE LOG          open an issue, or add to the open one
python3 tools/github.py release TAG               release a tag with its section of CHANGELOG.md
python3 tools/github.py notebooks FOLDER BRANCH   replace a branch by the notebooks of a built site
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHANGELOG = ROOT / "CHANGELOG.md"
BOT = ["-c", "user.name=github-actions[bot]"]
BOT += ["-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com"]
# The token in GH_TOKEN goes from gh to git: no address and no file holds it.
ACCESS = ["-c", "credential.helper=!gh auth git-credential"]
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


def git(*arguments, **environment):
    told = {"cwd": ROOT, "env": os.environ | environment}
    command = ["git", *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **told)
    return done.stdout.strip()


def notebooks(folder, branch):
    """Make a branch of ``origin`` hold the notebooks below a folder, and nothing else.

    They follow from the commits of the book, so the branch is one commit, without a history that
    grows with each picture in them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git("--work-tree", Path(folder).resolve(), "add", "*.ipynb", **index)
        tree = git("write-tree", **index)
    message = f"Notebooks as published from {git('rev-parse', '--short', 'HEAD')}"
    commit = git(*BOT, "commit-tree", tree, "-m", message)
    git(*ACCESS, "push", "--quiet", "--force", "origin", f"{commit}:refs/heads/{branch}")


if __name__ == "__main__":
    commands = {"report": (report, 2), "release": (release, 1), "notebooks": (notebooks, 2)}
    command, count = commands.get("".join(sys.argv[1:2]), (None, 0))
    if not command or len(sys.argv) != 2 + count:
        sys.exit(__doc__)
    command(*sys.argv[2:])
