package io.tidegrad.trainer;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Lineage;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.RetainedSnapshot;
import io.tidegrad.trainer.store.StoreParts;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Begins an epoch after a rollback. Snapshots hold no optimizer state, so the base is learned again, from the nearest
/// stored state or from the beginning of the log. The epoch begins only if the result has the hash that was published.
/// Its first snapshot, with the base's weights, is in the same transaction as its state.
record EpochBase(KafkaSettings kafka, RegistrySettings registry, Topics topics, PublishedSnapshot.Form snapshotForm,
        String reason, Kernels kernels, StoreParts parts) {
    private static final Logger LOG = LoggerFactory.getLogger(EpochBase.class);

    /// Returns once the epoch has a state, which another process may have written.
    ///
    /// @throws StopException if the log has lost events that this needs, or gives other weights
    void ensure(ModelTrainer.Ready ready) {
        Lineage lineage = ready.lineage();
        ControlAction.Rollback origin = lineage.origin();
        if (origin == null || !isUntouched(ready)) {
            return;
        }
        long start = System.nanoTime();
        ControlAction.Base base = origin.base();
        LOG.info("model {}, epoch {}: learning version {}.{} again, to go on from it at offset {}", lineage.model(),
                lineage.epoch(), base.epoch(), base.version(), origin.resumeOffset());
        TimeTravel.PastModel past = past(lineage, base);
        OnlineModel model = past.model();
        String weightsHash = model.weightsHash();
        requireBase(lineage, base, model, weightsHash);
        PublishedSnapshot snapshot = PublishedSnapshot.full(model,
                new PublishedSnapshot.Moment(weightsHash, lineage.epoch(), origin.resumeOffset(),
                        past.newestAppendTime(), false, System.currentTimeMillis()),
                snapshotForm, new SnapshotManifest.Origin(base.epoch(), base.version(), base.nextOffset(),
                        origin.resumeOffset(), reason));
        FirstState state = new FirstState(model, origin.resumeOffset(), past.accounts(), past.newestAppendTime(),
                List.of(retained(snapshot)));
        state.commit(kafka, ready, () -> isUntouched(ready),
                to -> snapshot.records()
                        .forEach(entry -> to.accept(new ProducerRecord<>(topics.snapshots(lineage.model()), 0,
                                snapshot.manifest().chain().fullTime(), entry.key(), entry.value()))));
        LOG.info("model {}, epoch {}: made from {} and the log from offset {} on, in {} ms", lineage.model(),
                lineage.epoch(), past.state(), past.stateOffset(), (System.nanoTime() - start) / 1_000_000);
    }

    private static boolean isUntouched(ModelTrainer.Ready ready) {
        return ready.changelog().watermark() == null && ready.committed() == null;
    }

    private TimeTravel.PastModel past(Lineage lineage, ControlAction.Base base) {
        Lineage parent = Objects.requireNonNull(lineage.parent(), "it has an origin");
        try (RecordDecoder decoder = RecordDecoder.of(registry.client())) {
            return TimeTravel.to(kafka, topics, parent, base.nextOffset(), decoder, kernels);
        } catch (KafkaException e) {
            throw StopException.from(e);
        }
    }

    private void requireBase(Lineage lineage, ControlAction.Base base, OnlineModel model, String weightsHash) {
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

    private static RetainedSnapshot retained(PublishedSnapshot snapshot) {
        SnapshotManifest manifest = snapshot.manifest();
        return new RetainedSnapshot(manifest.version(), RetainedSnapshot.FULL, manifest.parts(), snapshot.bytes(),
                manifest.chain().fullTime(), true);
    }
}
