"""What each pixel belongs to: classes, masks of objects, edges."""

from hwcnn.tasks import Masks, Restore

from ..info import CAFFE, FEATURES, GREY_CENTRED, ModelInfo
from .fcn import fcn8s
from .hed import hed
from .mask_rcnn import mask_head
from .unet import unet

NETWORKS = (
    ModelInfo(
        "fcn8s",
        "FCN-8s (2014): VGG-16, three scores fused, bilinear transposed convolutions",
        224,
        CAFFE,
        fcn8s,
        "Long et al. 2014, arXiv:1411.4038",
        task=Masks(),
    ),
    ModelInfo(
        "unet",
        "U-Net (2015): no padding, crops and concatenations",
        316,
        GREY_CENTRED,
        unet,
        "Ronneberger et al. 2015, arXiv:1505.04597",
        task=Masks(),
    ),
    ModelInfo(
        "mask-rcnn-head",
        "Mask R-CNN's mask head (2017): features of a region to 80 masks",
        14,
        FEATURES,
        mask_head,
        "He et al. 2017, arXiv:1703.06870",
        channels=256,
        task=None,
    ),
    ModelInfo(
        "hed",
        "HED (2015): edges at five scales, and their sum",
        224,
        CAFFE,
        hed,
        "Xie and Tu 2015, arXiv:1504.06375",
        task=Restore(black=0.0, white=1.0),
    ),
)
