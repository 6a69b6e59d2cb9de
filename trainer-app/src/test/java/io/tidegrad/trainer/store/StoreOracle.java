package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;

/// What tests outside of this package must see of it: what a changelog says, and the guard as its producer asks it.
public final class StoreOracle {
    private static final Rejection REJECTED_BEFORE =
            new Rejection(Rejection.Reason.ENDED_THE_TRAINER, "rejected for the first time");

    private StoreOracle() {}

    /// As the producer does before the offsets join, and after the commit.
    public static Map<TopicPartition, OffsetAndMetadata> check(CommitGuard guard,
            Map<TopicPartition, OffsetAndMetadata> offsets) {
        return guard.check(offsets);
    }

    public static void committed(CommitGuard guard, Map<TopicPartition, OffsetAndMetadata> offsets) {
        guard.committed(offsets);
    }

    public static String besideOffset(long watermark) {
        return StreamsInternals.encodeBesideOffset(Map.of(ModelStore.WATERMARK, watermark));
    }

    public static @Nullable Long watermark(OffsetAndMetadata offset) {
        return StreamsInternals.decodeBesideOffset(offset.metadata(), ModelStore.WATERMARK);
    }

    /// What a restart would make of these records; null when there is no manifest.
    ///
    /// @param log from which it learns again what came after an image
    public static @Nullable Stored restored(Lineage lineage, Kernels kernels,
            List<ConsumerRecord<byte[], byte[]>> changelog, List<ConsumerRecord<byte[], byte[]>> log,
            Function<OnlineModel, EventFold> folds) {
        Restoration restoration = new Restoration(lineage, kernels, progress -> {
        });
        changelog.forEach(restoration::apply);
        StoreManifest manifest = restoration.manifest();
        if (manifest == null) {
            return null;
        }
        Restoration.Restored base = restoration.base(manifest);
        OnlineModel model = base.model();
        boolean behind = manifest.base().nextOffset() < manifest.nextOffset();
        if (behind) {
            Redo redo = new Redo(lineage, manifest, base, again(folds.apply(model)), () -> false, progress -> {
            });
            log.stream().filter(record -> record.offset() >= manifest.base().nextOffset())
                    .filter(record -> record.offset() < manifest.nextOffset()).forEach(redo::learn);
            redo.checkEnd();
        }
        PageSet all = new PageSet(model.parameters().pages());
        all.markRange(0, model.parameters().pages() - 1);
        return new Stored(manifest.nextOffset(), model.stateHash(), model.carry(), manifest.accounts(),
                model.parameters().firstNonFinitePage(all), behind);
    }

    static Redo.Fold again(EventFold fold) {
        return (record, rejected) -> rejected ? fold.refuse(record.value(), record.headers(), REJECTED_BEFORE)
                : fold.fold(record.value(), record.headers());
    }

    /// @param redone whether the log was learned again, from an image
    /// @param nonFinitePage -1 when all are finite
    public record Stored(long nextOffset, String stateHash, byte[] carry, Accounts accounts, int nonFinitePage,
            boolean redone) {
    }

