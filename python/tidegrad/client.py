"""HTTP client of the scorer: docs/scoring.md has the paths, answers and mistakes."""

from __future__ import annotations

import http.client
import json
import math
import random
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Sequence
from urllib.parse import quote, urlsplit

import numpy as np

# Nothing that is asked of a scorer changes it, so every request may be sent again.
_RETRYABLE = {429, 502, 503, 504}
_WAIT_MAX = 10.0
_ASK_MIN = 1.0  # seconds that a scorer has to answer, however soon a deadline is

_DATATYPES = {
    "b1": "BOOL", "i1": "INT8", "i2": "INT16", "i4": "INT32", "i8": "INT64", "u1": "UINT8", "u2": "UINT16",
    "u4": "UINT32", "u8": "UINT64", "f2": "FP16", "f4": "FP32", "f8": "FP64",
}


class ScorerError(Exception):
    """The scorer refused the request.

    `status` is HTTP's, `reason` the scorer's word for programs, and `record` the record that is wrong, if one is.
    """

    def __init__(self, status: int, reason: str, message: str, record: int | None = None):
        super().__init__(f"{status} {reason}: {message}" + ("" if record is None else f" (record {record})"))
        self.status = status
        self.reason = reason
        self.record = record


class NotReachable(Exception):
    """No scorer answered, however often it was asked."""


@dataclass(frozen=True)
class Scores:
    """Predictions, in the order of the records, all by one version of one model.

    `predictions` is float32, (records, outputs): probabilities, or values of a regression. Of a label that is a list it
    is (records, steps, classes), with zeros in steps that a record does not have. `explained` has what
    `contributions=True` adds, one dict for each record, else it is None. `labels` has what the best path of CTC spells.
    """

    model: str
    epoch: int
    version: int
    offset: int
    freshness_ms: int | None
    predictions: np.ndarray
    explained: list[dict[str, Any]] | None = None
    labels: list[list[int]] | None = None


