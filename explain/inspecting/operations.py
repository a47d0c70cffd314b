"""Which operations of TensorFlow a graph may hold. What stands in no list is refused by name.

PURE        compute numbers from numbers: what is kept consists of these
SAVERS      found in every SavedModel, beside the network: never kept, never run
LEFT_OUT    found in honest files beside the network (optimisers, decoders, …): never kept, never run

Everything else is refused wherever it stands: file, network, Python, iterator, data-set, table, queue, print,
debugging and remote operations, and whatever TensorFlow may bring one day.
"""

from __future__ import annotations

CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
BRANCHES = frozenset({"If", "StatelessIf"})
CALLING = dict.fromkeys(CALLS, ("f",)) | dict.fromkeys(BRANCHES, ("then_branch", "else_branch"))
LOOPS = frozenset({"While", "StatelessWhile"})
VARIABLES = frozenset({"VariableV2", "Variable"})                    # of TensorFlow 1: the numbers themselves
INPUTS = frozenset({"Placeholder", "PlaceholderWithDefault"})
ALIASES = frozenset({"Identity", "PlaceholderWithDefault", "PreventGradient", "Snapshot", "CheckNumerics"})

PURE = CALLS | BRANCHES | VARIABLES | INPUTS | ALIASES | frozenset(
    # plumbing
    "Const IdentityN StopGradient NoOp EnsureShape Switch Merge "
    "VarHandleOp ReadVariableOp ResourceGather ResourceGatherNd "
    # convolution, pooling, normalisation
    "Conv2D Conv2DBackpropInput DepthwiseConv2dNative Dilation2D BiasAdd BiasAddV1 "
    "SpaceToBatch SpaceToBatchND BatchToSpace BatchToSpaceND SpaceToDepth DepthToSpace ExtractImagePatches "
    "AvgPool MaxPool MaxPoolV2 MaxPoolWithArgmax LRN FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 "
    "FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel "
    # activation
    "Relu Relu6 Elu Selu LeakyRelu Softmax LogSoftmax Softplus Softsign Sigmoid Tanh Erf Erfc "
    # arithmetic
    "Add AddV2 AddN Sub Mul MulNoNan Div RealDiv DivNoNan FloorDiv FloorMod Mod TruncateDiv TruncateMod "
    "Xdivy Xlogy Xlog1py Pow Sqrt Rsqrt Square SquaredDifference Exp Expm1 Log Log1p Abs Neg Sign "
    "Reciprocal Inv Floor Ceil Round Rint Maximum Minimum ClipByValue Cumsum Cumprod "
    "Sin Cos Tan Asin Acos Atan Atan2 Sinh Cosh Asinh Acosh Atanh IsNan IsInf IsFinite "
    "Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot "
    "Select SelectV2 Where MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum MatrixBandPart "
    # reductions
    "Sum Mean Prod Max Min All Any ArgMax ArgMin EuclideanNorm L2Loss TopKV2 "
    # shape
    "Shape ShapeN Size Rank Reshape Squeeze ExpandDims Transpose Concat ConcatV2 ConcatOffset Split SplitV "
    "Pack Unpack Slice StridedSlice Gather GatherV2 GatherNd ScatterNd TensorScatterUpdate TensorScatterAdd "
    "Tile BroadcastTo BroadcastArgs Fill ZerosLike OnesLike OneHot Range LinSpace Pad PadV2 MirrorPad "
    "Reverse ReverseV2 Roll Cast Bitcast InvertPermutation "
    # pictures
    "ResizeBilinear ResizeNearestNeighbor ResizeBicubic ResizeArea CropAndResize ScaleAndTranslate "
    "ImageProjectiveTransformV2 ImageProjectiveTransformV3 AdjustContrastv2 AdjustHue AdjustSaturation "
    "RGBToHSV HSVToRGB "
    # chance (dropout that was left in)
    "RandomUniform RandomUniformInt RandomStandardNormal TruncatedNormal StatelessRandomUniform "
    "StatelessRandomUniformV2 StatelessRandomNormal StatelessRandomNormalV2 StatelessTruncatedNormal "
    "StatelessTruncatedNormalV2 StatelessRandomGetKeyCounter StatelessRandomGetAlg".split()
)  # fmt: skip

