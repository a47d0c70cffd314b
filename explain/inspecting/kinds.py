"""What a file is, by its first bytes; its name and its ending are never asked.

    zip       .keras, a zipped SavedModel, a Teachable Machine export, or a zip around one model
    hdf5      .h5, .hdf5, .weights.h5, whatever it is called
    graph     a frozen TensorFlow graph (.pb)
    folder    a SavedModel, or an unpacked export

Everything else is refused by the name of what it is, with what to do instead.

Sources: the format notes of each kind; pickle protocol 2 and later begins with byte 80 and its number.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from explain.errors import TruncatedModel, UnknownFile
from explain.inspecting.limits import quoted, size

ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
HEAD = 64 * 2**10                                     # bytes that are looked at

SAVE = "Save it from Keras with model.save('name.keras')."
CONVERT = "Save the Keras model it was made from with model.save('name.keras'); it cannot be turned back."
UNPACK = "Unpack it and give the .keras or .h5 file in it, or pack that file as a zip."
PICTURE = "A picture is opened under 'photo'; here a .keras or .h5 file is expected."
PICKLE = f"A pickle is a program that runs when it is opened, so it never is. {SAVE}"
TORCH = "Only Keras and TensorFlow models are opened; a PyTorch model would have to be built anew in Keras."
AGAIN = "Fetch the file itself again, with its 'raw' or 'download' link."

# offset, bytes, what it is, what to do
SIGNATURES = (
    (0, b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", "a PyTorch file", TORCH),
    *((0, b"\x80" + bytes([protocol]), "a Python pickle", PICKLE) for protocol in (2, 3, 4, 5)),
    (4, b"TFL3", "a TensorFlow Lite model", CONVERT),
    (0, b"\x93NUMPY", "a NumPy array", SAVE),
    (0, b"PK\x05\x06", "an empty zip", SAVE),
    (0, b"PK\x07\x08", "one part of a zip in several parts", "Join the parts and pack them as one zip."),
    (0, b"\x1f\x8b", "packed with gzip", UNPACK),
    (0, b"BZh", "packed with bzip2", UNPACK),
    (0, b"\xfd7zXZ\0", "packed with xz", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x89PNG", "a PNG picture", PICTURE),
    (0, b"\xff\xd8\xff", "a JPEG picture", PICTURE),
    (0, b"GIF8", "a GIF picture", PICTURE),
    (0, b"BM", "a BMP picture", PICTURE),
    (8, b"WEBP", "a WebP picture", PICTURE),
    (0, b"II*\0", "a TIFF picture", PICTURE),
    (0, b"MM\0*", "a TIFF picture", PICTURE),
    (0, b"%PDF", "a PDF document", SAVE),
    (0, b"MATLAB", "a MATLAB file", "Only Keras and TensorFlow models are opened."),
    (0, b"GGUF", "a GGUF language model", "Only image classifiers of Keras and TensorFlow are opened."),
    (0, b"MZ", "a Windows program", SAVE),
    (0, b"\x7fELF", "a Linux program", SAVE),
    (0, b"\xca\xfe\xba\xbe", "a program", SAVE),
)  # fmt: skip

# a pattern in the first bytes of a text, what it is, what to do
TEXTS = (
    (rb"version https://git-lfs", "a Git LFS pointer: a note in the place of the file",
     "Fetch it with `git lfs pull`."),
    (rb"(?i)<!doctype html|<html|<head", "an HTML page: the site's page about the file was saved", AGAIN),
    (rb"<\?xml|<\w+[ >]", "an XML document", SAVE),
    (rb"model_checkpoint_path:", "the index of a TensorFlow checkpoint, which has no architecture", SAVE),
    (rb"outs:\s+- md5:", "a DVC pointer: a note in the place of the file", "Fetch it with `dvc pull`."),
    (rb"(backend|class_name|config): ", "a Keras architecture as YAML, without weights", SAVE),
    (rb"\((dp|lp|ccopy_reg|i)", "a Python pickle", PICKLE),
    (rb"c\w+(\.\w+)*\n\w+\n", "a Python pickle", PICKLE),
)  # fmt: skip
JSONS = (
    (b'"modelTopology"', "the model.json of TensorFlow.js, which has no weights in it",
     "In Teachable Machine, export as 'Tensorflow', 'Keras'; elsewhere, save the Keras model itself."),
    (b'"nbformat"', "a notebook", "Run it, and give the model that it saves."),
    (b'"class_name"', "a Keras architecture as JSON, without weights", SAVE),
)  # fmt: skip


def kind_of(path: Path, name: str) -> str:
    """'zip', 'hdf5', 'graph' or 'folder'. UnknownFile and TruncatedModel otherwise."""
    if path.is_dir():
        return "folder"
    total = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, total - 8))
        tail = file.read()
    if head.startswith(ZIP):
        return "zip"
    if head.startswith(HDF5):
        return "hdf5"
    if len(head) < 8 and (ZIP.startswith(head[:4]) or HDF5.startswith(head)):
        raise TruncatedModel(
            f"{quoted(name)} ends too early: {size(total)} were received. Fetch or save it again."
        )
    if is_graph(head, total):
        return "graph"
    what, advice = _known(head, tail, name)
    raise UnknownFile(f"{quoted(name)} is no Keras model: it is {what}. {advice}")


def is_graph(head: bytes, total: int) -> bool:
    """Whether it begins like a serialized GraphDef: field 1, a node, whose field 1 is a short name."""
    if head[:1] != b"\x0a":
        return False
    length, at = _varint(head, 1)
    if head[at:at + 1] != b"\x0a" or not 4 <= length <= total - at:
        return False
    letters, start = _varint(head, at + 1)
    return 0 < letters < 1024 and re.fullmatch(rb"[\w.\-/\\>^:]+", head[start:start + letters]) is not None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(the number that begins at `at`, where the next begins); five bytes at most are read."""
    number = 0
    for shift, byte in enumerate(data[at:at + 5]):
        number |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return number, at + shift + 1
    return -1, at


