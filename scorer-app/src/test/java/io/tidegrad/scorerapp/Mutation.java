package io.tidegrad.scorerapp;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// One to three small changes to bytes, drawn from a seed.
final class Mutation {
    /// What parsers stumble over.
    private static final List<String> TOKENS =
            List.of("{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "\\ud800", "\0", "\r\n", "\n", "\r\n\r\n", " ",
                    "NaN", "1e999", "-", "1E400", "null", "true", "0x", "%00", "%2e%2e/", "../", "//", "?", "#",
                    "\u00ff\u00fe", "\u00ef\u00bb\u00bf", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
                    "Content-Type: text/plain\r\n", "99999999999999999999", "ffffffff\r\n", "0\r\n\r\n");

    /// Leave a record what it is more often than others do.
    private static final String DIGITS_AND_LETTERS = "0123456789abcXYZ";

    private Mutation() {}

    static byte[] of(byte[] bytes, SplittableRandom random) {
        byte[] mutated = bytes;
        for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
            mutated = changed(mutated, random);
        }
        return mutated;
    }

    private static byte[] changed(byte[] bytes, SplittableRandom random) {
        if (bytes.length == 0) {
            return RawHttp.bytes(TOKENS.get(random.nextInt(TOKENS.size())));
        }
        int from = random.nextInt(bytes.length);
        int to = Math.min(bytes.length, from + 1 + random.nextInt(12));
        byte[] range = Arrays.copyOfRange(bytes, from, to);
        return switch (random.nextInt(8)) {
            case 0 -> {
                byte[] flipped = bytes.clone();
                flipped[from] ^= (byte) (1 << random.nextInt(8));
                yield flipped;
            }
            case 5, 6 -> {
                byte[] other = bytes.clone();
                other[from] = (byte) DIGITS_AND_LETTERS.charAt(random.nextInt(DIGITS_AND_LETTERS.length()));
                yield other;
            }
            case 1 -> spliced(bytes, from, to, new byte[0]);
            case 2 -> spliced(bytes, from, from, range);
            case 3 -> spliced(bytes, from, to, RawHttp.bytes(TOKENS.get(random.nextInt(TOKENS.size()))));
            case 4 -> spliced(bytes, from, from, RawHttp.bytes(TOKENS.get(random.nextInt(TOKENS.size()))));
            default -> Arrays.copyOf(bytes, from);
        };
    }

    private static byte[] spliced(byte[] bytes, int from, int to, byte[] with) {
        byte[] spliced = new byte[from + with.length + bytes.length - to];
        System.arraycopy(bytes, 0, spliced, 0, from);
        System.arraycopy(with, 0, spliced, from, with.length);
        System.arraycopy(bytes, to, spliced, from + with.length, bytes.length - to);
        return spliced;
    }
}
