"""Classes of the operator's own: imported from Python files that the operator named, never from an upload."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from explain.errors import OptionError


def import_customs(files: Sequence[str]) -> dict[str, Any]:
    """{name as a model file writes it: class or function}: what `keras.models.load_model` wants.

    Classes that were registered are there under "package>Name" too. OptionError where a file is missing
    or cannot be imported.
    """
    found: dict[str, Any] = {}
    for file in files:
        module = _imported(Path(file))
        for name, thing in vars(module).items():
            if callable(thing) and getattr(thing, "__module__", None) == module.__name__:
                found[name] = thing
                registered = keras.saving.get_registered_name(thing)
                found[registered] = thing
    return found


def _imported(file: Path):
    """The module, imported once a process under a name that belongs to this very file."""
    path = file.resolve()
    name = f"layerscope_custom_{path.stem}_{abs(hash(str(path))):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or not path.is_file():
        raise OptionError(f"There is no Python file '{file}' with custom objects: expected a path that ends in .py.")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the operator's own code raises
        del sys.modules[name]
        raise OptionError(
            f"The custom objects in '{file}' cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module
