package io.tidegrad.model.learn;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// A record of the log that ends the open mini-batch instead of being learned, so that nothing stays pending when a
/// stream pauses or ends. A record is a tick if it has the header `tidegrad-tick`, whatever its value; the header's
/// value is an event time (epoch milliseconds as decimal text, so that any tool can write it), or empty.
public final class Tick {
    public static final String HEADER = "tidegrad-tick";

    /// The years 0000 to 9999 in epoch milliseconds have at most 15 digits.
    private static final Pattern DECIMAL = Pattern.compile("-?[0-9]{1,15}");

    private Tick() {}

    /// Returns the header's value for an event time.
    public static byte[] headerValue(long eventTime) {
        return Long.toString(eventTime).getBytes(StandardCharsets.US_ASCII);
    }

    /// Returns the event time in a tick's header; null when the header is empty.
    ///
    /// @throws NumberFormatException the header is neither empty nor a decimal number of up to 15 digits
    public static @Nullable Long eventTime(Header header) {
        byte[] value = header.value();
        if (value == null || value.length == 0) {
            return null;
        }
        String text = new String(value, StandardCharsets.ISO_8859_1);
        if (!DECIMAL.matcher(text).matches()) {
            throw new NumberFormatException("not epoch milliseconds as decimal text");
        }
        return Long.parseLong(text);
    }
}
