"""SavedModels and frozen graphs: programs, read here as data, and written anew as numbers in, numbers out.

    saved_model.pb, or a .pb    →  every node of the graph and of every function: known, or refused by name
    its signature, or its ends  →  one picture in, scores out; what does not lie between is left out
    functions                   →  written out into one flat graph; training flags decided
    variables/                  →  their numbers stand in the graph: nothing has to be restored

The copy is a MetaGraphDef with the flat graph and one signature. It has no functions, initialisers, tables,
assets, collections, custom gradients or object graph, so that nothing runs when it is opened. At the end
it is read again, and each of its operations is compared with the list once more.
"""

from __future__ import annotations

from pathlib import Path

from explain.errors import BrokenModel, InputError, ModelTooLarge, TruncatedModel, UnknownFile, UnsafeGraph
from explain.inspecting import limits, operations
from explain.inspecting.checkpoints import Checkpoint, mapped, most_bytes, names_of
from explain.inspecting.flattening import DEAD, Flattening, in_order
from explain.inspecting.limits import quoted
from explain.inspecting.nodes import (
    Node, Ref, Tensor, function_name, put_node, put_shape, read_node, read_nodes,
)  # fmt: skip
from explain.inspecting.protobuf import (
    Cut, Damage, Message, Pieces, content, contents, number, put, put_entry, read, text,
)  # fmt: skip
from explain.inspecting.signatures import Ends, fed, of_frozen, of_signatures
from explain.results import Notice

SAVED = "saved_model.pb"
MOST_FILE_NODES = 150_000                              # NASNetMobile: 32 thousand, with its savers
SIGNATURE = "layerscope"                               # of the copy


def is_copy(path: Path) -> bool:
    """Whether a file is a copy of ours: a MetaGraphDef that begins with its graph."""
    with path.open("rb") as file:
        return file.read(1) == b"\x12"


def check(source: Path, target: Path) -> tuple[Path, tuple[Notice, ...]]:
    """Writes the copy into the folder `target`; (the copy, what to know about it).

    source: a SavedModel's folder, or a frozen graph. Raises UnsafeGraph, InputError, BrokenModel,
    TruncatedModel, ModelTooLarge, UnknownFile.
    """
    try:
        folder = source if source.is_dir() else None
        data = mapped(folder / SAVED if folder else source)
        graph, nodes, ends, value_of = _saved_model(data, folder) if folder else _frozen(data)
        flattening = Flattening(_library(graph), value_of)
        pieces = _copy(flattening, ends, fed(ends, nodes), graph)
        if sum(map(len, pieces)) > most_bytes():
            raise ModelTooLarge(f"The network's numbers take more than {limits.size(most_bytes())}.")
        target.mkdir(parents=True, exist_ok=True)
        part = target / "graph.part"                   # never into a file that `pieces` may be read from
        with part.open("wb") as file:
            file.writelines(pieces)
        verify(mapped(part))
        copy = part.replace(target / "graph.pb")
    except Damage as error:
        raise BrokenModel(
            f"The graph cannot be read: {error}. Save the model again, or download it again."
        ) from error
    return copy, ends.notices()


def verify(copy: memoryview) -> None:
    """UnsafeGraph unless every operation of a copy is one of those that compute, and it has no functions."""
    graph = read(content(read(copy), 2))
    for node in _every_node(graph):
        if node.op not in operations.PURE - operations.CALLS - operations.BRANCHES or 2 in graph:
            raise UnsafeGraph(f"The copy of the graph holds {quoted(node.op)}, which is not allowed.")


# The two kinds of file --------------------------------------------------------------------------------------


def _saved_model(data: memoryview, folder: Path):
    message = _whole(data)
    if number(message, 1) != 1 or not message.get(2):
        raise Damage("it is no SavedModel of version 1")
    meta = _serving(contents(message, 2))
    graph = read(content(meta, 2))
    _check_operations(graph, operations.PURE | operations.LEFT_OUT | operations.SAVERS)
    nodes = read_nodes(contents(graph, 1))
    ends = of_signatures(meta, nodes)
    if not (folder / "variables").is_dir():
        return graph, nodes, ends, _no_value
    checkpoint = Checkpoint(folder / "variables")
    names = names_of(meta, nodes, checkpoint)

    def value_of(variable: str) -> Tensor:
        if names.get(variable) not in checkpoint:
            raise BrokenModel(f"The file has no numbers for its variable {quoted(variable)}. Save it again.")
        return checkpoint.tensor(names[variable])

    return graph, nodes, ends, value_of


