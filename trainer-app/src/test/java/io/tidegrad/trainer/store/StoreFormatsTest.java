package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.proof.GoldenFormat;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Invariant I21 for a model store's changelog: values (format number and checksum before the payload), the manifest's
/// payload, and a commit's records with their keys. A carry's payload is in `FormatsTest` of the module `model`.
class StoreFormatsTest {
    private static final int EPOCH = 3;
    private static final byte[] PAGE = StoreRecords.key(StoreRecords.PAGE, 7);

    static List<GoldenFormat> formats() {
        return List.of(new GoldenFormat("changelog-value", StoreRecords.FORMAT, 0, bytes -> {
            StoreRecords.verify(PAGE, EPOCH, bytes);
            return StoreRecords.sealed(PAGE, EPOCH, StoreRecords.payload(bytes));
        }, () -> StoreRecords.sealed(PAGE, EPOCH, payload(200))),
                new GoldenFormat("store-manifest", 2, StoreRecords.MANIFEST_FORMAT, // the value's, in front of this
                        -1, bytes -> StoreManifest.decode(bytes).encode(), () -> manifest().encode()),
                new GoldenFormat("changelog-commit", 2, StoreRecords.MANIFEST_FORMAT, -1,
                        StoreFormatsTest::rewrittenCommit, StoreFormatsTest::commit));
    }

    private static byte[] payload(int length) {
        byte[] payload = new byte[length];
        new Random(1).nextBytes(payload);
        return payload;
    }

    private static LogHash hash(int records) {
        RunningHash hash = new RunningHash(0, LogHash.NOTHING);
        for (int i = 0; i < records; i++) {
            hash.add(new ConsumerRecord<>("t", 0, i, null, new byte[]{(byte) i}));
        }
        return hash.now();
    }

    private static StoreManifest manifest() {
        return new StoreManifest(payload(32), 1, EPOCH, new Uuid(1, 2), 100, 90, 95, new Accounts(96, 3, 1, hash(100)),
                1_700_000_000_000L, 2, payload(32), 1_000, -5, 17, StoreKind.IMAGE_AND_REDO,
                new StoreBase(1, 4, 70, 60, 65, new Accounts(66, 3, 1, hash(70)), 1_600_000_000_000L, payload(32), 110,
                        -6),
                95, 12.5, 9, -7, List.of(new RetainedSnapshot(80, RetainedSnapshot.FULL, 1, 500, 1_000, true),
                        new RetainedSnapshot(90, 80, 2, 50, 2_000, false)));
    }

    /// Two pages and a carry of two records in each slot, rejections, the manifest: length and bytes of each key and
    /// value.
    private static byte[] commit() {
        ByteArrayOutputStream to = new ByteArrayOutputStream();
        for (int slot = 0; slot < 2; slot++) {
            put(to, StoreRecords.key(StoreRecords.PAGE, slot, 0), payload(64));
            put(to, StoreRecords.key(StoreRecords.PAGE, slot, 1), payload(48));
            put(to, StoreRecords.key(StoreRecords.CARRY, slot, 0), payload(100));
            put(to, StoreRecords.key(StoreRecords.CARRY, slot, 1), payload(10));
        }
        put(to, StoreRecords.key(StoreRecords.REJECTIONS, 0), payload(9));
        put(to, StoreRecords.MANIFEST_KEY, manifest().encode());
        return to.toByteArray();
    }

    private static void put(ByteArrayOutputStream to, byte[] key, byte[] payload) {
        byte[] value = StoreRecords.sealed(key, EPOCH, payload);
        to.writeBytes(ByteBuffer.allocate(4).putInt(key.length).array());
        to.writeBytes(key);
        to.writeBytes(ByteBuffer.allocate(4).putInt(value.length).array());
        to.writeBytes(value);
    }

    private static byte[] rewrittenCommit(byte[] commit) {
        ByteArrayOutputStream to = new ByteArrayOutputStream();
        ByteBuffer from = ByteBuffer.wrap(commit);
        while (from.hasRemaining()) {
            byte[] key = new byte[from.getInt()];
            from.get(key);
            byte[] value = new byte[from.getInt()];
            from.get(value);
            StoreRecords.verify(key, EPOCH, value);
            byte[] payload = StoreRecords.payload(value);
            byte kind = StoreRecords.kind(key);
            put(to, StoreRecords.key(kind, StoreRecords.slot(key), StoreRecords.number(key)),
                    Arrays.equals(key, StoreRecords.MANIFEST_KEY) ? StoreManifest.of(value).encode() : payload);
        }
        return to.toByteArray();
    }

    @Test
    void aStateWithoutAHashIsReadAsOneWhoseNextRecordIsTheFirstThatIsHashed() throws IOException {
        StoreManifest read =
                StoreManifest.decode(Files.readAllBytes(Path.of("src/test/resources/formats/store-manifest-2.bin")));
        assertThat(read.accounts()).isEqualTo(new Accounts(96, 3, 1, LogHash.from(100)));
        assertThat(read.base().accounts()).isEqualTo(new Accounts(66, 3, 1, LogHash.from(70)));
        assertThat(read.retained()).isEqualTo(manifest().retained());
        // Learned again from the base, only what is hashed in the state is hashed.
        assertThat(read.base().accounts().towards(read.accounts()))
                .isEqualTo(new Accounts(66, 3, 1, LogHash.from(100)));
        assertThat(StoreManifest.decode(manifest().encode()).accounts()).isEqualTo(manifest().accounts());
    }

    @ParameterizedTest
    @MethodSource("formats")
    void everyFormatThatWasEverWrittenIsRead(GoldenFormat format) {
        format.checkOldTruths();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void theWriterWritesWhatItsNumberMeans(GoldenFormat format) {
        format.checkTheWriter();
    }

    @ParameterizedTest
    @MethodSource("formats")
    void aFutureFormatIsRefusedByItsNumber(GoldenFormat format) {
        format.checkTheFuture();
    }
}
