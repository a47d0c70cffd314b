"""The zoo: networks that can be opened by name.

The table costs nothing: neither TensorFlow nor Keras is imported before `build`. One network is embedded,
its weights are always there; the others are those of `keras.applications`, fetched on first use and kept
where Keras keeps them.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explain.errors import ModelError, NoInternet, UnknownModel, near

if TYPE_CHECKING:
    import keras

    from explain.opening.fetch import Progress, Wanted


@dataclass(frozen=True)
class Entry:
    """One network of the zoo.

    name: as users write it; scaling: a name of `explain.scaling`, "0..255" where the network scales for
    itself; input_size: (h, w); parameters: millions, with the classifier; factory: its name in
    `keras.applications`; about: paper, and whose weights; embedded: weights need not be fetched.
    """

    name: str
    title: str
    scaling: str
    input_size: tuple[int, int]
    parameters: float
    factory: str
    about: str
    embedded: bool = False

    @property
    def megabytes(self) -> int:
        """Of weights: four bytes a number."""
        return round(4 * self.parameters)


DEFAULT = "efficientnet-lite0"

_SMALL, _LARGE = (224, 224), (299, 299)

# name, title, scaling, input size, millions of numbers, factory, about.
# The scaling is what `preprocess_input` of the same module does: caffe → "caffe", tf → "-1..1",
# torch → "torch", nothing → "0..255" (those networks begin with Rescaling or Normalization).
_TABLE = (
    ("vgg16", "VGG16", "caffe", _SMALL, 138.357_544, "VGG16",
     "Simonyan and Zisserman 2014; weights by the Visual Geometry Group, Oxford, CC BY"),
    ("vgg19", "VGG19", "caffe", _SMALL, 143.667_240, "VGG19",
     "Simonyan and Zisserman 2014; weights by the Visual Geometry Group, Oxford, CC BY"),
    ("resnet50", "ResNet50", "caffe", _SMALL, 25.636_712, "ResNet50",
     "He et al. 2015; weights published with Keras"),
    ("resnet101", "ResNet101", "caffe", _SMALL, 44.707_176, "ResNet101",
     "He et al. 2015; weights published with Keras"),
    ("resnet50v2", "ResNet50V2", "-1..1", _SMALL, 25.613_800, "ResNet50V2",
     "He et al. 2016; weights published with Keras"),
    ("inceptionv3", "InceptionV3", "-1..1", _LARGE, 23.851_784, "InceptionV3",
     "Szegedy et al. 2015; weights published with Keras"),
    ("inceptionresnetv2", "InceptionResNetV2", "-1..1", _LARGE, 55.873_736, "InceptionResNetV2",
     "Szegedy et al. 2016; weights published with Keras"),
    ("xception", "Xception", "-1..1", _LARGE, 22.910_480, "Xception",
     "Chollet 2016; weights published with Keras"),
    ("mobilenet", "MobileNet", "-1..1", _SMALL, 4.253_864, "MobileNet",
     "Howard et al. 2017; weights by its authors, Apache-2.0"),
    ("mobilenetv2", "MobileNetV2", "-1..1", _SMALL, 3.538_984, "MobileNetV2",
     "Sandler et al. 2018; weights published with Keras"),
    ("mobilenetv3small", "MobileNetV3 Small", "0..255", _SMALL, 2.554_968, "MobileNetV3Small",
     "Howard et al. 2019; weights published with Keras"),
    ("mobilenetv3large", "MobileNetV3 Large", "0..255", _SMALL, 5.507_432, "MobileNetV3Large",
     "Howard et al. 2019; weights published with Keras"),
    ("densenet121", "DenseNet121", "torch", _SMALL, 8.062_504, "DenseNet121",
     "Huang et al. 2016; weights published with Keras"),
    ("densenet169", "DenseNet169", "torch", _SMALL, 14.307_880, "DenseNet169",
     "Huang et al. 2016; weights published with Keras"),
    ("nasnetmobile", "NASNet Mobile", "-1..1", _SMALL, 5.326_716, "NASNetMobile",
     "Zoph et al. 2017; weights published with Keras"),
    ("efficientnetb0", "EfficientNet B0", "0..255", _SMALL, 5.330_571, "EfficientNetB0",
     "Tan and Le 2019; weights published with Keras"),
    ("efficientnetv2b0", "EfficientNetV2 B0", "0..255", _SMALL, 7.200_312, "EfficientNetV2B0",
     "Tan and Le 2021; weights published with Keras"),
    ("convnexttiny", "ConvNeXt Tiny", "0..255", _SMALL, 28.589_128, "ConvNeXtTiny",
     "Liu et al. 2022; weights published with Keras"),
)  # fmt: skip

ZOO: dict[str, Entry] = {
    DEFAULT: Entry(
        DEFAULT, "EfficientNet-Lite0", "(x-127)/128", _SMALL, 4.694_024, "",
        "Tan and Le 2019; weights by its authors, Apache-2.0, as a package of the index", embedded=True,
    ),
    **{row[0]: Entry(*row) for row in _TABLE},
}  # fmt: skip


def entry_of(name: str) -> Entry:
    """The entry of that name; 'VGG16' and 'ResNet-50' are understood. Otherwise UnknownModel, near misses."""
    plain = {_plain(known): entry for known, entry in ZOO.items()}
    if _plain(name) not in plain:
        raise UnknownModel(
            f"There is no network '{name}' in the zoo.{near(name, ZOO)} "
            "`python -m explain models` lists those that there are."
        )
    return plain[_plain(name)]


def build(
    name: str,
    weights: str | os.PathLike[str] | None = "imagenet",
    seed: int | None = None,
    on_progress: Progress | None = None,
) -> keras.Model:
    """Build a network of the zoo: (b, h, w, 3) float32, scaled as its entry says → (b, 1000) probabilities.

    weights: "imagenet", fetched on first use; a file of weights (.h5, .weights.h5; .pth for the embedded
    network), where a file without the classifier gives a network without it; or None for random ones,
    the same for the same `seed`.
    on_progress: (bytes done, bytes in all or 0, None) while fetching; returning False cancels.

    Raises UnknownModel, NoInternet, Cancelled, and ModelError where a file does not fit or is damaged.
    """
    entry = entry_of(name)
    if weights is None:
        with _drawn_from(seed):
            return _architecture(entry, weights=None)
    if os.fspath(weights) != "imagenet":
        return _from_file(entry, Path(weights))
    return _embedded() if entry.embedded else _fetched(entry, on_progress)


def _architecture(entry: Entry, **options: Any) -> keras.Model:
    with _names_from_the_start():
        if entry.embedded:
            from explain.opening import efficientnet_lite

            return efficientnet_lite.build()
        import keras

        return getattr(keras.applications, entry.factory)(input_shape=(*entry.input_size, 3), **options)


@contextmanager
def _names_from_the_start() -> Iterator[None]:
    """Layers without a name of their own are numbered through the whole thread (conv2d_93). Here they begin anew,
    so that a network has the same names, and with them the same key, whatever was opened before it."""
    from keras.src.backend.common import global_state

    # The public door, `clear_session`, would clear much more than the numbers.
    before = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", None)
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", before)


def _embedded() -> keras.Model:
    from explain.opening import efficientnet_lite

    return efficientnet_lite.build(efficientnet_lite.embedded_weights())


class _NotYet(Exception):
    """Keras asks for a file that is not there."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted


