"""Variants: combinations of settings, their names, and sweeps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from neuralpaint.errors import UsageError
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.sweep import read_sweep
from neuralpaint.pipelines.compare.variants import MOST, Variant, variants_of


def names(variants: tuple[Variant, ...]) -> list[str]:
    return [variant.name for variant in variants]


def of(
    axes: dict[str, list[Any]] | None = None, *singles: dict[str, Any], **shared: Any
) -> list[str]:
    return names(variants_of(CompareSettings(**shared), axes=axes, singles=singles))


def sweep_of(
    tmp_path: Path, text: str, **chosen: Any
) -> tuple[CompareSettings, tuple[Variant, ...]]:
    path = tmp_path / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    sweep = read_sweep(path)
    settings = sweep.settings(chosen)
    return settings, sweep.variants(settings, chosen)


@pytest.mark.parametrize(
    ("axes", "shared", "expected"),
    [
        ({}, {}, ["fourier"]),
        ({}, {"model": "fourier,skipconn"}, ["fourier", "skipconn"]),
        ({}, {"model": "fourier:order=8,fourier:order=16"}, ["order 8", "order 16"]),
        ({}, {"model": "fourier,fourier:order=16"}, ["fourier", "order 16"]),
        ({}, {"model": "fourier,fourier"}, ["fourier"]),
        (
            {},
            {"model": "fourier,skipconn", "loss": "mse,huber"},
            ["fourier, mse", "fourier, huber", "skipconn, mse", "skipconn, huber"],
        ),
        ({"lr": [0.1, 0.001]}, {}, ["lr 0.1", "lr 0.001"]),
        ({"model.hidden_layers": [1, 3]}, {}, ["hidden layers 1", "hidden layers 3"]),
        ({"model": ["skipconn", "pyramid:fade=0", "pyramid:fade=1"]}, {},
         ["skipconn", "pyramid, fade 0", "pyramid, fade 1"]),
        ({"optimizer.beta1": [0.5, 0.9], "seed": [0, 1]}, {},
         ["seed 0, beta1 0.5", "seed 1, beta1 0.5", "seed 0, beta1 0.9", "seed 1, beta1 0.9"]),
        ({"model.norm": ["none", "layer"], "model.encoding": ["none", "basic"]}, {"model": "mlp"},
         ["none, norm none", "basic, norm none", "none, norm layer", "basic, norm layer"]),
        ({}, {"engine": "torch,numpy", "model": "mlp"}, ["torch", "numpy"]),
    ],
)  # fmt: skip
def test_variants_are_named_by_their_differences(
    axes: dict[str, list[Any]], shared: dict[str, Any], expected: list[str]
) -> None:
    found = of(axes, **shared)
    assert [sorted(name.split(", ")) for name in found] == [
        sorted(name.split(", ")) for name in expected
    ]


def test_singles_are_added_to_combinations() -> None:
    single = {"model": "skipconn", "lr": 0.5}
    assert of(None, {"name": "mine"}) == ["mine"]
    assert of(None, {"name": "mine"}, model="fourier,pyramid") == ["fourier", "pyramid", "mine"]
    assert of({"lr": [0.1]}, {"name": "mine", **single}) == ["fourier", "mine"]
    assert of({"lr": [0.1]}, single) == ["fourier, lr 0.1", "skipconn, lr 0.5"]


def test_every_variant_has_the_shared_settings() -> None:
    settings = CompareSettings(model="fourier,skipconn", steps=70, lr=0.5, train_on="every-other")
    for contestant in variants_of(settings, singles=[{"lr": 0.25, "name": "slow"}]):
        assert (
            contestant.settings.optimization.steps,
            contestant.settings.optimization.train_on,
        ) == (70, "every-other")
        assert contestant.settings.optimization.lr == (0.25 if contestant.name == "slow" else 0.5)


def test_a_dotted_setting_changes_the_entry_of_its_variant() -> None:
    (contestant,) = variants_of(
        CompareSettings(), singles=[{"model.detail": 2, "model": "pyramid", "loss.delta": 0.5,
                                     "loss": "huber"}]
    )  # fmt: skip
    assert contestant.settings.model == "pyramid:detail=2.0"
    assert contestant.settings.loss == "huber:delta=0.5"


def test_file_names_are_plain_and_unique() -> None:
    hostile = [
        "../../etc/passwd",
        "<script>",
        "CON",
        "a/b",
        "a\\b",
        "a\nb",
        "\x1b[31mred",
        "\u2603",
        "x" * 300,
    ]
    found = variants_of(
        CompareSettings(), singles=[{"name": name, "seed": i} for i, name in enumerate(hostile)]
    )
    slugs = [contestant.slug for contestant in found]
    assert len(set(slugs)) == len(hostile)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,79}", slug) for slug in slugs)
    assert all(contestant.name.isprintable() and len(contestant.name) <= 60 for contestant in found)


@pytest.mark.parametrize(
    ("single", "message"),
    [
        ({"name": " \n "}, "empty"),
        ({"modle": "fourier"}, "did you mean 'model'"),
        ({"model": "fuorier"}, "did you mean 'fourier'"),
        ({"model.ordr": 3}, "did you mean 'order'"),
        ({"model.order": "many"}, r"contestant 1: model\.order: order must be a whole number"),
        ({"lr": -1}, "lr must be above 0"),
        ({"steps": 3}, "steps must be the same for all"),
        ({"network.width": 3}, "no setting named 'network.width'"),
    ],
)
def test_wrong_settings_are_refused(single: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        variants_of(CompareSettings(), singles=[single])


def test_two_of_one_name_and_too_many_are_refused() -> None:
    with pytest.raises(UsageError, match="two contestants are named"):
        of(None, {"name": "One", "seed": 1}, {"name": "one"})
    with pytest.raises(UsageError, match=f"{MOST + 1} contestants are too many: at most {MOST}"):
        of({"seed": list(range(MOST + 1))})
    assert len(of({"seed": list(range(MOST))})) == MOST


SWEEP = """
steps = 30
train-on = "every-other"
loss = ["mse", "huber"]
[sweep]
"model.order" = [4, 8]
lr = [0.1, 0.01]
[[contestant]]
name = "odd"
model = "skipconn"
"""


def test_a_sweep_has_combinations_singles_and_shared_settings(tmp_path: Path) -> None:
    settings, contestants = sweep_of(tmp_path, SWEEP)
    assert (settings.optimization.steps, settings.optimization.train_on) == (30, "every-other")
    assert len(contestants) == 2 * 2 * 2 + 1
    assert contestants[-1].name == "odd"
    assert {c.settings.model for c in contestants} == {
        "fourier:order=4",
        "fourier:order=8",
        "skipconn",
    }


def test_options_take_precedence_over_a_sweep(tmp_path: Path) -> None:
    settings, contestants = sweep_of(tmp_path, SWEEP, seconds=5.0, lr=0.5, loss="mae")
    assert (settings.optimization.steps, settings.optimization.seconds) == (None, 5.0)
    assert {c.settings.optimization.lr for c in contestants} == {0.5}
    assert {c.settings.loss for c in contestants} == {"mae"}
    assert len(contestants) == 2 + 1


def test_a_table_inside_the_sweep_is_the_same_as_a_dotted_key(tmp_path: Path) -> None:
    _, dotted = sweep_of(tmp_path, '[sweep]\n"model.order" = [4, 8]')
    _, nested = sweep_of(tmp_path, "[sweep.model]\norder = [4, 8]")
    _, bare = sweep_of(tmp_path, "[sweep]\nmodel.order = [4, 8]")
    assert dotted == nested == bare


def test_a_sweep_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    _, variants = sweep_of(tmp_path, "\ufeff[sweep]\nlr = [0.1, 0.2]")
    assert variants == sweep_of(tmp_path, "[sweep]\nlr = [0.1, 0.2]")[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = ", "it is not TOML"),
        ("stepz = 3", "no setting named 'stepz': did you mean 'steps'"),
        ("steps = 'many'", "steps must be a whole number, not 'many'"),
        ("lr = [1, 2]", "lr needs one value: put lists under"),
        ("[sweep]\nlr = 0.1", r"\[sweep\] lr: write a list of values"),
        ("[sweep]\nlr = []", r"\[sweep\] lr: write a list of values"),
        ("[sweep]\nlr = [0.1, 'fast']", r"\[sweep\] lr: lr must be a number, not 'fast'"),
        ("[sweep]\nlrr = [0.1]", r"\[sweep\] lrr: no setting named 'lrr': did you mean 'lr'"),
        ("[sweep]\nsteps = [1, 2]", r"\[sweep\] steps: steps must be the same for all"),
        ('[sweep]\n"model.ordr" = [1]', r"\[sweep\] model\.ordr: .*did you mean 'order'"),
        (
            '[sweep]\n"model.order" = [8]\n"model.hidden_size" = [8, "abc"]',
            r"\[sweep\] model\.hidden_size: hidden_size must be a whole number, not 'abc'",
        ),
        (
            '[[contestant]]\nlr = 1\n[[contestant]]\n"model.order" = "x"',
            r"contestant 2: model\.order: order must be a whole number",
        ),
        ("sweep = 3", r"write \[sweep\]"),
        ("contestant = 3", r"write \[\[contestant\]\]"),
        ("[[contestant]]\nmodle = 'fourier'", r"\[\[contestant\]\] 1: modle: .*'model'"),
        ("[[contestant]]\nmodel = 'fuorier'", r"\[\[contestant\]\] 1: model: .*'fourier'"),
        ("[[contestant]]\nlr = [1]", r"\[\[contestant\]\] 1: lr: it needs one value"),
    ],
)
def test_a_mistake_in_a_sweep_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        sweep_of(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "sweep.toml"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_sweep_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: there is no such file"):
        read_sweep(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_sweep(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pacing": "even"}, "choose from fixed, log"),
        ({"hold": 10.0}, "leaves no time to move"),
        ({"engine": "torch,nunpy"}, "did you mean 'numpy'"),
        ({"model": ""}, "model must name at least one"),
        ({"steps": 3, "seconds": 3.0}, "exclude each other"),
    ],
)
def test_impossible_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CompareSettings(**values)
