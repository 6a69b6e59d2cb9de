package io.tidegrad.joiner.topology;

import io.tidegrad.joiner.join.EventRecord;
import io.tidegrad.joiner.join.EventRecord.CarriedHeader;
import io.tidegrad.joiner.join.EventRecord.Content;
import io.tidegrad.joiner.join.LabelRecord;
import io.tidegrad.joiner.join.Position;
import io.tidegrad.joiner.topology.JoinInputs.Keyed;
import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/// `JoinInputs` as the value of a record of the repartition topic: format (1), their number, and one after the other. Each
/// has kind and flags (1), then numbers as varints (what may be negative zigzagged), and bytes with their lengths before
/// them. Carried headers are their number, and of each the name, 1 or 0 (1) and the value where it is 1.
///
/// | kind | fields | flags |
/// |---|---|---|
/// | 1, event | id, time, partition, offset, [weight], [key], value, [headers] | 4: weight other than 1, 8: key, 16: headers |
/// | 2, label | id, time, partition, offset, [label], [key], [value] | 4: label, 8: key, 16: value |
/// | 3, tick | time | |
final class JoinInputCodec implements Serde<JoinInputs> {
    static final int FORMAT = 1;

    private static final int EVENT = 1;
    private static final int LABEL = 2;
    private static final int TICK = 3;
    private static final int KIND = 3;
    private static final int FIRST_FLAG = 4;
    private static final int KEY = 8;
    private static final int LAST_FLAG = 16;

    /// The most that an input has beside its bytes: each of up to eight numbers takes ten at most.
    private static final int NUMBERS_BYTES = 81;

    /// One for each thread, so that encoding takes no more of the heap than the bytes.
    private static final ThreadLocal<BinaryWriter> WRITERS = ThreadLocal.withInitial(BinaryWriter::new);

    @Override
    public Serializer<JoinInputs> serializer() {
        return (topic, inputs) -> encode(inputs);
    }

    @Override
    public Deserializer<JoinInputs> deserializer() {
        return JoinInputCodec::decode;
    }

    /// Returns how many bytes an input takes at most.
    static int bytesMax(Keyed keyed) {
        return keyed.id().length + NUMBERS_BYTES + switch (keyed.input()) {
            case JoinInput.OfEvent(EventRecord event, byte[] key) -> {
                int headers = 0;
                for (CarriedHeader each : event.content().headers()) {
                    headers += 3 * each.name().length() + length(each.value()) + 21;
                }
                yield length(key) + event.content().value().length + headers;
            }
            case JoinInput.OfLabel(LabelRecord label) ->
                (label.label() == null ? 0 : 3 * label.label().length()) + length(label.key()) + length(label.value());
            case JoinInput.OfTick tick -> 0;
        };
    }

    private static int length(byte @Nullable [] bytes) {
        return bytes == null ? 0 : bytes.length;
    }

    static byte[] encode(JoinInputs inputs) {
        BinaryWriter to = WRITERS.get().clear().int8(FORMAT).varint(inputs.all().size());
        inputs.all().forEach(each -> encode(each, to));
        return to.toBytes();
    }

    private static void encode(Keyed keyed, BinaryWriter to) {
        switch (keyed.input()) {
            case JoinInput.OfEvent(EventRecord event, byte[] key) -> {
                Content content = event.content();
                boolean carries = content.headers().length > 0;
                to.int8(EVENT | (event.weight() == 1 ? 0 : FIRST_FLAG) | (key == null ? 0 : KEY)
                        | (carries ? LAST_FLAG : 0));
                place(keyed.id(), event.time(), event.at(), to);
                if (event.weight() != 1) {
                    to.float64(event.weight());
                }
                to.sizedOrNothing(key);
                to.sized(content.value());
                if (carries) {
                    headers(content.headers(), to);
                }
            }
            case JoinInput.OfLabel(LabelRecord label) -> {
                String given = label.label();
                to.int8(LABEL | (given == null ? 0 : FIRST_FLAG) | (label.key() == null ? 0 : KEY)
                        | (label.value() == null ? 0 : LAST_FLAG));
                place(keyed.id(), label.time(), label.at(), to);
                to.sizedOrNothing(given == null ? null : given.getBytes(StandardCharsets.UTF_8));
                to.sizedOrNothing(label.key());
                to.sizedOrNothing(label.value());
            }
            case JoinInput.OfTick(long time) -> to.int8(TICK).signed(time);
        }
    }

    private static void headers(CarriedHeader[] headers, BinaryWriter to) {
        to.varint(headers.length);
        for (CarriedHeader each : headers) {
            to.sized(each.name().getBytes(StandardCharsets.UTF_8));
            to.int8(each.value() == null ? 0 : 1);
            to.sizedOrNothing(each.value());
        }
    }

    private static void place(byte[] id, long time, Position at, BinaryWriter to) {
        to.sized(id);
        to.signed(time).varint(at.partition()).varint(at.offset());
    }

    static JoinInputs decode(String topic, byte[] value) {
        BinaryReader from = BinaryReader.bare(value, 0, value.length, "record of " + topic,
                message -> new StopException(ExitCode.STATE_VIOLATION, message));
        int format = from.int8();
        if (format != FORMAT) {
            throw from.fail("expected format " + FORMAT + ", found " + format
                    + (format > FORMAT ? "; a newer build can read it" : ""));
        }
        int count = count("inputs", from);
        List<Keyed> inputs = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            inputs.add(input(from));
        }
        from.end();
        return new JoinInputs(-1, inputs);
    }

    /// Reads a number of things of which each takes a byte at least, so that it can't claim more memory than there are bytes.
    private static int count(String what, BinaryReader from) {
        long count = from.varint();
        if (count < 0 || count > from.remaining()) {
            throw from.fail("expected at most " + from.remaining() + " " + what + ", found " + count);
        }
        return (int) count;
    }

    private static Keyed input(BinaryReader from) {
        int flags = from.int8();
        switch (flags & KIND) {
            case EVENT -> {
                byte[] id = bytes(from);
                long time = from.signed();
                Position at = position(from);
                double weight = has(flags, FIRST_FLAG) ? from.float64() : 1;
                byte[] key = optional(has(flags, KEY), from);
                byte[] value = bytes(from);
                Content content = has(flags, LAST_FLAG) ? new Content(value, headers(from)) : new Content(value);
                return new Keyed(id, new JoinInput.OfEvent(new EventRecord(time, at, weight, content), key));
            }
            case LABEL -> {
                byte[] id = bytes(from);
                long time = from.signed();
                Position at = position(from);
                byte[] label = optional(has(flags, FIRST_FLAG), from);
                byte[] key = optional(has(flags, KEY), from);
                return new Keyed(id,
                        new JoinInput.OfLabel(new LabelRecord(time, at,
                                label == null ? null : new String(label, StandardCharsets.UTF_8), key,
                                optional(has(flags, LAST_FLAG), from))));
            }
            case TICK -> {
                return new Keyed(KeyProcessor.TICK_KEY, new JoinInput.OfTick(from.signed()));
            }
            default -> throw from.fail("expected a kind from " + EVENT + " to " + TICK + ", found 0");
        }
    }

    private static CarriedHeader[] headers(BinaryReader from) {
        CarriedHeader[] headers = new CarriedHeader[count("headers", from)];
        for (int i = 0; i < headers.length; i++) {
            headers[i] = new CarriedHeader(new String(bytes(from), StandardCharsets.UTF_8),
                    optional(from.int8() != 0, from));
        }
        return headers;
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

}
