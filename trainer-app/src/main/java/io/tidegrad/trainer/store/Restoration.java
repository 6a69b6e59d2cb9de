package io.tidegrad.trainer.store;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.CarryFormatException;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Restores a model from the records of a changelog, of which a later one replaces an earlier one with the same key.
/// The result is one whole state of this lineage, or it is refused. Only the newest manifest says which slot holds the
/// state, so both slots are kept until then, which takes at most twice the memory of the model.
final class Restoration {
    private static final int SLOTS = 2;
    private static final int TELL_EVERY = 64; // records

    /// What manifests of earlier builds say of every carry: the CRC32C of bytes that end in their own CRC32C.
    static final int ANY_CARRY = 0x48674bc7;

    private final Lineage lineage;
    private final Kernels kernels;
    private final boolean takesOver;
    private final Consumer<RestoreProgress> progress;

    // The pages of slot 0 go into the model at once; those of slot 1 are kept as they came.
    private @Nullable OnlineModel model;
    private byte[] @Nullable [] aside = {};

    private final Slot[] slots = new Slot[SLOTS];
    private final Map<Integer, byte[]> rejectionsChunks = new HashMap<>();
    private @Nullable StoreManifest manifest;
    private String topic = "";
    private long records;
    private long bytes;

    private static final class Slot {
        final PageChecksums checksums;
        final PageSet pages;
        final Map<Integer, byte[]> carryChunks = new HashMap<>();
        int count;

        Slot(int pages) {
            checksums = new PageChecksums(pages);
            this.pages = new PageSet(pages);
        }
    }

    Restoration(Lineage lineage, Kernels kernels, Consumer<RestoreProgress> progress) {
        this(lineage, kernels, false, progress);
    }

    /// @param takesOver whether the state may be of other numerics. The formats say how its numbers lie in bytes, and the
    ///     numerics only how they were computed
    Restoration(Lineage lineage, Kernels kernels, boolean takesOver, Consumer<RestoreProgress> progress) {
        this.lineage = lineage;
        this.kernels = kernels;
        this.takesOver = takesOver;
        this.progress = progress;
    }

    /// @throws StopException if the record is damaged or of another lineage; names its offset
    void apply(ConsumerRecord<byte[], byte[]> record) {
        topic = record.topic();
        try {
            apply(record.key(), record.value());
        } catch (DamagedException e) {
            throw Refusals.damaged(topic + " at offset " + record.offset(), e);
        }
        bytes += record.value().length;
        if (++records % TELL_EVERY == 0) {
            tell();
        }
    }

    private void tell() {
        int pages = model == null ? 0 : model.parameters().pages();
        int restored = slots[0] == null ? 0 : Math.max(slots[0].count, slots[1].count);
        progress.accept(new RestoreProgress(restored, pages, bytes, 0, 0));
    }

    private void apply(byte @Nullable [] key, byte @Nullable [] value) {
        if (key == null) {
            throw new DamagedException("a key of 5 bytes", "none");
        }
        if (value == null) {
            throw new DamagedException("a value under " + StoreRecords.describe(key), "a tombstone");
        }
        int checksum = StoreRecords.verify(key, lineage.epoch(), value);
        int number = StoreRecords.number(key);
        int slot = StoreRecords.slot(key);
        switch (StoreRecords.kind(key)) {
            case StoreRecords.PAGE -> page(slot, number, value, checksum);
            case StoreRecords.CARRY -> slot(slot).carryChunks.put(number, StoreRecords.payload(value));
            case StoreRecords.REJECTIONS -> rejectionsChunks.put(number, StoreRecords.payload(value));
            case StoreRecords.MANIFEST -> manifest = StoreManifest.of(value);
            default -> throw new DamagedException("a page, carry, rejections or manifest", StoreRecords.describe(key));
        }
    }

    private OnlineModel blank() {
        OnlineModel blank = model;
        if (blank == null) {
            blank = OnlineModel.blank(lineage.spec(), kernels);
            model = blank;
        }
        return blank;
    }

    private Slot slot(int number) {
        if (slots[number] == null) {
            int pages = blank().parameters().pages();
            for (int slot = 0; slot < SLOTS; slot++) {
                slots[slot] = new Slot(pages);
            }
            aside = new byte[pages][];
        }
        return slots[number];
    }

    private void page(int slotNumber, int page, byte[] value, int checksum) {
        Parameters parameters = blank().parameters();
        if (page < 0 || page >= parameters.pages()) {
            throw Refusals.otherSpec(lineage, "pages 0 to " + (parameters.pages() - 1), "page " + page);
        }
        int length = value.length - StoreRecords.PAYLOAD_AT;
        if (length != parameters.pageLength(page)) {
            throw Refusals.otherSpec(lineage, "page " + page + " of " + parameters.pageLength(page) + " bytes",
                    length + " bytes");
        }
        Slot slot = slot(slotNumber);
        if (slotNumber == 0) {
            parameters.writePage(page, value, StoreRecords.PAYLOAD_AT);
        } else {
            aside[page] = value;
        }
        slot.checksums.set(page, checksum);
        slot.count += slot.pages.contains(page) ? 0 : 1;
        slot.pages.mark(page);
    }

    /// Returns the newest manifest, or null if there is none.
    @Nullable
    StoreManifest manifest() {
        return manifest;
    }

    /// Called before the manifest is compared with the group's offset, because numbers of another lineage say nothing.
    ///
    /// @throws StopException if there are pages without a manifest, or it is of another lineage
    void requireManifest() {
        if (manifest == null && slots[0] != null && slots[0].count + slots[1].count > 0) {
            throw Refusals.damaged(topic, new DamagedException(
                    "a manifest after " + (slots[0].count + slots[1].count) + " pages", "no manifest"));
        }
        if (manifest != null) {
            checkLineage(manifest);
        }
    }

