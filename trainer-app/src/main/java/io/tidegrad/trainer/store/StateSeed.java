package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.Retention;
import io.tidegrad.model.learn.OnlineModel;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;

/// Writes the whole state of a model that no trainer has begun to learn, as a `ModelStore` would log it in a page log had
/// it learned the same events in one commit. A trainer that keeps models as image and redo can go on from it too, because
/// its base is whole.
public final class StateSeed {
    private StateSeed() {}

    /// Passes the records to `log`: pages, carry and manifest, in this order. They belong into one transaction with the
    /// group's offset (`Changelog.offsetWithWatermark`).
    ///
    /// @param nextOffset the watermark
    /// @param retained the snapshots that the same transaction publishes
    /// @param log gets key and value of each record
    public static void write(Lineage lineage, OnlineModel model, long nextOffset, Accounts accounts,
            long newestAppendTime, List<RetainedSnapshot> retained, BiConsumer<byte[], byte[]> log) {
        StateWriter.Store store = new StateWriter.Store() {
            @Override
            public void log(byte[] key, byte[] value) {
                log.accept(key, value);
            }

            @Override
            public boolean stopping() {
                return false;
            }
        };
        StoreSettings settings = new StoreSettings(StoreKind.PAGE_LOG, 0, 1, Duration.ZERO, Duration.ZERO,
                Duration.ZERO, Duration.ZERO, Duration.ZERO, Retention.FOR_EVER);
        StateWriter writer = new StateWriter(lineage, settings, store, model, null,
                new PageChecksums(model.parameters().pages()), new ExternalRejections(), 0, TrainerClock.SYSTEM);
        StoreManifest manifest = writer.flush(new StateWriter.State(nextOffset, accounts, newestAppendTime, retained),
                false, Duration.ZERO);
        log.accept(StoreRecords.MANIFEST_KEY,
                StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), manifest.encode()));
    }
}
