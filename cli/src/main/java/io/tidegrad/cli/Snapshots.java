package io.tidegrad.cli;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.SnapshotLookup;
import io.tidegrad.trainer.exit.TrainerException;
import java.security.PublicKey;
import java.util.OptionalLong;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/// Published versions, as a scorer sees them.
final class Snapshots {
    private Snapshots() {}

    /// The version that the settings name, or the newest.
    ///
    /// @param key as `publicKey` gave it
    static LoadedModel find(Settings settings, String model, @Nullable PublicKey key) {
        return find(settings, model, settings.numberIfGiven(CliSettings.VERSION), key);
    }

    /// @param version empty for the newest
    static LoadedModel find(Settings settings, String model, OptionalLong version, @Nullable PublicKey key) {
        try {
            return SnapshotLookup.find(options(settings, model, key), version);
        } catch (KafkaException e) {
            throw TrainerException.from(e);
        }
    }

    /// A version of any epoch.
    static LoadedModel find(Settings settings, String model, int epoch, long version, @Nullable PublicKey key) {
        try {
            return SnapshotLookup.find(options(settings, model, key), epoch, version);
        } catch (KafkaException e) {
            throw TrainerException.from(e);
        }
    }

    private static ScorerOptions options(Settings settings, String model, @Nullable PublicKey key) {
        ScorerOptions options = ScorerOptions.of(model, settings.kafka().consumer())
                .withPrefix(settings.text(CommonSettings.PREFIX)).withPublicKey(key);
        OptionalLong maxBytes = settings.numberIfGiven(CommonSettings.MAX_SNAPSHOT_BYTES);
        if (maxBytes.isPresent()) {
            options = options.withMaxSnapshotBytes(maxBytes.getAsLong());
        }
        return options;
    }
}
