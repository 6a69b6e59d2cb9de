"""Progressive metrics from the topic of progress: every row is scored before it is learned."""

from __future__ import annotations

import base64
import json
import struct
import time
import urllib.request
from typing import Any, Callable, Mapping

import numpy as np


class MissingKafkaClient(ImportError):
    """confluent-kafka is not installed."""


def read_progress(
    bootstrap_servers: str,
    registry_url: str,
    model: str,
    *,
    topic: str = "tidegrad.progress",
    kafka: Mapping[str, Any] | None = None,
    registry_login: str | None = None,
    timeout: float = 60.0,
) -> dict[str, np.ndarray]:
    """All committed records of a model that the topic has by now, oldest first: an array for each field.

    A metric without a value is NaN, a time is datetime64[ms], a list (`as_served`) has dictionaries, `learner` is
    one, empty in records of a trainer that does not tell it;
    schemas/src/main/avro/Progress.avsc explains the fields.
    Raises ValueError if it has none of the model.
    `kafka` has more settings of librdkafka (`security.protocol`, …), `registry_login` is `USER:PASSWORD`.
    """
    try:
        from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
    except ImportError as e:
        raise MissingKafkaClient(
            "the topic of progress: expected the Kafka client confluent_kafka, found none; pip install"
            " confluent-kafka, or on Debian apt-get install python3-confluent-kafka"
        ) from e
    consumer = Consumer({
        "group.id": "tidegrad-python",  # librdkafka wants one; nothing is committed to it
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        **(kafka or {}),
        "bootstrap.servers": bootstrap_servers,
    })
    registry = _Registry(registry_url, registry_login)
    records: list[dict[str, Any]] = []
    deadline = time.monotonic() + timeout
    try:
        found = consumer.list_topics(topic, timeout=timeout).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        open_partitions = set(found.partitions)
        consumer.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in open_partitions])
        while open_partitions:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"topic {topic}: expected its end within {timeout} s, found partitions"
                                   f" {sorted(open_partitions)} without an end")
            message = consumer.poll(min(1.0, timeout))
            if message is None:
                continue
            if message.error() is None:
                if message.key() == model.encode() and message.value() is not None:
                    records.append(registry.decode(message.value()))
            elif message.error().code() == KafkaError._PARTITION_EOF:
                open_partitions.discard(message.partition())
            else:
                raise KafkaException(message.error())
    finally:
        consumer.close()
    if not records:
        raise ValueError(f"topic {topic}: expected records of the model {model}, found none; check its name, or wait"
                         " until its trainer has written the first")
    return _columns(records)


def _columns(records: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    return {name: _column([each.get(name) for each in records]) for name in records[-1]}


def _column(values: list[Any]) -> np.ndarray:
    known = [each for each in values if each is not None]
    if known and isinstance(known[0], np.datetime64):
        return np.array([np.datetime64("NaT") if each is None else each for each in values], dtype="datetime64[ms]")
    if known and isinstance(known[0], (list, dict)):
        objects = np.empty(len(values), dtype=object)
        for i, each in enumerate(values):
            objects[i] = each or type(known[0])()
        return objects
    if known and isinstance(known[0], str):
        return np.array(["" if each is None else each for each in values])
    if len(known) == len(values):
        return np.array(values)
    return np.array([np.nan if each is None else each for each in values], dtype=np.float64)


class _Registry:
    """Reads Avro in Confluent's wire format, by the writer's schema, of which each is asked for once."""

    def __init__(self, url: str, login: str | None):
        self._url = url.rstrip("/")
        self._headers = {} if login is None else {
            "Authorization": "Basic " + base64.b64encode(login.encode()).decode()
        }
        self._schemas: dict[int, tuple[Any, dict[str, Any]]] = {}

    def decode(self, value: bytes) -> Any:
        if len(value) < 5 or value[0] != 0:
            raise ValueError(f"expected a zero byte and the id of a schema, found {value[:5].hex()}")
        number = struct.unpack(">i", value[1:5])[0]
        if number not in self._schemas:
            request = urllib.request.Request(f"{self._url}/schemas/ids/{number}", headers=self._headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                schema = json.loads(json.load(answer)["schema"])
            self._schemas[number] = schema, _named(schema, {})
        schema, names = self._schemas[number]
        return _Avro(value, 5, names).read(schema)


def _named(schema: Any, names: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    """The schemas that others may refer to by name, of which a namespace holds for all that is inside."""
    if isinstance(schema, list):
        for each in schema:
            _named(each, names, namespace)
    elif isinstance(schema, dict):
        namespace = schema.get("namespace", namespace)
        if schema.get("type") in ("record", "enum", "fixed"):
            names[schema["name"]] = names[f"{namespace}.{schema['name']}"] = schema
        for inner in [schema.get("type"), schema.get("items"), schema.get("values"), *schema.get("fields", [])]:
            _named(inner, names, namespace)
    return names


class _Avro:
    """Avro's binary encoding."""

    def __init__(self, content: bytes, at: int, names: dict[str, Any]):
        self._content = content
        self._at = at
        self._names = names
        self._readers: dict[str, Callable[[Any], Any]] = {
            "null": lambda _: None,
            "boolean": lambda _: self._raw(1) != b"\0",
            "int": lambda _: self._varint(),
            "long": lambda schema: self._long(schema),
            "float": lambda _: struct.unpack("<f", self._raw(4))[0],
            "double": lambda _: struct.unpack("<d", self._raw(8))[0],
            "bytes": lambda _: self._raw(self._varint()),
            "string": lambda _: self._raw(self._varint()).decode(),
            "fixed": lambda schema: self._raw(schema["size"]),
            "enum": lambda schema: schema["symbols"][self._varint()],
            "record": lambda schema: {field["name"]: self.read(field["type"]) for field in schema["fields"]},
            "array": lambda schema: list(self._blocks(lambda: self.read(schema["items"]))),
            "map": lambda schema: dict(self._blocks(lambda: (self.read("string"), self.read(schema["values"])))),
        }

    def read(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return self.read(schema[self._varint()])
        if isinstance(schema, str):
            return self._readers[schema](schema) if schema in self._readers else self.read(self._names[schema])
        kind = schema["type"]
        return self._readers[kind](schema) if isinstance(kind, str) and kind in self._readers else self.read(kind)

    def _raw(self, count: int) -> bytes:
        if not 0 <= count <= len(self._content) - self._at:
            raise ValueError(f"expected {count} more bytes at {self._at}, found {len(self._content) - self._at}")
        self._at += count
        return self._content[self._at - count : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._raw(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def _long(self, schema: Any) -> Any:
        value = self._varint()
        if isinstance(schema, dict) and schema.get("logicalType") == "timestamp-millis":
            return np.datetime64(value, "ms")
        return value

    def _blocks(self, item: Callable[[], Any]):
        while count := self._varint():
            if count < 0:
                self._varint()  # the block's bytes
            for _ in range(abs(count)):
                yield item()
