package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.Accounts;
import io.tidegrad.trainer.store.StoreParts;
import java.util.Objects;
import java.util.OptionalLong;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Begins an epoch after a rollback or an upgrade. The base of an upgrade is the last state of the epoch before, which
/// that epoch's changelog holds. The base of a rollback is learned again, from the nearest stored state or from the
/// beginning of the log, because snapshots hold no optimizer state. The epoch begins only if the result has the hash that
/// was decided. Its first snapshot, with the base's weights, is in the same transaction as its state. The command that
/// decides an upgrade, or a rollback to a version that was not published, has the base itself, and begins the epoch with
/// it: a trainer that is still learning it then goes on with what the command has written.
///
/// @param reason why the rollback was decided
/// @param workers how many threads share each step of what is learned again; 0: as the model's spec says
record EpochBase(Publishing publishing, RegistrySettings registry, String reason, Kernels kernels, int workers,
        StoreParts parts) {
    private static final Logger LOG = LoggerFactory.getLogger(EpochBase.class);
    private static final long LOOK_EVERY_NANOS = 2_000_000_000;

    /// Another process has written the state while this one was learning it.
    private static final class WrittenMeanwhileException extends RuntimeException {
        WrittenMeanwhileException() {
            super("another process has written the first state of the epoch");
        }
    }

    /// Returns once the epoch has a state, which another process may have written.
    ///
    /// @throws StopException if the log has lost events that this needs, or gives other weights
    void ensure(ModelTrainer.Ready ready) {
        Lineage lineage = ready.lineage();
        ControlAction.Rollback origin = lineage.origin();
        if (origin == null || !isUntouched(ready)) {
            return;
        }
        ControlAction.Base base = origin.base();
        LOG.info("model {}, epoch {}: {} version {}.{}, to go on from it at offset {}", lineage.model(),
                lineage.epoch(), origin.isUpgrade() ? "taking over" : "learning again", base.epoch(), base.version(),
                origin.resumeOffset());
        try {
            begin(ready, past(ready, origin), publishing, reason, parts);
        } catch (WrittenMeanwhileException e) {
            LOG.info("model {}, epoch {}: going on with what another process has written", lineage.model(),
                    lineage.epoch());
        }
    }

    /// Writes the first state of the epoch, unless it has one.
    ///
    /// @param past the base, as the log gave it or an older build left it
    /// @throws StopException if that is not the base that was decided
    static void begin(ModelTrainer.Ready ready, TimeTravel.PastModel past, Publishing publishing, String reason,
            StoreParts parts) {
        long start = System.nanoTime();
        Lineage lineage = ready.lineage();
        ControlAction.Rollback origin = Objects.requireNonNull(lineage.origin(), "a rollback began the epoch");
        ControlAction.Base base = origin.base();
        OnlineModel model = past.model();
        String baseHash = past.weightsHash();
        requireBase(lineage, base, model, baseHash, parts);
        // Another build gives the same weights another hash.
        String weightsHash = past.numerics() == Numerics.VERSION ? baseHash : model.weightsHash();
        PublishedSnapshot snapshot = PublishedSnapshot.full(model,
                new PublishedSnapshot.Moment(weightsHash, lineage.epoch(), origin.resumeOffset(),
                        past.newestAppendTime(), false, System.currentTimeMillis()),
                publishing.form(), new SnapshotManifest.Origin(base.epoch(), base.version(), base.nextOffset(),
                        origin.resumeOffset(), reason));
        Accounts accounts = origin.resumeOffset() == base.nextOffset() ? past.accounts() : past.accounts().afterGap();
        FirstState state = new FirstState(model, origin.resumeOffset(), accounts, past.newestAppendTime(), snapshot);
        state.commit(publishing.kafka(), publishing.topics(), ready, () -> isUntouched(ready), more -> {
        });
        LOG.info("model {}, epoch {}: made from {} and the log from offset {} on, in {} ms, written in {} ms",
                lineage.model(), lineage.epoch(), past.state(), past.stateOffset(), past.nanos() / 1_000_000,
                (System.nanoTime() - start) / 1_000_000);
    }

    private static boolean isUntouched(ModelTrainer.Ready ready) {
        return ready.changelog().watermark() == null && ready.committed() == null;
    }

    private TimeTravel.PastModel past(ModelTrainer.Ready ready, ControlAction.Rollback origin) {
        Lineage parent = Objects.requireNonNull(ready.lineage().parent(), "it has an origin");
        ControlAction.Base base = origin.base();
        if (origin.isUpgrade()) {
            return TimeTravel.last(publishing.kafka(), publishing.topics(), parent, OptionalLong.of(origin.leftAt()),
                    kernels);
        }
        try (RecordDecoder decoder = RecordDecoder.of(registry.client())) {
            return TimeTravel.to(publishing.kafka(), publishing.topics(), parent, base.nextOffset(), decoder, kernels,
                    workers, untilWritten(ready));
        } catch (KafkaException e) {
            throw StopException.from(e);
        }
    }

    private static ReplayProgress.Listener untilWritten(ModelTrainer.Ready ready) {
        long[] lookAt = {System.nanoTime() + LOOK_EVERY_NANOS};
        return progress -> {
            if (progress.at() == progress.end() || System.nanoTime() - lookAt[0] >= 0) {
                if (!isUntouched(ready)) {
                    throw new WrittenMeanwhileException();
                }
                lookAt[0] = System.nanoTime() + LOOK_EVERY_NANOS;
            }
        };
    }

    private static void requireBase(Lineage lineage, ControlAction.Base base, OnlineModel model, String weightsHash,
            StoreParts parts) {
        long version = model.parameters().updates();
        if (!parts.isBase(base, version, weightsHash)) {
            throw new StopException(ExitCode.STATE_VIOLATION, "model " + lineage.model() + ", epoch " + lineage.epoch()
                    + ": expected version " + base.version() + " with weights-hash " + base.weightsHash()
                    + " from the log up to offset " + base.nextOffset() + ", as it was published, found version "
                    + version + " with " + weightsHash
                    + ": that version was not what the log gives. Roll back to another one (tidegrad verify tells"
                    + " which are sound)");
        }
    }
}
