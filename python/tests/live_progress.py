"""Against a running broker and registry, as live.py; needs confluent-kafka."""

import os
import time
import unittest

import numpy as np

import tidegrad


class ProgressTest(unittest.TestCase):
    def test_every_record_of_the_model_is_a_row(self):
        end = int(os.environ["TIDEGRAD_LAST_OFFSET"]) + 1
        deadline = time.monotonic() + 60
        while True:  # the last record follows the last version within a second
            progress = tidegrad.read_progress(
                os.environ["TIDEGRAD_BOOTSTRAP_SERVERS"], os.environ["TIDEGRAD_REGISTRY_URL"], "flight-delay",
                topic=os.environ["TIDEGRAD_PROGRESS"],
            )
            if progress["next_offset"][-1] == end or time.monotonic() > deadline:
                break
        rows = len(progress["learned"])
        self.assertGreater(rows, 1)
        self.assertEqual({len(values) for values in progress.values()}, {rows})
        self.assertEqual(progress["next_offset"][-1], end)
        self.assertTrue((np.diff(progress["version"]) >= 0).all())
        self.assertEqual(progress["time"].dtype, np.dtype("datetime64[ms]"))
        self.assertTrue(0.5 < progress["auc"][-1] < 1, progress["auc"])
        self.assertTrue(np.isnan(progress["mean_squared_error"]).all())
        snapshot = tidegrad.read_snapshot(os.environ["TIDEGRAD_SNAPSHOT"])
        self.assertEqual(progress["weights_hash"][-1], snapshot.weights_hash)
        self.assertEqual(progress["auc"][-1], snapshot.auc)

    def test_a_topic_that_is_not_there_is_said(self):
        with self.assertRaisesRegex(Exception, "(?i)unknown topic"):
            tidegrad.read_progress(os.environ["TIDEGRAD_BOOTSTRAP_SERVERS"], os.environ["TIDEGRAD_REGISTRY_URL"],
                                   "flight-delay", topic="no-such-topic", timeout=20)


if __name__ == "__main__":
    unittest.main()
