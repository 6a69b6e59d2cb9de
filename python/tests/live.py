"""Against a running scorer and exported files; ClientsTest of `cli` starts them and names them in TIDEGRAD_…."""

import json
import os
import unittest
import urllib.request

import numpy as np

import tidegrad

MODEL = "flight-delay"
FLIGHTS = [
    {"departed": f"2001-05-{1 + i % 20:02d}T08:30:00Z", "distance": 200 + 13 * i, "origin": ("SFO", "ORD", "BOS")[i % 3],
     "destination": ("JFK", "LGA")[i % 2]}
    for i in range(300)
]


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.url = os.environ["TIDEGRAD_SCORER"]
        cls.scorer = tidegrad.Scorer(cls.url)
        cls.addClassCleanup(cls.scorer.close)

    def test_predictions_have_the_bits_that_the_scorer_wrote(self):
        request = urllib.request.Request(f"{self.url}/v1/models/{MODEL}/score", json.dumps(FLIGHTS).encode())
        with urllib.request.urlopen(request) as answer:
            texts = json.load(answer, parse_float=str)["predictions"]
        scores = self.scorer.score(MODEL, FLIGHTS)
        self.assertEqual(scores.predictions.dtype, np.float32)
        self.assertEqual([np.float32(each["probabilities"][0]) for each in texts], scores.predictions[:, 0].tolist())

    def test_columns_are_scored_as_records_are_also_by_an_earlier_version(self):
        scores = self.scorer.score(MODEL, FLIGHTS)
        columns = {name: [flight[name] for flight in FLIGHTS] for name in FLIGHTS[0]}
        np.testing.assert_array_equal(self.scorer.infer(MODEL, columns).predictions, scores.predictions)
        earlier = self.scorer.describe(MODEL)["previous_versions"][-1]
        name = f"{earlier['epoch']}.{earlier['version']}"
        before = self.scorer.infer(MODEL, columns, version=name)
        self.assertEqual((before.epoch, before.version), (earlier["epoch"], earlier["version"]))
        self.assertFalse(np.array_equal(before.predictions, scores.predictions))
        with self.assertRaisesRegex(tidegrad.ScorerError, "404 unknown-version"):
            self.scorer.infer(MODEL, columns, version="1.999999999")

    def test_contributions_come_with_the_predictions(self):
        scores = self.scorer.score(MODEL, FLIGHTS[:2], contributions=True)
        self.assertEqual(scores.predictions.shape, (2, 1))
        self.assertEqual(scores.explained[0]["contributions"][0]["fields"], ["distance"])

    def test_a_mistake_names_the_record(self):
        with self.assertRaises(tidegrad.ScorerError) as refused:
            self.scorer.score(MODEL, [FLIGHTS[0], {**FLIGHTS[1], "distance": "far"}])
        self.assertEqual((refused.exception.reason, refused.exception.record), ("wrong-type", 1))

    def test_the_files_have_the_weights_that_are_served(self):
        served = self.scorer.wait_for_offset(MODEL, int(os.environ["TIDEGRAD_LAST_OFFSET"]))
        snapshot = tidegrad.read_snapshot(os.environ["TIDEGRAD_SNAPSHOT"])
        tensors = tidegrad.read_safetensors(os.environ["TIDEGRAD_SAFETENSORS"])
        self.assertEqual(snapshot.recompute_weights_hash(), served["weights_hash"])
        self.assertEqual(tensors.recompute_weights_hash(), served["weights_hash"])
        self.assertEqual(snapshot.version, served["version"])

    def test_every_layer_goes_back_to_the_served_stream(self):
        """Networks of all kinds of tensors, which the test exported beside the others."""
        directory = os.environ["TIDEGRAD_LAYERS"]
        names = sorted(os.listdir(directory))
        self.assertGreater(len(names), 2)
        for name in names:
            read = tidegrad.read_safetensors(os.path.join(directory, name))
            self.assertEqual(read.recompute_weights_hash(), read.metadata["weights-hash"], name)
            swapped = dict(read.tensors)
            matrix = next(each for each, values in swapped.items() if values.ndim > 1 and values.size > 4)
            swapped[matrix] = swapped[matrix][::-1]
            changed = tidegrad.Tensors(read.metadata, swapped)
            self.assertNotEqual(changed.recompute_weights_hash(), read.metadata["weights-hash"], name)


if __name__ == "__main__":
    unittest.main()
