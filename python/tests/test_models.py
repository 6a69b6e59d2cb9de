import json
import os
import struct
import tempfile
import unittest

import numpy as np

import tidegrad
from tidegrad.models import FormatError

FORMATS = os.path.join(os.path.dirname(__file__), "../../model/src/test/resources/formats")
GOLDEN = os.path.join(FORMATS, "snapshot-file-1.bin")


def written(content: bytes) -> str:
    file = tempfile.NamedTemporaryFile(delete=False)
    with file:
        file.write(content)
    unittest.addModuleCleanup(os.unlink, file.name)
    return file.name


class SnapshotTest(unittest.TestCase):
    """The golden file of the format, which the trainer's build writes and reads."""

    @classmethod
    def setUpClass(cls):
        with open(GOLDEN, "rb") as file:
            cls.golden = file.read()

    def test_says_what_the_manifest_says(self):
        snapshot = tidegrad.read_snapshot(GOLDEN)
        self.assertEqual(
            (snapshot.name, snapshot.model, snapshot.epoch, snapshot.version, snapshot.examples),
            ("other", "flight-delay", 3, 1, 17),
        )
        self.assertEqual((snapshot.next_offset, snapshot.caught_up, snapshot.signed), (1_000, True, False))
        self.assertIn("model: flight-delay", snapshot.spec)
        self.assertEqual(snapshot.weights_hash, snapshot.recompute_weights_hash())
        self.assertTrue(snapshot.golden_rows)
        for row in snapshot.golden_rows:
            self.assertTrue(((row.predictions > 0) & (row.predictions < 1)).all())

    def test_another_weight_count_spec_or_numerics_has_another_hash(self):
        of = tidegrad.read_snapshot(GOLDEN)
        said = (of.served, of.spec_fingerprint, of.numerics, of.version, of.examples)
        self.assertEqual(tidegrad.weights_hash(*said), of.weights_hash)
        for place, other in enumerate((b"\1" + of.served[1:], "00" * 32, of.numerics + 1, of.version + 1, 0)):
            changed = said[:place] + (other,) + said[place + 1 :]
            self.assertNotEqual(tidegrad.weights_hash(*changed), of.weights_hash, place)

    def test_a_cut_file_is_refused_wherever_it_ends(self):
        for length in [*range(0, len(self.golden), 97), len(self.golden) - 1]:
            with self.assertRaises(FormatError, msg=length):
                tidegrad.read_snapshot(written(self.golden[:length]))
        with self.assertRaises(FormatError):
            tidegrad.read_snapshot(written(self.golden + b"\0"))

    def test_a_flipped_bit_is_noticed_in_the_head_and_in_every_weight(self):
        head = 12 + struct.unpack("<i", self.golden[8:12])[0] + 4
        weights = range(len(self.golden) - 4 - 2_156, len(self.golden) - 4)
        for at in [*range(0, head, 13), *weights[::17]]:
            flipped = bytearray(self.golden)
            flipped[at] ^= 1 << at % 8
            with self.assertRaises(FormatError, msg=at):
                tidegrad.read_snapshot(written(bytes(flipped)))

    def test_another_format_says_so(self):
        newer = self.golden[:4] + struct.pack("<i", 99) + self.golden[8:]
        with self.assertRaisesRegex(FormatError, "expected format 1, found 99"):
            tidegrad.read_snapshot(written(newer))


def safetensors(tensors, metadata=None) -> bytes:
    header, data = {"__metadata__": metadata or {}}, b""
    for name, values in tensors.items():
        dtype = {"f4": "F32", "f8": "F64"}[values.dtype.str[1:]]
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<q", len(text)) + text + data


class SafetensorsTest(unittest.TestCase):
    def test_names_shapes_and_numbers_are_read(self):
        tensors = {"0.statistics": np.arange(3.0), "1.weight": np.arange(6, dtype="<f4").reshape(2, 3)}
        read = tidegrad.read_safetensors(written(safetensors(tensors, {"who": "ann"})))
        self.assertEqual(read.metadata, {"who": "ann"})
        for name, values in tensors.items():
            np.testing.assert_array_equal(read.tensors[name], values)

    def test_a_file_without_an_exports_metadata_has_no_hash(self):
        read = tidegrad.read_safetensors(written(safetensors({"bias": np.zeros(2, "<f4")})))
        with self.assertRaisesRegex(FormatError, "spec-fingerprint"):
            read.recompute_weights_hash()

    def test_a_file_that_is_cut_or_none_is_refused(self):
        content = safetensors({"bias": np.zeros(2, "<f4")})
        for length in range(len(content)):
            with self.assertRaises(FormatError, msg=length):
                tidegrad.read_safetensors(written(content[:length]))
        with self.assertRaises(FormatError):
            tidegrad.read_safetensors(GOLDEN)

    def test_a_damaged_header_is_refused(self):
        whole = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        for header in (
            [], None, 7, {"a": None}, {"a": {}}, {"a": []}, {"__metadata__": 3, "a": whole}, {"__metadata__": "ab"},
            *({"a": {**whole, **damage}} for damage in (
                {"data_offsets": 0}, {"data_offsets": [0]}, {"data_offsets": ["0", "8"]}, {"data_offsets": [-8, 0]},
                {"data_offsets": [0, 1e300]}, {"shape": None}, {"shape": [-1, -2]}, {"shape": ["2"]}, {"shape": [3]},
                {"dtype": []}, {"dtype": "F128"}, {"dtype": None},
            )),
            {"__metadata__": {"weights-hash": "", "tables": "[", "spec-fingerprint": "", "numerics": "1",
                              "version": "1", "examples": "1"}, "a": whole},
            {"__metadata__": {"weights-hash": "", "tables": "[]", "spec-fingerprint": "xy", "numerics": "one",
                              "version": "1", "examples": "1"}, "a": whole},
        ):
            text = json.dumps(header).encode()
            with self.assertRaises(FormatError, msg=header):
                tidegrad.read_safetensors(written(struct.pack("<q", len(text)) + text + bytes(8)))
        text = b"[" * 100_000
        with self.assertRaises(FormatError):
            tidegrad.read_safetensors(written(struct.pack("<q", len(text)) + text))


if __name__ == "__main__":
    unittest.main()