def _fetched(entry: Entry, on_progress: Progress | None) -> keras.Model:
    """Ask Keras which file it needs by letting it build; fetch outside the lock; build again with it."""
    from explain.opening import fetch

    def cached(wanted: Wanted) -> str:
        if not wanted.path.is_file() or not fetch.is_whole(wanted.path, wanted.digest):
            raise _NotYet(wanted)
        return str(wanted.path)

    try:
        with fetch.answering(cached):
            return _architecture(entry, weights="imagenet")
    except _NotYet as not_yet:
        wanted = not_yet.wanted
    try:
        path = fetch.fetch(wanted.url, wanted.path, wanted.digest, on_progress)
    except ModelError as error:
        where = "there is no way to the internet here" if isinstance(error, NoInternet) else "that failed"
        raise type(error)(
            f"The weights of {entry.title} ({entry.megabytes} MB) have to be fetched once, and {where}: "
            f"{error}. "
            f"Take '{DEFAULT}', whose weights are always there, or, in Python and on the command line, "
            f"give a file with the weights of {entry.title} (.weights.h5 or .h5) that was fetched elsewhere."
        ) from error
    with fetch.answering(lambda _: str(path)):
        return _architecture(entry, weights="imagenet")


# Beside its weights a file may keep the seeds of Dropout layers: a few numbers, never a layer.
_SEEDS = 200