def _known(head: bytes, tail: bytes, name: str) -> tuple[str, str]:
    """(what the file is, what to do), for a file that is not opened."""
    for offset, start, what, advice in SIGNATURES:
        if head.startswith(start, offset):
            return what, advice
    for block in (512, 1024, 2048):
        if head.startswith(HDF5, block):
            return f"HDF5 behind {block} bytes of something else", SAVE
    if head[:2] == b"\x08\x01" and head[2:3] == b"\x12":
        return "the saved_model.pb of a SavedModel alone", (
            "Its weights lie in the folder 'variables' beside it: pack the whole folder as a zip."
        )
    if head[:1] == b"\x08" and head[2:3] in b"\x12\x1a\x22\x3a":
        return "an ONNX or Core ML model", CONVERT
    if int.from_bytes(head[:8], "little") < 2**27 and head[8:10] in (b'{"', b"{ "):
        return "a safetensors file: numbers without an architecture", SAVE
    if tail == bytes.fromhex("57fb808b247547db"):
        return "the index of a TensorFlow checkpoint, which has no architecture", SAVE
    if not head.strip(b"\0"):
        return "nothing but zeros: the place of a file that never arrived", "Fetch or save it again."
    return _text(head) or ("of no kind that is known here", f"Expected is a .keras or .h5 file. {SAVE}")


def _text(head: bytes) -> tuple[str, str] | None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, what, advice in TEXTS:
        if re.match(pattern, start):
            return what, advice
    if start[:1] in (b"{", b"["):
        found = [(what, advice) for needle, what, advice in JSONS if needle in head]
        return found[0] if found else ("a JSON document", SAVE)
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head[:4096])       # may end inside a letter
    except UnicodeDecodeError:
        return None
    return ("a text", SAVE) if all(letter.isprintable() or letter.isspace() for letter in text) else None
