"""Networks of torchvision and pytorchcv, and a few by their published definition, exported to ONNX
with seeded weights. Needs the extra `third-party`.

No weights are fetched. The statistics of batch norms are those of noise that went through the
network, so that activations are sane.
"""

import warnings
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import torch
import torchvision
from pytorchcv.model_provider import get_model
from torch import nn


@dataclass(frozen=True)
class Network:
    """library : "torchvision", "pytorchcv" or "own". model : its name there. size : rows and
    columns of the input. dynamo : exported by torch.export rather than by TorchScript.
    """

    library: str
    model: str
    size: tuple[int, int] = (128, 128)
    channels: int = 3
    dynamo: bool = False

    @property
    def name(self):
        return self.model + " (dynamo)" * self.dynamo


def _of(library, names, **options):
    return [Network(library, name, **options) for name in names.split()]


NETWORKS = {
    network.name: network
    for network in [
        *_of("torchvision", "alexnet vgg11_bn", size=(224, 224)),
        *_of("torchvision", "googlenet regnet_x_400mf"),
        *_of("torchvision", "squeezenet1_1 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large"),
        *_of(
            "torchvision", "efficientnet_b0 mnasnet1_0 shufflenet_v2_x1_0 regnet_y_400mf resnet18"
        ),
        *_of("torchvision", "resnet50 resnext50_32x4d densenet121 convnext_tiny"),
        *_of("torchvision", "inception_v3", size=(139, 139)),
        *_of("torchvision", "swin_t", size=(64, 64)),
        *_of("torchvision", "vit_b_32", size=(224, 224)),
        *_of("torchvision", "deeplabv3_mobilenet_v3_large lraspp_mobilenet_v3_large"),
        *_of("torchvision", "fcn_resnet50", size=(64, 64)),
        *_of("torchvision", "ssdlite320_mobilenet_v3_large", size=(320, 320)),
        *_of("torchvision", "ssd300_vgg16", size=(300, 300)),
        *_of("torchvision", "retinanet_resnet50_fpn fcos_resnet50_fpn"),
        *_of("torchvision", "fasterrcnn_mobilenet_v3_large_320_fpn"),
        *_of("torchvision", "maskrcnn_resnet50_fpn keypointrcnn_resnet50_fpn"),
        *_of("torchvision", "resnet18 mobilenet_v3_small efficientnet_b0 densenet121", dynamo=True),
        *_of("torchvision", "deeplabv3_mobilenet_v3_large convnext_tiny", dynamo=True),
        *_of("pytorchcv", "lwopenpose2d_mobilenet_cmupan_coco simplepose_mobile_mobilenet_w1_coco"),
        *_of("pytorchcv", "fastscnn_cityscapes bisenet_resnet18_celebamaskhq"),
        *_of("pytorchcv", "unet_cityscapes centernet_resnet18_coco", size=(64, 64)),
        *_of("pytorchcv", "enet_cityscapes erfnet_cityscapes linknet_cityscapes", size=(64, 64)),
        # Their last pooling has 7x7 values, which only pictures of this size have.
        *_of(
            "pytorchcv", "hrnet_w18_small_v1 ghostnet darknet_tiny dla34 peleenet", size=(224, 224)
        ),
        *_of("pytorchcv", "vovnet27s mixnet_s fbnet_cb proxylessnas_mobile", size=(224, 224)),
        *_of("pytorchcv", "sqnxt23_w1 igcv3_wd2 seresnet18 cbam_resnet18", size=(224, 224)),
        *_of("pytorchcv", "bam_resnet18 resnesta18 hardnet39ds espnetv2_wd2", size=(224, 224)),
        *_of("pytorchcv", "shufflenet_g3_wd2 menet108_8x1_g3", size=(224, 224)),
        *_of("pytorchcv", "ibn_resnet50 dpn68", size=(224, 224)),
        *_of("pytorchcv", "xception", size=(299, 299)),
        *_of("pytorchcv", "nin_cifar10 resnet20_cifar10 densenet40_k12_cifar10", size=(32, 32)),
        *_of("pytorchcv", "pyramidnet110_a48_cifar10", size=(32, 32)),
        *_of("own", "cyclegan", size=(64, 64)),
        *_of("own", "yolov3_tiny", size=(128, 128)),
        *_of("own", "crnn", size=(32, 100), channels=1),
    ]
}