class Scorer:
    """Asks one or more scorers that serve the same models; any thread may use it.

    A request that no scorer could answer (it can't be reached, or answers 429, 502, 503 or 504) is sent again, up to
    `attempts` times in all, each time to the next URL, after `Retry-After` or a wait that doubles from `backoff`
    seconds. A connection stays open, one for each thread.

    `cafile` is a PEM file with the authority of the scorer's certificate, `token` one of its `--token-file`.
    """

    def __init__(
        self,
        *urls: str,
        token: str | None = None,
        cafile: str | None = None,
        timeout: float = 10.0,
        attempts: int = 6,
        backoff: float = 0.1,
        sleep: Callable[[float], None] = time.sleep,
    ):
        if not urls or attempts < 1:
            raise ValueError(f"expected a URL and at least one attempt, found {urls} and {attempts}")
        self._urls = [urlsplit(url.rstrip("/")) for url in urls]
        for url in self._urls:
            if url.scheme not in ("http", "https") or not url.hostname:
                raise ValueError(f"expected http://HOST:PORT or https://HOST:PORT, found {url.geturl()}")
        secure = any(url.scheme == "https" for url in self._urls)
        self._tls = ssl.create_default_context(cafile=cafile) if secure else None
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._attempts = attempts
        self._backoff = backoff
        self._sleep = sleep
        self._mine = threading.local()

    def close(self) -> None:
        """Closes the connections of this thread; another request opens new ones."""
        for connection in self._mine.__dict__.pop("connections", {}).values():
            connection.close()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # ---- what a scorer answers ----

    def models(self) -> Any:
        """The models served here, as `GET /v1/models` tells them."""
        return self._json("GET", "/v1/models")

    def describe(self, model: str) -> dict[str, Any]:
        """Stage, version, freshness, metrics, fields and weights_hash of a model."""
        return self._json("GET", f"/v1/models/{quote(model, safe='')}")

    def score(
        self,
        model: str,
        records: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        key: str | None = None,
        contributions: bool = False,
    ) -> Scores:
        """Scores one record or many by the newest version; `key` says who they are about."""
        path = f"/v1/models/{quote(model, safe='')}/score" + ("?contributions=true" if contributions else "")
        body = records if isinstance(records, Mapping) else list(records)
        answer = self._json("POST", path, body, {} if key is None else {"Tidegrad-Key": key})
        rows = [each["probabilities"] if "probabilities" in each else each["values"] for each in answer["predictions"]]
        return Scores(
            answer["model"], answer["epoch"], answer["version"], answer["offset"], answer["freshness_ms"],
            _padded(rows), answer["predictions"] if contributions else None,
            [each["label"] for each in answer["predictions"]] if "label" in answer["predictions"][0] else None,
        )

    def infer(
        self,
        model: str,
        columns: Mapping[str, Any],
        *,
        version: str | int | None = None,
        key: str | None = None,
    ) -> Scores:
        """Scores columns, one array for each field, by the Open Inference Protocol.

        `version` is `"1.120500"` or `120500`: the current version or one of up to three before it; else it is the
        newest. A field that is missing is left out, for all records.
        """
        path = f"/v2/models/{quote(model, safe='')}" + ("" if version is None else f"/versions/{version}") + "/infer"
        request: dict[str, Any] = {"inputs": [_tensor(name, values) for name, values in columns.items()]}
        if key is not None:
            request["parameters"] = {"key": key}
        answer = self._json("POST", path, request)
        by, output = answer["parameters"], answer["outputs"][0]
        predictions = np.array(output["data"], dtype=np.float32).reshape(output["shape"])
        return Scores(by["model"], by["epoch"], by["version"], by["offset"], by["freshness_ms"], predictions)

    def admissions(self, model: str, after: int = 0) -> Any:
        """The newest admissions with a sequence above `after`."""
        return self._json("GET", f"/v1/models/{quote(model, safe='')}/admissions?after={after}")

    def wait_for_offset(self, model: str, offset: int, timeout: float = 30.0) -> dict[str, Any]:
        """Waits until the served version has seen the event at `offset`; gives what `describe` then gives.

        Raises TimeoutError about a second after `timeout` at the latest, also while no scorer answers.
        """
        deadline = time.monotonic() + timeout
        while True:
            described = self._json("GET", f"/v1/models/{quote(model, safe='')}", deadline=deadline)
            if described.get("offset") is not None and described["offset"] > offset:
                return described
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"model {model}: expected a version that has seen offset {offset} within {timeout} s, found"
                    f" {described.get('epoch')}.{described.get('version')}, which has seen all before"
                    f" {described.get('offset')}"
                )
            self._sleep(max(0.0, min(0.1, deadline - time.monotonic())))

    # ---- how it is asked ----

    def _json(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        deadline: float = math.inf,
    ) -> Any:
        sent = None if body is None else json.dumps(body, allow_nan=False, default=_plain).encode()
        all_headers = {**self._headers, **(headers or {})}
        if sent is not None:
            all_headers["Content-Type"] = "application/json"
        failed = ""
        distrusted = set()
        urls = ", ".join(url.geturl() for url in self._urls)
        for attempt in range(self._attempts):
            wait = min(self._backoff * 2**attempt, _WAIT_MAX) * random.uniform(0.5, 1)
            try:
                timeout = min(self._timeout, max(_ASK_MIN, deadline - time.monotonic()))
                status, retry_after, content = self._send(method, path, sent, all_headers, timeout)
            except ssl.SSLCertVerificationError as e:
                distrusted.add(self._number())
                if len(distrusted) == len(self._urls):
                    raise
                failed, wait = f"{type(e).__name__}: {e}", 0.0
            except (OSError, http.client.HTTPException) as e:
                failed = f"{type(e).__name__}: {e}"
            else:
                if status == 200:
                    return json.loads(content)
                error = _error(status, content)
                if status not in _RETRYABLE or attempt == self._attempts - 1:
                    raise error
                failed = str(error)
                if retry_after is not None and retry_after.isdigit():
                    wait = min(float(retry_after), _WAIT_MAX)
            self._mine.next = getattr(self._mine, "next", 0) + 1
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{urls}: expected an answer in time, found none; the last: {failed}")
            if attempt < self._attempts - 1:
                self._sleep(min(wait, left))
        raise NotReachable(f"{urls}: expected an answer, found none in {self._attempts} attempts; the last: {failed}")

    def _number(self) -> int:
        """Of the URL that is asked next, by this thread."""
        return getattr(self._mine, "next", 0) % len(self._urls)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float):
        number = self._number()
        connections = self._mine.__dict__.setdefault("connections", {})
        while True:
            kept = connections.pop(number, None)
            connection = kept or self._connect(number)
            connection.timeout = timeout
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            try:
                connection.request(method, self._urls[number].path + path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as e:
                connection.close()
                if kept and isinstance(e, (ConnectionError, http.client.RemoteDisconnected)):
                    continue  # the server had closed it meanwhile, which says nothing about the server
                raise
            if not answer.will_close:
                connections[number] = connection
            else:
                connection.close()
            return answer.status, answer.headers.get("Retry-After"), content

    def _connect(self, number: int) -> http.client.HTTPConnection:
        url = self._urls[number]
        if url.scheme == "https":
            return http.client.HTTPSConnection(url.hostname, url.port, context=self._tls)
        return http.client.HTTPConnection(url.hostname, url.port)


def _error(status: int, content: bytes) -> ScorerError:
    try:
        told = json.loads(content)
        if "reason" in told:
            return ScorerError(status, told["reason"], told.get("message", ""), told.get("record"))
        reason, _, message = told["error"].partition(": ")
        return ScorerError(status, reason, message)
    except (ValueError, KeyError, TypeError, AttributeError):
        return ScorerError(status, "unknown", content[:200].decode("utf-8", "replace"))


def _plain(value: Any) -> Any:
    """numpy's numbers, arrays and times as JSON has them."""
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            raise ValueError("expected a time, found NaT; a field that is missing is left out")
        return int(value.astype("datetime64[ms]").astype(np.int64))
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"expected what JSON or numpy has, found {type(value).__name__}")


