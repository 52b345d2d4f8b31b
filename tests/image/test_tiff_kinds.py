"""Every kind of TIFF is read right: types of samples, colours, layouts and compressions."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from tiffs import COMPRESSIONS, FLOAT, LONG, SHORT, SIGNED, UNSIGNED, VOID, Array, write_tiff

from neuralpaint.errors import PictureError
from neuralpaint.image.pictures import load_picture

HEIGHT, WIDTH = 11, 19
NONE, ASSOCIATED, UNASSOCIATED = 0, 1, 2  # kinds of extra channels


class Colours(NamedTuple):
    photometric: int
    channels: int
    extra: tuple[int, ...] = ()
    is_described: bool = True
    """Whether the tag about the extra channels is written."""


COLOURS = {
    "grey": Colours(1, 1),
    "white is zero": Colours(0, 1),
    "rgb": Colours(2, 3),
    "cmyk": Colours(5, 4),
    "grey, alpha": Colours(1, 1, (UNASSOCIATED,)),
    "grey, premultiplied": Colours(1, 1, (ASSOCIATED,)),
    "grey, other": Colours(1, 1, (NONE,)),
    "grey, undescribed": Colours(1, 1, (UNASSOCIATED,), is_described=False),
    "rgb, alpha": Colours(2, 3, (UNASSOCIATED,)),
    "rgb, premultiplied": Colours(2, 3, (ASSOCIATED,)),
    "rgb, other": Colours(2, 3, (NONE,)),
    "rgb, alpha, other": Colours(2, 3, (UNASSOCIATED, NONE)),
    "rgb, other, alpha": Colours(2, 3, (NONE, UNASSOCIATED)),
    "rgb, others": Colours(2, 3, (NONE, NONE)),
    "rgb, undescribed": Colours(2, 3, (UNASSOCIATED,), is_described=False),
    "cmyk, alpha": Colours(5, 4, (UNASSOCIATED,)),
    "cmyk, other": Colours(5, 4, (NONE,)),
}
TYPES = [(UNSIGNED, bits) for bits in (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64)]
TYPES += [(SIGNED, bits) for bits in (8, 16, 32, 64)]
TYPES += [(FLOAT, bits) for bits in (16, 32, 64)]
TYPES += [(VOID, bits) for bits in (8, 16)]
NAMES = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "float", VOID: "undefined"}
BLOCKS: tuple[dict[str, Any], ...] = ({}, {"strip_rows": 3}, {"tile": (16, 16)})
LAYOUTS = [
    {"planar": planar, "compression": compression, "order": order, "predictor": predictor, **blocks}
    for planar, compression, order, predictor, blocks in itertools.product(
        (False, True), ("none", "lzw", "deflate", "packbits"), "<>", (1, 2, 3), BLOCKS
    )
    if predictor == 1 or compression in ("lzw", "deflate")
]
LAYOUTS += [
    {"planar": planar, "compression": compression, **more}
    for planar, compression, more in itertools.product(
        (False, True), ("none", "lzw"), ({"big": True}, {"reverse_bits": True})
    )
]
LAYOUTS += [{"compression": compression} for compression in COMPRESSIONS]


def layouts(colours: Colours, kind: int, bits: int) -> Iterator[dict[str, Any]]:
    """Yield the layouts that such samples can have."""
    for layout in LAYOUTS:
        predictor = layout.get("predictor", 1)
        if layout.get("planar") and colours.channels + len(colours.extra) == 1:
            continue
        fits = {1: True, 2: kind != FLOAT and bits in (8, 16, 32, 64), 3: kind == FLOAT}
        if fits[predictor]:
            yield layout


def samples(colours: Colours, kind: int, bits: int) -> tuple[Array, Array]:
    """Return stored samples (h, w, channels), and the levels that they mean, (h, w, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ramps = [x / (WIDTH - 1), y / (HEIGHT - 1), (x + y) / (WIDTH + HEIGHT - 2), 1 - x / (WIDTH - 1)]
    values = np.stack(ramps[: colours.channels], axis=-1)
    alpha = np.where((x + y) % 5 == 0, 0.5, 1.0)[..., None]
    alpha[4:6] = 0
    if ASSOCIATED in colours.extra:
        values = values * alpha
    others = [alpha if kind_ else np.full_like(alpha, 0.3) for kind_ in colours.extra]
    values = np.concatenate([values, *others], axis=-1)
    if kind == FLOAT:
        stored, white = values.astype(f"f{bits // 8}"), 1.0
    else:
        white = float(2 ** (bits - (kind == SIGNED)) - 1)
        whole = 2 ** (bits - (kind == SIGNED)) - 1
        stored = np.array(
            [min(whole, round(value * whole)) for value in values.ravel()],
            np.int64 if kind == SIGNED else np.uint64,
        ).reshape(values.shape)
    meant = stored.astype(np.float64) / white
    if colours.photometric == 0:
        stored = (1 if kind == FLOAT else whole) - stored
    colour, opacity = meant[..., : colours.channels], None
    for index, extra in enumerate(colours.extra):
        if extra != NONE:
            opacity = meant[..., colours.channels + index][..., None]
    if colours.photometric == 5:
        colour = (1 - colour[..., :3]) * (1 - colour[..., 3:])
    if opacity is not None:
        share = opacity if ASSOCIATED not in colours.extra else 1.0
        colour = colour * share + (1 - opacity)
    return stored, np.broadcast_to(255 * colour, (HEIGHT, WIDTH, 3))


def check(colours: Colours, kind: int, bits: int, chosen: list[dict[str, Any]]) -> None:
    stored, expected = samples(colours, kind, bits)
    # Levels of premultiplied colours are rounded twice by Pillow, and coarse in few bits.
    tolerance = 1.01 if ASSOCIATED not in colours.extra or bits > 8 else 300 / 2**bits + 1
    for layout in chosen:
        extra = colours.extra if colours.is_described else ()
        photometric = colours.photometric
        encoded = write_tiff(
            stored, bits=bits, kind=kind, photometric=photometric, extra=extra, **layout
        )
        seen = load_picture(io.BytesIO(encoded)).pixels.astype(float)
        assert np.abs(seen - expected).max() <= tolerance, layout


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize(("kind", "bits"), TYPES, ids=[f"{NAMES[k]}-{b}" for k, b in TYPES])
def test_samples_of_every_type_and_colour(name: str, kind: int, bits: int) -> None:
    every = list(layouts(COLOURS[name], kind, bits))
    # Each type and colour has other layouts, so that all layouts occur.
    first = (list(COLOURS).index(name) * 5 + TYPES.index((kind, bits))) % 19
    check(COLOURS[name], kind, bits, every[first::19])


@pytest.mark.slow
@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("kind", NAMES, ids=NAMES.values())
def test_samples_in_every_layout(name: str, kind: int) -> None:
    for bits in [bits for each, bits in TYPES if each == kind]:
        check(COLOURS[name], kind, bits, list(layouts(COLOURS[name], kind, bits)))


def test_colours_of_a_palette() -> None:
    indices = np.arange(16).reshape(4, 4, 1)
    palette = np.arange(48).reshape(3, 16)
    for scale in (257, 1):  # 16 bits; and 8 bits, from old programs
        colormap = {320: (SHORT, tuple(int(value) * scale for value in palette.ravel()))}
        for bits in (4, 8):
            entries = tuple(colormap[320][1])
            if bits == 8:
                entries = tuple(
                    value for row in range(3) for value in (*entries[16 * row :][:16], *[0] * 240)
                )
            encoded = write_tiff(indices, bits=bits, photometric=3, tags={320: (SHORT, entries)})
            seen = load_picture(io.BytesIO(encoded)).pixels
            assert (seen.reshape(16, 3) == palette.T).all()


def refused(*words: str, **kind: Any) -> None:
    values = kind.pop("values", np.zeros((4, 6, 3), int))
    encoded = write_tiff(values, **({"bits": 8, "photometric": 2} | kind))
    with pytest.raises(PictureError) as caught:
        load_picture(io.BytesIO(encoded))
    message = str(caught.value)
    assert "\n" not in message
    for word in (*words, ":"):  # after the colon is advice
        assert word in message


@pytest.mark.parametrize(
    ("photometric", "name"),
    [
        (3, "palette"),
        (4, "mask"),
        (6, "YCbCr"),
        (8, "CIE L*a*b*"),
        (9, "ICC L*a*b*"),
        (10, "ITU L*a*b*"),
        (32803, "camera raw"),
        (32844, "LogL"),
        (32845, "LogLuv"),
        (34892, "camera raw"),
        (999, "photometric 999"),
    ],
)
@pytest.mark.parametrize("bits", [16, 32])
def test_colours_that_are_refused(photometric: int, name: str, bits: int) -> None:
    refused(name, f"{bits}-bit", photometric=photometric, bits=bits)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({258: (SHORT, (5, 6, 5))}, ["channels", "differ"]),
        ({339: (SHORT, (1, 2, 1))}, ["channels", "differ"]),
        ({339: (SHORT, (5,) * 3), 258: (SHORT, (32,) * 3)}, ["complex integer"]),
        ({339: (SHORT, (6,) * 3), 258: (SHORT, (64,) * 3)}, ["complex float"]),
        ({339: (SHORT, (3,) * 3), 258: (SHORT, (24,) * 3)}, ["24-bit float"]),
        ({258: (SHORT, (16,) * 3), 259: (SHORT, (7,))}, ["16-bit", "JPEG"]),
        ({258: (SHORT, (16,) * 3), 259: (SHORT, (34887,))}, ["16-bit", "LERC"]),
        ({258: (SHORT, (16,) * 3), 259: (SHORT, (50002,))}, ["16-bit", "JPEG XL"]),
        ({258: (SHORT, (16,) * 3), 259: (SHORT, (60000,))}, ["16-bit", "compression 60000"]),
        ({259: (SHORT, (34887,))}, ["LERC"]),
        ({258: (SHORT, (12,) * 3), 317: (SHORT, (2,))}, ["12-bit", "predictor 2"]),
        ({262: (SHORT, (5,)), 258: (SHORT, (16,) * 3)}, ["CMYK", "3 channels"]),
        ({50706: (1, (1, 4, 0, 0))}, ["camera"]),
        ({254: (LONG, (1,)), 330: (LONG, (8,))}, ["camera"]),
    ],
)
def test_kinds_that_are_refused_by_name(tags: dict[int, Any], words: list[str]) -> None:
    refused(*words, tags=tags)


def test_other_kinds_that_are_refused_by_name() -> None:
    refused("5 channels", values=np.zeros((4, 6, 5), int), photometric=1)
    refused("BigTIFF", "big-endian", order=">", big=True)
    refused("inks", values=np.zeros((4, 6, 5), int), photometric=5, tags={332: (SHORT, (2,))})
    refused("YCbCr", photometric=6, tags={530: (SHORT, (2, 2))})


def test_the_sizes_of_samples_do_not_lead_beyond_the_limit() -> None:
    values = np.zeros((4, 6, 3), int)
    with pytest.raises(PictureError, match="over the limit of 20"):
        load_picture(io.BytesIO(write_tiff(values, bits=16, photometric=2)), max_pixels=20)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_deep_samples_are_turned_upright(orientation: int) -> None:
    upright = np.zeros((6, 8, 3), np.uint16)
    upright[:3, :2] = (60000, 0, 0)
    upright[3:, :2] = (0, 0, 60000)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    tags = {274: (SHORT, (orientation,))}
    encoded = write_tiff(stored, bits=16, photometric=2, compression="lzw", tags=tags)
    assert (load_picture(io.BytesIO(encoded)).pixels == upright // 257).all()
