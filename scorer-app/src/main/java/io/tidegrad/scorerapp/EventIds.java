package io.tidegrad.scorerapp;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Ids of logged events: those that a request gives, else new ones. A new id is a UUID of version 7, which begins with
/// the time; 12 bits count, and 62 are random.
final class EventIds {
    /// As long as a stream's id may be.
    private static final int BYTES_MAX = 1_000;

    private static final int VERSION = 0x7000;
    private static final int COUNTER_MASK = 0xfff;
    private static final long VARIANT = 1L << 63;

    private final long seed = new SecureRandom().nextLong();
    private final AtomicLong made = new AtomicLong();

    /// @param given ids of a request, separated by commas and percent-encoded; null if it gives none
    /// @throws HttpProblem `bad-query`
    List<String> of(@Nullable String given, int events, long millis) {
        List<String> ids = new ArrayList<>(events);
        if (given == null) {
            for (int i = 0; i < events; i++) {
                ids.add(make(millis));
            }
            return ids;
        }
        for (String each : given.split(",", -1)) {
            ids.add(decoded(each.strip()));
        }
        if (ids.size() != events) {
            throw wrong("one id for each of " + events + " records, separated by commas", ids.size() + " ids");
        }
        return ids;
    }

    private static String decoded(String text) {
        try {
            // A plus is a plus here, and not a blank as in forms.
            String id =
                    text.indexOf('%') < 0 ? text : URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
            int length = id.getBytes(StandardCharsets.UTF_8).length;
            if (length > 0 && length <= BYTES_MAX && id.indexOf('\0') < 0 && id.indexOf('\uFFFD') < 0) {
                return id;
            }
        } catch (IllegalArgumentException notEncoded) {
            // It is refused below.
        }
        throw wrong("ids of 1 to " + BYTES_MAX + " bytes in UTF-8, percent-encoded where they hold commas or more than"
                + " ASCII", "'" + StrictJson.printable(text) + "'");
    }

    private static HttpProblem wrong(String expected, String found) {
        return new HttpProblem(ProblemReason.BAD_QUERY, "ids: expected " + expected + ", found " + found);
    }

    /// Writes ids as a request gives them.
    static String encoded(List<String> ids) {
        return ids.stream().map(each -> URLEncoder.encode(each, StandardCharsets.UTF_8).replace("+", "%20"))
                .collect(Collectors.joining(","));
    }

    String make(long millis) {
        long count = made.getAndIncrement();
        return new UUID(millis << 16 | VERSION | count & COUNTER_MASK, VARIANT | mixed(seed + count) >>> 2).toString();
    }

    /// As `SplittableRandom` mixes its states: each 64 bits become other 64 bits.
    private static long mixed(long state) {
        long bits = state * 0x9e3779b97f4a7c15L;
        bits = (bits ^ bits >>> 30) * 0xbf58476d1ce4e5b9L;
        bits = (bits ^ bits >>> 27) * 0x94d049bb133111ebL;
        return bits ^ bits >>> 31;
    }
}