    /// The base of the manifest, from which nothing has been learned again yet.
    ///
    /// @param rejections those since the base
    record Restored(OnlineModel model, PageChecksums checksums, ExternalRejections rejections) {
    }

    /// Returns the base, if pages, carry and manifest are one state of this lineage.
    Restored base(StoreManifest manifest) {
        checkLineage(manifest);
        tell();
        try {
            return whole(manifest);
        } catch (DamagedException e) {
            throw Refusals.damaged(topic, e);
        }
    }

    private Restored whole(StoreManifest manifest) {
        StoreBase base = manifest.base();
        ExternalRejections rejections = ExternalRejections.decode(joined("rejections", rejectionsChunks,
                manifest.rejectionsBytes(), manifest.rejectionsChecksum(), Restoration::checksum));
        if (!base.isStored()) {
            model = null; // frees its memory
            aside = new byte[0][];
            OnlineModel initial = OnlineModel.initial(lineage.spec(), kernels);
            initial.parameters().dirty().clear();
            return new Restored(initial, new PageChecksums(initial.parameters().pages()), rejections);
        }
        if (base.slot() < 0 || base.slot() >= SLOTS) {
            throw new DamagedException("slot 0 or 1 in the manifest", "slot " + base.slot());
        }
        Slot slot = slot(base.slot());
        OnlineModel restored = blank();
        Parameters parameters = restored.parameters();
        if (manifest.pages() != parameters.pages() || slot.count != parameters.pages()) {
            throw new DamagedException(parameters.pages() + " pages",
                    slot.count + " pages and a manifest of " + manifest.pages());
        }
        byte[] digest = slot.checksums.digest();
        if (!Arrays.equals(digest, base.pagesDigest())) {
            throw new DamagedException("pages with digest " + hex(base.pagesDigest()), hex(digest));
        }
        if (base.slot() > 0) {
            for (int page = 0; page < parameters.pages(); page++) {
                parameters.writePage(page, aside[page], StoreRecords.PAYLOAD_AT);
                aside[page] = null;
            }
        }
        aside = new byte[0][];
        parameters.setCounts(base.updates(), base.examples());
        parameters.dirty().clear();
        try {
            restored.restoreCarry(joined("carry", slot.carryChunks, base.carryBytes(), base.carryChecksum(),
                    Restoration::carryChecksum));
        } catch (CarryFormatException e) {
            throw new StopException(ExitCode.CONFIGURATION, e.getMessage() + "; start the build that wrote it", e);
        }
        return new Restored(restored, slot.checksums, rejections);
    }

    private void checkLineage(StoreManifest manifest) {
        if (!Arrays.equals(manifest.specFingerprint(), lineage.spec().fingerprint())) {
            throw Refusals.otherSpec(lineage, "the fingerprint " + hex(lineage.spec().fingerprint()),
                    hex(manifest.specFingerprint()));
        }
        if (manifest.epoch() != lineage.epoch()) {
            throw Refusals.otherSpec(lineage, "epoch " + lineage.epoch(), "epoch " + manifest.epoch());
        }
        if (manifest.numerics() != Numerics.VERSION && !takesOver) {
            throw new StopException(ExitCode.CONFIGURATION, "model " + lineage.model() + ": expected numerics "
                    + Numerics.VERSION + " of this build, found a model learned with " + manifest.numerics()
                    + ", which would go on with other bits; start the build that wrote it, or let this one take the"
                    + " model over: tidegrad models upgrade " + lineage.model());
        }
        if (!manifest.inputTopicId().equals(lineage.logTopicId())) {
            throw Refusals.violation(lineage,
                    "the log " + lineage.log().topic() + " with topic id " + manifest.inputTopicId(),
                    "topic id " + lineage.logTopicId(), RegisteredModel.otherLog(lineage.model()));
        }
    }

    private static byte[] joined(String what, Map<Integer, byte[]> chunks, int length, int expectedChecksum,
            ToIntFunction<byte[]> checksumOf) {
        if (length < 0) {
            throw new DamagedException("a length of " + what, "" + length);
        }
        byte[] whole = new byte[length];
        for (int chunk = 0, at = 0; at < length; chunk++) {
            int rest = Math.min(StoreRecords.CARRY_CHUNK_BYTES, length - at);
            byte[] bytes = chunks.get(chunk);
            if (bytes == null || bytes.length < rest) {
                throw new DamagedException(what + " " + chunk + " of " + rest + " bytes",
                        bytes == null ? "none" : bytes.length + " bytes");
            }
            System.arraycopy(bytes, 0, whole, at, rest);
            at += rest;
        }
        int checksum = checksumOf.applyAsInt(whole);
        if (checksum != expectedChecksum && expectedChecksum != ANY_CARRY) {
            throw new DamagedException(what + " with checksum %08x".formatted(expectedChecksum),
                    "%08x".formatted(checksum));
        }
        return whole;
    }

    /// Returns the CRC32C that a manifest has of the rejections.
    static int checksum(byte[] bytes) {
        return checksum(bytes, bytes.length);
    }

    /// Returns the CRC32C that a manifest has of a carry, without the carry's own at its end: with it, it would be
    /// `ANY_CARRY`.
    static int carryChecksum(byte[] carry) {
        return checksum(carry, Math.max(0, carry.length - Integer.BYTES));
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes, 0, 8) + "…";
    }
}
