import json
import socket
import ssl
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest import mock

import numpy as np

from tidegrad import NotReachable, Scorer, ScorerError

ANSWER = {
    "model": "flights", "epoch": 1, "version": 7, "offset": 9, "freshness_ms": 3,
    "predictions": [{"probabilities": [0.25]}, {"probabilities": [0.75]}],
}


class Stub:
    """A server that answers from a list, and remembers what it was asked. None ends the connection."""

    def __init__(self, *answers):
        self.asked = []
        self.connections = set()
        remaining = list(answers)
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.asked.append((self.path, dict(self.headers), json.loads(body) if body else None))
                stub.connections.add(self.client_address)
                answer = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                if answer is None:
                    self.close_connection = True
                    return
                status, content, *headers = answer
                sent = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(sent)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ScorerTest(unittest.TestCase):
    def setUp(self):
        self.waits = []

    def stub(self, *answers) -> Stub:
        stub = Stub(*answers)
        self.addCleanup(stub.close)
        return stub

    def scorer(self, *urls, **settings) -> Scorer:
        scorer = Scorer(*urls, sleep=self.waits.append, **settings)
        self.addCleanup(scorer.close)
        return scorer

    def test_records_become_an_array_by_one_version(self):
        stub = self.stub((200, ANSWER))
        scores = self.scorer(stub.url, token="t" * 16).score("a/b", [{"distance": np.float32(2)}] * 2, key="ann")
        np.testing.assert_array_equal(scores.predictions, np.array([[0.25], [0.75]], "f4"))
        self.assertEqual((scores.epoch, scores.version, scores.offset, scores.freshness_ms), (1, 7, 9, 3))
        path, headers, body = stub.asked[0]
        self.assertEqual((path, body), ("/v1/models/a%2Fb/score", [{"distance": 2.0}] * 2))
        self.assertEqual((headers["Tidegrad-Key"], headers["Authorization"]), ("ann", "Bearer " + "t" * 16))

    def test_lists_of_steps_become_one_array_and_spelled_labels_stay(self):
        answers = [{"probabilities": [[0.25, 0.75]], "label": [1]}, {"probabilities": [[1, 0], [0, 1]], "label": []}]
        scores = self.scorer(self.stub((200, {**ANSWER, "predictions": answers})).url).score("speech", [{}, {}])
        np.testing.assert_array_equal(scores.predictions, np.array([[[0.25, 0.75], [0, 0]], [[1, 0], [0, 1]]], "f4"))
        self.assertEqual(scores.labels, [[1], []])

    def test_columns_become_tensors_and_may_name_a_version(self):
        stub = self.stub((200, {
            "parameters": {k: v for k, v in ANSWER.items() if k != "predictions"},
            "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [2, 1], "data": [0.25, 0.75]}],
        }))
        columns = {
            "departed": np.array(["2001-05-01T08:30", "2001-05-01T17:05"], "datetime64[m]"),
            "distance": [2586, 733], "origin": ["SFO", "ORD"], "pixels": np.zeros((2, 3), "f4"),
        }
        scores = self.scorer(stub.url).infer("flights", columns, version="1.7")
        self.assertEqual(scores.predictions.shape, (2, 1))
        path, _, body = stub.asked[0]
        self.assertEqual(path, "/v2/models/flights/versions/1.7/infer")
        self.assertEqual([(t["name"], t["datatype"], t["shape"], t["data"][:2]) for t in body["inputs"]], [
            ("departed", "INT64", [2], [988705800000, 988736700000]), ("distance", "INT64", [2], [2586, 733]),
            ("origin", "BYTES", [2], ["SFO", "ORD"]), ("pixels", "FP32", [2, 3], [0.0, 0.0]),
        ])
        with self.assertRaisesRegex(TypeError, "column origin"):
            self.scorer(stub.url).infer("flights", {"origin": ["SFO", None]})

    def test_a_column_with_a_hole_is_named(self):
        for hole in (np.array([1.0, np.nan]), np.array(["2001-05-01", "NaT"], "datetime64[D]"), np.array([1, np.inf])):
            with self.assertRaisesRegex(ValueError, r"column holes: expected .* at \[1\]"):
                self.scorer("http://127.0.0.1:1").infer("flights", {"holes": hole})
        with self.assertRaisesRegex(ValueError, "found NaT"):
            self.scorer("http://127.0.0.1:1").score("flights", {"departed": np.datetime64("NaT")})

    def test_a_certificate_that_nobody_vouches_for_is_of_one_scorer(self):
        def answer(method, path, *_):
            asked.append(scorer._number())
            if asked[-1] in distrusted:
                raise ssl.SSLCertVerificationError("unknown authority")
            return 200, None, json.dumps(ANSWER).encode()

        scorer = self.scorer("https://a", "https://b", "https://c")
        for distrusted, expected in (({0}, [0, 1]), ({1, 2}, [1, 2, 0])):
            asked = []
            with mock.patch.object(scorer, "_send", answer):
                self.assertEqual(scorer.score("flights", {}).version, 7)
            self.assertEqual(asked, expected)
        self.assertEqual(self.waits, [0.0] * 3)
        distrusted, asked = {0, 1, 2}, []
        with mock.patch.object(scorer, "_send", answer), self.assertRaises(ssl.SSLCertVerificationError):
            scorer.score("flights", {})
        self.assertEqual(sorted(asked), [0, 1, 2])

    def test_a_busy_scorer_is_asked_again_when_it_says(self):
        stub = self.stub((503, {"reason": "overloaded", "message": "…"}, ("Retry-After", "3")), (200, ANSWER))
        self.assertEqual(self.scorer(stub.url).score("flights", {}).version, 7)
        self.assertEqual(self.waits, [3.0])

    def test_waits_double_without_a_word_of_the_scorer(self):
        stub = self.stub((503, {"reason": "not-ready", "message": "…"}))
        with self.assertRaisesRegex(ScorerError, "503 not-ready"):
            self.scorer(stub.url, attempts=4, backoff=1.0).score("flights", {})
        self.assertEqual(len(stub.asked), 4)
        for wait, longest in zip(self.waits, (1, 2, 4)):
            self.assertTrue(longest / 2 <= wait <= longest, self.waits)

    def test_a_mistake_is_told_and_never_sent_again(self):
        stub = self.stub((400, {"reason": "wrong-type", "record": 1, "message": "field 'distance': …"}))
        with self.assertRaises(ScorerError) as refused:
            self.scorer(stub.url).score("flights", [{}, {}])
        self.assertEqual((refused.exception.status, refused.exception.reason, refused.exception.record),
                         (400, "wrong-type", 1))
        self.assertEqual((len(stub.asked), self.waits), (1, []))

    def test_another_scorer_answers_when_one_is_away(self):
        gone = Stub((200, ANSWER))
        gone.close()
        stub = self.stub((200, ANSWER))
        scorer = self.scorer(gone.url, stub.url)
        self.assertEqual([scorer.score("flights", {}).version for _ in range(3)], [7, 7, 7])
        self.assertEqual(len(self.waits), 1, "the one that answered is kept")
        with self.assertRaisesRegex(NotReachable, "found none in 2 attempts; the last: Connection"):
            self.scorer(gone.url, attempts=2).score("flights", {})

    def test_a_connection_is_kept_and_one_that_the_server_closed_costs_nothing(self):
        stub = self.stub((200, ANSWER), (200, ANSWER), None, (200, ANSWER))
        scorer = self.scorer(stub.url)
        for _ in range(3):
            scorer.score("flights", {})
        self.assertEqual((len(stub.asked), len(stub.connections), self.waits), (4, 2, []))

    def test_waiting_for_an_offset_ends_when_it_is_served(self):
        stub = self.stub((200, {"epoch": 1, "version": 4, "offset": 5}), (200, {"epoch": 1, "version": 5, "offset": 6}))
        self.assertEqual(self.scorer(stub.url).wait_for_offset("flights", 5)["version"], 5)
        with self.assertRaisesRegex(TimeoutError, "seen offset 6 within 0 s, found 1.5"):
            self.scorer(stub.url).wait_for_offset("flights", 6, timeout=0)

    def test_waiting_for_an_offset_keeps_its_timeout_while_nobody_answers(self):
        silent = socket.create_server(("127.0.0.1", 0))  # takes connections, and never answers
        self.addCleanup(silent.close)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with self.assertRaisesRegex(TimeoutError, "expected an answer in time"):
            self.scorer(url, timeout=60).wait_for_offset("flights", 6, timeout=0.2)
        self.assertLess(time.monotonic() - began, 30)
        stub = self.stub((503, {"reason": "not-ready", "message": "…"}, ("Retry-After", "9")))
        with self.assertRaisesRegex(TimeoutError, "not-ready"):
            with Scorer(stub.url, attempts=1000) as scorer:
                scorer.wait_for_offset("flights", 6, timeout=0.2)


if __name__ == "__main__":
    unittest.main()
