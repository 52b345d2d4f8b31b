"""`neuralpaint gradcheck`: check the gradients of the network that is written from scratch."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

import click

from neuralpaint.cli.display import print_table, print_text
from neuralpaint.errors import NeuralPaintError
from neuralpaint.scratch.gradcheck import TOLERANCE, Check, check_gradients

__all__ = ["command"]


@click.command("gradcheck")
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    show_default=True,
    help="seed of the values, weights and targets",
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def command(seed: int, as_json: bool) -> None:
    """Check every gradient of the network written from scratch, --engine numpy.

    The gradients of each layer, activation, normalisation and loss, and of whole networks, are
    computed by formulas. They are compared with central differences of the forward pass, and with
    torch's automatic differentiation, in double precision. The relative errors are printed. If one
    is above 1e-6, the exit status is 1.
    """
    checks = list(check_gradients(seed=seed))
    if as_json:
        click.echo(json.dumps(_facts(checks, seed=seed), indent=2))
    else:
        _print_checks(checks)
    wrong = [check for check in checks if not check.passes]
    if wrong:
        worst = max(wrong, key=_error)
        raise NeuralPaintError(
            f"{len(wrong)} of {len(checks)} gradients are wrong; the worst, of {worst.name} by its "
            f"{worst.what}, has a relative error of {_error(worst):.1e}, above {TOLERANCE:.0e}"
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


def _print_checks(checks: Sequence[Check]) -> None:
    print_table(
        [
            (
                check.name,
                check.what,
                f"{check.differences:.1e}",
                f"{check.torch:.1e}",
                "" if check.passes else "wrong",
            )
            for check in checks
        ],
        headings=("relative error", "of the gradient by", "vs differences", "vs torch", ""),
        left=(0, 1, 4),
        widths=(20, 18),
    )
    worst = max(checks, key=_error)
    print_text()
    print_text(
        f"{len(checks)} gradients, largest error {_error(worst):.1e} ({worst.name}), "
        f"allowed {TOLERANCE:.0e}"
    )
