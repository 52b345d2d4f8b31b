"""Frame interpolation: in-between frames along the optical flow of two frames.

Three flows are tried for every pixel of the new frame: the forward and the backward flow, splatted
to its time, and the dominant flow. Each flow gives a point to sample in both frames; a pixel that
is occluded in one frame is taken from the other. The three candidates and a plain blend of both
frames are averaged, with weights from how well both frames agree. (Splatting: Baker et al. 2011, A
database and evaluation methodology for optical flow.)
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.flow import Motion, Pixels, dominant_flow, estimate_motion, to_planes
from neuralpaint.restoration.variational import is_inside, resize, splat, warp
from neuralpaint.runtime.progress import DoneCallback, ignore, part_of
from neuralpaint.runtime.threads import parallel_map

__all__ = ["densify", "interpolate"]

logger = logging.getLogger(__name__)

Timed = tuple[Pixels, float]

_LEAST_CONSISTENCY = 0.35  # lower values are a cut between two scenes
_FLOW_SHARE = 0.7  # of the time for a pair of frames

# Costs are differences of colours in [0, 1]; chosen by the mean PSNR of eight clips.
_SOFTNESS = 0.01  # if the cost is lower by this, the weight is e times as large
_OCCLUDED_COST = 0.06  # if at most one frame shows the pixel: nothing can be compared
_UNSEEN_COST = 0.02  # added if neither frame shows it; 0.1: 0.5 dB worse
_BLEND_COST = 0.1  # added to the plain blend, which blurs moving areas of low contrast
_FAILED_COST = 1.0  # added to all flows where hardly any flow nearby is consistent
_SAME_FLOW = 2.0  # pixels: typical difference of flows within one object
_OCCLUDED_WEIGHT = 1e-3  # of a frame in which the pixel is occluded
_CONSISTENT, _SAME_COLOUR = 1.0, 0.05  # pixels, colours: at these errors the trust is 1 / e
_LEAST = 1e-6
_FEW, _NEIGHBOURHOOD = 0.3, 16  # mean trust, and the side of its window in pixels
_HOLE = 0.02  # a pixel with this splatted weight is filled half from its surroundings


def densify(
    frames: Sequence[Pixels],
    times: NDArray[np.float32],
    *,
    between: int | None = None,
    max_motion: float = 1.5,
    max_between: int = 7,
    loops: bool = False,
    on_done: DoneCallback = ignore,
) -> tuple[list[Pixels], NDArray[np.float32]]:
    """Return `frames`, uint8 (h, w, 3), with in-between frames added, and the times of all.

    Each pair gets `between` in-between frames. If it is None, each pair gets the smallest number
    that keeps the motion between frames below `max_motion` pixels, at most `max_between`. No frame
    is added across a cut. `times` increase, in [0, 1]. `loops` also adds frames from the last
    frame to the first, which counts as time 1. `on_done` is called on this thread several times a
    second. The result does not depend on the number of threads.

    Raises:
        ValueError: the number of times is not the number of frames.
    """
    if len(times) != len(frames):
        raise ValueError(f"{len(frames)} frames have {len(times)} times")
    pairs = list(pairwise(zip(frames, map(float, times), strict=True)))
    if loops and len(frames) > 1:
        pairs.append(((frames[-1], float(times[-1])), (frames[0], 1.0)))
    done, caller, stopped = [0.0] * len(pairs), threading.get_ident(), threading.Event()

    def fill(index: int) -> list[Timed]:
        def report(fraction: float) -> None:
            if stopped.is_set():
                raise _StoppedError
            done[index] = fraction
            if threading.get_ident() == caller:
                on_done(sum(done) / len(done))

        try:
            return _inbetweens(
                *pairs[index], between, max_motion=max_motion, most=max_between, on_done=report
            )
        except _StoppedError:
            return []  # not used: `parallel_map` raises the error of the other thread
        except BaseException:
            stopped.set()
            raise

    added = parallel_map(fill, range(len(pairs)))
    on_done(1.0)  # another thread may have finished last
    dense, moments = list(frames[:1]), [float(time) for time in times[:1]]
    for i, new in enumerate(added):
        following = [(frames[i + 1], float(times[i + 1]))] if i + 1 < len(frames) else []
        for frame, time in (*new, *following):
            dense.append(frame)
            moments.append(time)
    logger.debug("%d frames became %d", len(frames), len(dense))
    return dense, np.array(moments, np.float32)


class _StoppedError(Exception):
    """Another thread failed or was interrupted."""


def _inbetweens(
    first: Timed,
    second: Timed,
    count: int | None,
    *,
    max_motion: float,
    most: int,
    on_done: DoneCallback,
) -> list[Timed]:
    (a, start), (b, end) = first, second
    if count == 0 or np.array_equal(a, b):
        return []
    motion = estimate_motion(a, b, on_done=part_of(on_done, first=0, last=_FLOW_SHARE))
    if motion.consistency < _LEAST_CONSISTENCY:
        return []
    if count is None:
        count = max(0, min(most, math.ceil(motion.distance() / max_motion) - 1))
    made = []
    for i in range(1, count + 1):
        u = i / (count + 1)
        made.append((interpolate(a, b, motion, u=u), (1 - u) * start + u * end))
        on_done(_FLOW_SHARE + (1 - _FLOW_SHARE) * i / count)
    return made


def interpolate(a: Pixels, b: Pixels, motion: Motion, *, u: float) -> Pixels:
    """Return the frame at time u in [0, 1], from a at 0 to b at 1; all are uint8 (h, w, 3)."""
    with torch.no_grad():
        first, second = to_planes(a), to_planes(b)
        there, back = (torch.from_numpy(each).permute(2, 0, 1) for each in motion[:2])
        trust = _trust(there, back, first, second)
        flows = [
            _without_holes(*splat(there, u * there, weights=trust)),
            -_without_holes(
                *splat(back, (1 - u) * back, weights=_trust(back, there, second, first))
            ),
            dominant_flow(there),
        ]
        candidates = [_candidate(first, second, there, back, flow=flow, u=u) for flow in flows]
        frames = [frame for frame, _ in candidates]
        failed = _failed_cost(torch.where(is_inside(there), trust, 1.0))
        costs = [cost + failed for _, cost in candidates]
        frames.append(torch.lerp(first, second, u))
        costs.append(_window_means((first - second).abs().mean(0, keepdim=True)) + _BLEND_COST)
        shares = torch.softmax(torch.stack(costs).div_(-_SOFTNESS), 0)  # (4, 1, h, w)
        mixed = (torch.stack(frames) * shares).sum(0)
        levels = mixed.mul_(255).round_().clamp_(0, 255).byte()
        return levels.permute(1, 2, 0).contiguous().numpy()


def _candidate(
    a: Tensor, b: Tensor, there: Tensor, back: Tensor, *, flow: Tensor, u: float
) -> tuple[Tensor, Tensor]:
    """Return the frame (3, h, w) interpolated along one flow, and its cost (1, h, w)."""
    to_a, to_b = -u * flow, (1 - u) * flow
    from_a, from_b = warp(a, to_a, mode="bicubic"), warp(b, to_b, mode="bicubic")
    seen_a, seen_b = _visibility(there, flow, to_a), _visibility(-back, flow, to_b)
    share_a, share_b = (1 - u) * (seen_a + _LEAST), u * (seen_b + _LEAST)
    frame = (from_a * share_a + from_b * share_b) / (share_a + share_b)
    difference = (from_a - from_b).abs().mean(0, keepdim=True)
    unseen = 1 - torch.maximum(seen_a, seen_b)
    cost = torch.lerp(torch.full_like(difference, _OCCLUDED_COST), difference, seen_a * seen_b)
    return frame, _window_means(cost) + _UNSEEN_COST * unseen


def _visibility(own: Tensor, flow: Tensor, way: Tensor) -> Tensor:
    """Return the visibility in a frame of each pixel of the new frame, (1, h, w) in [0, 1].

    A pixel is visible if the frame's `own` flow, sampled along `way`, equals `flow`.
    """
    difference = (warp(own, way) - flow).square().sum(0, keepdim=True)
    same = torch.exp(difference / -(_SAME_FLOW**2))
    return (same + _OCCLUDED_WEIGHT) / (1 + _OCCLUDED_WEIGHT) * is_inside(way)


def _trust(there: Tensor, back: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return the trust in the flow from a to b at each pixel of a, (h, w) in (0, 1]."""
    inconsistency = (there + warp(back, there)).square().sum(0) / _CONSISTENT**2
    difference = (warp(b, there) - a).abs().mean(0).div_(_SAME_COLOUR).square_()
    return torch.exp(-(inconsistency + difference)).clamp_min_(_LEAST)


