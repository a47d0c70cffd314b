"""Every error a user can cause, as one tree.

    ExplainError                    one sentence for the page: expected, received, what to do
    ├── ImageError                  a picture that cannot be read
    │   ├── EmptyImage              no bytes
    │   ├── NotAnImage              bytes that are no picture
    │   ├── TruncatedImage          a picture that ends too early
    │   └── ImageTooLarge           more pixels or bytes than allowed
    ├── ModelError                  a model that cannot be opened or explored
    │   ├── UnknownModel            a name that is neither a zoo entry nor a file
    │   ├── NoInternet              weights that would have to be fetched
    │   ├── InputError              a network whose input is not one picture
    │   └── RefusedModel            a file that is not opened
    │       ├── UnknownFile         it is no model, or one of another program
    │       ├── TruncatedModel      it ends too early
    │       ├── BrokenModel         its parts do not fit together
    │       ├── UnsafeArchive       a zip that would leave its folder, hide or repeat members
    │       ├── UnsafeHdf5          HDF5 with links, other files, or data that is no numbers
    │       ├── ModelTooLarge       more bytes, layers, depth or numbers than allowed
    │       ├── UnsafeLayer         it holds code, or names a function to call
    │       ├── CustomClass         a class that the operator has not registered
    │       ├── ObsoleteModel       something that Keras no longer has
    │       ├── WeightsOnly         weights without an architecture
    │       ├── UnsafeGraph         a graph with operations outside the allow-list
    │       ├── InspectionFailed    the inspection was stopped, or ended
    │       ├── Untrusted           no sandbox here, and the operator has not allowed it
    │       └── QuotaExceeded       no room left for this session's uploads
    ├── LayerError                  a layer that does not exist or has no map
    ├── ClassError                  a class or an output that does not exist
    ├── MethodError                 a method or a knob that does not exist
    ├── OptionError                 any other value outside its range
    ├── ReportError                 a saved report that cannot be opened
    │   ├── UnknownReport           it is no archive of a report
    │   ├── BrokenReport            it ends too early, or its parts do not fit together
    │   ├── UnsafeReport            a zip that hides, repeats or overlays its members
    │   └── ReportTooLarge          more bytes, figures, panels or letters than allowed
    ├── TooMuchMemory               work that does not fit
    ├── NotWritten                  a file that the disk does not take
    ├── WorkerError                 the other process failed
    │   ├── WorkerDied              it ended while it was asked something
    │   ├── DeadlineExceeded        it was stopped because it took too long
    │   └── InternalError           a fault of ours; the log has the traceback
    └── Cancelled                   the user stopped the work

`code` is stable and may be shown, searched for and tested; the sentence may change.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ExplainError(Exception):
    """The root. `str(error)` is the sentence for the page."""

    code = "E_EXPLAIN"


class ImageError(ExplainError):
    code = "E_IMAGE"


class EmptyImage(ImageError):
    code = "E_IMAGE_EMPTY"


class NotAnImage(ImageError):
    code = "E_IMAGE_KIND"


class TruncatedImage(ImageError):
    code = "E_IMAGE_TRUNCATED"


class ImageTooLarge(ImageError):
    code = "E_IMAGE_SIZE"


class ModelError(ExplainError):
    code = "E_MODEL"


class UnknownModel(ModelError):
    code = "E_MODEL_NAME"


class NoInternet(ModelError):
    code = "E_NO_INTERNET"


class InputError(ModelError):
    code = "E_MODEL_INPUT"


class RefusedModel(ModelError):
    code = "E_MODEL_REFUSED"


class UnknownFile(RefusedModel):
    code = "E_MODEL_KIND"


class TruncatedModel(RefusedModel):
    code = "E_MODEL_TRUNCATED"


class BrokenModel(RefusedModel):
    code = "E_MODEL_BROKEN"


class UnsafeArchive(RefusedModel):
    code = "E_ZIP"


class UnsafeHdf5(RefusedModel):
    code = "E_HDF5"


class ModelTooLarge(RefusedModel):
    code = "E_MODEL_SIZE"


class UnsafeLayer(RefusedModel):
    code = "E_MODEL_CODE"


class CustomClass(RefusedModel):
    code = "E_CUSTOM_CLASS"


class ObsoleteModel(RefusedModel):
    code = "E_MODEL_OBSOLETE"


class WeightsOnly(RefusedModel):
    code = "E_WEIGHTS_ONLY"


class UnsafeGraph(RefusedModel):
    code = "E_GRAPH"


class InspectionFailed(RefusedModel):
    code = "E_INSPECTION"


class Untrusted(RefusedModel):
    code = "E_UNTRUSTED"


class QuotaExceeded(RefusedModel):
    code = "E_QUOTA"


class LayerError(ExplainError):
    code = "E_LAYER"


class ClassError(ExplainError):
    code = "E_CLASS"


class MethodError(ExplainError):
    code = "E_METHOD"


class OptionError(ExplainError):
    code = "E_OPTION"


class ReportError(ExplainError):
    code = "E_REPORT"


class UnknownReport(ReportError):
    code = "E_REPORT_KIND"


class BrokenReport(ReportError):
    code = "E_REPORT_BROKEN"


class UnsafeReport(ReportError):
    code = "E_REPORT_ZIP"


class ReportTooLarge(ReportError):
    code = "E_REPORT_SIZE"


class TooMuchMemory(ExplainError):
    code = "E_TOO_MUCH_MEMORY"


class NotWritten(ExplainError):
    code = "E_WRITE"


class WorkerError(ExplainError):
    code = "E_WORKER"


class WorkerDied(WorkerError):
    code = "E_WORKER_DIED"


class DeadlineExceeded(WorkerError):
    code = "E_DEADLINE"


class InternalError(WorkerError):
    code = "E_INTERNAL"


class Cancelled(ExplainError):
    code = "E_CANCELLED"


def tree(root: type[ExplainError] = ExplainError) -> dict[str, type[ExplainError]]:
    """Every class of the tree by its name."""
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= tree(child)
    return found


def near(name: object, known: Iterable[str], most: int = 3) -> str:
    """' Did you mean …?' with the closest of the known names, or '' where none is close."""
    known = list(known)
    wanted = str(name).lower()
    folded = {k.lower(): k for k in reversed(known)}
    close = difflib.get_close_matches(wanted, folded, n=most, cutoff=0.5)
    close += [k for k in folded if wanted and wanted in k and k not in close][: most - len(close)]
    names = [f"'{folded[k]}'" for k in close]
    if not names:
        return ""
    return f" Did you mean {' or '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}?"