def export(network: Network, path: Path, seed: int = 0) -> None:
    """Write the network as ONNX. Raises whatever torch's exporter does."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    model = _build(network).eval()
    picture = torch.randn(1, network.channels, *network.size)
    in_list = network.library == "torchvision" and hasattr(model, "transform")
    argument = [picture[0]] if in_list else picture
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _settle(model, argument)
        torch.onnx.export(
            model,
            (argument,),
            str(path),
            input_names=["images"],
            opset_version=18 if network.dynamo else 17,
            dynamo=network.dynamo,
            **({"external_data": False, "verbose": False} if network.dynamo else {}),
        )


def _build(network):
    if network.library == "torchvision":
        options = {"weights": None}
        if hasattr(torchvision.models.detection, network.model.split("(")[0]) or network.model in (
            *("deeplabv3_mobilenet_v3_large", "fcn_resnet50", "lraspp_mobilenet_v3_large"),
        ):
            options["weights_backbone"] = None
        if network.model in ("googlenet", "inception_v3"):
            options |= {"init_weights": False}
        if network.model in torchvision.models.list_models(torchvision.models.detection):
            smaller = {"min_size": network.size[0], "max_size": network.size[0]}
            options |= smaller if not network.model.startswith("ssd") else {}
        return torchvision.models.get_model(network.model, **options)
    if network.library == "own":
        return {"cyclegan": CycleGan, "yolov3_tiny": YoloV3Tiny, "crnn": Crnn}[network.model]()
    sized = network.model.endswith(("_cityscapes", "_coco", "_celebamaskhq"))
    return get_model(network.model, **({"in_size": network.size} if sized else {}))


def _settle(model, argument):
    """Statistics of batch norms by two passes of noise."""
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # an average over all passes
        norm.train(norm.running_mean is not None)
    for _ in range(2):
        several = isinstance(argument, list)
        size = argument[0].shape if several else (2, *argument.shape[1:])
        model([torch.rand(size) for _ in range(2)] if several else torch.randn(size))
    model.eval()


class CycleGan(nn.Sequential):
    """The generator of CycleGAN with 9 residual blocks (Zhu et al., 2017, section 7.2)."""

    def __init__(self):
        def block(*layers, width):
            return [*layers, nn.InstanceNorm2d(width), nn.ReLU()]

        super().__init__(
            nn.ReflectionPad2d(3),
            *block(nn.Conv2d(3, 64, 7), width=64),
            *block(nn.Conv2d(64, 128, 3, 2, 1), width=128),
            *block(nn.Conv2d(128, 256, 3, 2, 1), width=256),
            *(_Residual(256) for _ in range(9)),
            *block(nn.ConvTranspose2d(256, 128, 3, 2, 1, 1), width=128),
            *block(nn.ConvTranspose2d(128, 64, 3, 2, 1, 1), width=64),
            nn.ReflectionPad2d(3),
            nn.Conv2d(64, 3, 7),
            nn.Tanh(),
        )


class _Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.body = nn.Sequential(*half, nn.ReLU(), *again)

    def forward(self, x):
        return x + self.body(x)


class YoloV3Tiny(nn.Module):
    """YOLOv3-tiny (Redmon and Farhadi, 2018) for 80 classes, with its boxes decoded."""

    def __init__(self):
        super().__init__()
        widths = (3, 16, 32, 64, 128, 256)
        pairs = pairwise(widths)
        layers = [m for a, b in pairs for m in (*self._conv(a, b), nn.MaxPool2d(2))]
        self.early = nn.Sequential(*layers[:-1])
        self.late = nn.Sequential(
            nn.MaxPool2d(2),
            *self._conv(256, 512),
            nn.ZeroPad2d((0, 1, 0, 1)),
            nn.MaxPool2d(2, 1),
            *self._conv(512, 1024),
            *self._conv(1024, 256, 1),
        )
        self.coarse = nn.Sequential(*self._conv(256, 512), nn.Conv2d(512, 255, 1))
        self.up = nn.Sequential(*self._conv(256, 128, 1), nn.Upsample(scale_factor=2))
        self.fine = nn.Sequential(*self._conv(384, 256), nn.Conv2d(256, 255, 1))
        anchors = [[81, 82], [135, 169], [344, 319]], [[10, 14], [23, 27], [37, 58]]
        self.anchors = [torch.tensor(a).reshape(1, 3, 1, 1, 2) for a in anchors]

    @staticmethod
    def _conv(a, b, kernel=3):
        convolution = nn.Conv2d(a, b, kernel, padding=kernel // 2, bias=False)
        return convolution, nn.BatchNorm2d(b), nn.LeakyReLU(0.1)

    def forward(self, x):
        early = self.early(x)
        late = self.late(early)
        maps = self.coarse(late), self.fine(torch.cat([self.up(late), early], 1))
        return torch.cat([self._boxes(m, a) for m, a in zip(maps, self.anchors, strict=True)], 1)

    def _boxes(self, scores, anchors):
        _, _, height, width = scores.shape
        cells = (
            scores.view(1, 3, 85, height, width)
            if len(scores) == 1
            else scores.reshape(-1, 3, 85, height, width)
        )
        cells = cells.permute(0, 1, 3, 4, 2)
        grid = torch.stack(
            torch.meshgrid(torch.arange(width), torch.arange(height), indexing="xy"), -1
        )
        centre = (cells[..., :2].sigmoid() + grid) / torch.tensor([width, height])
        size = cells[..., 2:4].exp() * anchors
        boxes = torch.cat([centre, size, cells[..., 4:].sigmoid()], -1)
        return boxes.reshape(len(scores), -1, 85)


class Crnn(nn.Module):
    """CRNN (Shi, Bai and Yao, 2015, table 1): convolutions, two bidirectional LSTMs, 37 classes."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Sequential(
            *(nn.Conv2d(1, 64, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(128, 256, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(), nn.MaxPool2d((2, 1))),
            *(nn.Conv2d(256, 512, 3, 1, 1), nn.BatchNorm2d(512), nn.ReLU()),
            *(nn.Conv2d(512, 512, 3, 1, 1), nn.BatchNorm2d(512), nn.ReLU(), nn.MaxPool2d((2, 1))),
            *(nn.Conv2d(512, 512, 2), nn.ReLU()),
        )
        self.reader = nn.LSTM(512, 256, num_layers=2, bidirectional=True)
        self.classes = nn.Linear(512, 37)

    def forward(self, x):
        columns = self.maps(x).squeeze(2).permute(2, 0, 1)
        return self.classes(self.reader(columns)[0])


def versions() -> str:
    """Of the packages that the networks come from."""
    packages = "torch", "torchvision", "pytorchcv", "onnx"
    return ", ".join(f"{name} {metadata.version(name)}" for name in packages)
