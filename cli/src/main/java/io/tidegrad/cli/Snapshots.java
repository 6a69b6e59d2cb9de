package io.tidegrad.cli;

import io.tidegrad.console.Rollback;
import io.tidegrad.control.ControlException;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.model.snapshot.LoadedModel;
import io.tidegrad.model.snapshot.ManifestKeys;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.SnapshotLookup;
import io.tidegrad.scorer.SnapshotNotFoundException;
import io.tidegrad.trainer.relearn.TimeTravel;
import java.security.PublicKey;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// Loads published versions as a scorer does, and goes back to them.
final class Snapshots {
    private Snapshots() {}

    /// @param epoch empty for any
    /// @param version empty for the newest
    /// @param key key with which the version must be signed; null if it need not be signed
    static LoadedModel find(Settings settings, String model, OptionalInt epoch, OptionalLong version,
            @Nullable PublicKey key) {
        return SnapshotLookup.find(options(settings, model, key), epoch, version);
    }

    /// Lets a model go on from a published version, if a scorer can load it and a trainer can learn on from it.
    ///
    /// @param key as in `find`
    /// @throws io.tidegrad.scorer.SnapshotNotFoundException if a scorer could not load it
    static Decisions.RolledBack goBack(Settings settings, Decisions decisions, String model, Decisions.Back back,
            @Nullable PublicKey key) {
        Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
        return decisions.rollback(model, back,
                (epoch, version) -> find(settings, model, OptionalInt.of(epoch), OptionalLong.of(version), key),
                (lineage, nextOffset) -> TimeTravel.requireReachable(settings.kafka(), topics, lineage, nextOffset));
    }

    /// Returns the same for the page of a console. Notes a key that can't be read.
    static Rollback onThePage(Settings settings) {
        PublicKey key = settings.file(CommonSettings.SNAPSHOT_PUBLIC_KEY, ManifestKeys::publicKey);
        Topics topics = new Topics(settings.text(CommonSettings.PREFIX));
        return (decisions, model, back) -> {
            RegisteredModel.find(settings.kafka(), topics, model); // refuses a log that was created again
            try {
                return goBack(settings, decisions, model, back, key);
            } catch (SnapshotNotFoundException e) {
                throw new ControlException(ControlException.Reason.CONFIGURATION, String.valueOf(e.getMessage()), e);
            }
        };
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
