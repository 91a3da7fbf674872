"""Better pictures: larger, without noise, blur or holes."""

from dataclasses import replace

from hwcnn.tasks import Restore

from ..info import CENTRED, GREY, GREY_CENTRED, UNIT, ModelInfo
from .deblurring import deconvolution, motion
from .denoiser import ONNX_FILE as DENOISER
from .denoiser import SIZE as DENOISER_SIZE
from .denoiser import denoiser
from .denoising import dncnn, mlp
from .inpainting import context_encoder
from .super_resolution import espcn, fsrcnn, srcnn
from .super_resolver import ONNX_FILE as SUPER_RESOLVER
from .super_resolver import SIZE as SUPER_RESOLVER_SIZE
from .super_resolver import super_resolver

#: Grey pictures from 0 to 1, of which nothing is cut off at the edges but to fit.
_WHOLE = replace(GREY, resize=1.0)

NETWORKS = (
    ModelInfo(
        "denoiser",
        "denoiser, trained: noise of deviation 25 from 20 to 28 dB",
        DENOISER_SIZE,
        _WHOLE,
        denoiser,
        file=DENOISER,
        task=Restore(),
    ),
    ModelInfo(
        "super-resolver",
        "twice the resolution, trained: 1.2 dB above bicubic interpolation",
        SUPER_RESOLVER_SIZE,
        _WHOLE,
        super_resolver,
        file=SUPER_RESOLVER,
        task=Restore(),
    ),
    ModelInfo(
        "srcnn",
        "SRCNN (2014): sharper after enlarging, 9-1-5",
        256,
        GREY,
        srcnn,
        "Dong et al. 2014, arXiv:1501.00092",
        task=Restore(),
    ),
    ModelInfo(
        "espcn",
        "ESPCN (2016): three times as large, by sub-pixel convolution",
        96,
        GREY,
        espcn,
        "Shi et al. 2016, arXiv:1609.05158",
        task=Restore(),
    ),
    ModelInfo(
        "fsrcnn",
        "FSRCNN (2016): three times as large, by transposed convolution",
        96,
        GREY,
        fsrcnn,
        "Dong et al. 2016, arXiv:1608.00367",
        task=Restore(),
    ),
    ModelInfo(
        "dncnn",
        "DnCNN-S (2016): 17 convolutions find the noise",
        180,
        GREY,
        dncnn,
        "Zhang et al. 2016, arXiv:1608.03981",
        task=Restore(),
    ),
    ModelInfo(
        "denoise-mlp",
        "fully connected denoiser of patches (2012)",
        39,
        GREY_CENTRED,
        mlp,
        "Burger et al. 2012, CVPR",
        task=Restore(),
    ),
    ModelInfo(
        "deconvolution",
        "deconvolution network (2014): 1x121 and 121x1 kernels",
        184,
        GREY_CENTRED,
        deconvolution,
        "Xu et al. 2014, NIPS 27",
        task=Restore(),
    ),
    ModelInfo(
        "motion-blur",
        "motion that blurred a patch (2015): one of 73",
        30,
        UNIT,
        motion,
        "Sun et al. 2015, arXiv:1503.00593",
    ),
    ModelInfo(
        "context-encoder",
        "context encoder (2016): the middle of a picture from what is around",
        128,
        CENTRED,
        context_encoder,
        "Pathak et al. 2016, arXiv:1604.07379",
        task=Restore(),
    ),
)
