from __future__ import annotations

import re
import shlex

import click
import readme

from neuralpaint.cli import neuralpaint


def test_every_picture_and_link_of_the_readme_exists() -> None:
    text = readme.README.read_text()
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    for link in links:
        assert (readme.README.parent / link).exists(), link


def flags(name: str) -> set[str]:
    """Return the options of a command."""
    context = click.Context(neuralpaint)
    command = neuralpaint.get_command(context, name)
    assert command is not None, name
    given = (p.opts + p.secondary_opts for p in command.get_params(context))
    return {"--debug"} | {flag for flags in given for flag in flags}


def test_every_command_has_the_options_it_is_given() -> None:
    ours = [words for line in readme.commands() if (words := shlex.split(line))[0] == "neuralpaint"]
    assert len(ours) > 20
    for _, name, *rest in ours:
        for word in rest:
            if word.startswith("--"):
                assert word in flags(name), f"{name} {word}"


def test_every_option_is_one_that_exists() -> None:
    known = set.union(
        *(flags(name) for name in neuralpaint.list_commands(click.Context(neuralpaint)))
    )
    for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", readme.README.read_text()):
        assert option in known, option


def test_the_readme_shows_commands_that_make_clips_and_pass_the_tests() -> None:
    commands = readme.commands()
    assert readme.command_for_tests() in commands
    assert any("neuralpaint video examples/rocket.jpg -o" in command for command in commands)
