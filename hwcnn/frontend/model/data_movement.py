"""ONNX operators that move elements and compute nothing."""

#: They give elements of one operand in another place, or several times.
MOVES = {
    *("DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice"),
    *("SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
}
