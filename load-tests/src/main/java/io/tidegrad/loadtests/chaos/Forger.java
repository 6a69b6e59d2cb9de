package io.tidegrad.loadtests.chaos;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/// Forges snapshots of the running model, with an epoch above every real one: a scorer that admitted one would serve it
/// for good. Except for what [Kind] names, they are sound, checksums included.
final class Forger {
    private static final byte[] NO_CONTEXT = {};

    /// A part and a manifest both are: magic (4), format (4), …, CRC32C (4).
    private static final int FORMAT_AT = 4;

    private static final int CHECKSUM_BYTES = 4;
    private static final int FUTURE = 99;

    private Forger() {}

    /// What is wrong with a forged snapshot.
    enum Kind {
        BIT_OF_A_PART, PART_CUT_SHORT, BIT_OF_THE_MANIFEST, FUTURE_FORMAT, OTHER_SPEC, OTHER_HASH, ABSURD_PART_COUNT,
        ABSURD_SIZE, OTHER_NUMERICS, NOT_A_NUMBER
    }

    /// A snapshot with nothing wrong.
    static PublishedSnapshot sound(Episode episode) {
        return of(episode, episode.world().ledger().model());
    }

    private static PublishedSnapshot of(Episode episode, OnlineModel model) {
        int epoch = Ledger.FORGED_EPOCH + episode.random().nextInt(1_000_000);
        return PublishedSnapshot.of(model, model.weightsHash(), epoch, episode.world().ledger().nextOffset(), 0, false);
    }

    static List<SnapshotEntry> forge(Kind kind, Episode episode) {
        PublishedSnapshot sound = sound(episode);
        SplittableRandom random = episode.random();
        byte[] part = sound.records().getFirst().value();
        byte[] manifest = sound.records().getLast().value();
        return switch (kind) {
            case BIT_OF_A_PART -> withPart(sound, flipped(part, random));
            case PART_CUT_SHORT -> withPart(sound, Arrays.copyOf(part, random.nextInt(part.length)));
            case BIT_OF_THE_MANIFEST -> withManifest(sound, flipped(manifest, random));
            case FUTURE_FORMAT -> withManifest(sound, ofFutureFormat(manifest));
            case OTHER_SPEC -> {
                byte[] fingerprint = sound.manifest().specFingerprint().clone();
                fingerprint[0] ^= 1;
                yield with(sound, "specFingerprint", fingerprint);
            }
            case OTHER_HASH -> with(sound, "weightsHash", "0".repeat(64));
            case ABSURD_PART_COUNT -> with(sound, "parts", 1 << 21);
            case ABSURD_SIZE -> with(sound, "servedBytes", Long.MAX_VALUE / 2);
            case OTHER_NUMERICS -> with(sound, "numerics", FUTURE);
            case NOT_A_NUMBER -> of(episode, notANumber(episode)).records();
        };
    }

    private static OnlineModel notANumber(Episode episode) {
        OnlineModel model = OnlineModel.initial(episode.world().spec(), Kernels.active());
        Parameters parameters = model.parameters();
        int page = parameters.servedPages() - 1;
        byte[] bytes = new byte[parameters.pageLength(page)];
        parameters.readPage(page, bytes, 0);
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putFloat(0, Float.NaN);
        parameters.writePage(page, bytes, 0);
        return model;
    }

    private static byte[] flipped(byte[] bytes, SplittableRandom random) {
        byte[] flipped = bytes.clone();
        flipped[random.nextInt(flipped.length)] ^= (byte) (1 << random.nextInt(8));
        return flipped;
    }

    private static byte[] ofFutureFormat(byte[] manifest) {
        byte[] forged = manifest.clone();
        ByteBuffer fields = ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN);
        fields.putInt(FORMAT_AT, FUTURE);
        CRC32C crc = new CRC32C();
        crc.update(NO_CONTEXT);
        crc.update(forged, 0, forged.length - CHECKSUM_BYTES);
        fields.putInt(forged.length - CHECKSUM_BYTES, (int) crc.getValue());
        return forged;
    }

    private static List<SnapshotEntry> withPart(PublishedSnapshot sound, byte[] part) {
        return replaced(sound, 0, part);
    }

    private static List<SnapshotEntry> withManifest(PublishedSnapshot sound, byte[] manifest) {
        return replaced(sound, sound.records().size() - 1, manifest);
    }

    private static List<SnapshotEntry> replaced(PublishedSnapshot sound, int at, byte[] value) {
        List<SnapshotEntry> records = new ArrayList<>(sound.records());
        records.set(at, new SnapshotEntry(records.get(at).key(), value));
        return records;
    }

    /// The manifest with another value of one component, sealed again.
    private static List<SnapshotEntry> with(PublishedSnapshot sound, String component, Object value) {
        RecordComponent[] components = SnapshotManifest.class.getRecordComponents();
        Class<?>[] types = new Class<?>[components.length];
        Object[] values = new Object[components.length];
        try {
            for (int i = 0; i < components.length; i++) {
                types[i] = components[i].getType();
                values[i] = components[i].getName().equals(component) ? value
                        : components[i].getAccessor().invoke(sound.manifest());
            }
            return withManifest(sound,
                    SnapshotManifest.class.getDeclaredConstructor(types).newInstance(values).encode());
        } catch (IllegalAccessException | InvocationTargetException | InstantiationException
                | NoSuchMethodException e) {
            throw new IllegalStateException(e);
        }
    }
}
