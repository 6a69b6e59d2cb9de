package io.tidegrad.trainer.topology;

import io.tidegrad.model.feature.Rejection;
import io.tidegrad.trainer.store.Lineage;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/// Events that can't be learned, as they go to the dead-letter topic: their own key, value and headers, and why, from
/// where and by whom they were refused:
///
/// | header | text |
/// |---|---|
/// | `tidegrad-reason` | code, for instance `unknown-schema` |
/// | `tidegrad-detail` | for a person: field, expected, found |
/// | `tidegrad-topic`, `-partition`, `-offset` | where the event is in the log |
/// | `tidegrad-schema-id` | from the event's first bytes, when it has one |
/// | `tidegrad-model`, `-epoch` | who refused it |
/// | `tidegrad-headers-cut` | `true` when the event's headers were longer than 64 KiB: those that did not fit are missing |
/// | `tidegrad-key-cut`, `-value-cut` | `length sha256` of the whole, when it was cut to fit the topic's limit |
///
/// A record too large for its topic can't be skipped under exactly-once: the transaction is lost, and so is the next
/// one, for ever. So sizes are checked here, before anything is sent.
public final class DeadLetters {
    static final int HEADERS_BYTES_MAX = 64 * 1024;

    /// Room for our own headers and the record's framing.
    static final int OVERHEAD_BYTES = 16 * 1024;

    private static final int DETAIL_CHARS_MAX = 2_000;

    private final int bytesMax;
    private final List<Header> source; // the same in every letter: encoded once
    private final Map<Rejection.Reason, Header> reasons = new EnumMap<>(Rejection.Reason.class);

    /// @param bytesMax the dead-letter topic's `max.message.bytes`
    public DeadLetters(Lineage lineage, int bytesMax) {
        this.bytesMax = bytesMax;
        source =
                List.of(
                        header("tidegrad-topic", lineage.log().topic()),
                        header("tidegrad-partition", Integer.toString(lineage.log().partition())),
                        header("tidegrad-model", lineage.model()),
                        header("tidegrad-epoch", Integer.toString(lineage.epoch())));
        for (Rejection.Reason reason : Rejection.Reason.values()) {
            reasons.put(reason, header("tidegrad-reason", reason.code()));
        }
    }

    /// @param now wall clock (epoch ms): retention must not look at event times of years ago
    public Record<byte[], byte[]> of(
            ConsumerRecord<byte[], byte[]> event,
            Rejection rejection,
            @Nullable Integer schemaId,
            long now) {
        RecordHeaders headers = new RecordHeaders();
        if (!copy(event.headers(), headers)) {
            add(headers, "tidegrad-headers-cut", "true");
        }
        headers.add(Objects.requireNonNull(reasons.get(rejection.reason())));
        add(headers, "tidegrad-detail", shortened(rejection.detail()));
        source.forEach(headers::add);
        add(headers, "tidegrad-offset", Long.toString(event.offset()));
        if (schemaId != null) {
            add(headers, "tidegrad-schema-id", schemaId.toString());
        }

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
        headers.add(header(name, text));
    }

    private static Header header(String name, String text) {
        return new RecordHeader(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
