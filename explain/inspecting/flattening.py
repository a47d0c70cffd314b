"""One flat graph out of many functions: calls are replaced by what they do, nothing is run.

From the answers backwards, so that only what they need is kept. Calls of functions are written out;
switches and branches whose condition is known (a training flag) are decided; of other branches both are
written out, and one answer selected, which is the same where nothing but numbers is computed. What only
passes its input on is skipped; what only orders the work is forgotten. Loops are refused: they need not
end. Variables and weights get their numbers here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from explain.errors import ModelTooLarge, UnsafeGraph
from explain.inspecting import operations
from explain.inspecting.limits import quoted
from explain.inspecting.nodes import (
    BOOL, FLOATS, Function, Node, Ref, Tensor, clean, numeric, put_shape, read_function, read_tensor,
    reference,
)  # fmt: skip
from explain.inspecting.protobuf import Damage, Pieces, content, number, numbers, put, read

MOST_NODES = 50_000                                    # of the network, its functions written out
MOST_DEPTH = 50                                        # functions that call functions
MOST_SPREAD = 64 * 2**20                               # bytes of constants that are one number, repeated

NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]{0,1000}")
DEAD = ("", -1)                                        # the answer of a branch that is not taken


@dataclass
class Flat:
    """A node of the flat graph, ready to be written."""

    op: str
    inputs: list[Ref]
    attributes: dict[str, Pieces]


@dataclass
class Flattening:
    """functions: the library, by name; value_of: the numbers of a variable of the main graph."""

    functions: dict[str, memoryview]
    value_of: Callable[[str], Tensor]
    nodes: dict[str, Flat] = field(default_factory=dict)
    _read: dict[str, Function] = field(default_factory=dict)
    _many: dict[str, int] = field(default_factory=dict)
    _truths: dict[Ref, bool] = field(default_factory=dict)
    _count: int = 0
    _spread: int = 0

    def expand(
        self, nodes: dict[str, Node], wanted: list[str], arguments: dict[str, Ref] | None = None, depth=0
    ) -> list[Ref]:
        """The wanted answers, as answers of the flat graph."""
        arguments, found = arguments or {}, {}

        def flat(ref: Ref) -> Ref:
            name, which = ref
            if name in arguments:
                return arguments[name]
            answers = found[name]
            if isinstance(answers, str):
                return answers, which
            if which >= len(answers):
                raise Damage(f"node {quoted(name)} has no answer {which}")
            return answers[which]

        wanted = [reference(each, nodes, arguments) for each in wanted]
        order = list(in_order(nodes, [name for name, _ in wanted], arguments))
        asked: dict[str, set[int]] = {}
        for name, which in [*wanted, *(ref for _, inputs in order for ref in inputs)]:
            asked.setdefault(name, set()).add(which)
        for node, inputs in order:
            self._count_one()
            found[node.name] = self._node(node, [flat(ref) for ref in inputs], asked[node.name], depth)
        return [flat(ref) for ref in wanted]

    def _node(self, node: Node, inputs: list[Ref], asked: set[int], depth: int) -> str | list[Ref]:
        """The flat node's name, or the answers where nothing has to be written; asked: which are needed."""
        op = node.op
        if op not in operations.PURE:
            if op in operations.LOOPS or op.startswith("TensorList"):
                raise UnsafeGraph(f"The network has a loop (node {quoted(node.name)}), which need not end.")
            raise UnsafeGraph(
                f"The network itself uses the operation {quoted(op)} (node {quoted(node.name)}). Only those "
                "that compute numbers from numbers are allowed there."
            )
        if op == "Merge":
            alive = [ref for ref in inputs if ref != DEAD]
            if len(alive) != 1:
                raise Damage(f"node {quoted(node.name)} joins branches of which {len(alive)} are taken")
            return alive
        if len(inputs) < operations.LEAST_INPUTS.get(op, 0):
            raise Damage(f"node {quoted(node.name)} lacks inputs")
        if DEAD in inputs:
            return [DEAD] * 16
        if op == "IdentityN":
            return inputs
        if op in operations.ALIASES:
            return inputs[:1]
        if op in operations.CALLS:
            return self._call(node.function("f"), inputs, asked, depth)
        if op == "Switch":
            taken = self._truths.get(inputs[1])
            if taken is None:
                raise UnsafeGraph(f"Node {quoted(node.name)} chooses its way while it runs: not supported.")
            return [DEAD, inputs[0]] if taken else [inputs[0], DEAD]
        if op in operations.BRANCHES:
            return self._branch(node, inputs, asked, depth)
        if op == "VarHandleOp" or op in operations.VARIABLES:
            if depth:
                raise Damage(f"variable {quoted(node.name)} of a function has no value in the file")
            write = self._variable if op == "VarHandleOp" else self._weights
            return write(node.name, self.value_of(node.name))
        return self._plain(node, inputs)

    def _plain(self, node: Node, inputs: list[Ref]) -> str:
        tensor = self._constant(node)
        if tensor is not None and tensor.dtype in FLOATS and tensor.shape:
            return self._weights(node.name, tensor)
        name = self._write(node.name, node.op, inputs, clean(node))
        if tensor is not None and tensor.dtype == BOOL and not tensor.shape:
            self._truths[name, 0] = _truth(node)
        if node.op == "LogicalNot" and inputs[0] in self._truths:
            self._truths[name, 0] = not self._truths[inputs[0]]
        return name

    def _constant(self, node: Node) -> Tensor | None:
        """The numbers of a constant. ModelTooLarge where few of them stand for very many."""
        if node.op != "Const":
            return None
        tensor = numeric(read_tensor(content(node.get("value"), 8)))
        self._spread += max(tensor.size - 8 * tensor.stored, 0)
        if self._spread > MOST_SPREAD:
            raise ModelTooLarge(
                f"Constants of the graph (the last one {quoted(node.name)}, shape {tensor.shape}) would grow "
                f"from single numbers to more than {MOST_SPREAD // 2**20} MB."
            )
        return tensor

    def _count_one(self) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            raise _too_many()

    def _call(self, name: str, inputs: list[Ref], asked: set[int], depth: int) -> list[Ref]:
        function = self.function(name)
        if not depth and self._count + self._written_out(name) > MOST_NODES:
            raise _too_many()
        writer = next((node.op for node in function.nodes.values() if node.op in operations.SAVERS), None)
        if writer:
            raise UnsafeGraph(f"The network itself calls {quoted(name)}, which uses '{writer}'.")
        if len(inputs) != len(function.arguments):
            raise Damage(f"function {quoted(name)} is called with {len(inputs)} values")
        arguments = {argument: ref for (argument, _), ref in zip(function.arguments, inputs)}
        wanted = [written for which, written in enumerate(function.returns) if which in asked]
        found = iter(self.expand(function.nodes, wanted, arguments, depth + 1))
        return [next(found) if which in asked else DEAD for which in range(len(function.returns))]

    def _written_out(self, name: str, depth: int = 0) -> int:
        """How many operations a function becomes, counted before any of them is written."""
        if depth > MOST_DEPTH:
            raise ModelTooLarge(f"The graph's functions call each other more than {MOST_DEPTH} deep.")
        if name not in self._many:
            nodes = self.function(name).nodes.values()
            called = [node.function(key) for node in nodes for key in operations.CALLING.get(node.op, ())]
            self._many[name] = len(nodes) + sum(self._written_out(each, depth + 1) for each in called)
        return self._many[name]

    def _branch(self, node: Node, inputs: list[Ref], asked: set[int], depth: int) -> list[Ref]:
        condition, inputs = inputs[0], inputs[1:]
        branches = [node.function(key) for key in operations.CALLING[node.op]]
        if condition in self._truths:
            return self._call(branches[not self._truths[condition]], inputs, asked, depth)
        if number(node.get("Tcond"), 6) != BOOL:
            raise UnsafeGraph(f"Node {quoted(node.name)} chooses its way by something else than yes or no.")
        dtypes = [dtype for _, dtype in self.function(branches[0]).answers]
        answers = zip(*(self._call(name, inputs, asked, depth) for name in branches))

        def selected(pair: tuple[Ref, Ref], dtype: int) -> Ref:
            if DEAD in pair:
                return DEAD
            return self._write(node.name, "Select", [condition, *pair], {"T": put(6, dtype)}), 0

        return [selected(pair, dtype) for pair, dtype in zip(answers, dtypes)]

    def _variable(self, name: str, tensor: Tensor) -> str:
        """A variable that carries its numbers along, which TensorFlow itself has no place for."""
        numeric(tensor)
        attributes = {"dtype": put(6, tensor.dtype), "shape": put(7, put_shape(tensor.shape))}
        return self._write(name, "VarHandleOp", [], attributes | {"_value": put(8, tensor.raw)})

    def _weights(self, name: str, tensor: Tensor) -> str:
        """Constants that are weights become variables, so that there is but one form of them."""
        handle = self._variable(name + "/weights", tensor)
        return self._write(name, "ReadVariableOp", [(handle, 0)], {"dtype": put(6, tensor.dtype)})

    def _write(self, name: str, op: str, inputs: list[Ref], attributes: dict[str, Pieces]) -> str:
        if not NAME.fullmatch(name):
            raise Damage(f"a node is called {quoted(name)}")
        own, copy = name, 1
        while own in self.nodes:
            own, copy = f"{name}_{copy}", copy + 1
        self.nodes[own] = Flat(op, inputs, attributes)
        return own

    def function(self, name: str) -> Function:
        if name not in self.functions:
            raise Damage(f"function {quoted(name)} is called and is not there")
        if name not in self._read:
            self._read[name] = read_function(self.functions[name])
        return self._read[name]


def in_order(nodes: dict[str, Node], roots: list[str], arguments=()):
    """(node, what it reads) of everything that the roots need, each after what it reads."""
    done, open_ = set(), set()
    todo = [(root, None) for root in reversed(roots) if root not in arguments]
    while todo:
        name, inputs = todo.pop()
        if inputs is not None:
            done.add(name)
            yield nodes[name], inputs
        elif name not in done:
            if name in open_:
                raise UnsafeGraph(f"The graph runs in a circle at node {quoted(name)}: not supported.")
            open_.add(name)
            inputs = [reference(each, nodes, arguments) for each in nodes[name].inputs]
            todo.append((name, inputs))
            ahead = (each for each, _ in reversed(inputs) if each not in done and each not in arguments)
            todo += [(each, None) for each in ahead]


def _too_many() -> ModelTooLarge:
    return ModelTooLarge(f"The network has more than {MOST_NODES:,} operations, its functions written out.")


def _truth(node: Node) -> bool:
    message = read(content(node.get("value"), 8))
    return any(content(message, 4)) or any(numbers(message, 11))
