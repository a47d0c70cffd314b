"""What Keras 3.15 calls its layers, where they live and what their constructors take: plain data.

Nobody asks Keras itself, because the inspection of a file does not import it; a test compares this table
with the installed version. A class that is not in it does not exist here: layers that run code or read
files (Lambda, TFSMLayer, StringLookup, …) are left out on purpose.

Sources: the constructors in keras/src/layers and keras/src/ops of Keras 3.15.
"""

from __future__ import annotations

# Every layer takes these; `input_shape` and `input_dim` also, but they are rewritten to an InputLayer.
BASE = frozenset("name trainable dtype autocast activity_regularizer".split())

# Words for arguments that many constructors share.
_WORDS = {
    "KERNEL": "use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer"
              " kernel_constraint bias_constraint",
    "DEPTHWISE": "depthwise_initializer depthwise_regularizer depthwise_constraint depth_multiplier",
    "POINTWISE": "pointwise_initializer pointwise_regularizer pointwise_constraint",
    "BIAS": "use_bias bias_initializer bias_regularizer bias_constraint",
    "WINDOW": "kernel_size strides padding data_format dilation_rate activation",
    "POOL": "pool_size strides padding data_format",
    "AFFINE": "epsilon center scale beta_initializer gamma_initializer beta_regularizer gamma_regularizer"
              " beta_constraint gamma_constraint",
    "EMBEDDING": "input_dim output_dim embeddings_initializer embeddings_regularizer embeddings_constraint"
                 " mask_zero",
    "CELL": "units activation recurrent_initializer recurrent_regularizer recurrent_constraint dropout"
            " recurrent_dropout seed KERNEL",
    "SEQUENCE": "return_sequences return_state go_backwards stateful unroll zero_output_for_mask",
    "CONV": "filters groups WINDOW KERNEL lora_rank lora_alpha",
    "TRANSPOSED": "filters output_padding WINDOW KERNEL",
    "CONVLSTM": "filters WINDOW KERNEL recurrent_activation recurrent_initializer unit_forget_bias"
                " recurrent_regularizer recurrent_constraint dropout recurrent_dropout seed SEQUENCE",
    "FILL": "fill_mode fill_value interpolation seed PICTURE",
    "PICTURE": "factor data_format bounding_box_format",
    "RANDOM": "value_range seed PICTURE",
}  # fmt: skip

