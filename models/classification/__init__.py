"""What is in the picture: one of many classes."""

from ..info import CAFFE, GREY, TORCH, ModelInfo
from .alexnet import alexnet
from .densenet import densenet
from .digits import LABELS, ONNX_FILE, digits
from .googlenet import googlenet
from .mobilenet import mobilenet, mobilenet_v2
from .resnet import resnet
from .squeezenet import squeezenet, squeezenet1_1
from .table import table64, table400
from .vgg import vgg

_VGG = "Simonyan and Zisserman 2014, arXiv:1409.1556"
_SQUEEZENET = "Iandola et al. 2016, arXiv:1602.07360"
_RESNET = "He et al. 2015, arXiv:1512.03385"
_DENSENET = "Huang et al. 2016, arXiv:1608.06993"

NETWORKS = (
    ModelInfo(
        "digits",
        "handwritten digits, trained: 98.9 % of 1,000 held-out pictures",
        28,
        GREY,
        digits,
        file=ONNX_FILE,
        labels=LABELS,
    ),
    ModelInfo(
        "alexnet",
        "AlexNet (2012): groups and LRN",
        227,
        CAFFE,
        alexnet,
        "Krizhevsky et al. 2012, NIPS 25",
    ),
    ModelInfo("vgg11", "VGG configuration A (2014)", 224, CAFFE, vgg, _VGG),
    ModelInfo("vgg11-lrn", "VGG configuration A-LRN: with one LRN", 224, CAFFE, vgg, _VGG),
    ModelInfo("vgg13", "VGG configuration B", 224, CAFFE, vgg, _VGG),
    ModelInfo("vgg16c", "VGG configuration C: three 1x1 convolutions", 224, CAFFE, vgg, _VGG),
    ModelInfo("vgg16", "VGG configuration D", 224, CAFFE, vgg, _VGG),
    ModelInfo("vgg19", "VGG configuration E", 224, CAFFE, vgg, _VGG),
    ModelInfo(
        "googlenet",
        "GoogLeNet (2014): nine inception modules, LRN",
        224,
        CAFFE,
        googlenet,
        "Szegedy et al. 2014, arXiv:1409.4842",
    ),
    ModelInfo(
        "squeezenet",
        "SqueezeNet 1.0 (2016): eight fire modules",
        224,
        TORCH,
        squeezenet,
        _SQUEEZENET,
    ),
    ModelInfo(
        "squeezenet1.1", "SqueezeNet 1.1: pools earlier", 224, TORCH, squeezenet1_1, _SQUEEZENET
    ),
    ModelInfo("resnet18", "ResNet-18 (2015): basic blocks", 224, TORCH, resnet, _RESNET),
    ModelInfo("resnet34", "ResNet-34: basic blocks", 224, TORCH, resnet, _RESNET),
    ModelInfo("resnet50", "ResNet-50 v1.5: bottlenecks", 224, TORCH, resnet, _RESNET),
    ModelInfo("resnet101", "ResNet-101 v1.5", 224, TORCH, resnet, _RESNET),
    ModelInfo("resnet152", "ResNet-152 v1.5", 224, TORCH, resnet, _RESNET),
    ModelInfo(
        "resnext50",
        "ResNeXt-50 32x4d (2016): 32 groups",
        224,
        TORCH,
        resnet,
        "Xie et al. 2016, arXiv:1611.05431",
    ),
    ModelInfo(
        "seresnet50",
        "SE-ResNet-50 (2017): squeeze and excitation",
        224,
        TORCH,
        resnet,
        "Hu et al. 2017, arXiv:1709.01507",
    ),
    ModelInfo(
        "mobilenet",
        "MobileNet v1 (2017): depthwise and pointwise",
        224,
        TORCH,
        mobilenet,
        "Howard et al. 2017, arXiv:1704.04861",
    ),
    ModelInfo(
        "mobilenetv2",
        "MobileNetV2 (2018): inverted residuals",
        224,
        TORCH,
        mobilenet_v2,
        "Sandler et al. 2018, arXiv:1801.04381",
    ),
    ModelInfo("densenet121", "DenseNet-121 (2016): dense blocks", 224, TORCH, densenet, _DENSENET),
    ModelInfo("densenet169", "DenseNet-169", 224, TORCH, densenet, _DENSENET),
    ModelInfo("densenet201", "DenseNet-201", 224, TORCH, densenet, _DENSENET),
    ModelInfo("densenet264", "DenseNet-264", 224, TORCH, densenet, _DENSENET),
    ModelInfo("table64", "64x64x3, four convolutions, two classes", 64, TORCH, table64),
    ModelInfo(
        "table400", "400x400x3, four convolutions with LRN, ten classes", 400, CAFFE, table400
    ),
)
