"""Writing arrays as safetensors straight from where they lie: the library's writer would copy them first."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_NAMES = {"float16": "F16", "float32": "F32", "float64": "F64", "int32": "I32", "uint8": "U8"}
_ALIGN = 8


def write_tensors(path: Path, arrays: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str]) -> None:
    """Write C-contiguous arrays, those of the widest type first, so that each lies on a multiple of its item size.

    Raises
    ------
    ValueError : an array has another type or is not contiguous
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    order = sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    start = 0
    for name, values in order:
        if values.dtype.name not in _NAMES or not values.flags.c_contiguous:
            raise ValueError(f"{name}: {values.dtype.name}, contiguous: {values.flags.c_contiguous}")
        end = start + values.nbytes
        header[name] = {"dtype": _NAMES[values.dtype.name], "shape": list(values.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGN)
    with path.open("wb") as out:
        out.write(len(text).to_bytes(8, "little"))
        out.write(text)
        for _, values in order:
            out.write(values.reshape(-1).view(np.uint8).data)
