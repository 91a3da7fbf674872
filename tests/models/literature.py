"""How large the built-in networks are according to others, or by hand."""


def total(*layers):
    """(millions of parameters, GMACs) of layers (weights of a filter, filters, pixels), all with
    biases.
    """
    return (
        sum((taps + 1) * filters for taps, filters, _ in layers) / 1e6,
        sum(taps * filters * pixels for taps, filters, pixels in layers) / 1e9,
    )


#: Parameters in millions and GMACs of the full networks: papers, Caffe's and torchvision's model
#: tables; by hand for the last three, layer by layer. vgg16c is vgg13 and three 1x1 convolutions: 2
#: * 205.5 and 51.4 MMAC; densenet264: (c + 32*l) * 128 + 9*128*32 a pixel for layer l of a block
#: that starts with c channels, and the rest.
CLASSIFICATION = {
    "alexnet": (60.965, 0.724),
    "vgg11": (132.863, 7.61),
    "vgg11-lrn": (132.863, 7.61),
    "vgg13": (133.048, 11.31),
    "vgg16c": (133.639, 11.31 + 0.4624),
    "vgg16": (138.358, 15.47),
    "vgg19": (143.667, 19.63),
    "googlenet": (7.0, 1.58),
    "squeezenet": (1.248, 0.82),
    "squeezenet1.1": (1.235, 0.35),
    "resnet18": (11.690, 1.81),
    "resnet34": (21.798, 3.66),
    "resnet50": (25.557, 4.09),
    "resnet101": (44.549, 7.80),
    "resnet152": (60.193, 11.51),
    "resnext50": (25.029, 4.23),
    "seresnet50": (28.088, 4.09),
    "mobilenet": (4.23, 0.569),
    "mobilenetv2": (3.505, 0.301),
    "densenet121": (7.979, 2.83),
    "densenet169": (14.149, 3.36),
    "densenet201": (20.014, 4.29),
    "densenet264": (33.3, 5.75),
    "digits": (0.033194, 0.003726208),
    "table64": (1.214014, 0.0391616),
    "table400": (6.015610, 1.5757),
}
#: Networks of other tasks: Darknet's figures (half its operations) and those of the authors' models
#: for the YOLOs, SSD, HED, OpenPose, DnCNN, CycleGAN (whose normalisation has no parameters: 10,496
#: more here), U-Net, SRCNN (with 97 biases), FSRCNN (12,464 weights, and biases and slopes), dlib's
#: and SiamFC's to the digits that are known; by hand for the others. None: nothing is known.
TASKS = {
    "yolov2-tiny": (15.861773, 6.971 / 2),
    "yolov3-tiny": (8.852366, 5.565 / 2),
    "ssd300": (26.285486, 31.37),
    "faster-rcnn": total(
        (147, 96, 300 * 400),
        (2400, 256, 75 * 100),
        (2304, 384, 38 * 50),
        (3456, 384, 38 * 50),
        (3456, 256, 38 * 50),
        (2304, 256, 38 * 50),
        (256, 54, 38 * 50),
    ),
    "faster-rcnn-head": total((9216, 4096, 1), (4096, 4096, 1), (4096, 105, 1)),
    # VGG's convolutions, its first two fully connected layers, three scores
    "fcn8s": (14.714688 + 119.545856 + (4097 + 513 + 257) * 21e-6, None),
    "unet": (31.030658, None),
    "mask-rcnn-head": total(*[(2304, 256, 196)] * 4, (1024, 256, 196), (256, 80, 784)),
    "hed": (14.716171, None),
    "landmarks68": total(
        (75, 16, 36**2), (144, 48, 16**2), (432, 64, 36), (256, 64, 4), (256, 100, 1), (100, 136, 1)
    ),
    "openpose": (52.311446, None),
    "face-descriptor": (5.61, None),
    # VGG's convolutions on smaller pictures, two fully connected layers
    "fasnet": (14.714688 + 4609 * 256e-6 + 257e-6, 15.3466 * (96 / 224) ** 2),
    "srcnn": (0.008129, 8032 * 256**2 / 1e9),
    "espcn": total((25, 64, 96**2), (576, 32, 96**2), (288, 9, 96**2)),
    "fsrcnn": (0.012464 + 345e-6, 12464 * 96**2 / 1e9),
    "dncnn": (0.556097, 0.554112 * 180**2 / 1e3),
    "denoise-mlp": total(
        (1521, 3072, 1), (3072, 3072, 1), (3072, 2559, 1), (2559, 2047, 1), (2047, 289, 1)
    ),
    "digit-reader": total(
        (9, 16, 32 * 160),
        (144, 32, 16 * 80),
        (288, 32, 16 * 80),
        (288, 64, 4 * 40),
        (768, 64, 40),
        (64, 11, 40),
    ),
    "super-resolver": total((25, 16, 96**2), *[(144, 16, 96**2)] * 2, (144, 4, 96**2)),
    "denoiser": total((16, 32, 80**2), *[(288, 32, 80**2)] * 6, (288, 4, 80**2)),
    "deconvolution": total(
        (121, 38, 184 * 64),
        (38 * 121, 38, 64**2),
        (38 * 256, 512, 49**2),
        (512, 512, 49**2),
        (512 * 64, 1, 56**2),
    ),
    "motion-blur": total((147, 96, 24**2), (2400, 256, 64), (4096, 1024, 1), (1024, 73, 1)),
    "context-encoder": total(
        (48, 64, 64**2),
        (1024, 64, 32**2),
        (1024, 128, 16**2),
        (2048, 256, 64),
        (4096, 512, 16),
        (8192, 4000, 1),
        (4000 * 16, 512, 1),
        (512 * 16, 256, 16),
        (256 * 16, 128, 64),
        (128 * 16, 64, 256),
        (64 * 16, 3, 1024),
    ),
    "cyclegan": (11.378179 + 0.010496, None),
    "coloriser": total(
        (9, 64, 256**2),
        (576, 64, 128**2),
        (576, 128, 128**2),
        (1152, 128, 64**2),
        (1152, 256, 64**2),
        (2304, 256, 64**2),
        (2304, 256, 32**2),
        (2304, 512, 32**2),
        *[(4608, 512, 32**2)] * 11,
        (512 * 16, 256, 32**2),
        *[(2304, 256, 64**2)] * 2,
        (256, 313, 64**2),
        (313, 2, 64**2),
    ),
    # convolutions; two LSTMs in two directions, of four gates of 256 hidden values; scores
    "crnn": (
        0.00064
        + 0.073856
        + 0.295168
        + 0.59008
        + 1.18016
        + 2.359808
        + 1.049088
        + 2 * 2 * 4 * 256 * (512 + 256 + 2) / 1e6
        + 513 * 37e-6,
        None,
    ),
    # GoogLeNet without its classifier; embedding, LSTM, words in and out
    "show-and-tell": (
        6.998552 - 1.025 + (1025 * 512 + 4 * 512 * (512 + 512 + 2) + 2 * 8844 * 512) / 1e6,
        None,
    ),
    "mc-cnn": total((9, 64, 96000), *[(576, 64, 96000)] * 3),
    # as two-dimensional layers, with the zeros between depths that no tap joins
    "voxels": total(
        (75, 64, 32**2),
        (1600, 128, 16**2),
        (3200, 256, 64),
        (16384, 512, 1),
        *[(512, 512, 1)] * 2,
        (512, 27 * 512, 1),
        (3 * 512 * 16, 6 * 256, 9),
        (6 * 256 * 25, 15 * 96, 36),
        (15 * 96 * 16, 32, 225),
    ),
    "siamfc": (2.336, None),
    "gesture": total(
        (3630, 96, 54**2),
        (2400, 256, 27**2),
        (2304, 384, 13**2),
        (3456, 384, 13**2),
        (3456, 256, 13**2),
        (9216, 4096, 1),
        (4096, 4096, 1),
        (4096, 27, 1),
    ),
    "gcn": (1433 * 16e-6 + 16 * 7e-6, (1433 * 16 + 16 * 7 + 23 * 2708) * 2708 / 1e9),
}
