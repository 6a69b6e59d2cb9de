package io.tidegrad.trainer.store;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.CarryFormatException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// A changelog's content on its way to becoming a model: records are applied oldest first, later ones replace earlier
/// ones, and in the end it is either one whole state of this lineage or refused.
final class Restoration {
    private final Lineage lineage;
    private final OnlineModel model;
    private final PageChecksums checksums;
    private final PageSet pages;
    private final Map<Integer, byte[]> carryChunks = new HashMap<>();
    private @Nullable StoreManifest manifest;
    private String topic = "";

    Restoration(Lineage lineage, Kernels kernels) {
        this.lineage = lineage;
        model = OnlineModel.blank(lineage.spec(), kernels);
        checksums = new PageChecksums(model.parameters().pages());
        pages = new PageSet(model.parameters().pages());
    }

    /// @throws TrainerException it is damaged or of another lineage, naming its offset
    void apply(ConsumerRecord<byte[], byte[]> record) {
        topic = record.topic();
        try {
            apply(record.key(), record.value());
        } catch (DamagedException e) {
            throw Refusals.damaged(topic + " at offset " + record.offset(), e);
        }
    }

    private void apply(byte @Nullable [] key, byte @Nullable [] value) {
        if (key == null) {
            throw new DamagedException("a key of 5 bytes", "none");
        }
        if (value == null) {
            throw new DamagedException(
                    "a value under " + StoreRecords.describe(key), "a tombstone");
        }
        int checksum = StoreRecords.verify(key, lineage.epoch(), value);
        int number = StoreRecords.number(key);
        switch (StoreRecords.kind(key)) {
            case StoreRecords.PAGE -> page(number, value, checksum);
            case StoreRecords.CARRY -> carryChunks.put(number, StoreRecords.payload(value));
            case StoreRecords.MANIFEST ->
                    manifest = StoreManifest.decode(StoreRecords.payload(value));
            default ->
                    throw new DamagedException(
                            "a page, carry or manifest", StoreRecords.describe(key));
        }
    }

    private void page(int page, byte[] value, int checksum) {
        Parameters parameters = model.parameters();
        if (page < 0 || page >= parameters.pages()) {
            throw Refusals.otherSpec(
                    lineage, "pages 0 to " + (parameters.pages() - 1), "page " + page);
        }
        int length = value.length - StoreRecords.PAYLOAD_AT;
        if (length != parameters.pageLength(page)) {
            throw Refusals.otherSpec(
                    lineage,
                    "page " + page + " of " + parameters.pageLength(page) + " bytes",
                    length + " bytes");
        }
        parameters.writePage(page, value, StoreRecords.PAYLOAD_AT);
        checksums.set(page, checksum);
        pages.mark(page);
    }

    /// The newest applied; null when there is none.
    @Nullable StoreManifest manifest() {
        return manifest;
    }

    /// @throws TrainerException there are pages, but nothing that says what they are of
    void requireManifest() {
        if (manifest == null && pages.count() > 0) {
            throw Refusals.damaged(
                    topic,
                    new DamagedException(
                            "a manifest after " + pages.count() + " pages", "no manifest"));
        }
    }

    PageChecksums checksums() {
        return checksums;
    }

    /// The model as of the manifest, if pages, carry and manifest are one state of this lineage.
    OnlineModel model(StoreManifest manifest) {
        checkLineage(manifest);
        try {
            return whole(manifest);
        } catch (DamagedException e) {
            throw Refusals.damaged(topic, e);
        }
    }

    private OnlineModel whole(StoreManifest manifest) {
        Parameters parameters = model.parameters();
        if (manifest.pages() != parameters.pages() || pages.count() != parameters.pages()) {
            throw new DamagedException(
                    parameters.pages() + " pages",
                    pages.count() + " pages and a manifest of " + manifest.pages());
        }
        byte[] digest = checksums.digest();
        if (!Arrays.equals(digest, manifest.pagesDigest())) {
            throw new DamagedException(
                    "pages with digest " + hex(manifest.pagesDigest()), hex(digest));
        }
        parameters.setCounts(manifest.updates(), manifest.examples());
        parameters.dirty().clear();
        try {
            model.restoreCarry(carry(manifest));
        } catch (CarryFormatException e) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION, e.getMessage() + "; start the build that wrote it", e);
        }
        return model;
    }

    private void checkLineage(StoreManifest manifest) {
        if (!Arrays.equals(manifest.specFingerprint(), lineage.spec().fingerprint())) {
            throw Refusals.otherSpec(
                    lineage,
                    "the fingerprint " + hex(lineage.spec().fingerprint()),
                    hex(manifest.specFingerprint()));
        }
        if (manifest.epoch() != lineage.epoch()) {
            throw Refusals.otherSpec(
                    lineage, "epoch " + lineage.epoch(), "epoch " + manifest.epoch());
        }
        if (manifest.numerics() != Numerics.VERSION) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "model "
                            + lineage.model()
                            + ": expected numerics "
                            + Numerics.VERSION
                            + " of this build, found a model learned with "
                            + manifest.numerics()
                            + ", which would go on with other bits; start the build that wrote it, or replay the log under a"
                            + " new model name");
        }
        if (!manifest.inputTopicId().equals(lineage.logTopicId())) {
            throw Refusals.violation(
                    lineage,
                    "the log "
                            + lineage.log().topic()
                            + " with topic id "
                            + manifest.inputTopicId(),
                    "topic id " + lineage.logTopicId(),
                    "the topic was deleted and created again, so its offsets mean other events. Learn from it under a new"
                            + " model name");
        }
    }

    private byte[] carry(StoreManifest manifest) {
        byte[] carry = new byte[manifest.carryBytes()];
        for (int chunk = 0, at = 0; at < carry.length; chunk++) {
            int length = Math.min(StoreRecords.CARRY_CHUNK_BYTES, carry.length - at);
            byte[] bytes = carryChunks.get(chunk);
            if (bytes == null || bytes.length < length) {
                throw new DamagedException(
                        "carry " + chunk + " of " + length + " bytes",
                        bytes == null ? "none" : bytes.length + " bytes");
            }
            System.arraycopy(bytes, 0, carry, at, length);
            at += length;
        }
        int checksum = checksum(carry);
        if (checksum != manifest.carryChecksum()) {
            throw new DamagedException(
                    "carry with checksum %08x".formatted(manifest.carryChecksum()),
                    "%08x".formatted(checksum));
        }
        return carry;
    }

    /// CRC32C, as the manifest holds it of the whole carry.
    static int checksum(byte[] carry) {
        CRC32C crc = new CRC32C();
        crc.update(carry);
        return (int) crc.getValue();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes, 0, 8) + "…";
    }
}
