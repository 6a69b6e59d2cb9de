package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.OnlineModel;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;

/// A model's whole state as the records of one commit, for a lineage that no trainer has begun: what `ModelStore` would
/// have logged in a page log, had it learned the same events in one commit. A trainer that would keep the model as
/// image and redo goes on from there too: its base is whole.
public final class StateSeed {
    private StateSeed() {}

    /// Pages, carry, manifest, in this order: they belong into one transaction with the group's offset
    /// (`Changelog.offsetWithWatermark`).
    ///
    /// @param nextOffset the watermark
    /// @param retained what is on the snapshots topic by the same transaction
    /// @param log key and value of a record of the changelog
    public static void write(Lineage lineage, OnlineModel model, long nextOffset, Accounts accounts,
            long newestAppendTime, List<RetainedSnapshot> retained, BiConsumer<byte[], byte[]> log) {
        Parameters parameters = model.parameters();
        PageChecksums checksums = new PageChecksums(parameters.pages());
        for (int page = 0; page < parameters.pages(); page++) {
            byte[] key = StoreRecords.key(StoreRecords.PAGE, page);
            byte[] value = StoreRecords.allocate(parameters.pageLength(page));
            parameters.readPage(page, value, StoreRecords.PAYLOAD_AT);
            checksums.set(page, StoreRecords.seal(key, lineage.epoch(), value));
            log.accept(key, value);
        }
        byte[] carry = model.carry();
        for (int chunk = 0, at = 0; at < carry.length; chunk++) {
            int to = Math.min(carry.length, at + StoreRecords.CARRY_CHUNK_BYTES);
            byte[] key = StoreRecords.key(StoreRecords.CARRY, chunk);
            log.accept(key, StoreRecords.sealed(key, lineage.epoch(), Arrays.copyOfRange(carry, at, to)));
            at = to;
        }
        byte[] digest = checksums.digest();
        byte[] rejections = new ExternalRejections().encode();
        StoreBase base = new StoreBase(0, 0, nextOffset, parameters.updates(), parameters.examples(), accounts,
                newestAppendTime, digest, carry.length, Restoration.checksum(carry));
        StoreManifest manifest =
                new StoreManifest(lineage.spec().fingerprint(), Numerics.VERSION, lineage.epoch(), lineage.logTopicId(),
                        nextOffset, parameters.updates(), parameters.examples(), accounts, newestAppendTime,
                        parameters.pages(), digest, carry.length, Restoration.checksum(carry), 1, StoreKind.PAGE_LOG,
                        base, nextOffset, Double.NaN, rejections.length, Restoration.checksum(rejections), retained);
        log.accept(StoreRecords.MANIFEST_KEY,
                StoreRecords.sealed(StoreRecords.MANIFEST_KEY, lineage.epoch(), manifest.encode()));
    }
}