def _padded(rows: list[Any]) -> np.ndarray:
    """Rows as one array; lists of steps get zeros behind their last one."""
    if not isinstance(rows[0][0], list):
        return np.array(rows, dtype=np.float32)
    padded = np.zeros((len(rows), max(map(len, rows)), len(rows[0][0])), dtype=np.float32)
    for each, steps in zip(padded, rows):
        each[:len(steps)] = steps
    return padded


def _tensor(name: str, values: Any) -> dict[str, Any]:
    array = np.asarray(values)
    absent = np.isnat(array) if array.dtype.kind == "M" else ~np.isfinite(array) if array.dtype.kind == "f" else None
    if absent is not None and absent.any():
        at = np.argwhere(absent)[0].tolist()
        raise ValueError(f"column {name}: expected numbers or times, found {array[tuple(at)]} at {at}; a field that is"
                         " missing is left out, for all records")
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ms]").astype(np.int64)
    if array.dtype.kind == "U" or array.dtype.kind == "O" and all(isinstance(each, str) for each in array.flat):
        datatype = "BYTES"
    else:
        datatype = _DATATYPES.get(array.dtype.str[1:], "")
    if not datatype or array.ndim == 0:
        raise TypeError(
            f"column {name}: expected an array of numbers, truth values, texts or times, found {array.dtype} with"
            f" {array.ndim} axes; a field that is missing is left out"
        )
    return {"name": name, "shape": list(array.shape), "datatype": datatype, "data": array.ravel().tolist()}
