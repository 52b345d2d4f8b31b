"""What is kept beside a result: a take, a painting, and what an interrupted run needs to go on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.runtime.files import check_output, sibling

__all__ = ["Keeping", "checkpoint_of", "rushes_of"]


@dataclass(frozen=True)
class Keeping:
    """What a run is to keep, and what it may replace."""

    record: Path | None = None
    """A take of the whole training."""
    save: Path | None = None
    """The painting that the training ends with."""
    resume: bool = False
    """Whether to go on with an interrupted run where there is one."""
    overwrite: bool = False
    """Whether files of these names, or of an interrupted run, may be replaced."""

    @classmethod
    def of(
        cls,
        *,
        record: str | Path | None = None,
        save: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> Keeping:
        """Return it for paths of any kind."""
        return cls(
            record=None if record is None else Path(record),
            save=None if save is None else Path(save),
            resume=resume,
            overwrite=overwrite,
        )

    def resumes(self, output: str | Path) -> bool:
        """Whether there is an interrupted run, and it is to go on."""
        return self.resume and checkpoint_of(output).exists()

    def may_replace(self, output: str | Path) -> bool:
        """Whether the result itself may be: also what an interrupted run has made of it so far.

        Raises:
            UsageError: there is a result and nothing to go on with.
        """
        resumes = self.resumes(output)
        if self.resume and not (resumes or self.overwrite) and Path(output).exists():
            raise UsageError(
                f"nothing to resume: output {str(output)!r} is there already; -y makes it anew"
            )
        return self.overwrite or resumes

    def check(self, source: object, output: str | Path) -> None:
        """Raise what would keep the files from being written, or lose something.

        Raises:
            UsageError: one exists, or cannot be there, or is to be two things at once.
            EncodingError: a folder cannot be written to.
        """
        self._check_apart(source, output)
        resumes = self.resumes(output)
        if self.record is not None:
            going_on = resumes or (self.resume and _is_unfinished(self.record))
            check_output(self.record, overwrite=self.overwrite or going_on)
        if self.save is not None:
            check_output(self.save, overwrite=self.overwrite or resumes)
        if checkpoint_of(output).exists() and not (self.overwrite or resumes):
            raise UsageError(
                f"an earlier run for {str(output)!r} was interrupted: --resume goes on with it, -y "
                "begins anew"
            )

    def _check_apart(self, source: object, output: str | Path) -> None:
        named = {
            "the input": source if isinstance(source, (str, Path)) else None,
            "the output": output,
            "--record": self.record,
            "--save": self.save,
            "the checkpoint": checkpoint_of(output),
            "the rushes": rushes_of(output),
        }
        there = [(name, os.path.realpath(path)) for name, path in named.items() if path is not None]
        for (first, path), (second, other) in combinations(there, 2):
            if path == other:
                raise UsageError(
                    f"{first} and {second} are one file, {path!r}: choose another name"
                )


def checkpoint_of(output: str | Path) -> Path:
    """Return where the state of an interrupted run is."""
    return sibling(Path(output), "checkpoint")


def rushes_of(output: str | Path) -> Path:
    """Return where the snapshots of an interrupted run are, if no take was asked for."""
    return sibling(Path(output), "rushes")


def _is_unfinished(record: Path) -> bool:
    """Say whether a file is a take of a run that was killed before it had a checkpoint."""
    from neuralpaint.storage.take import load_take

    try:
        return not load_take(record).finished
    except NeuralPaintError:
        return False