SAVERS = frozenset({"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename", "ShardedFilespec"})

LEFT_OUT = LOOPS | frozenset(
    # what savers are made of besides
    "StringJoin RegexFullMatch StaticRegexFullMatch DisableCopyOnRead "
    # what initialises, checks and trains
    "Assign AssignAdd AssignSub AssignVariableOp AssignAddVariableOp AssignSubVariableOp "
    "VarIsInitializedOp IsVariableInitialized Assert "
    "ApplyGradientDescent ApplyMomentum ApplyAdam ApplyRMSProp ApplyAdagrad "
    "ResourceApplyGradientDescent ResourceApplyMomentum ResourceApplyKerasMomentum ResourceApplyAdam "
    "ResourceApplyRMSProp ResourceApplyAdagrad ResourceApplyAdagradV2 "
    "ScalarSummary HistogramSummary ImageSummary MergeSummary "
    "RngReadAndSkip RngSkip StatefulUniform StatefulUniformInt StatefulStandardNormalV2 "
    "StatefulTruncatedNormal RandomGamma RandomShuffle Multinomial InTopK InTopKV2 Qr "
    "SparseSoftmaxCrossEntropyWithLogits SoftmaxCrossEntropyWithLogits "
    # the way backward
    "BroadcastGradientArgs BiasAddGrad Conv2DBackpropFilter DepthwiseConv2dNativeBackpropInput "
    "DepthwiseConv2dNativeBackpropFilter ReluGrad Relu6Grad EluGrad SeluGrad LeakyReluGrad SoftplusGrad "
    "SoftsignGrad SigmoidGrad TanhGrad RsqrtGrad SqrtGrad ReciprocalGrad InvGrad MaxPoolGrad MaxPoolGradV2 "
    "MaxPoolGradWithArgmax AvgPoolGrad LRNGrad FusedBatchNormGrad FusedBatchNormGradV2 FusedBatchNormGradV3 "
    "ResizeBilinearGrad ResizeNearestNeighborGrad ResizeBicubicGrad MirrorPadGrad StridedSliceGrad "
    "UnsortedSegmentSum "
    # lists of tensors, inside loops
    "EmptyTensorList TensorListReserve TensorListFromTensor TensorListStack TensorListGetItem "
    "TensorListSetItem TensorListElementShape TensorListLength TensorListPushBack TensorListPopBack "
    # other doors to the same network: encoded pictures, records, text
    "DecodeJpeg DecodePng DecodeGif DecodeBmp DecodeImage DecodeAndCropJpeg DecodeRaw DecodeBase64 "
    "EncodeJpeg EncodePng EncodeBase64 ParseExample ParseExampleV2 ParseSingleExample AsString "
    "StringToNumber StringSplit StringSplitV2 StringLower StringStrip Substr".split()
)  # fmt: skip

LEAST_INPUTS = {"Switch": 2, "LogicalNot": 1, **dict.fromkeys(ALIASES | BRANCHES, 1)}

# In a function's body 'x:name:1' counts within the answer called `name`. Where an operation has but one
# answer, or one list of them, that number is enough.
ANSWERS = {
    "FusedBatchNorm": "y batch_mean batch_variance reserve_space_1 reserve_space_2",
    "FusedBatchNormV2": "y batch_mean batch_variance reserve_space_1 reserve_space_2",
    "FusedBatchNormV3": "y batch_mean batch_variance reserve_space_1 reserve_space_2 reserve_space_3",
    "MaxPoolWithArgmax": "output argmax",
    "TopKV2": "values indices",
    "Switch": "output_false output_true",
    "Merge": "output value_index",
    "StatelessRandomGetKeyCounter": "key counter",
}
