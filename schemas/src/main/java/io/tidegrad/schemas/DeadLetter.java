package io.tidegrad.schemas;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/// A record that can't be learned or scored, as it goes to the dead-letter topic: its own key, value and headers, and
/// why, from where and by whom it was refused:
///
/// | header | text |
/// |---|---|
/// | `tidegrad-reason` | code, for instance `unknown-schema` |
/// | `tidegrad-detail` | for a person: field, expected, found |
/// | `tidegrad-topic`, `-partition`, `-offset` | where the record is |
/// | `tidegrad-schema-id` | from the value's first bytes, when it has one |
/// | `tidegrad-headers-cut` | `true` when the record's headers were longer than 64 KiB: those that did not fit are missing |
/// | `tidegrad-key-cut`, `-value-cut` | `length sha256` of the whole, when it was cut to fit the topic's limit |
///
/// and those of who refused it. A record too large for its topic can't be skipped under exactly-once: the transaction
/// is lost, and so is the next one, for ever. So sizes are checked here, before anything is sent.
public record DeadLetter(byte @Nullable [] key, byte @Nullable [] value, RecordHeaders headers) {
    public static final String REASON = "tidegrad-reason";
    public static final String TOPIC = "tidegrad-topic";
    public static final String PARTITION = "tidegrad-partition";
    public static final String MODEL = "tidegrad-model";
    public static final String STREAM = "tidegrad-stream";

    /// That a dead-letter topic's `max.message.bytes` lies above that of the topic of what is refused, so that nothing
    /// is cut.
    public static final int ROOM_BYTES = 256 * 1024;

    /// Room for our own headers and the record's framing.
    private static final int OVERHEAD_BYTES = 16 * 1024;

    private static final int DETAIL_CHARS_MAX = 2_000;

    /// @param kept which of the record's own headers go with it, by name
    /// @param reason `tidegrad-reason`; the same for many, and so encoded once
    /// @param source `tidegrad-topic`, `tidegrad-partition`, and who refused it; likewise
    /// @param schemaId null when the value names none
    /// @param bytesMax the dead-letter topic's `max.message.bytes`
    public static DeadLetter of(ConsumerRecord<byte[], byte[]> record, Predicate<String> kept, Header reason,
            String detail, List<Header> source, @Nullable Integer schemaId, int bytesMax) {
        RecordHeaders headers = new RecordHeaders();
        BoundedHeaders.copy(record.headers(), kept, headers);
        headers.add(reason);
        headers.add(BoundedHeaders.text("tidegrad-detail", shortened(detail)));
        source.forEach(headers::add);
        headers.add(BoundedHeaders.text("tidegrad-offset", Long.toString(record.offset())));
        if (schemaId != null) {
            headers.add(BoundedHeaders.text("tidegrad-schema-id", schemaId.toString()));
        }

        byte[] key = record.key();
        byte[] value = record.value();
        int room = bytesMax - BoundedHeaders.BYTES_MAX - OVERHEAD_BYTES;
        if (key != null && key.length > room) {
            headers.add(cut("tidegrad-key-cut", key));
            key = Arrays.copyOf(key, room);
        }
        room -= key == null ? 0 : key.length;
        if (value != null && value.length > room) {
            headers.add(cut("tidegrad-value-cut", value));
            value = Arrays.copyOf(value, room);
        }
        return new DeadLetter(key, value, headers);
    }

    private static String shortened(String detail) {
        return detail.length() <= DETAIL_CHARS_MAX ? detail : detail.substring(0, DETAIL_CHARS_MAX) + "…";
    }

    private static Header cut(String name, byte[] whole) {
        return BoundedHeaders.text(name, whole.length + " " + sha256(whole));
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