    /// The same records as a build would read them that does not compare checksums: each gets the one it should have
    /// had, and so does what the manifest says of all pages and of the carry. Of a page log.
    public static List<ConsumerRecord<byte[], byte[]>> withChecksumsMade(Lineage lineage,
            List<ConsumerRecord<byte[], byte[]>> changelog) {
        Map<Integer, Integer> pages = new TreeMap<>();
        Map<Integer, byte[]> carry = new TreeMap<>();
        List<ConsumerRecord<byte[], byte[]>> made = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record : changelog) {
            byte[] value = record.value().clone();
            if (value.length < StoreRecords.PAYLOAD_AT) {
                made.add(record); // without room for a checksum
                continue;
            }
            int checksum = StoreRecords.seal(record.key(), lineage.epoch(), value);
            int number = StoreRecords.number(record.key());
            switch (StoreRecords.kind(record.key())) {
                case StoreRecords.REJECTIONS -> {
                }
                case StoreRecords.PAGE -> pages.put(number, checksum);
                case StoreRecords.CARRY -> carry.put(number, StoreRecords.payload(value));
                default -> {
                    PageChecksums checksums = new PageChecksums(pages.size());
                    pages.forEach(checksums::set);
                    ByteArrayOutputStream whole = new ByteArrayOutputStream();
                    carry.values().forEach(whole::writeBytes);
                    StoreManifest manifest = StoreManifest.of(value); // sealed above
                    value = sealed(record, lineage, with(manifest, manifest.specFingerprint(), manifest.inputTopicId(),
                            checksums.digest(), Restoration.carryChecksum(whole.toByteArray())));
                }
            }
            made.add(with(record, value));
        }
        return made;
    }

    /// The same records as a build would read them that does not compare whose they are.
    public static List<ConsumerRecord<byte[], byte[]>> boundTo(Lineage lineage,
            List<ConsumerRecord<byte[], byte[]>> changelog) {
        return changelog.stream().map(record -> {
            if (!isManifest(record)) {
                return record;
            }
            StoreManifest manifest = StoreManifest.of(record.value());
            StoreManifest bound = with(manifest, lineage.spec().fingerprint(), lineage.logTopicId(),
                    manifest.pagesDigest(), manifest.carryChecksum());
            return with(record, sealed(record, lineage, bound));
        }).toList();
    }

    /// The newest manifest of a changelog, as a build of other numerics would have written it.
    public static ConsumerRecord<byte[], byte[]> ofNumerics(List<ConsumerRecord<byte[], byte[]>> changelog, int epoch,
            int numerics) {
        ConsumerRecord<byte[], byte[]> newest = changelog.stream()
                .filter(record -> Arrays.equals(record.key(), StoreRecords.MANIFEST_KEY)).toList().getLast();
        byte[] payload = StoreRecords.payload(newest.value());
        ByteBuffer.wrap(payload).order(ByteOrder.LITTLE_ENDIAN).putInt(32, numerics); // after the spec's fingerprint
        return with(newest, StoreRecords.sealed(newest.key(), epoch, payload));
    }

    private static byte[] sealed(ConsumerRecord<byte[], byte[]> record, Lineage lineage, StoreManifest manifest) {
        return StoreRecords.sealed(record.key(), lineage.epoch(), manifest.encode());
    }

    private static StoreManifest with(StoreManifest of, byte[] fingerprint, Uuid topicId, byte[] digest,
            int carryChecksum) {
        StoreBase base = of.base();
        return new StoreManifest(fingerprint, of.numerics(), of.epoch(), topicId, of.nextOffset(), of.updates(),
                of.examples(), of.accounts(), of.newestAppendTime(), of.pages(), digest, of.carryBytes(), carryChecksum,
                of.commit(), of.kind(),
                new StoreBase(base.slot(), base.image(), base.nextOffset(), base.updates(), base.examples(),
                        base.accounts(), base.newestAppendTime(), digest, base.carryBytes(), carryChecksum),
                of.digestOffset(), of.changedBytesPerSecond(), of.rejectionsBytes(), of.rejectionsChecksum(),
                of.retained());
    }

    public static ConsumerRecord<byte[], byte[]> with(ConsumerRecord<byte[], byte[]> record, byte[] value) {
        return new ConsumerRecord<>(record.topic(), record.partition(), record.offset(), record.key(), value);
    }

    public static boolean isManifest(ConsumerRecord<byte[], byte[]> record) {
        return StoreRecords.kind(record.key()) == StoreRecords.MANIFEST;
    }

    public static boolean isPage(ConsumerRecord<byte[], byte[]> record) {
        return StoreRecords.kind(record.key()) == StoreRecords.PAGE;
    }

    /// The watermark of a manifest's record.
    public static long nextOffset(ConsumerRecord<byte[], byte[]> manifest) {
        return StoreManifest.of(Objects.requireNonNull(manifest.value())).nextOffset();
    }
}
