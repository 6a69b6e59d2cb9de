package io.tidegrad.scorer;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.jspecify.annotations.Nullable;

/// Where a request stands in its caller's trace, as W3C's Trace Context says it (https://www.w3.org/TR/trace-context/).
/// The event in the log of what is served has it in headers of the same names, so that a tracing tool finds the event.
/// Nothing here makes spans.
///
/// @param parent version, trace, span and flags: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`
/// @param state what vendors add; empty for nothing
public record TraceContext(String parent, String state) {
    public static final String PARENT = "traceparent";
    public static final String STATE = "tracestate";

    /// Version ff, and traces and spans of zeros, are none. A version after 00 may have more, behind another hyphen.
    private static final Pattern PARENT_TEXT = Pattern.compile(
            "(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}((?<!^00.{53})-[ -~]{0,200})?");

    /// As much as the recommendation wants to be carried on at least.
    private static final int STATE_LENGTH_MAX = 512;

    /// Returns where the request stands; null if it does not say so, or not as the recommendation has it. A state that is
    /// too long, or not of printable ASCII, is left out.
    ///
    /// @param parents values of `traceparent`, of which there has to be one
    /// @param states values of `tracestate`, which are one list
    public static @Nullable TraceContext of(List<String> parents, List<String> states) {
        if (parents.size() != 1) {
            return null;
        }
        String parent = parents.getFirst();
        if (!PARENT_TEXT.matcher(parent).matches()) {
            return null;
        }
        String state = String.join(",", states);
        boolean carried = state.length() <= STATE_LENGTH_MAX && state.chars().allMatch(c -> c >= ' ' && c <= '~');
        return new TraceContext(parent, carried ? state : "");
    }

    /// Returns where a record with these headers stands; null as above.
    public static @Nullable TraceContext of(Headers headers) {
        return of(values(headers, PARENT), values(headers, STATE));
    }

    private static List<String> values(Headers headers, String name) {
        return StreamSupport.stream(headers.headers(name).spliterator(), false).map(Header::value)
                .map(value -> value == null ? "" : new String(value, StandardCharsets.ISO_8859_1)).toList();
    }

    public void writeTo(Headers headers) {
        headers.add(PARENT, parent.getBytes(StandardCharsets.US_ASCII));
        if (!state.isEmpty()) {
            headers.add(STATE, state.getBytes(StandardCharsets.US_ASCII));
        }
    }

    /// Returns how many characters it has.
    public int length() {
        return parent.length() + state.length();
    }
}
