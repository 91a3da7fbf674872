"""A network made for one image, for several."""

from dataclasses import replace

from hwcnn import ir
from hwcnn.errors import InputError


def with_batch(graph: ir.Graph, batch: int) -> ir.Graph:
    """The graph with `batch` images in every tensor. Raises InputError where it has another number
    than 1 already.
    """
    sizes = {t.shape[0] for t in graph.tensors.values()}
    if sizes == {batch} or batch == 1:
        return graph
    if sizes != {1}:
        raise InputError(
            f"{graph.name}: the model is made for a batch of {max(sizes)}, it cannot run with "
            f"{batch}"
        )
    tensors = {n: replace(t, shape=(batch, *t.shape[1:])) for n, t in graph.tensors.items()}
    if any(len(shape) < 2 for _, shape in graph.onnx_outputs):
        raise InputError(f"{graph.name}: an output has no dimension for the batch")
    outputs = [(name, (batch, *shape[1:])) for name, shape in graph.onnx_outputs]
    return replace(graph, tensors=tensors, onnx_outputs=outputs)
