import json
import struct
import sys
import unittest
from unittest import mock

import numpy as np

from tidegrad import MissingKafkaClient, read_progress
from tidegrad.progress import _Avro, _columns, _named

SCHEMA = json.loads("""
{"type": "record", "name": "P", "namespace": "n", "fields": [
  {"name": "model", "type": "string"},
  {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}},
  {"name": "learned", "type": "int"},
  {"name": "auc", "type": ["null", "double"]},
  {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}},
  {"name": "again", "type": "n.K"},
  {"name": "list", "type": {"type": "array", "items": "float"}},
  {"name": "map", "type": {"type": "map", "values": "boolean"}}]}
""")


class AvroTest(unittest.TestCase):
    def test_a_record_is_read_by_its_writers_schema(self):
        content = (b"\x04ab" + b"\x80\x01" + b"\x03" + b"\x02" + struct.pack("<d", 0.5) + b"\x02" + b"\x00"
                   + b"\x03\x10" + struct.pack("<ff", 1, 2) + b"\x00" + b"\x02\x02k\x01\x00")
        self.assertEqual(_Avro(content, 0, _named(SCHEMA, {})).read(SCHEMA), {
            "model": "ab", "time": np.datetime64(64, "ms"), "learned": -2, "auc": 0.5, "kind": "B", "again": "A",
            "list": [1.0, 2.0], "map": {"k": True},
        })
        for length in range(len(content)):
            with self.assertRaises(ValueError, msg=length):
                _Avro(content[:length], 0, _named(SCHEMA, {})).read(SCHEMA)


class ColumnsTest(unittest.TestCase):
    def test_a_metric_without_a_value_is_nan_and_a_time_nat(self):
        columns = _columns([{"n": 1, "auc": None, "t": None}, {"n": 2, "auc": 0.5, "t": np.datetime64(7, "ms")}])
        self.assertEqual(columns["n"].tolist(), [1, 2])
        np.testing.assert_array_equal(columns["auc"], [np.nan, 0.5])
        self.assertTrue(np.isnat(columns["t"][0]))
        self.assertEqual(columns["t"].dtype, np.dtype("datetime64[ms]"))

    def test_a_list_stays_a_list_and_is_empty_where_a_record_has_none(self):
        columns = _columns([{"s": None}, {"s": []}, {"s": [{"auc": 0.5}, {"auc": None}]}])
        self.assertEqual(columns["s"].tolist(), [[], [], [{"auc": 0.5}, {"auc": None}]])

    def test_a_record_stays_a_dictionary_and_is_empty_where_an_earlier_trainer_wrote_none(self):
        columns = _columns([{"learner": None}, {"learner": {"updates": 3}}])
        self.assertEqual(columns["learner"].tolist(), [{}, {"updates": 3}])


class Message:
    def __init__(self, key, error=None):
        self._key, self._error = key, error

    def key(self):
        return self._key

    def value(self):
        return b""

    def partition(self):
        return 0

    def error(self):
        return self._error


class TopicTest(unittest.TestCase):
    """By a consumer that gives the same message again and again."""

    def read(self, message, timeout):
        end = mock.Mock(_PARTITION_EOF=-191)
        consumer = mock.Mock()
        consumer.list_topics.return_value.topics = {"tidegrad.progress": mock.Mock(error=None, partitions={0: None})}
        consumer.poll.side_effect = lambda _: message
        self.addCleanup(consumer.close.assert_called_once)
        kafka = mock.Mock(Consumer=lambda _: consumer, KafkaError=end, KafkaException=RuntimeError)
        with mock.patch.dict(sys.modules, {"confluent_kafka": kafka}):
            return read_progress("127.0.0.1:1", "http://127.0.0.1:1", "flights", timeout=timeout)

    def test_a_model_without_records_is_said(self):
        at_end = mock.Mock()
        at_end.code.return_value = -191
        with self.assertRaisesRegex(ValueError, "expected records of the model flights, found none"):
            self.read(Message(None, at_end), 60)

    def test_a_topic_whose_end_never_comes_ends_with_the_timeout(self):
        with self.assertRaisesRegex(TimeoutError, r"within 0.05 s, found partitions \[0\] without an end"):
            self.read(Message(b"another"), 0.05)


class WithoutKafkaTest(unittest.TestCase):
    def test_it_says_what_to_install(self):
        with mock.patch.dict(sys.modules, {"confluent_kafka": None}):
            with self.assertRaisesRegex(MissingKafkaClient, "pip install confluent-kafka"):
                read_progress("127.0.0.1:1", "http://127.0.0.1:1", "flights")


if __name__ == "__main__":
    unittest.main()
