package io.tidegrad.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.GoldenFormat;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StreamRecordTest {
    private static final byte[] KEY = "stream:payments".getBytes(UTF_8);

    /// One of each action, and of a creation one with all that may be left out.
    static List<StreamRecord> records() {
        StreamAction.Source events = new StreamAction.Source("payments", "x9GzQ0vYTxGkYkqk0V2b0A", 6);
        StreamAction.Source labels = new StreamAction.Source("chargebacks", "y9GzQ0vYTxGkYkqk0V2b0A", 3);
        return List.of(
                record(new StreamAction.Create(1, "stream: payments\n", events, null, "z9GzQ0vYTxGkYkqk0V2b0A", null)),
                record(new StreamAction.Create(2, "stream: payments # späte\n", events, labels,
                        "a9GzQ0vYTxGkYkqk0V2b0A", Instant.ofEpochMilli(1_690_000_000_123L))),
                record(new StreamAction.Pause()), record(new StreamAction.Resume()), record(new StreamAction.Delete(2)),
                record(new StreamAction.Delete(0)));
    }

    private static StreamRecord record(StreamAction action) {
        return new StreamRecord("payments", action, 1_700_000_000_000L, "ann@host", "drift, see #7");
    }

    /// All actions in one file, each with its length before it.
    private static final GoldenFormat GOLDEN = new GoldenFormat("stream-record", StreamRecord.FORMAT, 4 + 4,
            StreamRecordTest::rewritten, () -> joined(records()));

    private static byte[] joined(List<StreamRecord> records) {
        ByteBuffer to = ByteBuffer.allocate(4_096).order(ByteOrder.LITTLE_ENDIAN);
        for (StreamRecord record : records) {
            byte[] bytes = record.encode();
            to.putInt(bytes.length).put(bytes);
        }
        return Arrays.copyOf(to.array(), to.position());
    }

    private static byte[] rewritten(byte[] bytes) {
        ByteBuffer from = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<StreamRecord> read = new ArrayList<>();
        while (from.hasRemaining()) {
            byte[] record = new byte[from.getInt()];
            from.get(record);
            read.add(StreamRecord.decode(KEY, record));
        }
        return joined(read);
    }

    @ParameterizedTest
    @MethodSource("records")
    void whatIsWrittenIsRead(StreamRecord record) {
        assertThat(record.key()).isEqualTo(KEY);
        assertThat(StreamRecord.isKey(record.key())).isTrue();
        assertThat(StreamRecord.decode(record.key(), record.encode())).isEqualTo(record);
    }

    @Test
    void everyActionIsTried() {
        Set<Class<?>> tried = new HashSet<>();
        records().forEach(record -> tried.add(record.action().getClass()));
        Set<Class<?>> actions = new HashSet<>(List.of(StreamAction.class.getPermittedSubclasses()));
        assertThat(tried).isEqualTo(actions);
    }

    @Test
    void everyFormatThatWasEverWrittenIsRead() {
        GOLDEN.checkOldTruths();
    }

    @Test
    void theWriterWritesWhatItsNumberMeans() {
        GOLDEN.checkTheWriter();
    }

    @Test
    void aFutureFormatIsRefusedByItsNumber() {
        GOLDEN.checkTheFuture();
    }

    @Test
    void aRecordUnderAnotherStreamsKeyIsRefused() {
        byte[] value = records().getFirst().encode();
        assertThatThrownBy(() -> StreamRecord.decode("stream:other".getBytes(UTF_8), value))
                .isInstanceOf(ControlFormatException.class).hasMessageContaining("misplaced");
    }

    /// A build of before streams passes over the record of a stream, and this one does so with its key.
    @Test
    void aReaderOfDecisionsAboutModelsRefusesIt() {
        StreamRecord record = records().getFirst();
        assertThatThrownBy(() -> ControlRecord.decode(record.key(), record.encode()))
                .isInstanceOf(ControlFormatException.class).hasMessageContaining("found 54475354");
    }

    @Test
    void noModelHasAStreamsKey() {
        assertThat(StreamRecord.isKey(ControlRecord.key("stream"))).isFalse();
        assertThat(StreamRecord.isKey(ControlRecord.key("streams.card-payments"))).isFalse();
        assertThat(StreamRecord.isKey(new byte[0])).isFalse();
        assertThat(StreamRecord.isKey(null)).isFalse();
    }

    @Test
    void aSpecLongerThanItsBoundIsNotWritten() {
        StreamAction.Source events = new StreamAction.Source("payments", "id", 1);
        String spec = "x".repeat(StreamRecord.SPEC_BYTES_MAX + 1);
        assertThatThrownBy(() -> record(new StreamAction.Create(1, spec, events, null, "id", null)))
                .hasMessageContaining("a spec of at most 49152 bytes, found 49153");
    }

    @Test
    void aDamagedRecordIsReadOrRefused() {
        List<byte[]> good = records().stream().map(StreamRecord::encode).toList();
        new Fuzz("stream records", StreamRecordTest.class, "stream", good).repaired((bytes, random) -> forged(bytes))
                .run(100_000, bytes -> {
                    StreamRecord record = StreamRecord.decode(KEY, bytes);
                    assertThat(record.reason().getBytes(UTF_8)).hasSizeLessThan(1_025);
                }, ControlFormatException.class);
    }

    /// With the magic, the format and a checksum that fit.
    private static byte[] forged(byte[] bytes) {
        byte[] forged = Arrays.copyOf(bytes, Math.max(12, bytes.length));
        System.arraycopy(records().getFirst().encode(), 0, forged, 0, 8);
        CRC32C crc = new CRC32C();
        crc.update(KEY);
        crc.update(forged, 0, forged.length - 4);
        ByteBuffer.wrap(forged).order(ByteOrder.LITTLE_ENDIAN).putInt(forged.length - 4, (int) crc.getValue());
        return forged;
    }
}
