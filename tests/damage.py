"""Files that are not as they were written: what a disk, a network or a stranger makes of them."""

from __future__ import annotations

import pickle
import random
import struct
from collections.abc import Iterator

__all__ = ["damaged"]

_STRANGERS = [
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
    """Yield `count` damaged copies of a file: flipped, cut, overwritten, mixed up, foreign."""
    chance = random.Random(seed)
    yield from _STRANGERS
    for i in range(count - len(_STRANGERS)):
        copy = bytearray(raw)
        # Half of them near the beginning, where what matters most is.
        where = chance.randrange(min(len(raw), 600) if chance.random() < 0.5 else len(raw))
        match i % 6:
            case 0 | 1:
                copy[where] ^= 1 << chance.randrange(8)
            case 2:
                del copy[where:]
            case 3:
                end = where + chance.randrange(1, 64)
                copy[where:end] = chance.randbytes(len(copy[where:end]))
            case 4:
                copy[where : where + 8] = struct.pack("<Q", chance.choice([2**63, 2**40, 0, 1]))
            case _:
                del copy[where : where + chance.randrange(1, 200)]
        yield bytes(copy)
