package io.tidegrad.joiner.join;

import io.tidegrad.joiner.join.Entry.Early;
import io.tidegrad.joiner.join.Entry.Emitted;
import io.tidegrad.joiner.join.Entry.Waiting;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.feature.StreamFields;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/// An entry's bytes, as a state store keeps them: format (1), kind and flags (1), then numbers as varints (seven bits a
/// byte, lowest first; what may be negative zigzagged), texts and bytes with their lengths before them.
///
/// | kind | fields | flags |
/// |---|---|---|
/// | 1, early | base, time - base, partition, offset, label, [key], [value] | 4: key, 8: value |
/// | 2, waiting | base, time - base, partition, offset, [weight], value, headers | 4: weight other than 1 |
/// | 3, emitted | base, time - base, partition, offset, [weight], [label] | 4: weight, 8: label, 16: decided |
///
/// An entry that waits no more takes some 16 bytes. There is no checksum: a changelog and RocksDB's blocks have theirs.
public final class EntryCodec {
    static final int FORMAT = 1;

    private static final int EARLY = 1;
    private static final int WAITING = 2;
    private static final int EMITTED = 3;
    private static final int KIND = 3;
    private static final int FIRST_FLAG = 4;
    private static final int SECOND_FLAG = 8;
    private static final int DECIDED = 16;

    private static final int HEADERS_MAX = 1_000_000; // Kafka's own limit is the size of a message

    /// One for each thread, so that encoding takes no more of the heap than the bytes.
    private static final ThreadLocal<BinaryWriter> WRITERS = ThreadLocal.withInitial(BinaryWriter::new);

    private EntryCodec() {}

    public static byte[] encode(Entry entry) {
        BinaryWriter to = WRITERS.get().clear().int8(FORMAT);
        switch (entry) {
            case Early(long base, LabelRecord label) -> early(base, label, to);
            case Waiting(long base, EventRecord event) -> waiting(base, event, to);
            case Emitted emitted -> emitted(emitted, to);
        }
        return to.toBytes();
    }

    private static void early(long base, LabelRecord record, BinaryWriter to) {
        String label = record.label();
        if (label == null) {
            throw new IllegalArgumentException("expected a label, found a retraction: it is not kept for an event");
        }
        byte[] key = record.key();
        byte[] value = record.value();
        to.int8(EARLY | (key == null ? 0 : FIRST_FLAG) | (value == null ? 0 : SECOND_FLAG));
        place(base, record.time(), record.at(), to);
        to.sized(label.getBytes(StandardCharsets.UTF_8));
        to.sizedOrNothing(key);
        to.sizedOrNothing(value);
    }

    private static void waiting(long base, EventRecord event, BinaryWriter to) {
        to.int8(WAITING | (event.weight() == 1 ? 0 : FIRST_FLAG));
        place(base, event.time(), event.at(), to);
        if (event.weight() != 1) {
            to.float64(event.weight());
        }
        Content content = event.content();
        to.sized(content.value());
        to.varint(content.headers().length);
        for (CarriedHeader header : content.headers()) {
            to.sized(header.name().getBytes(StandardCharsets.UTF_8));
            to.int8(header.value() == null ? 0 : 1);
            to.sizedOrNothing(header.value());
        }
    }

    private static void emitted(Emitted entry, BinaryWriter to) {
        String label = entry.label();
        to.int8(EMITTED | (entry.weight() == 1 ? 0 : FIRST_FLAG) | (label == null ? 0 : SECOND_FLAG)
                | (entry.decided() ? DECIDED : 0));
        place(entry.base(), entry.eventTime(), entry.at(), to);
        if (entry.weight() != 1) {
            to.float64(entry.weight());
        }
        to.sizedOrNothing(label == null ? null : label.getBytes(StandardCharsets.UTF_8));
    }

