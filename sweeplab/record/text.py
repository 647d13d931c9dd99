"""JSON files that are whole or not there."""

import json
import math
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeplab.errors import RecordFault

SCHEMA_VERSION = 1


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a file whole or not at all; `durable` also survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # two machines that write the same file may have the same pid
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def to_json(value: Any) -> str:
    """JSON text; numbers that JSON lacks become null, since their state says why they are not there."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(below) for below in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_lines(record: Mapping[str, Any]) -> str:
    """One line for each key: short enough for 10,000 files, and still good to read."""
    return ",\n".join(f"{json.dumps(key)}: {to_json(value)}" for key, value in record.items())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        RecordFault: the file is missing, is not JSON, holds no object, or was written by a newer version.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordFault(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise RecordFault(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise RecordFault(f"{path} holds no JSON object")
    check_version(path, value)
    return value


def check_version(path: Path, value: Mapping[str, Any]) -> None:
    """Refuse what a newer sweeplab has written.

    Raises:
        RecordFault: says so.
    """
    version = value.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int):
        raise RecordFault(f"{path} is damaged: schema_version must be a whole number, got {version!r}")
    if version > SCHEMA_VERSION:
        raise RecordFault(
            f"{path} was written by a newer sweeplab (schema {version}, known: {SCHEMA_VERSION}): update sweeplab"
        )
