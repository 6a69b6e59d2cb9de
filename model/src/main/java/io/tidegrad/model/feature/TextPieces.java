package io.tidegrad.model.feature;

import io.tidegrad.model.spec.Feature;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/// The pieces into which a value's text is cut, one after the other, without an object for each. A value's text is its
/// canonical one, in UTF-8, so a piece is hashed as if it had been an element of a list.
public abstract sealed class TextPieces permits TextPieces.Separated, TextPieces.Words {
    final CanonicalText text = new CanonicalText();
    int at; // where the next piece is looked for
    int from; // where this one begins
    int to; // and ends

    static TextPieces of(Feature.Cut cut) {
        return switch (cut) {
            case Feature.Cut.Separator separator -> new Separated(separator.text());
            case Feature.Cut.Words words -> new Words(words.ngrams());
        };
    }

    /// Returns the words of a text, as a feature has them.
    public static List<String> words(String text) {
        Words words = new Words(1);
        words.cut(text);
        List<String> found = new ArrayList<>();
        CanonicalText word = new CanonicalText();
        while (words.next()) {
            words.appendTo(word.clear());
            found.add(new String(word.toBytes(), StandardCharsets.UTF_8));
        }
        return found;
    }

    /// @param field the field's name, for messages
    /// @throws RejectedException the value is a list, or nothing that has a text
    void begin(String field, Object value) throws RejectedException {
        text.clear().appendValue(field, value);
        at = 0;
    }

    /// Goes to the next piece. Returns false where there is none.
    abstract boolean next();

    /// @param other gets the piece, behind what it has
    void appendTo(CanonicalText other) {
        other.append(text, from, to - from);
    }

    static final class Separated extends TextPieces {
        private final byte[] separator;

        Separated(String separator) {
            this.separator = separator.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        boolean next() {
            while (at <= text.length()) {
                from = at;
                to = at;
                while (to < text.length() && !isSeparator(to)) {
                    to++;
                }
                at = to + separator.length;
                trim();
                if (from < to) {
                    return true;
                }
            }
            return false;
        }

        private boolean isSeparator(int index) {
            int same = 0;
            while (same < separator.length && index + same < text.length()
                    && text.at(index + same) == separator[same]) {
                same++;
            }
            return same == separator.length;
        }

        private void trim() {
            while (from < to && isWhiteSpace(text.at(from))) {
                from++;
            }
            while (from < to && isWhiteSpace(text.at(to - 1))) {
                to--;
            }
        }

        /// Tab to carriage return, and blank.
        private static boolean isWhiteSpace(byte character) {
            return character >= 9 && character <= 13 || character == ' ';
        }
    }

    /// Words by `WordCharacters`, in lower case, with the n-grams that end with each behind it, the shorter ones first.
    /// The words of an n-gram have a blank between them, so `text` is all words, a blank between two, and each piece a
    /// part of it.
    static final class Words extends TextPieces {
        private final CanonicalText value = new CanonicalText();
        private final int[] starts; // in `text` of the last words, each at its number modulo the longest n-gram
        private int words;
        private int length; // of the n-gram, in words

        Words(int ngrams) {
            starts = new int[ngrams];
        }

        @Override
        void begin(String field, Object given) throws RejectedException {
            value.clear().appendValue(field, given);
            begin();
        }

        private void cut(String given) {
            value.clear().appendText(given);
            begin();
        }

        private void begin() {
            text.clear();
            at = 0;
            words = 0;
            length = 0;
        }

        @Override
        boolean next() {
            if (length < Math.min(words, starts.length)) {
                length++;
            } else if (readWord()) {
                length = 1;
            } else {
                return false;
            }
            from = starts[(words - length) % starts.length];
            to = text.length();
            return true;
        }

        /// Appends the next word. Returns false where there is none.
        private boolean readWord() {
            boolean began = false;
            while (at < value.length()) {
                int start = at;
                int character = character();
                boolean isAlone = WordCharacters.isAlone(character);
                if (began && (isAlone || !WordCharacters.isWord(character))) {
                    at = start;
                    return true;
                }
                if (WordCharacters.isWord(character)) {
                    if (!began) {
                        began = true;
                        beginWord();
                    }
                    text.appendCharacter(WordCharacters.lower(character));
                    if (isAlone) {
                        return true;
                    }
                }
            }
            return began;
        }

        private void beginWord() {
            if (words > 0) {
                text.appendCharacter(' ');
            }
            starts[words % starts.length] = text.length();
            words++;
        }

        /// Goes behind the next character and returns it. Where the bytes are no UTF-8, goes one byte on and returns -1.
        private int character() {
            int first = value.at(at++) & 0xff;
            if (first < 0x80) {
                return first;
            }
            int more = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
            if (more == 0 || at + more > value.length()) {
                return -1;
            }
            int character = first & 0x3f >> more;
            for (int i = 0; i < more; i++) {
                int next = value.at(at + i);
                if ((next & 0xc0) != 0x80) {
                    return -1;
                }
                character = character << 6 | next & 0x3f;
            }
            if (more == 2 && character < 0x800 || more == 3 && character < 0x10000) {
                return -1; // written with more bytes than it needs
            }
            at += more;
            return character;
        }
    }
}