# class: its own arguments
_LAYERS = {
    "InputLayer": "shape batch_size sparse ragged batch_shape input_tensor optional",
    # activations
    "Activation": "activation", "ELU": "alpha", "LeakyReLU": "negative_slope",
    "PReLU": "alpha_initializer alpha_regularizer alpha_constraint shared_axes",
    "ReLU": "max_value negative_slope threshold", "Softmax": "axis",
    # convolutions
    "Conv1D": "CONV", "Conv2D": "CONV", "Conv3D": "CONV",
    "Conv1DTranspose": "TRANSPOSED", "Conv2DTranspose": "TRANSPOSED", "Conv3DTranspose": "TRANSPOSED",
    "DepthwiseConv1D": "WINDOW BIAS DEPTHWISE", "DepthwiseConv2D": "WINDOW BIAS DEPTHWISE",
    "SeparableConv1D": "filters WINDOW BIAS DEPTHWISE POINTWISE",
    "SeparableConv2D": "filters WINDOW BIAS DEPTHWISE POINTWISE",
    # dense
    "Dense": "units activation KERNEL lora_rank lora_alpha quantization_config",
    "EinsumDense": "equation output_shape activation bias_axes kernel_initializer bias_initializer "
                   "kernel_regularizer bias_regularizer kernel_constraint bias_constraint lora_rank "
                   "lora_alpha gptq_unpacked_column_size quantization_config",
    "Embedding": "EMBEDDING weights lora_rank lora_alpha quantization_config",
    "Identity": "", "Masking": "mask_value",
    # pooling
    **{f"{kind}Pooling{n}D": "POOL" for kind in ("Average", "Max") for n in (1, 2, 3)},
    **{f"Global{kind}Pooling{n}D": "data_format keepdims" for kind in ("Average", "Max") for n in (1, 2, 3)},
    **{f"Adaptive{kind}Pooling{n}D": "output_size "
                                     "data_format" for kind in ("Average", "Max") for n in (1, 2, 3)},
    # shapes
    "Cropping1D": "cropping", "Cropping2D": "cropping data_format", "Cropping3D": "cropping data_format",
    "Flatten": "data_format", "Permute": "dims", "RepeatVector": "n", "Reshape": "target_shape",
    "UpSampling1D": "size", "UpSampling2D": "size data_format interpolation", "UpSampling3D": "size "
                                                                                              "data_format",
    **{f"ZeroPadding{n}D": "padding data_format" for n in (1, 2, 3)},
    # merging
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"), ""),
    "Concatenate": "axis", "Dot": "axes normalize",
    # normalisation and regularisation
    "BatchNormalization": "axis momentum AFFINE moving_mean_initializer moving_variance_initializer renorm"
                          " renorm_clipping renorm_momentum synchronized",
    "GroupNormalization": "groups axis AFFINE", "LayerNormalization": "axis AFFINE",
    "RMSNormalization": "axis epsilon", "UnitNormalization": "axis",
    "SpectralNormalization": "layer power_iterations",
    "ActivityRegularization": "l1 l2", "AlphaDropout": "rate noise_shape seed", "Dropout": "rate "
                                                                                           "noise_shape "
                                                                                           "seed",
    "GaussianDropout": "rate seed", "GaussianNoise": "stddev seed",
    "SpatialDropout1D": "rate seed", "SpatialDropout2D": "rate data_format seed",
    "SpatialDropout3D": "rate data_format seed",
    # attention
    "AdditiveAttention": "use_scale dropout seed", "Attention": "use_scale score_mode dropout seed",
    "MultiHeadAttention": "num_heads key_dim value_dim dropout output_shape attention_axes sliding_window"
                          " flash_attention use_gate seed KERNEL",
    "GroupQueryAttention": "head_dim num_query_heads num_key_value_heads dropout sliding_window"
                             " flash_attention use_gate seed KERNEL",
    # sequences
    "GRUCell": "CELL recurrent_activation reset_after", "GRU": "CELL recurrent_activation reset_after "
                                                               "use_cudnn SEQUENCE",
    "LSTMCell": "CELL recurrent_activation unit_forget_bias",
    "LSTM": "CELL recurrent_activation unit_forget_bias use_cudnn SEQUENCE",
    "SimpleRNNCell": "CELL", "SimpleRNN": "CELL SEQUENCE",
    "ConvLSTM1D": "CONVLSTM", "ConvLSTM2D": "CONVLSTM", "ConvLSTM3D": "CONVLSTM",
    "RNN": "cell SEQUENCE", "StackedRNNCells": "cells",
    "Bidirectional": "layer merge_mode weights backward_layer", "TimeDistributed": "layer",
    # pictures
    "CenterCrop": "height width PICTURE", "Normalization": "axis mean variance invert", "Rescaling": "scale "
                                                                                                     "offset",
    "Resizing": "height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value"
                " antialias PICTURE",
    "AugMix": "RANDOM num_chains chain_depth alpha all_ops interpolation",
    "AutoContrast": "value_range PICTURE", "CutMix": "seed PICTURE", "MixUp": "alpha seed PICTURE",
    "ContrastLimitedAdaptiveHistogramEqualization": "value_range clip_limit tile_grid_size PICTURE",
    "Equalization": "value_range bins PICTURE", "Pipeline": "layers",
    "RandAugment": "RANDOM num_ops interpolation", "RandomBrightness": "RANDOM",
    "RandomColorDegeneration": "RANDOM",
    "RandomColorJitter": "RANDOM brightness_factor contrast_factor saturation_factor hue_factor",
    "RandomContrast": "RANDOM", "RandomCrop": "height width seed PICTURE",
    "RandomElasticTransform": "RANDOM scale FILL", "RandomErasing": "RANDOM scale fill_value",
    "RandomFlip": "mode seed PICTURE", "RandomGaussianBlur": "RANDOM kernel_size sigma",
    "RandomGrayscale": "seed PICTURE", "RandomHue": "RANDOM", "RandomInvert": "RANDOM",
    "RandomPerspective": "scale interpolation fill_value seed PICTURE", "RandomPosterization": "RANDOM",
    "RandomRotation": "FILL", "RandomSaturation": "RANDOM", "RandomSharpness": "RANDOM",
    "RandomShear": "x_factor y_factor FILL", "RandomTranslation": "height_factor width_factor FILL",
    "RandomZoom": "height_factor width_factor FILL",
    "Solarization": "RANDOM addition_factor threshold_factor",
    # of networks in keras.applications
    "LayerScale": "init_values projection_dim", "CustomScaleLayer": "scale",
}  # fmt: skip


