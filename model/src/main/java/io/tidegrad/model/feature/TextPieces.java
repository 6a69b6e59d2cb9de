package io.tidegrad.model.feature;

import io.tidegrad.model.spec.Feature;
import java.nio.charset.StandardCharsets;

/// The pieces into which a value's text is cut, one after the other, without an object for each. A value's text is its
/// canonical one, in UTF-8, so a piece is hashed as if it had been an element of a list.
abstract sealed class TextPieces permits TextPieces.Separated {
    final CanonicalText text = new CanonicalText();
    int at; // where the next piece is looked for
    int from; // where this one begins
    int to; // and ends

    static TextPieces of(Feature.Cut cut) {
        return switch (cut) {
            case Feature.Cut.Separator separator -> new Separated(separator.text());
        };
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
}