def _failed_cost(trust: Tensor) -> Tensor:
    """Return the extra cost (h, w) of the flows: above 0 where the mean trust nearby is low."""
    h, w = trust.shape
    height, width = math.ceil(h / _NEIGHBOURHOOD), math.ceil(w / _NEIGHBOURHOOD)
    nearby = resize(trust[None], height=height, width=width)
    return _FAILED_COST * (_FEW - resize(nearby, height=h, width=w)).clamp_min_(0)


def _without_holes(flow: Tensor, weights: Tensor) -> Tensor:
    """Fill the holes of a splatted flow from means over squares of increasing size."""
    counts = weights.clamp(max=1)[None]
    sums = flow * counts
    if min(counts.shape[1:]) > 1:
        half_sums, half_counts = (
            functional.avg_pool2d(planes[None], 2, ceil_mode=True)[0] for planes in (sums, counts)
        )
        coarse = _without_holes(half_sums / half_counts.clamp_min(_LEAST**2), half_counts[0])
    else:
        coarse = (sums.sum((1, 2)) / counts.sum().clamp_min(_LEAST**2)).view(2, 1, 1)
    wide = functional.interpolate(
        coarse[None], size=counts.shape[1:], mode="bilinear", align_corners=False
    )[0]
    return (sums + _HOLE * wide) / (counts + _HOLE)


def _window_means(plane: Tensor) -> Tensor:
    """Return the means over 5 x 5 pixels of a plane (1, h, w)."""
    padded = functional.pad(plane[None], (2, 2, 2, 2), mode="replicate")
    means: Tensor = functional.avg_pool2d(padded, 5, 1)[0]
    return means
