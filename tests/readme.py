"""Extracts the commands of the README and the guide, so that CI can run them.

    python tests/readme.py test              print the command that runs the tests
    python tests/readme.py run [PAGE ...]    run every other command and Python block, page by page

Commands run in the project's root, with the Python that runs this file first on the PATH. A page
may use the files of its own earlier commands, never those of another page.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
GUIDE = ROOT / "examples" / "guide"
PAGES = [README, GUIDE / "README.md", *sorted({*GUIDE.glob("*.md")} - {GUIDE / "README.md"})]

_BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def steps(page: Path) -> list[tuple[str, str]]:
    """Return the language and text of every shell command and Python block of a page, in order."""
    found = []
    for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        found += [(language, each) for each in (_lines(text) if language == "bash" else [text])]
    return found


def commands(pages: Sequence[Path] = PAGES) -> list[str]:
    """Return all shell commands of the pages."""
    return [text for page in pages for language, text in steps(page) if language == "bash"]


def command_for_tests() -> str:
    """Return the command that runs the tests."""
    (command,) = (line for line in commands() if "-m pytest" in line)
    return command


def run(page: Path) -> None:
    """Run all steps of a page except the tests; exit at the first that fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for language, text in steps(page):
        if text == command_for_tests():
            continue
        shown = f"$ {text}" if language == "bash" else text.rstrip()
        print(f"\n{page.relative_to(ROOT)}\n{shown}", flush=True)
        shell = ["bash", "-euo", "pipefail", "-c", text]
        began, used = time.perf_counter(), _cpu_seconds()
        environment = os.environ | {"PATH": path, "BROWSER": "true"}  # no page is opened
        with subprocess.Popen(
            shell if language == "bash" else [sys.executable, "-c", text],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if _serves(text) else None,
            start_new_session=True,
        ) as process:
            try:
                if _serves(text):
                    _visit(process)
                status = process.wait(timeout=900)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        taken, used = time.perf_counter() - began, _cpu_seconds() - used
        print(f"({taken:.1f} s, {used:.1f} s of CPU time)", flush=True)
        if status:
            sys.exit(f"{page.relative_to(ROOT)}: exit status {status}: {text}")


def _serves(text: str) -> bool:
    """Return whether a command runs until Ctrl-C."""
    return text.startswith("neuralpaint studio")


def _visit(process: subprocess.Popen[bytes]) -> None:
    """Open the page that a command serves, and end it with Ctrl-C."""
    assert process.stdout is not None
    address = process.stdout.readline().decode().strip()
    with urllib.request.urlopen(address, timeout=60) as page:
        page.read()
    os.killpg(process.pid, signal.SIGINT)


def _cpu_seconds() -> float:
    """Return the CPU time of all commands so far, which depends little on other processes."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _lines(text: str) -> list[str]:
    """Return the commands of a block: continued lines are joined, comments removed."""
    lines = text.replace("\\\n", " ").splitlines()
    return [re.sub(r"\s+#.*| {2,}", " ", line).strip() for line in lines if line.strip()]


if __name__ == "__main__":
    what, *names = sys.argv[1:]
    if what == "test":
        print(command_for_tests())
    else:
        began = time.perf_counter()
        for each in [Path(name).resolve() for name in names] or PAGES:
            run(each)
        taken, used = time.perf_counter() - began, _cpu_seconds()
        print(f"\nall commands: {taken:.0f} s, {used:.0f} s of CPU time")
