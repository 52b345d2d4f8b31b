"""Exports of every model: the same colours as the painting, and complete files."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from contract import WITHOUT_CODES, tiny
from numpy.typing import NDArray

from neuralpaint.errors import EncodingError, NeuralPaintError, UnknownNameError, UsageError
from neuralpaint.export import export_formats, export_painting
from neuralpaint.export.formats import Npz
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models import ActivationName, MLPModel, NormName, models
from neuralpaint.models.codes import Album, Codes
from neuralpaint.models.encodings import encodings
from neuralpaint.models.model import EncodedModel
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.training.settings import Engine

Paint = Callable[..., Painting]
Evaluate = Callable[[Painting, NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]

SMALL = "hidden_size=6,hidden_layers=2"
MODELS = [
    *(tiny(name) for name in WITHOUT_CODES),
    *(f"skipconn:{SMALL},encoding={name}" for name in encodings),
    *(f"mlp:{SMALL},encoding=gaussian:features=7,activation={a}" for a in get_args(ActivationName)),
    *(f"mlp:{SMALL},encoding={name}" for name in encodings),
    *(f"mlp:{SMALL},norm={name}" for name in get_args(NormName)),
    "mlp:hidden_layers=0,dropout=0.5",
    "mlp:hidden_size=6,dropout=0.5",
    "siren:hidden_size=6,encoding=hash:table_size=5,levels=5,finest=30",
    "siren:hidden_size=6,omega_0=12,omega=20",
    f"mlp:{SMALL},encoding=polar:order=40,mirrors=5,unfold=0.4,x=0.3,y=0.9,activation=sine",
    "fourier:hidden_size=6,hidden_layers=4,activation=tanh",
    "fourier:hidden_size=6,hidden_layers=3,order=5",
    "fourier:hidden_size=6,hidden_layers=1,order=5,mirror=false",
    "fourier:hidden_size=6,order=5,mirror=false,anneal=0,decay=0,strength=8,factors=1",
    "pyramid:hidden_size=6,detail=3,fade=0",
    "pyramid:hidden_size=6,waves=5",
    "pyramid:hidden_size=6,bloom=yes,fade=0.6,x=0.3,y=0.9",
    "pyramid:hidden_size=6,bloom=yes,fade=0.6,waves=0",
    f"skipconn:{SMALL},encoding=pyramid,bloom=yes,waves=3",
]
CASES: list[tuple[str, Engine]] = [
    *((model, "torch") for model in MODELS),
    *(
        (f"mlp:{SMALL},encoding={name}", "numpy")
        for name in ("none", "basic", "positional:features=9", "gaussian", "harmonic")
    ),
    *((f"mlp:{SMALL},norm={name}", "numpy") for name in ("layer", "batch")),
    (f"mlp:{SMALL},activation=silu,dropout=0.5", "numpy"),
]


def by_onnxruntime(
    painting: Painting, x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from neuralpaint.export.onnx import write_onnx

    raw = write_onnx(painting)
    onnx.checker.check_model(onnx.load_from_string(raw), full_check=True)
    session = runtime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    (colours,) = session.run(["colours"], {"coordinates": np.stack([x, y], 1)})
    return np.asarray(colours)


def by_the_embedded_reader(
    painting: Painting, x: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float32]:
    with np.load(io.BytesIO(Npz().encode(painting)), allow_pickle=False) as arrays:
        names: dict[str, Any] = {"__name__": "reader"}
        exec(str(arrays["reader"]), names)
        return np.asarray(names["colours"](arrays, x=x, y=y))


@pytest.mark.parametrize("evaluate", [by_onnxruntime, by_the_embedded_reader])
@pytest.mark.parametrize(("model", "engine"), CASES)
def test_an_export_computes_the_colours_of_the_painting(
    painted: Paint, model: str, engine: Engine, evaluate: Evaluate
) -> None:
    painting = painted(model, engine=engine)
    # Half of the points lie outside the picture.
    x, y = np.random.default_rng(0).uniform(-1.4, 1.4, (2, 300)).astype(np.float32)
    expected = painting(x, y)
    assert expected.std() > 0.01
    np.testing.assert_allclose(evaluate(painting, x, y), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("evaluate", [by_onnxruntime, by_the_embedded_reader])
def test_rays_are_exported_at_their_centre_and_along_the_axes(
    painted: Paint, evaluate: Evaluate
) -> None:
    painting = painted(f"mlp:{SMALL},activation=sine,encoding=polar:order=9,mirrors=3")
    x, y = np.array([(0, 0), (0, 0.5), (0, -0.5), (0.5, 0), (-0.5, 0)], np.float32).T
    np.testing.assert_allclose(evaluate(painting, x, y), painting(x, y), rtol=0, atol=1e-5)


@pytest.mark.parametrize("model", [f"mlp:{SMALL},encoding=hash", f"pyramid:{SMALL}"])
def test_an_export_of_a_model_with_an_enlarged_target(painted: Paint, model: str) -> None:
    painting = painted(model, enhance=True)
    x, y = np.random.default_rng(0).uniform(-1, 1, (2, 300)).astype(np.float32)
    found = by_the_embedded_reader(painting, x, y)
    np.testing.assert_allclose(found, painting(x, y), rtol=0, atol=1e-4)


def test_a_painting_of_several_pictures_cannot_be_exported() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 18, 3), np.uint8)
    album = Album([Picture(each) for each in pixels], np.eye(2, dtype=np.float32))
    painting = learner(album, model="morph").painting()
    with pytest.raises(UsageError, match="several pictures cannot be exported: train one"):
        Npz().encode(painting)


def test_a_model_without_a_formula_cannot_be_exported(
    painted: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class New(EncodedModel):
        """A model that the export does not know."""

        def learning_rate(self, steps: int) -> float:
            return 1e-3

        def build(
            self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
        ) -> CoordinateModel:
            model = MLPModel(hidden_size=4, encoding=self.encoding).build(canvas, generator, codes)
            assert isinstance(model, CoordinateModel)
            return model

    monkeypatch.setitem(models._entries, "new", New)
    painting = painted("new:encoding=basic")
    with pytest.raises(UsageError, match="model 'new' cannot be exported"):
        Npz().encode(painting)


def test_an_onnx_model_takes_any_number_of_points(painted: Paint) -> None:
    onnx = pytest.importorskip("onnx")
    painting = painted(f"pyramid:{SMALL}")
    for count in (1, 5):
        x = np.linspace(-1, 1, count, dtype=np.float32)
        assert by_onnxruntime(painting, x, x).shape == (count, 3)
    from neuralpaint.export.onnx import write_onnx

    model = onnx.load_from_string(write_onnx(painting))
    assert (model.opset_import[0].version, model.ir_version) == (17, 8)
    assert "longer side" in model.doc_string
    facts = {prop.key: json.loads(prop.value) for prop in model.metadata_props}
    assert (facts["height"], facts["width"]) == (16, 24)
    assert facts["settings"] == painting.settings.to_dict()


def test_an_npz_needs_no_pickle_and_contains_the_weights_by_name(painted: Paint) -> None:
    painting = painted(f"mlp:{SMALL},norm=batch")
    with np.load(io.BytesIO(Npz().encode(painting)), allow_pickle=False) as file:
        arrays: Mapping[str, NDArray[Any]] = dict(file)
    assert (int(arrays["height"]), int(arrays["width"])) == (16, 24)
    assert json.loads(str(arrays["settings"])) == painting.settings.to_dict()
    for name, weight in painting.weights.items():
        np.testing.assert_array_equal(arrays[f"weights/{name}"], weight)


@pytest.mark.parametrize("name", list(export_formats))
def test_a_file_is_replaced_only_with_overwrite(painted: Paint, name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    target = tmp_path / f"f{export_formats[name].suffixes[0].upper()}"
    painting = painted(f"skipconn:{SMALL}")
    assert export_painting(painting, target) == target
    whole = target.read_bytes()
    target.write_bytes(b"another")
    with pytest.raises(UsageError, match="exists"):
        export_painting(painting, target)
    assert target.read_bytes() == b"another"
    export_painting(painting, target, overwrite=True)
    assert len(target.read_bytes()) == len(whole)
    assert list(tmp_path.iterdir()) == [target]


def test_the_error_for_an_unknown_suffix_lists_the_known_ones(
    painted: Paint, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match=r"'\.onx'.*\.onnx") as caught:
        export_painting(painted(f"skipconn:{SMALL}"), tmp_path / "f.onx")
    assert "\n" not in str(caught.value)


def test_without_the_onnx_package_the_error_explains_how_to_install_it(
    painted: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painting = painted(f"skipconn:{SMALL}")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EncodingError, match=r"pip install 'neuralpaint\[onnx\]'"):
        export_painting(painting, tmp_path / "f.onnx")
    export_painting(painting, tmp_path / "f.npz")


@pytest.mark.parametrize("name", list(export_formats))
def test_weights_that_are_not_finite_are_refused(painted: Paint, name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    painting = painted(f"skipconn:{SMALL}")
    broken = {key: np.full_like(weight, np.nan) for key, weight in painting.weights.items()}
    with pytest.raises(NeuralPaintError, match="not finite numbers"):
        export_painting(
            painting.with_weights(broken), tmp_path / f"f{export_formats[name].suffixes[0]}"
        )
    assert not list(tmp_path.iterdir())


def test_a_hash_grid_with_too_many_nodes_is_refused(painted: Paint) -> None:
    painting = painted(f"mlp:{SMALL},encoding=hash:levels=2,table_size=4,finest=65536")
    with pytest.raises(UsageError, match="finest=") as caught:
        Npz().encode(painting)
    assert "\n" not in str(caught.value)
