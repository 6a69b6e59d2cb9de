package io.tidegrad.trainer;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;

/// Options to learn a registered model again from its start.
final class Replays {
    private Replays() {}

    /// All records that are visible when the replay starts.
    static ReplayOptions of(KafkaSettings kafka, RegistrySettings registry, String prefix, String model) {
        return until(kafka, registry, prefix, model, new LogPosition.End());
    }

    static ReplayOptions until(KafkaSettings kafka, RegistrySettings registry, String prefix, String model,
            LogPosition until) {
        return new ReplayOptions(kafka, registry, prefix, model, new LogPosition.Begin(), until, null, null, false, "",
                Kernels.active(), 1);
    }
}