def _frozen(data: memoryview):
    graph = _whole(data)
    if isinstance(graph.get(1, [0])[0], int):
        if number(graph, 1) == 1 and 2 in graph:
            raise BrokenModel(
                f"This is the file '{SAVED}' of a SavedModel without its variables. "
                "Give the whole folder, or a zip of it."
            )
        raise UnknownFile("Expected a frozen graph (.pb) or a SavedModel's folder, received something else.")
    _check_operations(graph, operations.PURE | operations.LEFT_OUT)
    nodes = read_nodes(contents(graph, 1))
    return graph, nodes, of_frozen(nodes), _no_value


def _no_value(variable: str) -> Tensor:
    raise BrokenModel(
        f"The graph has the variable {quoted(variable)} but not its numbers: it is not frozen. "
        "Freeze it, or give the whole SavedModel folder."
    )


def _whole(data: memoryview) -> Message:
    try:
        return read(data)
    except Cut as error:
        raise TruncatedModel(
            f"The graph's file ends too early, after {len(data):,} bytes: {error}. Copy or download it again."
        ) from error


def _serving(parts: list[memoryview]) -> Message:
    """Of several versions of a network the one tagged 'serve', else the one without tags, else the first."""
    metas = [read(part) for part in parts[:16]]
    tags = [{text(tag) for tag in contents(read(content(meta, 1)), 4)} for meta in metas]
    for wanted in ({"serve"}, set()):
        if wanted in tags:
            return metas[tags.index(wanted)]
    return metas[0]


# Every operation --------------------------------------------------------------------------------------------


def _check_operations(graph: Message, known: frozenset[str]) -> None:
    """UnsafeGraph for any node, anywhere in the file, that could do more than compute."""
    for count, node in enumerate(_every_node(graph)):
        if count >= MOST_FILE_NODES:
            raise ModelTooLarge(f"The graph and its functions have more than {MOST_FILE_NODES:,} operations.")
        if node.op not in known:
            raise UnsafeGraph(
                f"The graph holds the operation {quoted(node.op)} (node {quoted(node.name)}). It is not in "
                "the list of those that only compute: it could read files, write them or run code. Export "
                "the network without it, from picture to scores."
            )


def _every_node(graph: Message):
    for part in contents(graph, 1):
        yield read_node(part)
    for function in contents(read(content(graph, 2)), 1):
        for part in contents(read(function), 3):
            yield read_node(part)


def _library(graph: Message) -> dict[str, memoryview]:
    found = {}
    for part in contents(read(content(graph, 2)), 1):
        name = function_name(part)
        if name in found or name in operations.PURE:
            raise Damage(f"two things are called {quoted(name)}")
        found[name] = part
    return found


# The copy ---------------------------------------------------------------------------------------------------


def _copy(flattening: Flattening, ends: Ends, nodes: dict[str, Node], graph: Message) -> Pieces:
    """A MetaGraphDef: graph (2) and signature (5)."""
    found = flattening.expand(nodes, [written for _, written in ends.outputs])
    if DEAD in found:
        raise Damage("an output lies on a branch that is not taken")
    flat = flattening.nodes
    plain = {name: Node(name, node.op, [_written(ref) for ref in node.inputs]) for name, node in flat.items()}
    kept = [node for node, _ in in_order(plain, [name for name, _ in found])]
    images = [node.name for node in kept if node.op == "Placeholder"]
    if len(images) != 1:
        raise InputError(
            f"Expected a network that needs one picture, this one needs {len(images)} inputs: {images[:6]}."
        )
    pieces = []
    for node in kept:
        pieces += put(1, put_node(node.name, node.op, node.inputs, flat[node.name].attributes))
    pieces += put(4, put(1, number(read(content(graph, 4)), 1)))
    image = put(1, images[0] + ":0") + put(2, ends.dtype) + put(3, put_shape(ends.shape))
    signature = put_entry(1, "image", image)
    for (name, _), ref in zip(ends.outputs, found):
        signature += put_entry(2, name, put(1, f"{ref[0]}:{ref[1]}"))
    return put(2, pieces) + put_entry(5, SIGNATURE, signature)


def _written(ref: Ref) -> str:
    return f"{ref[0]}:{ref[1]}" if ref[1] else ref[0]
