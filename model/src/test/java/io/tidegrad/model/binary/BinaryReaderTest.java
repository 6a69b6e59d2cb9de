package io.tidegrad.model.binary;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BinaryReaderTest {
    /// Characters of one to four bytes, among them the one that Java puts in place of what is no UTF-8; then a byte too
    /// much, one too few, an overlong form, half of a pair of surrogates, and what is beyond Unicode.
    private static final List<String> PIECES =
            List.of("61", "c3a4", "e282ac", "efbfbd", "f09f9880", "80", "e282", "c080", "eda080", "f4908080", "ff");

    /// So that half of the texts have only the characters.
    private static final int GOOD = 5;

    private static String decoded(ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException notUtf8) {
            return "refused";
        }
    }

    private static String read(byte[] bytes, int from, int length) {
        try {
            return BinaryReader.utf8(bytes, from, length);
        } catch (CharacterCodingException notUtf8) {
            return "refused";
        }
    }

    @Test
    void textIsTakenOrRefusedAsByAStrictDecoder() {
        SplittableRandom random = new SplittableRandom(3);
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder hex = new StringBuilder("ff"); // before the text, and no part of it
            for (int piece = random.nextInt(6); piece > 0; piece--) {
                hex.append(PIECES.get(random.nextInt(i % 2 == 0 ? GOOD : PIECES.size())));
            }
            byte[] bytes = HexFormat.of().parseHex(hex);
            String expected = decoded(ByteBuffer.wrap(bytes, 1, bytes.length - 1));
            assertThat(read(bytes, 1, bytes.length - 1)).as(hex.toString()).isEqualTo(expected);
            refused += expected.equals("refused") ? 1 : 0;
        }
        assertThat(refused).isBetween(1_000, 10_000);
    }

    @Test
    void aWriterThatIsUsedAgainWritesTheSameAndKeepsNoLargeBuffer() {
        BinaryWriter writer = new BinaryWriter();
        for (int length : new int[]{3, 40_000, 200_000, 5}) {
            byte[] bytes = writer.clear().varint(length).raw(new byte[length]).toBytes();
            assertThat(bytes).isEqualTo(new BinaryWriter().varint(length).raw(new byte[length]).toBytes());
            writer.clear();
            assertThat(writer.array()).hasSizeLessThanOrEqualTo(64 * 1024);
        }
    }
}
