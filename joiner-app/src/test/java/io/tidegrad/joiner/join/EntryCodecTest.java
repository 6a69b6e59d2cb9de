package io.tidegrad.joiner.join;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.proof.Fuzz;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class EntryCodecTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final String WHERE = "entry of 'tx-1' in payments-1-join";

    private static final Entry EARLY =
            new Entry.Early(1_000, new LabelRecord(900, new Position(3, 77), "1", null, new byte[]{5, 6}));
    private static final Entry WAITING = new Entry.Waiting(1_000, new EventRecord(1_000, new Position(0, 300), 1.5,
            new Content(new byte[]{1, 2, 3}, new CarriedHeader("h", new byte[]{9}), new CarriedHeader("n", null))));
    private static final Entry EMITTED = new Entry.Emitted(1_000, 1_000, new Position(0, 300), 1, "1", true);

    private static Entry decode(byte[] bytes) {
        return EntryCodec.decode(bytes, WHERE);
    }

    /// A joiner of this format must be able to go on with what an earlier build kept.
    @Test
    void theBytesOfEachKindStayWhatTheyAre() {
        assertThat(HEX.formatHex(EntryCodec.encode(EARLY)))
                .isEqualTo("0109" + "d00f" + "c701" + "03" + "4d" + "0131" + "020506");
        assertThat(HEX.formatHex(EntryCodec.encode(WAITING))).isEqualTo("0106" + "d00f" + "00" + "00" + "ac02"
                + "000000000000f83f" + "03010203" + "02" + "0168" + "01" + "0109" + "016e" + "00");
        assertThat(HEX.formatHex(EntryCodec.encode(EMITTED)))
                .isEqualTo("011b" + "d00f" + "00" + "00" + "ac02" + "0131");
    }

    @Test
    void anEntryThatWaitsNoMoreTakesFewBytes() {
        Entry ofToday = new Entry.Emitted(1_795_000_000_000L, 1_795_000_000_000L, new Position(11, 5_000_000_000L), 1,
                "1", true);
        assertThat(EntryCodec.encode(ofToday)).hasSizeLessThanOrEqualTo(17);
        Entry waiting = new Entry.Waiting(1_795_000_000_000L,
                new EventRecord(1_795_000_000_000L, new Position(11, 5_000_000_000L), 1, new Content(new byte[200])));
        assertThat(EntryCodec.encode(waiting)).hasSizeLessThanOrEqualTo(200 + 22);
    }

    /// Entries are encoded at every step of a join, and what a heap has to collect stops all threads.
    @Test
    void encodingAnEntryTakesNoMoreOfTheHeapThanItsBytes() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Entry waiting =
                new Entry.Waiting(1_000, new EventRecord(1_000, new Position(0, 300), 1, new Content(new byte[200])));
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 100; i++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            EntryCodec.encode(waiting);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertThat(least).isBetween(200L, 200L + 64);
    }

    @Test
    void whatIsWrittenIsRead() throws Exception {
        SplittableRandom random = new SplittableRandom(5);
        for (int i = 0; i < 20_000; i++) {
            Entry entry = random(random);
            byte[] bytes = EntryCodec.encode(entry);
            Entry read = decode(bytes);
            assertThat(isSame(read, entry)).as("%s, read from what was written of %s", read, entry).isTrue();
        }
    }

    /// Whether all components are equal, of arrays what they hold. AssertJ's recursive comparison takes each byte by
    /// itself, and half a minute for these entries.
    private static boolean isSame(@Nullable Object one, @Nullable Object other) throws ReflectiveOperationException {
        if (!(one instanceof Record) || other == null || one.getClass() != other.getClass()) {
            return Objects.deepEquals(one, other);
        }
        for (RecordComponent component : one.getClass().getRecordComponents()) {
            Method accessor = component.getAccessor();
            accessor.setAccessible(true);
            Object[] ours = all(accessor.invoke(one));
            Object[] theirs = all(accessor.invoke(other));
            if (ours.length != theirs.length) {
                return false;
            }
            for (int i = 0; i < ours.length; i++) {
                if (!isSame(ours[i], theirs[i])) {
                    return false;
                }
            }
        }
        return true;
    }

    /// The elements of an array of records; anything else by itself.
    private static @Nullable Object[] all(@Nullable Object value) {
        return value instanceof Record[] records ? records : new @Nullable Object[]{value};
    }

    @Test
    void whatDiffersAnywhereIsNotTheSame() throws Exception {
        for (Entry entry : List.of(EARLY, WAITING, EMITTED)) {
            assertThat(isSame(decode(EntryCodec.encode(entry)), entry)).isTrue();
        }
        EventRecord event = ((Entry.Waiting) WAITING).event();
        for (Content content : List.of(new Content(new byte[]{1, 2, 4}, event.content().headers()),
                new Content(new byte[]{1, 2, 3}, new CarriedHeader("h", new byte[]{9})),
                new Content(new byte[]{1, 2, 3}, new CarriedHeader("h", new byte[]{8}), new CarriedHeader("n", null)),
                new Content(new byte[]{1, 2, 3}, new CarriedHeader("h", new byte[]{9}),
                        new CarriedHeader("n", new byte[0])))) {
            assertThat(isSame(new Entry.Waiting(1_000, new EventRecord(1_000, event.at(), 1.5, content)), WAITING))
                    .isFalse();
        }
        assertThat(isSame(new Entry.Emitted(1_000, 1_000, new Position(0, 301), 1, "1", true), EMITTED)).isFalse();
        assertThat(isSame(EARLY, WAITING)).isFalse();
    }

    private static Entry random(SplittableRandom random) {
        long base = random.nextLong(-62_167_219_200_000L, 253_402_300_800_000L);
        long time = random.nextInt(2) == 0 ? base : random.nextLong(-62_167_219_200_000L, 253_402_300_800_000L);
        Position at =
                new Position(random.nextInt(1 << random.nextInt(1, 31)), random.nextLong(1L << random.nextInt(63)));
        double weight = random.nextBoolean() ? 1 : random.nextDouble() * 1e11;
        String label = random.nextBoolean() ? "Ünïcode " + random.nextInt() : "0";
        return switch (random.nextInt(3)) {
            case 0 -> new Entry.Early(base, new LabelRecord(time, at, label,
                    random.nextBoolean() ? null : bytes(random), random.nextBoolean() ? null : bytes(random)));
            case 1 -> {
                CarriedHeader[] headers = new CarriedHeader[random.nextInt(3)];
                Arrays.setAll(headers,
                        i -> new CarriedHeader("header-" + i, random.nextBoolean() ? null : bytes(random)));
                yield new Entry.Waiting(base, new EventRecord(time, at, weight, new Content(bytes(random), headers)));
            }
            default ->
                new Entry.Emitted(base, time, at, weight, random.nextBoolean() ? null : label, random.nextBoolean());
        };
    }

    private static byte[] bytes(SplittableRandom random) {
        byte[] bytes = new byte[random.nextInt(200)];
        random.nextBytes(bytes);
        return bytes;
    }

    @Test
    void aBadEntrySaysWhereItIs() {
        byte[] bytes = EntryCodec.encode(WAITING);
        byte[] future = bytes.clone();
        future[0] = 99;
        assertThatThrownBy(() -> decode(future)).isInstanceOf(EntryException.class)
                .hasMessage(WHERE + ": expected format 1, found 99; a newer build can read it");
        assertThatThrownBy(() -> decode(Arrays.copyOf(bytes, bytes.length - 1))).isInstanceOf(EntryException.class)
                .hasMessageStartingWith(WHERE + ": expected 1 more bytes at ");
        assertThatThrownBy(() -> decode(Arrays.copyOf(bytes, bytes.length + 1))).isInstanceOf(EntryException.class)
                .hasMessageStartingWith(WHERE + ": expected the end at ");
        assertThatThrownBy(() -> decode(new byte[0])).isInstanceOf(EntryException.class);
    }

    @Test
    void damagedBytesAreAnEntryOrATypedRefusal() {
        new Fuzz("entries", EntryCodecTest.class, "joiner-app",
                List.of(EntryCodec.encode(EARLY), EntryCodec.encode(WAITING), EntryCodec.encode(EMITTED)))
                .inserting(HEX.parseHex("ffffffff07"), HEX.parseHex("ffffffffffffffffff01"),
                        HEX.parseHex("ffffffffffffffff7f"))
                .run(50_000, EntryCodecTest::decode, EntryException.class);
    }

    @Test
    void theTimeIndexIsInTheOrderOfTime() {
        long[] times = {Long.MIN_VALUE, -62_167_219_200_000L, -1, 0, 1, 255, 256, 1_795_000_000_000L, Long.MAX_VALUE};
        byte[] id = {(byte) 0xff, 1};
        for (int i = 0; i < times.length; i++) {
            byte[] key = TimeIndexKey.of(times[i], id);
            assertThat(TimeIndexKey.time(key)).isEqualTo(times[i]);
            assertThat(TimeIndexKey.id(key)).isEqualTo(id);
            if (i > 0) {
                assertThat(Arrays.compareUnsigned(TimeIndexKey.of(times[i - 1], id), key)).isNegative();
            }
        }
        assertThatThrownBy(() -> TimeIndexKey.time(new byte[7])).isInstanceOf(EntryException.class);
    }
}
