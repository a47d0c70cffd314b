"""Which model: the options that say so, and opening it."""

from __future__ import annotations

import os
import re
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from explain.errors import OptionError

if TYPE_CHECKING:
    from explain.commands.job import Job
    from explain.results import Model

MEGABYTE = 1_000_000


def add_model(parser: ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a name that `models` lists, a file or a SavedModel folder")
    group = parser.add_argument_group("the model")
    group.add_argument("--weights", metavar="FILE", help="weights for a network of the list, from a file")
    group.add_argument(
        "--random-weights", action="store_true", help="untrained weights, always the same ones"
    )
    group.add_argument("--scaling", metavar="NAME", help="how pixels become its input, e.g. -1..1 or caffe")
    group.add_argument("--labels", metavar="FILE", help="names of the classes, one per line")
    group.add_argument(
        "--custom-objects", action="append", metavar="FILE",
        help="Python file of yours whose classes and functions the model uses; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--trusted", action="store_true", help="open a file of your own as it is, without inspection"
    )
    group.add_argument(
        "--input-size", metavar="HxW", help="for a network that takes any size; HxWxC where it sees no colour"
    )


def add_output(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--output", metavar="NAME", help="which output, by name or number, where there are several"
    )


def open_model(args: Namespace, job: Job) -> Model:
    """The model that the arguments ask for; weights are fetched with a bar.

    UnknownModel, ModelError, NoInternet, Cancelled, OptionError.
    """
    if args.weights and args.random_weights:
        raise OptionError("Expected either --weights or --random-weights, received both.")
    is_file = os.path.exists(args.model)
    if is_file and (args.weights or args.random_weights):
        raise OptionError(
            f"'{args.model}' is a file with weights of its own: --weights and --random-weights are for the "
            "networks that `python -m explain models` lists."
        )
    if not is_file and not os.path.splitext(args.model)[1] and os.path.basename(args.model) == args.model:
        from explain.opening.zoo import entry_of

        entry_of(args.model)                       # a misspelt name need not wait for TensorFlow
    source_of(args)                                # refuses a size that is none
    hush()
    job.bar.note(f"opening {args.model} ...")
    import explain

    def fetching(done: int, total: int, _: Any) -> bool:
        job.bar.update(f"fetching weights of {args.model}", done, total, MEGABYTE, " MB")
        return not job.stopping

    model = explain.load(**source_of(args), on_progress=fetching)
    job.bar.clear()
    if not args.quiet:
        for notice in model.notices:
            job.bar.warn(f"{notice.code}: {notice.sentence}")
    return model


def source_of(args: Namespace) -> dict[str, Any]:
    """The keywords of `explain.load` that the arguments mean, files by their absolute paths. OptionError."""

    def absolute(path: str | None) -> str | None:
        return path if path is None else os.path.abspath(path)

    return {
        "name": absolute(args.model) if os.path.exists(args.model) else args.model,
        "scaling": args.scaling,
        "labels": absolute(args.labels),
        "weights": None if args.random_weights else absolute(args.weights) or "imagenet",
        "input_shape": _input_shape(args.input_size),
        "trusted": args.trusted,
        "custom_objects": [absolute(path) for path in args.custom_objects or ()] or None,
    }


def output_of(args: Namespace, model: Model) -> int | str | None:
    """`--output` as a name where the model has it, as a number where it is one."""
    given = args.output
    if given is not None and given.isdigit() and given not in {o.name for o in model.outputs}:
        return int(given)
    return given


def describe(model: Model) -> dict[str, Any]:
    """What --json says about a model."""
    from explain.provenance import model_of

    return model_of(model)


def hush() -> None:
    """Import TensorFlow without its chatter about devices and instructions.

    Who sets TF_CPP_MIN_LOG_LEVEL=0 wants to read it, and does. What is said while importing ignores any
    other level (tensorflow/tensorflow#100442): it is kept back, and shown only where the import fails.
    """
    import tempfile  # late: --help shall not wait for it

    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0" or "tensorflow" in sys.modules:
        return
    with tempfile.TemporaryFile() as kept:
        try:
            with _native_stderr_into(kept.fileno()):
                import tensorflow  # noqa: F401
        except BaseException:
            kept.seek(0)
            sys.stderr.write(kept.read().decode(errors="replace"))
            raise


@contextmanager
def _native_stderr_into(number: int) -> Iterator[None]:
    """While open, what libraries write to file number 2 goes there; what Python says is still seen."""
    try:
        terminal = os.dup(2)
    except OSError:                                # there is no stderr at all
        yield
        return
    spoken = sys.stderr
    with os.fdopen(os.dup(terminal), "w", buffering=1, errors="backslashreplace") as direct:
        os.dup2(number, 2)
        sys.stderr = direct if spoken is sys.__stderr__ else spoken
        try:
            yield
        finally:
            sys.stderr = spoken
            os.dup2(terminal, 2)
            os.close(terminal)


def _input_shape(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)\s*[x×,]\s*(\d+)(?:\s*[x×,]\s*([134]))?", text.strip())
    if not found or not all(1 <= int(n) <= 4096 for n in found.groups("3")):
        raise OptionError(
            f"Expected --input-size HxW like 160x224, or HxWxC like 28x28x1, received '{text}'."
        )
    return tuple(int(n) for n in found.groups("3"))
