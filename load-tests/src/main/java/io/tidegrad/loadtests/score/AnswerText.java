package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.LoadTestException;
import java.nio.charset.StandardCharsets;

/// Reads what is compared out of a scorer's JSON, of `/v1` or `/v2`, without a parser: a client that costs more than
/// the server would measure itself. One thread.
final class AnswerText {
    private static final byte[] VERSION = bytes("\"version\":");
    private static final byte[] OF_V1 = bytes("\"predictions\":[");
    private static final byte[] OF_V2 = bytes("\"data\":[");

    private final float[] numbers;
    private long version;

    /// @param numbers of one answer, at most
    AnswerText(int numbers) {
        this.numbers = new float[numbers];
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /// Returns how many numbers there are.
    ///
    /// @throws LoadTestException it is no such answer
    int read(byte[] body, int from, int to) {
        version = wholeNumber(body, require(body, from, to, VERSION), to);
        int at = find(body, from, to, OF_V1);
        return numbers(body, at < 0 ? require(body, from, to, OF_V2) : at, to);
    }

    /// Of the answer read last.
    long version() {
        return version;
    }

    /// Of the answer read last: as many as `read` said.
    float[] numbers() {
        return numbers;
    }

    private static long wholeNumber(byte[] body, int from, int to) {
        long number = 0;
        for (int at = from; at < to && body[at] >= '0' && body[at] <= '9'; at++) {
            number = 10 * number + body[at] - '0';
        }
        return number;
    }

    /// All that stands outside of names and texts.
    private int numbers(byte[] body, int from, int to) {
        int count = 0;
        int at = from;
        while (at < to) {
            byte here = body[at];
            if (here == '"') {
                at++;
                while (at < to && body[at] != '"') {
                    at++;
                }
                at++;
            } else if (here == '-' || here >= '0' && here <= '9') {
                int end = at + 1;
                while (end < to && isOfNumber(body[end])) {
                    end++;
                }
                if (count == numbers.length) {
                    throw new LoadTestException(
                            "expected at most " + count + " numbers, found more in " + text(body, from, to));
                }
                numbers[count++] = Float.parseFloat(text(body, at, end));
                at = end;
            } else {
                at++;
            }
        }
        return count;
    }

    private static boolean isOfNumber(byte character) {
        return character >= '0' && character <= '9' || character == '.' || character == '-' || character == '+'
                || character == 'e' || character == 'E';
    }

    private static int require(byte[] body, int from, int to, byte[] name) {
        int at = find(body, from, to, name);
        if (at < 0) {
            throw new LoadTestException("expected " + text(name, 0, name.length) + " in " + text(body, from, to));
        }
        return at;
    }

    /// Where it ends, or -1.
    static int find(byte[] body, int from, int to, byte[] wanted) {
        for (int at = from; at <= to - wanted.length; at++) {
            int same = 0;
            while (same < wanted.length && body[at + same] == wanted[same]) {
                same++;
            }
            if (same == wanted.length) {
                return at + same;
            }
        }
        return -1;
    }

    static String text(byte[] bytes, int from, int to) {
        return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
    }
}