def _from_file(entry: Entry, path: Path) -> keras.Model:
    from explain.opening import efficientnet_lite, fetch
    from explain.opening.state_dict import read_state_dict

    if path.is_dir():                                           # the copy of a whole .keras file
        path = path / "model.weights.h5"
    if not path.is_file():
        raise ModelError(f"There is no file '{path.name}'. Expected are weights of {entry.title}.")
    if entry.embedded and path.suffix == ".pth":
        return efficientnet_lite.build(read_state_dict(path))
    numbers, legacy = _numbers_in(path)
    include_top = numbers > 0.99e6 * entry.parameters           # every classifier of the zoo is more than 1 %
    misfit = (
        f"'{path.name}' does not fit {entry.title}: it holds {numbers:,} numbers, expected are "
        f"{entry.parameters * 1e6:,.0f}{'' if entry.embedded else ', or those without the classifier'}. "
        f"Take weights that were saved from {entry.title}, or choose another network."
    )
    if numbers > entry.parameters * 1e6 + _SEEDS:
        raise ModelError(misfit)
    try:
        # Of a file that does not fit Keras says so a hundred times; ours is one sentence.
        quiet = warnings.catch_warnings(action="ignore", category=UserWarning)
        with _well_named(path, legacy) as named, fetch.answering(lambda _: named), quiet:
            # "imagenet", because some architectures scale differently for those weights.
            network = _architecture(entry, weights="imagenet", include_top=include_top)
            if entry.embedded:
                network.load_weights(named)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError) as error:
        raise ModelError(misfit) from error
    if abs(network.count_params() - numbers) > _SEEDS:
        raise ModelError(misfit)
    return network


def fitting(path: Path) -> list[str]:
    """Titles of the networks, with their classifier, that have as many weights as the file. ModelError."""
    numbers, _ = _numbers_in(path)
    return [e.title for e in ZOO.values() if 0 <= numbers - round(e.parameters * 1e6) <= _SEEDS]


def _numbers_in(path: Path) -> tuple[int, bool]:
    """(how many weights the file holds, whether as Keras 2 laid them out). ModelError for any other file."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            legacy = "layer_names" in file.attrs or "model_weights" in file
            root = file["model_weights"] if "model_weights" in file else file if legacy else file["layers"]
            found: list[int] = []
            root.visititems(lambda _, item: found.append(getattr(item, "size", 0)))     # groups have no size
            return sum(found), legacy
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"'{path.name}' cannot be read as a file of Keras weights: expected is HDF5 (.weights.h5 or .h5) "
            "as written by save_weights. A whole model is opened by its path alone."
        ) from error


@contextmanager
def _well_named(path: Path, legacy: bool) -> Iterator[str]:
    """The same file under a name whose ending tells Keras the layout; uploads may carry any name."""
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / ("classic.h5" if legacy else "keras.weights.h5")
        try:
            named.symlink_to(path.resolve())
        except OSError:                                         # Windows allows links to some users only
            shutil.copyfile(path, named)
        yield str(named)


@contextmanager
def _drawn_from(seed: int | None) -> Iterator[None]:
    """Keras draws the seeds of its initialisers from Python's generator: lend it one, then put it back."""
    before = random.getstate()
    if seed is not None:
        random.seed(seed)
    try:
        yield
    finally:
        if seed is not None:
            random.setstate(before)


def _plain(name: object) -> str:
    return "".join(letter for letter in str(name).lower() if letter.isalnum())
