"""What travels to a component: one string of bytes, because Streamlit passes bytes only as a whole.

    u32, little-endian   length of the header
    header               JSON; `sizes` are the lengths of the blobs, `digest` names their content
    blobs                one after the other, without padding

`shared.js` reads it back. Beside it: how the browser and Python agree on a value that both may set.
"""

from __future__ import annotations

import hashlib
import json
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from explain import render

HERE = Path(__file__).parent


def frame(header: dict[str, Any], blobs: list[bytes], tag: str | None = None) -> bytes:
    """The header and the blobs as one payload.

    header: anything JSON knows, which excludes NaN; tag: what the component writes into
    `data-ready` once it has drawn this payload, by default the digest of the blobs.
    """
    digest = hashlib.blake2b(digest_size=12)
    for blob in blobs:
        digest.update(struct.pack("<Q", len(blob)))
        digest.update(blob)
    name = digest.hexdigest()
    header = header | {"sizes": [len(blob) for blob in blobs], "digest": name, "tag": tag or name}
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(text)), text, *blobs])


def floats(values: Any) -> bytes:
    """Any array as little-endian float32, the order of a `Float32Array` on every machine in use."""
    return np.ascontiguousarray(values, "<f4").tobytes()


def tables(colormaps: Sequence[str]) -> bytes:
    """The colour tables of `explain.render`, one after the other: n × 256 × RGB."""
    return b"".join(render.lut(name).tobytes() for name in colormaps)


def offered(colormaps: Sequence[str] | None, signed: bool = False) -> list[str]:
    """Names for the menu, as given, or every map of that kind; the perceptual ones come first."""
    if colormaps is None:
        return [c.name for c in render.COLORMAPS.values() if c.diverging == signed]
    return [render.colors.colormap(name).name for name in colormaps]


def source(name: str, *more: str) -> dict[str, str]:
    """html, css and js of a component. shared.*, and the scripts in `more`, stand in front of its own.

    They travel with every payload, so indentation and lines of comment stay here.
    """
    files = {"html": [name], "css": ["shared", name], "js": ["shared", *more, name]}
    return {
        kind: "\n".join(_lean(HERE / f"{part}.{kind}") for part in parts) for kind, parts in files.items()
    }


def _lean(path: Path) -> str:
    lines = (line.strip() for line in path.read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/**")))


@dataclass
class Agreement:
    """A value that both sides may set.

    value: what holds now; sent: what Python last told the browser, and `serial` when: the browser
    obeys only a new serial, so an unrelated rerun never takes a slider out of somebody's hand, and
    what the browser chose itself is not sent back with the whole payload.
    """

    value: Any = None
    sent: Any = None
    wished: Any = None
    reported: Any = None
    serial: int = field(default_factory=lambda: time.time_ns() // 1_000_000)


def agree(key: str, name: str, wished: Any, usable: Callable[[Any], Any]) -> Agreement:
    """The newer wins: what the browser reported since the last run, else what Python wishes anew.

    wished: None for no opinion; usable: turns a report, which anybody can forge, into a value, or
    into None. A report is [value, time]: the time makes choosing the same thing twice two reports.
    """
    where = f"{key} {name} agreed"
    reported = (st.session_state.get(key) or {}).get(name)
    held: Agreement | None = st.session_state.get(where)
    fresh = reported is not None and (held is None or reported != held.reported)
    chosen = usable(reported[0] if isinstance(reported, list) and reported else reported) if fresh else None
    if held is None:
        first = wished if chosen is None else chosen
        held = st.session_state[where] = Agreement(value=first, sent=first)
    elif chosen is not None:
        held.value = chosen
    elif wished not in (None, held.wished, held.value):
        held.value = held.sent = wished
        held.serial += 1
    held.reported = reported
    held.wished = held.wished if wished is None else wished
    return held
