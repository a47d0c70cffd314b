"""What the graph of a network can do besides computing: one effect for each way out.

An effect takes the target and gives a function of the picture, whose number is added to the scores.
"""

from __future__ import annotations

from corpus import Target


def writes(target: Target):
    import tensorflow as tf

    def effect(x):
        with tf.control_dependencies([tf.io.write_file(str(target.marker), "marker")]):
            return tf.zeros(3)

    return effect


def reads(target: Target):
    import tensorflow as tf

    return lambda x: (
        tf.cast(tf.strings.length(tf.io.read_file(str(target.secret))), tf.float32) * tf.constant(1e-3)
    )


def lists(target: Target):
    import tensorflow as tf

    return lambda x: tf.cast(tf.size(tf.io.matching_files(f"{target.secret.parent}/*")), tf.float32)


def python(target: Target):
    import tensorflow as tf

    return lambda x: tf.reshape(tf.py_function(lambda a: tf.reduce_mean(a), [x], tf.float32), ())


def in_a_function(target: Target):
    """Three calls deep in the library."""
    import tensorflow as tf

    inner = tf.function(writes(target), autograph=False)
    outer = tf.function(lambda x: inner(x) * tf.constant(2.0), autograph=False)
    return tf.function(lambda x: outer(x) + tf.constant(1.0), autograph=False)


def in_a_gradient(target: Target):
    import tensorflow as tf

    @tf.custom_gradient
    def kept(x):
        return tf.identity(x), lambda slope: slope + writes(target)(x)[0]

    return lambda x: tf.reduce_mean(kept(x)) * tf.constant(0.0)


def in_a_branch(target: Target):
    import tensorflow as tf

    return lambda x: tf.cond(tf.reduce_mean(x) > -1.0, lambda: writes(target)(x), lambda: tf.zeros(3))


def in_a_loop(target: Target):
    import tensorflow as tf

    def effect(x):
        return tf.while_loop(
            lambda n, s: n < 2, lambda n, s: (n + 1, s + writes(target)(x)), (0, tf.zeros(3))
        )[1]

    return effect


def in_a_map(target: Target):
    import tensorflow as tf

    return lambda x: tf.reduce_sum(tf.map_fn(lambda one: writes(target)(one), x), 0)


def by_a_dataset(target: Target):
    import tensorflow as tf

    def effect(x):
        lines = tf.data.TextLineDataset(str(target.secret)).map(tf.strings.length)
        return tf.cast(lines.reduce(0, lambda a, b: a + b), tf.float32)

    return effect


def raw(name: str, settings):
    """An effect that is one operation of that name: settings(target, x) are its arguments."""

    def effect_of(target: Target):
        import tensorflow as tf

        def effect(x):
            done = getattr(tf.raw_ops, name)(**settings(target, tf.reduce_mean(x)))
            with tf.control_dependencies(tf.nest.flatten([done] if done is not None else [])):
                return tf.zeros(3)

        return effect

    return effect_of


def saving(target: Target, x) -> dict:
    return {"prefix": str(target.marker), "tensor_names": ["x"], "shape_and_slices": [""], "tensors": [x]}


def restoring(target: Target, x) -> dict:
    import tensorflow as tf

    return {
        "prefix": str(target.secret),
        "tensor_names": ["x"],
        "shape_and_slices": [""],
        "dtypes": [tf.float32],
    }


def restored(target: Target):
    """Its scores are numbers out of a file of the server."""
    import tensorflow as tf

    return lambda x: tf.reshape(tf.raw_ops.RestoreV2(**restoring(target, x))[0], ())


def mapped(target: Target, x) -> dict:
    import tensorflow as tf

    return {"dtype": tf.uint8, "shape": [4], "memory_region_name": str(target.secret)}


def described(target: Target, x) -> dict:
    return {
        "bytes": [""], "message_type": "sample.Message", "field_names": [], "output_types": [],
        "descriptor_source": str(target.secret),
    }  # fmt: skip


def dumped(target: Target, x) -> dict:
    return {"input": x, "tensor_name": "x:0", "debug_urls": [f"file://{target.marker}"]}


def sent(target: Target, x) -> dict:
    return {"input": x, "tensor_name": "x:0", "debug_urls": [f"grpc://127.0.0.1:{target.port}"]}


def printed(target: Target, x) -> dict:
    return {"input": "marker", "output_stream": f"file://{target.marker}"}


EFFECTS = {
    "writes": writes, "reads": reads, "lists": lists, "python": python, "in_a_function": in_a_function,
    "in_a_gradient": in_a_gradient, "in_a_branch": in_a_branch, "in_a_loop": in_a_loop, "in_a_map": in_a_map,
    "by_a_dataset": by_a_dataset, "prints": raw("PrintV2", printed), "dumps": raw("DebugIdentity", dumped),
    "sends": raw("DebugIdentity", sent), "saves": raw("SaveV2", saving), "restores": restored,
    "maps_memory": raw("ImmutableConst", mapped), "reads_a_description": raw("DecodeProtoV2", described),
    "aborts": raw("Abort", lambda target, x: {"error_msg": "sample", "exit_without_error": False}),
}  # fmt: skip
