package io.tidegrad.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.proof.Fuzz;
import io.tidegrad.proof.GoldenFormat;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ControlRecordTest {
    private static final String MODEL = "flights";
    private static final byte[] KEY = MODEL.getBytes(UTF_8);
    private static final String HASH = "0123456789abcdef".repeat(4);

    /// One of each action.
    static List<ControlRecord> records() {
        return List.of(
                record(new ControlAction.Rollback(5, new ControlAction.Base(4, 40_000, HASH, 39_000), 39_000, 3,
                        new ControlAction.Move("x9GzQ0vYTxGkYkqk0V2b0A", 40_123, "AAAAAAAAAAEAAAAAAAAAAg"))),
                record(new ControlAction.Create(1, HASH, "flights", "x9GzQ0vYTxGkYkqk0V2b0A", 17)),
                record(new ControlAction.Pause()), record(new ControlAction.Resume()),
                record(new ControlAction.Rollback(3, new ControlAction.Base(1, 40_000, HASH, 40_123), 50_000)),
                record(new ControlAction.Rollback(4, new ControlAction.Base(3, 40_000, HASH, 40_123), 40_123, 3)),
                record(new ControlAction.Promote("flights-wide", 2)), record(new ControlAction.Delete()),
                record(new ControlAction.Shadow("flights-deep", 3)),
                record(new ControlAction.Challenge("flights-wide", 2, 500)),
                record(new ControlAction.Withdraw("flights-deep")));
    }

    private static ControlRecord record(ControlAction action) {
        return new ControlRecord(MODEL, action, 1_700_000_000_000L, "ann@host", "drift, see #7");
    }

    /// All actions in one file, each with its length before it.
    private static final GoldenFormat GOLDEN = new GoldenFormat("control-record", 2, ControlRecord.FORMAT, 4 + 4,
            ControlRecordTest::rewritten, () -> joined(records()));

    private static byte[] joined(List<ControlRecord> records) {
        ByteBuffer to = ByteBuffer.allocate(4_096).order(ByteOrder.LITTLE_ENDIAN);
        for (ControlRecord record : records) {
            byte[] bytes = record.encode();
            to.putInt(bytes.length).put(bytes);
        }
        return Arrays.copyOf(to.array(), to.position());
    }

    private static byte[] rewritten(byte[] bytes) {
        ByteBuffer from = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        List<ControlRecord> read = new java.util.ArrayList<>();
        while (from.hasRemaining()) {
            byte[] record = new byte[from.getInt()];
            from.get(record);
            read.add(ControlRecord.decode(KEY, record));
        }
        return joined(read);
    }

    @Test
    void aGatesNoteKeepsItsNumbersAndReadsAsAWithdrawalOfNobodyInBuildsBeforeNotes() {
        for (ControlAction note : List.of(
                new ControlAction.Hold(Integer.MAX_VALUE, Long.MAX_VALUE, -1, Long.MAX_VALUE, Long.MAX_VALUE),
                new ControlAction.Publish(2, 120_500, 121_000))) {
            byte[] bytes = record(note).encode();
            assertThat(ControlRecord.decode(KEY, bytes)).isEqualTo(record(note));
            byte[] withdrawal = record(new ControlAction.Withdraw("")).encode();
            assertThat(Arrays.copyOf(bytes, 13 + KEY.length)).isEqualTo(Arrays.copyOf(withdrawal, 13 + KEY.length));
        }
        ControlRecord later = record(new ControlAction.Withdraw("gate:of-a-later-build 1 2"));
        assertThat(ControlRecord.decode(KEY, later.encode())).isEqualTo(later);
    }

    @Test
    void aReasonThatIsTooLongEndsWithItsLastWholeCharacter() {
        assertThat(ControlRecord.fitting("é".repeat(511) + "a€")).isEqualTo("é".repeat(511) + "a");
        assertThat(ControlRecord.fitting("short")).isEqualTo("short");
    }

    @ParameterizedTest
    @MethodSource("records")
    void whatIsWrittenIsRead(ControlRecord record) {
        assertThat(ControlRecord.decode(record.key(), record.encode())).isEqualTo(record);
    }

    @Test
    void everyActionIsTried() {
        Set<Class<?>> tried = new HashSet<>();
        records().forEach(record -> tried.add(record.action().getClass()));
        tried.add(ControlAction.Note.class); // has a test of its own
        assertThat(tried).containsExactlyInAnyOrder(ControlAction.class.getPermittedSubclasses());
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
    void aRecordUnderAnotherModelsKeyIsRefused() {
        byte[] value = records().getFirst().encode();
        assertThatThrownBy(() -> ControlRecord.decode("other".getBytes(UTF_8), value))
                .isInstanceOf(ControlFormatException.class).hasMessageContaining("misplaced");
    }

    @Test
    void aRollbackWhoseBaseLiesAheadIsRefused() {
        ControlAction.Base base = new ControlAction.Base(3, 40_000, HASH, 40_123);
        ControlRecord ahead = record(new ControlAction.Rollback(3, base, 50_000));
        assertThatThrownBy(() -> ControlRecord.decode(KEY, ahead.encode())).isInstanceOf(ControlFormatException.class)
                .hasMessageContaining("expected a base of an epoch before 3, found 3");
        ControlRecord again =
                record(new ControlAction.Rollback(4, new ControlAction.Base(3, 40_000, HASH, 40_123), 40_122));
        assertThatThrownBy(() -> ControlRecord.decode(KEY, again.encode())).isInstanceOf(ControlFormatException.class)
                .hasMessageContaining("resume offset of at least 40123, found 40122");
    }

    /// A build reads a decision that it knows, whatever else later builds decide.
    @Test
    void onlyAMoveHasTheFormatOfMoves() {
        List<Integer> formats = records().stream()
                .map(each -> ByteBuffer.wrap(each.encode()).order(ByteOrder.LITTLE_ENDIAN).getInt(4)).toList();
        assertThat(formats).containsExactly(4, 2, 2, 2, 2, 3, 2, 2, 2, 2, 2);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Candidate.WHOLE + 1})
    void aShareThatIsNoneIsRefused(int share) {
        ControlRecord record = record(new ControlAction.Challenge("flights-wide", 2, share));
        assertThatThrownBy(() -> ControlRecord.decode(KEY, record.encode())).isInstanceOf(ControlFormatException.class)
                .hasMessageContaining("expected a share from 1 to 10000 ten-thousandths, found");
    }

    @Test
    void aReasonLongerThanItsBoundIsNotWritten() {
        assertThatThrownBy(() -> new ControlRecord(MODEL, new ControlAction.Pause(), 0, "", "x".repeat(1_025)))
                .hasMessageContaining("a reason of at most 1024 bytes, found 1025");
    }

    @Test
    void aDamagedRecordIsReadOrRefused() {
        List<byte[]> good = records().stream().map(ControlRecord::encode).toList();
        new Fuzz("control records", ControlRecordTest.class, "model", good).repaired((bytes, random) -> forged(bytes))
                .run(100_000, bytes -> {
                    ControlRecord record = ControlRecord.decode(KEY, bytes);
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
