"""Takes the README apart, so that CI runs what a reader would type: `python tests/readme.py WHAT`.

WHAT is `test` (the command that passes the tests), `commands` (every other shell command, one per
line) or `python` (the Python blocks, one after the other).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), flags=re.M | re.S)


def commands() -> list[str]:
    """Return the shell commands, continued lines joined, comments left out."""
    lines = "".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*| {2,}", " ", line).strip() for line in lines if line.strip()]


def command_for_tests() -> str:
    """Return the command that passes the tests."""
    (command,) = (line for line in commands() if "-m pytest" in line)
    return command


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "test":
        print(command_for_tests())
    elif what == "commands":
        print("\n".join(line for line in commands() if line != command_for_tests()))
    else:
        print("\n".join(blocks("python")))
