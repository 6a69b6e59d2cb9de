package io.tidegrad.model.feature;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Objects;

/// Which characters words are made of, and their lower case. The table is Unicode 16.0's and stays so, whatever the
/// Unicode of a Java is: a bucket follows from it, so another table would be another feature.
final class WordCharacters {
    private static final int CHARACTERS = Character.MAX_CODE_POINT + 1;
    private static final BitSet WORD = new BitSet(CHARACTERS);
    private static final int[] UPPER; // ascending
    private static final int[] LOWER; // of each

    /// Characters of Han and Hiragana, which are written without blanks: from, to, from, to, …
    private static final int[] ALONE =
            {0x3041, 0x3096, 0x3400, 0x4dbf, 0x4e00, 0x9fff, 0xf900, 0xfaff, 0x20000, 0x323af};

    static {
        int[] upper = new int[2_048];
        int[] lower = new int[2_048];
        int count = 0;
        for (String line : table().lines().toList()) {
            String[] parts = line.split(" ", -1);
            switch (parts[0]) {
                case "word" -> WORD.set(hex(parts[1]), hex(parts[2]) + 1);
                case "lower" -> {
                    int from = hex(parts[1]);
                    int step = Integer.parseInt(parts[3]);
                    for (int character = from; character <= hex(parts[2]); character += step) {
                        upper[count] = character;
                        lower[count++] = character + Integer.parseInt(parts[4]);
                    }
                }
                default -> {
                }
            }
        }
        UPPER = Arrays.copyOf(upper, count);
        LOWER = Arrays.copyOf(lower, count);
    }

    private WordCharacters() {}

    private static String table() {
        try (InputStream in = Objects.requireNonNull(WordCharacters.class.getResourceAsStream("unicode-16.txt"))) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static int hex(String digits) {
        return Integer.parseInt(digits, 16);
    }

    /// Whether a character is a letter, a mark or a decimal digit (general categories L, M and Nd).
    static boolean isWord(int character) {
        return character >= 0 && WORD.get(character);
    }

    /// Whether a character of a word is a word by itself.
    static boolean isAlone(int character) {
        if (character < ALONE[0]) {
            return false;
        }
        int at = Arrays.binarySearch(ALONE, character);
        return isWord(character) && (at >= 0 || (-at - 1) % 2 == 1);
    }

    /// Returns a character's simple lower case, which is one character, without regard to language and neighbours.
    static int lower(int character) {
        int at = Arrays.binarySearch(UPPER, character);
        return at < 0 ? character : LOWER[at];
    }
}
