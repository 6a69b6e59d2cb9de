package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.spec.Feature;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextPiecesTest {
    private static List<String> ngrams(int ngrams, Object text) throws RejectedException {
        TextPieces pieces = TextPieces.of(new Feature.Cut.Words(ngrams));
        pieces.begin("field", text);
        List<String> found = new ArrayList<>();
        CanonicalText piece = new CanonicalText();
        while (pieces.next()) {
            pieces.appendTo(piece.clear());
            found.add(new String(piece.toBytes(), StandardCharsets.UTF_8));
        }
        return found;
    }

    private static TextView bytes(byte[] bytes) {
        TextView view = new TextView();
        view.set(bytes, 0, bytes.length);
        return view;
    }

    /// The words are those that Python finds by the same rule with its own tables.
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`',
            value = {"The QUICK, brown-fox: don't stop_now 42nd x² | the quick brown fox don t stop now 42nd x",
                "ÄRGER in İstanbul ΣΊΣΥΦΟΣ | ärger in istanbul σίσυφοσ", "北京 Tokyo東京ひらカタカナ | 北 京 tokyo 東 京 ひ ら カタカナ",
                "naïve cafe\u0301 हिन्दी 🙂 𐐀𐐨bc Ⓐ ⅷ | naïve cafe\u0301 हिन्दी 𐐨𐐨bc",
                "\u1e9e Straße ... | ß straße"})
    void wordsAreLettersMarksAndDigitsInLowerCase(String text, String words) {
        assertThat(TextPieces.words(text)).containsExactly(words.split(" "));
    }

    @Test
    void behindEachWordComeTheNGramsThatEndWithIt() throws RejectedException {
        assertThat(ngrams(3, "To be, or NOT")).containsExactly("to", "be", "to be", "or", "be or", "to be or", "not",
                "or not", "be or not");
        assertThat(ngrams(8, "one two")).containsExactly("one", "two", "one two");
        assertThat(ngrams(2, " - ")).isEmpty();
        assertThat(ngrams(2, 25)).containsExactly("25");
    }

    /// The table may not follow the Unicode of a newer Java. Characters that Unicode 16.0 knows keep what they are there.
    @Test
    void theTableIsThatOfUnicode16() {
        int words = 0;
        int lowered = 0;
        for (int character = 0; character <= Character.MAX_CODE_POINT; character++) {
            int lower = WordCharacters.lower(character);
            if (WordCharacters.isWord(character)) {
                words++;
                lowered += lower == character ? 0 : 1;
                assertThat(Character.isLetterOrDigit(character) || isMark(character)).as("%x", character).isTrue();
                assertThat(lower).as("%x", character).isEqualTo(Character.toLowerCase(character));
            } else {
                assertThat(lower).isEqualTo(character);
            }
        }
        assertThat(words).isEqualTo(144_289);
        assertThat(lowered).isEqualTo(1_418);
        assertThat(WordCharacters.isWord(-1)).isFalse();
    }

    private static boolean isMark(int character) {
        return switch (Character.getType(character)) {
            case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK -> true;
            default -> false;
        };
    }

    @Property(tries = 300)
    void aTextHasTheSameWordsWhicheverWayAnEventHasIt(@ForAll String text) throws RejectedException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        assertThat(ngrams(2, bytes(utf8))).isEqualTo(ngrams(2, text));
        assertThat(ngrams(1, text)).isEqualTo(TextPieces.words(text)).allMatch(word -> !word.isEmpty());
    }

    @Property(tries = 300)
    void bytesThatAreNoTextStandBetweenWords(@ForAll byte[] bytes) throws RejectedException {
        assertThat(ngrams(1, bytes(bytes))).isEqualTo(TextPieces.words(new String(bytes, StandardCharsets.UTF_8)));
    }
}
