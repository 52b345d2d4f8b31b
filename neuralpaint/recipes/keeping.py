"""What is kept beside a result: takes and paintings that were asked for, and an interrupted run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint.checkpoint import load_checkpoint
from neuralpaint.errors import UsageError
from neuralpaint.outputs import check_target

__all__ = ["Keeping", "beside", "interrupted_settings"]


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
        return self.resume and beside(output, "checkpoint").exists()

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

    def check(self, output: str | Path) -> None:
        """Raise what would keep the files from being written, or lose an interrupted run.

        Raises:
            UsageError: one exists, or cannot be there.
            EncodingError: a folder cannot be written to.
        """
        overwrite = self.overwrite or self.resumes(output)
        for path in (self.record, self.save):
            if path is not None:
                check_target(path, overwrite=overwrite)
        if beside(output, "checkpoint").exists() and not overwrite:
            raise UsageError(
                f"an earlier run for {str(output)!r} was interrupted: --resume goes on with it, -y "
                "begins anew"
            )


def interrupted_settings(output: str | Path) -> dict[str, Any]:
    """Return the settings of an interrupted run for this output; none where there is no such run.

    Raises:
        SavedError: what it has left is damaged.
    """
    path = beside(output, "checkpoint")
    if not path.exists():
        return {}
    _, facts = load_checkpoint(path)
    settings = facts.get("settings")
    return settings if isinstance(settings, dict) else {}


def beside(output: str | Path, what: str) -> Path:
    """Return the path of what is kept beside a result for a run that goes on."""
    output = Path(output)
    return output.with_name(f"{output.name}.{what}")
