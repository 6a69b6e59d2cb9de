package io.tidegrad.schemas;

import java.nio.charset.StandardCharsets;
import java.util.function.Predicate;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.utils.Utils;

/// A record's headers as they go on with what is made of it: in order, while they fit into 64 KiB. Nothing else bounds
/// them but the size of the whole record.
public final class BoundedHeaders {
    public static final int BYTES_MAX = 64 * 1024;

    /// `true` where some did not fit and are missing.
    public static final String CUT = "tidegrad-headers-cut";

    /// Two lengths below 64 KiB, as varints.
    private static final int LENGTHS_BYTES = 6;

    private BoundedHeaders() {}

    /// @param wanted by name; others are left out, and nothing says so
    public static void copy(Headers from, Predicate<String> wanted, Headers to) {
        int bytes = 0;
        boolean whole = true;
        for (Header header : from) {
            if (!wanted.test(header.key())) {
                continue;
            }
            int size = bytes(header);
            if (bytes + size <= BYTES_MAX) {
                bytes += size;
                to.add(header);
            } else {
                whole = false;
            }
        }
        if (!whole) {
            to.add(text(CUT, "true"));
        }
    }

    /// At most what they take in a record.
    public static int bytes(Headers headers) {
        int bytes = 0;
        for (Header header : headers) {
            bytes += bytes(header);
        }
        return bytes;
    }

    private static int bytes(Header header) {
        byte[] value = header.value();
        return Utils.utf8Length(header.key()) + (value == null ? 0 : value.length) + LENGTHS_BYTES;
    }

    public static Header text(String name, String text) {
        return new RecordHeader(name, text.getBytes(StandardCharsets.UTF_8));
    }
}
