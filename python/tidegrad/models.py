"""Files that `tidegrad export` writes, and the weights-hash of docs/numerics.md."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_LEAF = 65_536


class FormatError(Exception):
    """A file is not what it should be; the message says what was expected and found."""


def weights_hash(served: bytes | memoryview, fingerprint: str, numerics: int, updates: int, examples: int) -> str:
    """The weights-hash of a served stream: all statistics as doubles, then all weights as floats."""
    of = bytes.fromhex(fingerprint)
    root = hashlib.sha256(b"tidegrad weights" + struct.pack("<i", len(of)) + of)
    root.update(struct.pack("<iqqq", numerics, updates, examples, len(served)))
    stream = memoryview(served)
    for at in range(0, len(stream), _LEAF):
        root.update(hashlib.sha256(stream[at : at + _LEAF]).digest())
    return root.hexdigest()


def _check_hash(path: str, stated: str, computed: str) -> None:
    if computed != stated:
        raise FormatError(f"{path}: expected the weights-hash {stated}, the weights give {computed}")


@dataclass(frozen=True)
class GoldenRow:
    """A row with the trainer's own predictions by these weights."""

    numbers: np.ndarray
    ids: np.ndarray
    predictions: np.ndarray


@dataclass(frozen=True)
class Snapshot:
    """A published version, with everything that its manifest says. Times are milliseconds since 1970."""

    name: str
    model: str
    epoch: int
    version: int
    examples: int
    next_offset: int
    newest_append_time: int
    event_time: int | None
    caught_up: bool
    log_loss: float
    prior_log_loss: float
    accuracy: float
    auc: float
    numerics: int
    spec: str
    spec_fingerprint: str
    feature_fingerprint: str
    weights_hash: str
    golden_rows: list[GoldenRow]
    signed: bool
    served: bytes

    def recompute_weights_hash(self) -> str:
        return weights_hash(self.served, self.spec_fingerprint, self.numerics, self.version, self.examples)


class _Reader:
    """A cursor over little-endian bytes, which checks every length before it reads."""

    def __init__(self, content: bytes | memoryview, what: str):
        self._content = memoryview(content)
        self._what = what
        self._at = 0

    def fail(self, message: str) -> FormatError:
        return FormatError(f"{self._what}: {message}")

    def raw(self, count: int) -> bytes:
        left = len(self._content) - self._at
        if not 0 <= count <= left:
            raise self.fail(f"expected {count} more bytes at {self._at}, found {left}: it was cut short or damaged")
        self._at += count
        return bytes(self._content[self._at - count : self._at])

    def _number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.raw(struct.calcsize("<" + form)))[0]

    def int8(self) -> int:
        return self._number("B")

    def int32(self) -> int:
        return self._number("i")

    def int64(self) -> int:
        return self._number("q")

    def float64(self) -> float:
        return self._number("d")

    def block(self) -> bytes:
        return self.raw(self.int32())

    def text(self) -> str:
        try:
            return self.block().decode()
        except UnicodeDecodeError as e:
            raise self.fail(f"expected UTF-8, found {e}") from e

    def array(self, dtype: str, count: int) -> np.ndarray:
        return np.frombuffer(self.raw(4 * count), dtype=dtype)

    def expect(self, name: str, expected: int, found: int) -> None:
        if found != expected:
            raise self.fail(f"expected {name} {expected}, found {found}")

    def frame(self, magic: str, form: int) -> None:
        found = self.raw(4)
        if found != magic.encode():
            raise self.fail(f"expected to begin with {magic}, found {found!r}")
        self.expect("format", form, self.int32())

    def end(self) -> None:
        if self._at != len(self._content):
            raise self.fail(f"expected the end at {self._at}, found {len(self._content) - self._at} more bytes")


def read_snapshot(path: str) -> Snapshot:
    """Reads a `.snapshot` file, and recomputes its weights-hash.

    Weights are in `served`, as docs/numerics.md lays them out; a `.safetensors` file has them by name and shape. What
    a scorer checks too and this does not: a signature, the spec's fingerprint, and the golden rows.
    """
    with open(path, "rb") as file:
        start = file.read(12)
        head = _Reader(start, path)
        head.frame("TGSF", 1)
        length = head.int32()
        content = file.read(max(length, 0))
        if len(content) != length:
            raise head.fail(f"expected a head of {length} bytes, found {len(content)}: it was cut short or damaged")
        stated = _Reader(file.read(4), path).int32() & 0xFFFFFFFF
        if stated != _crc32c(start + content):
            raise head.fail("expected the checksum of its head, found another one: it is damaged")
        head = _Reader(content, path)
        name = head.text()
        manifest = _manifest(head.block(), f"{path}, manifest")
        spec = head.text()
        head.int64()  # where a scorer goes on in the topic
        head.int8()  # whether a rollback brought it back
        head.end()
        served = b"".join(_payloads(file, path, manifest))
    parts_bytes = manifest.pop("served_bytes")
    if len(served) != parts_bytes:
        raise FormatError(f"{path}: expected {parts_bytes} bytes in all parts, found {len(served)}")
    snapshot = Snapshot(name=name, spec=spec, served=served, **manifest)
    _check_hash(path, snapshot.weights_hash, snapshot.recompute_weights_hash())
    return snapshot


