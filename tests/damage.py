"""Damaged copies of a file, and files of other formats, for tests of readers."""

from __future__ import annotations

import pickle
import random
import struct
from collections.abc import Iterator

__all__ = ["damaged"]

_FOREIGN = [
    b"",
    b"\0" * 200,
    b"a text of some lines\n" * 40,
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(200),
    pickle.dumps({"weights": [1.0, 2.0]}),
    struct.pack("<Q", 2**63 - 1) + b"{" * 100,
    struct.pack("<Q", 2**33) + b"[" * 1000,
    b"neuralpaint take 1\n",
    b"neuralpaint take 2\nwhatever",
    b"neuralpaint take 1\n" + b"HEAD" + b"\xff" * 200,
]


def damaged(raw: bytes, *, count: int, seed: int = 5) -> Iterator[bytes]:
    """Yield `count` files: foreign ones, then copies with flipped, cut or overwritten bytes."""
    rng = random.Random(seed)
    yield from _FOREIGN
    for i in range(count - len(_FOREIGN)):
        copy = bytearray(raw)
        # Half of them near the beginning, where the header is.
        where = rng.randrange(min(len(raw), 600) if rng.random() < 0.5 else len(raw))
        match i % 6:
            case 0 | 1:
                copy[where] ^= 1 << rng.randrange(8)
            case 2:
                del copy[where:]
            case 3:
                end = where + rng.randrange(1, 64)
                copy[where:end] = rng.randbytes(len(copy[where:end]))
            case 4:
                copy[where : where + 8] = struct.pack("<Q", rng.choice([2**63, 2**40, 0, 1]))
            case _:
                del copy[where : where + rng.randrange(1, 200)]
        yield bytes(copy)
