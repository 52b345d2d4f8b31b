from __future__ import annotations

import re

import readme

from neuralpaint.recipes.timelapse import VideoSettings
from neuralpaint.settings import options


def test_every_picture_and_link_of_the_readme_exists() -> None:
    text = readme.README.read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    for link in links:
        assert (readme.README.parent / link).exists(), link


def test_every_option_is_one_that_exists() -> None:
    known = {option.flag for option in options(VideoSettings).values()} | {
        "--preset", "--audio", "--json", "--quiet", "--dry-run", "--debug"
    }  # fmt: skip
    for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", readme.README.read_text()):
        assert option in known, option


def test_the_readme_shows_commands_that_make_clips_and_pass_the_tests() -> None:
    commands = readme.commands()
    assert readme.command_for_tests() in commands
    assert any("neuralpaint video examples/rocket.jpg -o" in command for command in commands)
