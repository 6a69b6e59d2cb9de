package io.tidegrad.model.learn;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.apache.kafka.common.header.Header;
import org.jspecify.annotations.Nullable;

/// A record of the log of record that is no event: it ends the open mini-batch, so that nothing stays pending when a
/// stream pauses or ends. A record with the header `tidegrad-tick`, whatever its value; the header's value is an event
/// time (epoch milliseconds as decimal text, so that any tool can write it), or empty.
public final class Tick {
    public static final String HEADER = "tidegrad-tick";

    /// Years 0000 to 9999 have at most 15 digits.
    private static final Pattern DECIMAL = Pattern.compile("-?[0-9]{1,15}");

    private Tick() {}

    /// The header's value for an event time.
    public static byte[] headerValue(long eventTime) {
        return Long.toString(eventTime).getBytes(StandardCharsets.US_ASCII);
    }

    /// The event time that a tick's header states: null when it states none.
    ///
    /// @throws NumberFormatException neither empty nor a decimal number of up to 15 digits
    static @Nullable Long eventTime(Header header) {
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
