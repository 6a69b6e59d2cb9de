package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.trainer.store.Lineage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.jspecify.annotations.Nullable;

/// An event that can't be learned, as it goes to the dead-letter topic: its own key, value and headers, and why, from
/// where and by whom it was refused:
///
/// | header | text |
/// |---|---|
/// | `tidegrad-reason` | code, for instance `unknown-schema` |
/// | `tidegrad-detail` | for a person: field, expected, found |
/// | `tidegrad-topic`, `-partition`, `-offset` | where the event is in the log |
/// | `tidegrad-schema-id` | from the event's first bytes, when it has one |
/// | `tidegrad-model`, `-epoch` | who refused it |
/// | `tidegrad-headers-cut` | `true` when the event's headers were longer than 64 KiB: those that did not fit are missing |
/// | `tidegrad-value-cut` | `length sha256` of the whole value, when it was cut to fit the topic's limit |
///
/// A record too large for its topic can't be skipped under exactly-once: the transaction is lost, and so is the next
/// one, for ever. So sizes are checked here, before anything is sent.
final class DeadLetter {
    static final int HEADERS_BYTES_MAX = 64 * 1024;

    /// Room for our own headers and the record's framing.
    static final int OVERHEAD_BYTES = 16 * 1024;

    private static final int DETAIL_CHARS_MAX = 2_000;

    private DeadLetter() {}

    /// @param bytesMax the dead-letter topic's `max.message.bytes`
    static Record<byte[], byte[]> of(
            Record<byte[], byte[]> event,
            RecordMetadata at,
            Rejection rejection,
            @Nullable Integer schemaId,
            Lineage lineage,
            int bytesMax,
            long now) {
        RecordHeaders headers = new RecordHeaders();
        if (!copy(event.headers(), headers)) {
            add(headers, "tidegrad-headers-cut", "true");
        }
        add(headers, "tidegrad-reason", rejection.reason().code());
        add(headers, "tidegrad-detail", shortened(rejection.detail()));
        add(headers, "tidegrad-topic", at.topic());
        add(headers, "tidegrad-partition", Integer.toString(at.partition()));
        add(headers, "tidegrad-offset", Long.toString(at.offset()));
        if (schemaId != null) {
            add(headers, "tidegrad-schema-id", schemaId.toString());
        }
        add(headers, "tidegrad-model", lineage.model());
        add(headers, "tidegrad-epoch", Integer.toString(lineage.epoch()));

        byte[] key = event.key();
        byte[] value = event.value();
        int room = bytesMax - HEADERS_BYTES_MAX - OVERHEAD_BYTES;
        if (key != null && key.length > room) {
            add(headers, "tidegrad-key-cut", key.length + " " + sha256(key));
            key = Arrays.copyOf(key, room);
        }
        room -= key == null ? 0 : key.length;
        if (value != null && value.length > room) {
            add(headers, "tidegrad-value-cut", value.length + " " + sha256(value));
            value = Arrays.copyOf(value, room);
        }
        return new Record<>(key, value, now, headers);
    }

    /// Copies headers in order while they fit; false when one did not.
    private static boolean copy(Headers from, Headers to) {
        int bytes = 0;
        boolean whole = true;
        for (Header header : from) {
            byte[] value = header.value();
            // 6: two lengths below 64 KiB, as varints.
            int size = Utils.utf8Length(header.key()) + (value == null ? 0 : value.length) + 6;
            if (bytes + size <= HEADERS_BYTES_MAX) {
                bytes += size;
                to.add(header);
            } else {
                whole = false;
            }
        }
        return whole;
    }

    private static String shortened(String detail) {
        return detail.length() <= DETAIL_CHARS_MAX
                ? detail
                : detail.substring(0, DETAIL_CHARS_MAX) + "…";
    }

    private static void add(Headers headers, String name, String text) {
        headers.add(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
