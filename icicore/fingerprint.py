"""Stable keys of frozen specifications, and atomic writes.

A cache key covers *every* field of a specification: a field that is added later changes all keys, so a
stale entry can never be returned for it.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from icicore.errors import StorageError
from icicore.types import Json

_NO_ROOM = {
    errno.ENOSPC: "free some space on its disk",
    errno.EDQUOT: "free some space of your quota",
    errno.EFBIG: "raise the limit on file sizes",
    errno.EROFS: "make the disk writable",
    errno.EACCES: "make its folder writable",
}


def canonical(value: object) -> Any:
    """Turn dataclasses, paths, arrays and containers into plain JSON values, deterministically."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: canonical(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"__type__": type(value).__name__, **fields}
    if isinstance(value, dict):
        return {str(k): canonical(v) for k, v in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, (list, tuple)):
        return [canonical(v) for v in value]
    if isinstance(value, np.ndarray):
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"dtype": str(value.dtype), "shape": list(value.shape), "sha256": content}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"no canonical form for {type(value).__name__}")


def fingerprint(*specs: object) -> str:
    """SHA-256 (hex) over the canonical form of all arguments."""
    text = json.dumps(canonical(list(specs)), sort_keys=True, separators=(",", ":"), allow_nan=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; on success it replaces ``target``, otherwise nothing stays."""
    with _told(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.chmod(0o644)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(target: Path) -> Iterator[None]:
    """Say in one line that there is no room or no right to write; other faults pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        problem = f"cannot be written ({os.strerror(error.errno or 0)})"
        raise StorageError(target, problem, remedy=f"{_NO_ROOM[error.errno]} and try again") from error


def write_bytes(target: Path, content: bytes) -> None:
    """Write a file atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_json(target: Path, content: Json | list[Any]) -> None:
    """Write JSON atomically: UTF-8, keys in the given order, no NaN (use null)."""
    write_bytes(target, (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