def _manifest(content: bytes, what: str) -> dict[str, Any]:
    of = _Reader(content[:-4], what)  # the head's checksum covers it
    of.frame("TGMF", 3)
    manifest: dict[str, Any] = {"model": of.text(), "epoch": of.int32(), "version": of.int64()}
    of.int64()  # the version that a delta changes
    of.text()  # the spec, which a delta's manifest does not have
    manifest.update(spec_fingerprint=of.raw(32).hex(), feature_fingerprint=of.raw(32).hex(), numerics=of.int32())
    manifest.update(examples=of.int64(), next_offset=of.int64(), newest_append_time=of.int64())
    event_time = of.int64()
    manifest["event_time"] = None if event_time == -(2**63) else event_time
    manifest["caught_up"] = of.int8() == 1
    for metric in ("log_loss", "prior_log_loss", "accuracy", "auc"):
        manifest[metric] = of.float64()
    of.int32()  # parts of what was published, which may be a delta
    manifest.update(served_bytes=of.int64(), weights_hash=of.raw(32).hex())
    rows = []
    for _ in range(of.int32()):
        numbers, ids, predictions = of.int32(), of.int32(), of.int32()
        rows.append(GoldenRow(of.array("<f4", numbers), of.array("<i4", ids), of.array("<f4", predictions)))
    manifest["golden_rows"] = rows
    of.raw(8 + 8 + 8 + 4)  # bytes published, and the chain of deltas
    if of.int8() == 1:
        of.raw(4 + 8 + 8 + 8)  # what a rollback's epoch began with, and why
        of.text()
    manifest["signed"] = len(of.block()) > 0
    of.end()
    return manifest


def _payloads(file, path: str, manifest: dict[str, Any]):
    """Part after part; their weights are covered by the weights-hash, so their own checksums need not be read."""
    number = 0
    while length := file.read(4):
        size = _Reader(length, path).int32()
        part = _Reader(file.read(max(size, 0))[:-4], f"{path}, part {number}")
        part.frame("TGPT", 2)
        part.expect("epoch", manifest["epoch"], part.int32())
        part.expect("version", manifest["version"], part.int64())
        part.expect("part", number, part.int32())
        part.expect("compression", 0, part.int8())
        part.int32()  # the length when it is not compressed, which is the same
        yield part.block()
        part.end()
        number += 1


def _crc32c(content: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc32c_entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_CRC32C = [_crc32c_entry(byte) for byte in range(256)]


@dataclass(frozen=True)
class Tensors:
    """A `.safetensors` file: `metadata` as texts, `tensors` by PyTorch's names and in its shapes, in the file's order."""

    metadata: dict[str, str]
    tensors: dict[str, np.ndarray]

    def recompute_weights_hash(self) -> str:
        """Needs the metadata of an export; a file of PyTorch's own has none."""
        missing = [key for key in ("spec-fingerprint", "numerics", "version", "examples", "tables")
                   if key not in self.metadata]
        if missing:
            raise FormatError(f"expected the metadata of an export by this build or a newer one, found no {missing}")
        tables = set(json.loads(self.metadata["tables"]))
        served = b"".join(_row_major(name, values, tables) for name, values in self.tensors.items())
        of = self.metadata
        return weights_hash(served, of["spec-fingerprint"], int(of["numerics"]), int(of["version"]),
                            int(of["examples"]))


def _row_major(name: str, values: np.ndarray, tables: set[str]) -> bytes:
    """A tensor as the served stream has it: inputs before outputs, and of a convolution the channels last."""
    if values.ndim >= 2 and name not in tables:
        values = np.moveaxis(values, [0, 1], [-1, -2])
    return np.ascontiguousarray(values).tobytes()


_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
           "BOOL": "?"}


def read_safetensors(path: str) -> Tensors:
    """Reads a `.safetensors` file and, if it states a weights-hash, recomputes it.

    Exports before `numerics` and `tables` were in the metadata are read without that check.
    """
    with open(path, "rb") as file:
        content = file.read()
    reader = _Reader(content, path)
    length = reader.int64()
    head = reader.raw(length)
    try:
        read = _tensors(reader, json.loads(head), content, 8 + length)
        if "weights-hash" in read.metadata and "tables" in read.metadata:
            _check_hash(path, read.metadata["weights-hash"], read.recompute_weights_hash())
    except _DAMAGED as e:
        raise reader.fail(f"expected the header of a .safetensors file, found {type(e).__name__}: {e}") from e
    return read


# What Python raises where JSON has another shape than a header.
_DAMAGED = (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


def _tensors(reader: _Reader, header: dict[str, Any], content: bytes, begin: int) -> Tensors:
    metadata = dict(header.pop("__metadata__", {}))
    tensors = {}
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
        start, end = entry["data_offsets"]
        dtype = np.dtype(_DTYPES.get(entry["dtype"], "V0"))
        count = int(np.prod(entry["shape"], dtype=np.int64))
        within = 0 <= start <= end <= len(content) - begin
        if not dtype.itemsize or not within or end - start != count * dtype.itemsize:
            raise reader.fail(f"tensor {name}: expected {count} numbers of {entry['dtype']} within the file, found"
                              f" bytes {start} to {end}")
        tensors[name] = np.frombuffer(content, dtype, count, begin + start).reshape(entry["shape"])
    return Tensors(metadata, tensors)
