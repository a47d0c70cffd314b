"""The wire format of Protocol Buffers, read and written without their library.

A message is a row of fields: a key (number and wire type), then a varint, 4 or 8 bytes, or a length and
so many bytes. Nothing is allocated by what a message announces: lengths are compared with what is there.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Buffer = bytes | memoryview
Value = int | memoryview
Message = dict[int, list[Value]]


class Damage(ValueError):
    """Bytes that are no such message."""


class Cut(Damage):
    """A field that reaches beyond the end."""


def varint(data: Buffer, at: int) -> tuple[int, int]:
    """(value 0..2**64 − 1, where the next byte lies)."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), at
        shift += 7
        if shift > 63:
            raise Damage("a number takes more than ten bytes")
    raise Cut("a number has no end")


def fields(data: Buffer) -> Iterator[tuple[int, Value]]:
    """(number, value) of each field in order: an int for a varint, else the bytes, not copied."""
    data, at = memoryview(data), 0
    end = len(data)
    while at < end:
        key, at = data[at], at + 1
        if key > 127:
            key, at = varint(data, at - 1)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise Damage("a field has the number 0")
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, value
            continue
        if wire == BYTES:
            size, at = (data[at], at + 1) if at < end and data[at] < 128 else varint(data, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise Damage(f"a field is of wire type {wire}")
        if size > end - at:
            raise Cut(f"a field announces {size:,} bytes where {end - at:,} are left")
        yield number, data[at : at + size]
        at += size


def read(data: Buffer) -> Message:
    """All fields by number, each with its values in order."""
    found: Message = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def only(message: Message, number: int, default: Value | None = None) -> Value | None:
    """The value of a field that stands at most once. Damage where it is repeated: readers differ then."""
    values = message.get(number)
    if values is None:
        return default
    if len(values) > 1:
        raise Damage(f"field {number} stands there {len(values)} times")
    return values[0]


def number(message: Message, field: int, default: int = 0) -> int:
    """A varint field as a signed number of 64 bits."""
    value = only(message, field, default)
    if not isinstance(value, int):
        raise Damage(f"field {field} should be a number")
    return signed(value)


def content(message: Message, field: int) -> memoryview:
    """A field of bytes; empty where it is missing."""
    value = only(message, field, memoryview(b""))
    if isinstance(value, int):
        raise Damage(f"field {field} should hold bytes")
    return value


def contents(message: Message, field: int) -> list[memoryview]:
    """A repeated field of bytes."""
    values = message.get(field, [])
    if any(isinstance(value, int) for value in values):
        raise Damage(f"field {field} should hold bytes")
    return values


def numbers(message: Message, field: int) -> list[int]:
    """A repeated field of varints, packed or not."""
    found = []
    for value in message.get(field, []):
        if isinstance(value, int):
            found.append(signed(value))
            continue
        at = 0
        while at < len(value):
            one, at = varint(value, at)
            found.append(signed(one))
    return found


def signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def text(data: Buffer) -> str:
    try:
        return bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        raise Damage("a name is no UTF-8") from None


def entries(message: Message, field: int) -> Iterator[tuple[str, memoryview]]:
    """A map from text to messages, as (key, value)."""
    for entry in contents(message, field):
        pair = read(entry)
        yield text(content(pair, 1)), content(pair, 2)


# Writing -------------------------------------------------------------------------------------------------

Pieces = list[Buffer]                                  # joined, a message; large ones are never copied


def put(field: int, value: int | str | Buffer | Pieces) -> Pieces:
    """One field: a number as varint, text, bytes or another message with its length before it."""
    if isinstance(value, int):
        return [varint_of(field << 3 | VARINT) + varint_of(value)]
    pieces = value if isinstance(value, list) else [value.encode() if isinstance(value, str) else value]
    return [varint_of(field << 3 | BYTES) + varint_of(sum(map(len, pieces))), *pieces]


def put_fixed(field: int, value: Buffer) -> Pieces:
    """A field of exactly 4 or 8 bytes."""
    if len(value) not in (4, 8):
        raise Damage(f"field {field} should hold 4 or 8 bytes")
    return [varint_of(field << 3 | (FIXED32 if len(value) == 4 else FIXED64)) + bytes(value)]


def put_entry(field: int, key: str, value: Pieces) -> Pieces:
    """One entry of a map from text to messages."""
    return put(field, put(1, key) + put(2, value))


def varint_of(value: int) -> bytes:
    value, found = value % 2**64, bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)
