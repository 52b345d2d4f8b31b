"""`neuralpaint gradcheck`: the proof that the gradients of the network from scratch are right."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence

import click

from neuralpaint.errors import NeuralPaintError
from neuralpaint.scratch.gradcheck import TOLERANCE, Check, check_gradients

__all__ = ["command"]


@click.command("gradcheck")
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    show_default=True,
    help="what values, weights and targets are drawn from",
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def command(seed: int, as_json: bool) -> None:
    """Check every gradient of the network from scratch, --engine numpy.

    The gradient that each layer, activation, normalisation, loss and whole network computes by its
    own formula is held against central differences of the forward pass, and against torch's
    automatic one, in double precision. Printed are the relative errors; one above 1e-6 is a
    failure, with exit status 1.
    """
    checks = list(check_gradients(seed=seed))
    if as_json:
        click.echo(json.dumps(_facts(checks, seed=seed), indent=2))
    else:
        for line in _table(checks):
            click.echo(line)
    wrong = [check for check in checks if not check.passes]
    if wrong:
        worst = max(wrong, key=_error)
        raise NeuralPaintError(
            f"{len(wrong)} of {len(checks)} gradients are wrong, most of all that of {worst.name} "
            f"by its {worst.what}: a relative error of {_error(worst):.1e}, above {TOLERANCE:.0e}"
        )


def _error(check: Check) -> float:
    return max(check.differences, check.torch)


def _facts(checks: Sequence[Check], *, seed: int) -> dict[str, object]:
    return {
        "seed": seed,
        "tolerance": TOLERANCE,
        "passes": all(check.passes for check in checks),
        "checks": [dataclasses.asdict(check) | {"passes": check.passes} for check in checks],
    }


def _table(checks: Sequence[Check]) -> Iterator[str]:
    """Yield the lines, which fit 80 columns."""
    yield click.style(
        f"{'relative error':<22}{'of the gradient by':<20}{'vs differences':>15}{'vs torch':>12}",
        bold=True,
    )
    for check in checks:
        mark = "" if check.passes else "   wrong"
        yield (
            f"{check.name:<22}{check.what:<20}{check.differences:>15.1e}{check.torch:>12.1e}{mark}"
        )
    worst = max(checks, key=_error)
    yield ""
    yield (
        f"{len(checks)} gradients, largest error {_error(worst):.1e} ({worst.name}), "
        f"allowed {TOLERANCE:.0e}"
    )
