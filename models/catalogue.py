"""The networks by name, and what is known of each."""

from hwcnn.errors import InputError

from . import (
    alexnet,
    densenet,
    digits,
    googlenet,
    mobilenet,
    resnet,
    squeezenet,
    table,
    vgg,
)
from .info import CAFFE, GREY, TORCH, ModelInfo

_MODELS = {
    m.name: m
    for m in (
        ModelInfo(
            "digits",
            "handwritten digits, trained: 98.9 % of 1,000 held-out pictures",
            28,
            GREY,
            digits.digits,
            digits.ONNX_FILE,
            digits.LABELS,
        ),
        ModelInfo("alexnet", "AlexNet (2012): groups and LRN", 227, CAFFE, alexnet.alexnet),
        ModelInfo("vgg11", "VGG configuration A (2014)", 224, CAFFE, vgg.vgg),
        ModelInfo("vgg11-lrn", "VGG configuration A-LRN: with one LRN", 224, CAFFE, vgg.vgg),
        ModelInfo("vgg13", "VGG configuration B", 224, CAFFE, vgg.vgg),
        ModelInfo("vgg16c", "VGG configuration C: three 1x1 convolutions", 224, CAFFE, vgg.vgg),
        ModelInfo("vgg16", "VGG configuration D", 224, CAFFE, vgg.vgg),
        ModelInfo("vgg19", "VGG configuration E", 224, CAFFE, vgg.vgg),
        ModelInfo(
            "googlenet",
            "GoogLeNet (2014): nine inception modules, LRN",
            224,
            CAFFE,
            googlenet.googlenet,
        ),
        ModelInfo(
            "squeezenet",
            "SqueezeNet 1.0 (2016): eight fire modules",
            224,
            TORCH,
            squeezenet.squeezenet,
        ),
        ModelInfo(
            "squeezenet1.1", "SqueezeNet 1.1: pools earlier", 224, TORCH, squeezenet.squeezenet1_1
        ),
        ModelInfo("resnet18", "ResNet-18 (2015): basic blocks", 224, TORCH, resnet.resnet),
        ModelInfo("resnet34", "ResNet-34: basic blocks", 224, TORCH, resnet.resnet),
        ModelInfo("resnet50", "ResNet-50 v1.5: bottlenecks", 224, TORCH, resnet.resnet),
        ModelInfo("resnet101", "ResNet-101 v1.5", 224, TORCH, resnet.resnet),
        ModelInfo("resnet152", "ResNet-152 v1.5", 224, TORCH, resnet.resnet),
        ModelInfo("resnext50", "ResNeXt-50 32x4d (2016): 32 groups", 224, TORCH, resnet.resnet),
        ModelInfo(
            "seresnet50", "SE-ResNet-50 (2017): squeeze and excitation", 224, TORCH, resnet.resnet
        ),
        ModelInfo(
            "mobilenet",
            "MobileNet v1 (2017): depthwise and pointwise",
            224,
            TORCH,
            mobilenet.mobilenet,
        ),
        ModelInfo(
            "mobilenetv2",
            "MobileNetV2 (2018): inverted residuals",
            224,
            TORCH,
            mobilenet.mobilenet_v2,
        ),
        ModelInfo(
            "densenet121", "DenseNet-121 (2016): dense blocks", 224, TORCH, densenet.densenet
        ),
        ModelInfo("densenet169", "DenseNet-169", 224, TORCH, densenet.densenet),
        ModelInfo("densenet201", "DenseNet-201", 224, TORCH, densenet.densenet),
        ModelInfo("densenet264", "DenseNet-264", 224, TORCH, densenet.densenet),
        ModelInfo("table64", "64x64x3, four convolutions, two classes", 64, TORCH, table.table64),
        ModelInfo(
            "table400",
            "400x400x3, four convolutions with LRN, ten classes",
            400,
            CAFFE,
            table.table400,
        ),
    )
}


def names() -> list[str]:
    """The names of all built-in networks."""
    return list(_MODELS)


def info(name: str) -> ModelInfo:
    """The ModelInfo of a network; raises InputError for an unknown name."""
    if name not in _MODELS:
        raise InputError(
            f"model {name!r} is not built in: known are {', '.join(names())}; or give the path of "
            "an .onnx file"
        )
    return _MODELS[name]
