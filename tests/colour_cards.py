"""Colour cards as video signals, computed from ITU-T H.273 and ITU-R BT.2100 with NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_WHITE = 203  # nits of diffuse white
_D65, _C, _DCI = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351)

PRIMARIES = {
    "bt709": [(0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65],
    "bt470m": [(0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C],
    "bt470bg": [(0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65],
    "smpte170m": [(0.63, 0.34), (0.31, 0.595), (0.155, 0.07), _D65],
    "smpte240m": [(0.63, 0.34), (0.31, 0.595), (0.155, 0.07), _D65],
    "film": [(0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C],
    "bt2020": [(0.708, 0.292), (0.17, 0.797), (0.131, 0.046), _D65],
    "smpte431": [(0.68, 0.32), (0.265, 0.69), (0.15, 0.06), _DCI],
    "smpte432": [(0.68, 0.32), (0.265, 0.69), (0.15, 0.06), _D65],
    "ebu3213": [(0.63, 0.34), (0.295, 0.605), (0.155, 0.077), _D65],
}
MATRICES = {  # the weights of red and blue in luma
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
    "chroma-derived-nc": (0.2126, 0.0722),  # of BT.709
}
_LMS = np.array([[1688, 2146, 262], [683, 2951, 462], [99, 309, 3688]]) / 4096
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def card(levels: list[int]) -> NDArray[np.uint8]:
    """Return patches of all colours of these levels, of 4x4 pixels each, (4 n, 4 n^2, 3)."""
    n = len(levels)
    colours = np.array(np.meshgrid(levels, levels, levels, indexing="ij"), np.uint8)
    patches: NDArray[np.uint8] = colours.reshape(3, n, n * n).transpose(1, 2, 0)
    return patches.repeat(4, axis=0).repeat(4, axis=1)


def linear(pixels: NDArray[np.uint8]) -> Values:
    """Return sRGB levels as light: 1 is white."""
    value = pixels / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _srgb(light: Values) -> Values:
    return np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light.clip(1e-9) ** (1 / 2.4) - 0.055
    )


def _pq(light: Values) -> Values:
    y = (light * _WHITE / 10_000).clip(0) ** 0.1593017578125
    code: Values = ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375
    return code


def _hlg(light: Values) -> Values:
    shown = light * _WHITE / 1000  # on a display of 1000 nits
    luminance = (shown @ [0.2627, 0.6780, 0.0593])[..., None].clip(1e-12)
    scene = (shown * luminance ** (-0.2 / 1.2)).clip(0)  # its system gamma is 1.2
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    code: Values = np.where(
        scene <= 1 / 12, np.sqrt(3 * scene), a * np.log((12 * scene - b).clip(1e-9)) + c
    )
    return code


CURVES: dict[str, Callable[[Values], Values]] = {
    "smpte2084": _pq,
    "arib-std-b67": _hlg,
    "linear": lambda light: light,
    "bt470m": lambda light: light.clip(0) ** (1 / 2.2),
    "bt470bg": lambda light: light.clip(0) ** (1 / 2.8),
    "log100": lambda light: 1 + np.log10(light.clip(0.01)) / 2,
    "log316": lambda light: 1 + np.log10(light.clip(10**-2.5)) / 2.5,
    # Display-referred, as all programs write and show them.
    **dict.fromkeys(
        (
            *("unknown", "bt709", "smpte170m", "smpte240m", "bt1361e", "bt2020-10", "bt2020-12"),
            *("iec61966-2-1", "iec61966-2-4"),
        ),
        _srgb,
    ),
}


def signal(light: Values, *, primaries: str, transfer: str, matrix: str) -> Values:
    """Return RGB signals in [0, 1] of light (h, w, 3) in the primaries of BT.709.

    For ICtCp, LMS signals.
    """
    source, target = _to_xyz("bt709"), _to_xyz(primaries)
    cones = _BRADFORD @ source.sum(1), _BRADFORD @ target.sum(1)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(cones[1] / cones[0]) @ _BRADFORD
    converted = light @ (np.linalg.inv(target) @ adapted @ source).T
    if matrix == "ictcp":
        converted = converted @ _LMS.T
    result: Values = CURVES[transfer](converted)
    return result


def planes(rgb: Values, *, matrix: str, full: bool, bits: int) -> NDArray[np.uint16]:
    """Return the planes (3, h, w) of a yuv444p or gbrp frame, of more than 8 bits."""
    most = 2**bits - 1
    if matrix == "gbr":
        values = rgb[..., [1, 2, 0]].transpose(2, 0, 1) * most
    else:
        luma, *chroma = (rgb @ _rows(matrix).T).transpose(2, 0, 1)
        step = 2 ** (bits - 8)
        scale = (most, most) if full else (219 * step, 224 * step)
        values = np.stack(
            [scale[0] * luma + (0 if full else 16 * step)]
            + [scale[1] * each + 128 * step for each in chroma]
        )
    codes: NDArray[np.uint16] = np.rint(values).clip(0, most).astype("<u2")
    return codes


def _rows(matrix: str) -> Values:
    """Return the matrix (3, 3) from RGB to luma and chroma; from LMS, for ICtCp of PQ."""
    if matrix == "ycgco":
        return np.array([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0, -0.5]])
    if matrix == "ictcp":
        return np.array([[2048, 2048, 0], [6610, -13613, 7003], [17933, -17390, -543]]) / 4096
    red, blue = MATRICES[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    chroma = [([0, 0, 1] - luma) / (2 - 2 * blue), ([1, 0, 0] - luma) / (2 - 2 * red)]
    return np.stack([luma, *chroma])


def _to_xyz(primaries: str) -> Values:
    x, y = np.array(PRIMARIES[primaries]).T
    xyz = np.stack([x, y, 1 - x - y])
    matrix: Values = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3] / y[3])
    return matrix
