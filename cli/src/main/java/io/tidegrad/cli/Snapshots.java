package io.tidegrad.cli;

import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.SnapshotLookup;
import java.security.PublicKey;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// Loads published versions as a scorer does.
final class Snapshots {
    private Snapshots() {}

    /// @param epoch empty for any
    /// @param version empty for the newest
    /// @param key key with which the version must be signed; null if it need not be signed
    static LoadedModel find(Settings settings, String model, OptionalInt epoch, OptionalLong version,
            @Nullable PublicKey key) {
        return SnapshotLookup.find(options(settings, model, key), epoch, version);
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