def _spelled(words: str) -> frozenset[str]:
    found: set[str] = set()
    for word in words.split():
        found |= _spelled(_WORDS[word]) if word in _WORDS else {word}
    return frozenset(found)


LAYERS: dict[str, frozenset[str]] = {name: _spelled(words) for name, words in _LAYERS.items()}
WITHOUT_BASE = frozenset({"Pipeline", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"})

MODELS = {"Sequential": "keras", "Functional": "keras.src.models.functional"}
_ELSEWHERE = {
    "LayerScale": "keras.src.applications.convnext",
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
}

INITIALIZERS = frozenset(
    "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal"
    " RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros IdentityInitializer"
    " OrthogonalInitializer".split()
)
REGULARIZERS = frozenset("L1 L2 L1L2 OrthogonalRegularizer".split())
CONSTRAINTS = frozenset("MaxNorm MinMaxNorm NonNeg UnitNorm".split())
PIECES = {
    "initializer": ("keras.initializers", INITIALIZERS),
    "regularizer": ("keras.regularizers", REGULARIZERS),
    "constraint": ("keras.constraints", CONSTRAINTS),
}

# The bare operations of functional models, as `x + y` or `keras.ops.relu(x)` leave them, by their module.
# None of them takes a function, reads a file, or makes numbers from nothing.
_OPERATIONS = {
    "numpy": "Abs Absolute Add All Amax Amin Any Argmax Average BroadcastTo Ceil Clip Concatenate Cos Cosh "
             "Cumsum Divide DivideNoNan Dot Einsum Equal Exp Exp2 ExpandDims Expm1 Flip Floor FloorDivide "
             "GetItem Greater GreaterEqual Hstack Less LessEqual Log Log10 Log1p Log2 LogicalAnd LogicalNot "
             "LogicalOr LogicalXor Matmul Max Maximum Mean Median Min Minimum Mod Moveaxis Multiply "
             "Negative NotEqual OnesLike Pad Power Prod Ravel Reciprocal Repeat Reshape Roll Round Sign Sin "
             "Sinh Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take Tan Tanh Tensordot Tile "
             "Transpose TrueDivide Trunc Var Vstack Where ZerosLike",
    "nn": "AveragePool AdaptiveAveragePool AdaptiveMaxPool BatchNorm Celu Conv ConvTranspose DepthToSpace "
          "DepthwiseConv DotProductAttention Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm"
          " LeakyRelu LogSigmoid LogSoftmax MaxPool Moments Normalize RMSNorm Relu Relu6 Selu SeparableConv "
          "Sigmoid Silu SoftShrink Softmax Softplus Softsign SpaceToDepth Sparsemax SparsePlus "
          "SparseSigmoid Squareplus TanhShrink Threshold",
    "core": "Cast ConvertToTensor SaturateCast StopGradient Unstack",
    "image": "CropImages ExtractPatches GaussianBlur HSVToRGB PadImages RGBToGrayscale RGBToHSV Resize "
             "SobelEdges",
    "math": "Erf Logsumexp Rsqrt TopK",
    "linalg": "Norm",
    "einops": "Rearrange",
}  # fmt: skip
OPERATIONS: dict[str, str] = {
    name: f"keras.src.ops.{module}" for module, names in _OPERATIONS.items() for name in names.split()
}

ACTIVATIONS = frozenset(
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear"
    " log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign "
    "sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold".split()
)
DTYPES = frozenset(
    "bfloat16 bool float16 float32 float64 int16 int32 int64 int8 mixed_bfloat16 mixed_float16 uint16 uint32"
    " uint64 uint8".split()
)


def role_of(key: str) -> str:
    """What is expected under that key: initializer, regularizer, constraint, activation, dtype, or layer."""
    ending = key.rpartition("_")[2]
    if ending in PIECES or ending == "activation":
        return ending
    return "dtype" if ending == "dtype" else "layer"


def module_of(name: str) -> str | None:
    """Where the layer or model of that name lives, or None."""
    if name in MODELS:
        return MODELS[name]
    return _ELSEWHERE.get(name, "keras.layers") if name in LAYERS else None


def arguments_of(name: str) -> frozenset[str]:
    """Everything that the constructor of the layer of that name takes."""
    base = BASE & {"name", "dtype"} if name in WITHOUT_BASE else BASE
    return LAYERS[name] | base
