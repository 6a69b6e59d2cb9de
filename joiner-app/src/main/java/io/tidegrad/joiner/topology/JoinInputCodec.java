package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/// A `JoinInput` as the value of a record of a repartition topic: format (1), kind and flags (1), then numbers as varints
/// (what may be negative zigzagged), and bytes with their lengths before them.
///
/// | kind | fields | flags |
/// |---|---|---|
/// | 1, event | time, partition, offset, [weight], [key], value | 4: weight other than 1, 8: key |
/// | 2, label | time, partition, offset, [label], [key], [value] | 4: label, 8: key, 16: value |
/// | 3, tick | time | |
///
/// The headers that an event's examples carry on are headers of the record. It may have others, such as those that an
/// agent adds to follow requests.
final class JoinInputCodec implements Serde<JoinInput> {
    static final int FORMAT = 1;

    private static final int EVENT = 1;
    private static final int LABEL = 2;
    private static final int TICK = 3;
    private static final int KIND = 3;
    private static final int FIRST_FLAG = 4;
    private static final int KEY = 8;
    private static final int VALUE = 16;

    @Override
    public Serializer<JoinInput> serializer() {
        return (topic, input) -> encode(input);
    }

    @Override
    public Deserializer<JoinInput> deserializer() {
        return new Deserializer<>() {
            @Override
            public JoinInput deserialize(String topic, byte[] value) {
                throw new UnsupportedOperationException("Streams passes headers");
            }

            @Override
            public JoinInput deserialize(String topic, Headers headers, byte[] value) {
                return decode(topic, headers, value);
            }
        };
    }

    static byte[] encode(JoinInput input) {
        BinaryWriter to = new BinaryWriter().int8(FORMAT);
        switch (input) {
            case JoinInput.OfEvent(EventRecord event, byte[] key) -> {
                to.int8(EVENT | (event.weight() == 1 ? 0 : FIRST_FLAG) | (key == null ? 0 : KEY));
                place(event.time(), event.at(), to);
                if (event.weight() != 1) {
                    to.float64(event.weight());
                }
                optional(key, to);
                bytes(event.content().value(), to);
            }
            case JoinInput.OfLabel(LabelRecord label) -> {
                String given = label.label();
                to.int8(LABEL | (given == null ? 0 : FIRST_FLAG) | (label.key() == null ? 0 : KEY)
                        | (label.value() == null ? 0 : VALUE));
                place(label.time(), label.at(), to);
                optional(given == null ? null : given.getBytes(StandardCharsets.UTF_8), to);
                optional(label.key(), to);
                optional(label.value(), to);
            }
            case JoinInput.OfTick(long time) -> to.int8(TICK).varint(zigzag(time));
        }
        return to.toBytes();
    }

    private static void place(long time, Position at, BinaryWriter to) {
        to.varint(zigzag(time)).varint(at.partition()).varint(at.offset());
    }

    private static void optional(byte @Nullable [] value, BinaryWriter to) {
        if (value != null) {
            bytes(value, to);
        }
    }

    private static void bytes(byte[] value, BinaryWriter to) {
        to.varint(value.length).raw(value);
    }

    static JoinInput decode(String topic, Headers headers, byte[] value) {
        BinaryReader from = BinaryReader.bare(value, 0, value.length, "record of " + topic,
                message -> new StopException(ExitCode.STATE_VIOLATION, message));
        int format = from.int8();
        if (format != FORMAT) {
            throw from.fail("expected format " + FORMAT + ", found " + format
                    + (format > FORMAT ? "; a newer build can read it" : ""));
        }
        int flags = from.int8();
        long time = signed(from);
        JoinInput input = switch (flags & KIND) {
            case EVENT -> {
                Position at = position(from);
                double weight = has(flags, FIRST_FLAG) ? from.float64() : 1;
                byte[] key = optional(has(flags, KEY), from);
                yield new JoinInput.OfEvent(
                        new EventRecord(time, at, weight, new Content(bytes(from), SourceReader.carried(headers))),
                        key);
            }
            case LABEL -> {
                Position at = position(from);
                byte[] label = optional(has(flags, FIRST_FLAG), from);
                byte[] key = optional(has(flags, KEY), from);
                yield new JoinInput.OfLabel(
                        new LabelRecord(time, at, label == null ? null : new String(label, StandardCharsets.UTF_8), key,
                                optional(has(flags, VALUE), from)));
            }
            case TICK -> new JoinInput.OfTick(time);
            default -> throw from.fail("expected a kind from " + EVENT + " to " + TICK + ", found 0");
        };
        from.end();
        return input;
    }

    /// Adds the headers that are carried on.
    static void carry(Content content, Headers headers) {
        for (CarriedHeader each : content.headers()) {
            headers.add(each.name(), each.value());
        }
    }

    private static boolean has(int flags, int flag) {
        return (flags & flag) != 0;
    }

    private static Position position(BinaryReader from) {
        return new Position((int) from.varint(), from.varint());
    }

    private static byte @Nullable [] optional(boolean there, BinaryReader from) {
        return there ? bytes(from) : null;
    }

    private static byte[] bytes(BinaryReader from) {
        long length = from.varint();
        if (length < 0 || length > from.remaining()) {
            throw from.fail("expected " + length + " more bytes, found " + from.remaining());
        }
        return from.raw((int) length);
    }

    private static long zigzag(long value) {
        return value << 1 ^ value >> 63;
    }

    private static long signed(BinaryReader from) {
        long value = from.varint();
        return value >>> 1 ^ -(value & 1);
    }
}