    private static void place(long base, long time, Position at, BinaryWriter to) {
        to.signed(base).signed(time - base).varint(at.partition()).varint(at.offset());
    }

    /// @param where names the entry in messages: "entry of 'tx-1' in payments-1-join, partition 3"
    /// @throws EntryException these are not the bytes of an entry of this format
    public static Entry decode(byte[] bytes, String where) {
        BinaryReader from = BinaryReader.bare(bytes, 0, bytes.length, where, EntryException::new);
        int format = from.int8();
        if (format != FORMAT) {
            throw from.fail("expected format " + FORMAT + ", found " + format
                    + (format > FORMAT ? "; a newer build can read it" : ""));
        }
        int flags = from.int8();
        long base = from.signed();
        long time = base + from.signed();
        Position at =
                new Position((int) count("partition", Integer.MAX_VALUE, from), count("offset", Long.MAX_VALUE, from));
        Entry entry = switch (flags & KIND) {
            case EARLY -> new Early(base, new LabelRecord(time, at, text("label", from),
                    has(flags, FIRST_FLAG) ? bytes(from) : null, has(flags, SECOND_FLAG) ? bytes(from) : null));
            case WAITING -> new Waiting(base, new EventRecord(time, at, weight(flags, from), content(from)));
            case EMITTED -> new Emitted(base, time, at, weight(flags, from),
                    has(flags, SECOND_FLAG) ? text("label", from) : null, has(flags, DECIDED));
            default -> throw from.fail("expected a kind from " + EARLY + " to " + EMITTED + ", found 0");
        };
        from.end();
        return entry;
    }

    /// Whether it is an entry of an event that waits no more, by its kind alone.
    ///
    /// @throws EntryException these are not the bytes of an entry of this format
    public static boolean isEmitted(byte[] bytes) {
        return (kind(bytes) & KIND) == EMITTED;
    }

    /// Returns the entry's base without decoding the rest.
    ///
    /// @throws EntryException these are not the bytes of an entry of this format
    public static long base(byte[] bytes) {
        kind(bytes);
        return BinaryReader.bare(bytes, 2, bytes.length - 2, "entry", EntryException::new).signed();
    }

    private static int kind(byte[] bytes) {
        if (bytes.length < 2 || bytes[0] != FORMAT) {
            decode(bytes, "entry");
        }
        return bytes[1];
    }

    private static boolean has(int flags, int flag) {
        return (flags & flag) != 0;
    }

    private static long count(String name, long max, BinaryReader from) {
        long value = from.varint();
        if (value < 0 || value > max) {
            throw from.fail("expected a " + name + " from 0 to " + max + ", found " + value);
        }
        return value;
    }

    private static double weight(int flags, BinaryReader from) {
        double weight = has(flags, FIRST_FLAG) ? from.float64() : 1;
        if (!(weight >= 0 && weight <= StreamFields.WEIGHT_MAX)) {
            throw from.fail("expected a weight from 0 to 1e11, found " + weight);
        }
        return weight;
    }

    private static Content content(BinaryReader from) {
        byte[] value = bytes(from);
        // Each header takes two bytes at least, so that a count can't claim more memory than there are bytes.
        int count = (int) count("number of headers", Math.min(HEADERS_MAX, from.remaining() / 2), from);
        CarriedHeader[] headers = new CarriedHeader[count];
        for (int i = 0; i < count; i++) {
            headers[i] = new CarriedHeader(text("header's name", from), from.int8() == 0 ? null : bytes(from));
        }
        return new Content(value, headers);
    }

    private static byte[] bytes(BinaryReader from) {
        return from.raw((int) count("length", Integer.MAX_VALUE, from));
    }

    private static String text(String name, BinaryReader from) {
        try {
            byte[] text = bytes(from);
            return BinaryReader.utf8(text, 0, text.length);
        } catch (CharacterCodingException notUtf8) {
            throw from.fail("the " + name + " is not UTF-8");
        }
    }
}
