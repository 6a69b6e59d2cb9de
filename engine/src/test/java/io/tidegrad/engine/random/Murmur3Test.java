package io.tidegrad.engine.random;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Murmur3Test {
    /// Published test vectors of MurmurHash3_x86_32: bytes, seed, hash (all hexadecimal).
    @ParameterizedTest
    @CsvSource({"'', 00000000, 00000000", "'', 00000001, 514e28b7", "'', ffffffff, 81f16f39",
        "ffffffff, 00000000, 76293b50", "21436587, 00000000, f55b516b", "21436587, 5082edee, 2362f9de",
        "214365, 00000000, 7e4a8634", "2143, 00000000, a0f7b07a", "21, 00000000, 72661cf4",
        "00000000, 00000000, 2362f9de", "000000, 00000000, 85f0b427", "0000, 00000000, 30f4c306",
        "00, 00000000, 514e28b7"})
    void thePublishedVectorsAreReproduced(String bytes, String seed, String hash) {
        int found = Murmur3.hash(HexFormat.of().parseHex(bytes), Integer.parseUnsignedInt(seed, 16));
        assertThat(Integer.toHexString(found)).isEqualTo(hash.replaceFirst("^0+(?=.)", ""));
    }

    @ParameterizedTest
    @CsvSource({"'The quick brown fox jumps over the lazy dog', 9747b28c, 2fa826cd",
        "'Hello, world!', 00000000, c0363e43", "'Hello, world!', 9747b28c, 24884cba", "aaaa, 9747b28c, 5a97808a",
        "abc, 00000000, b3dd93fa"})
    void textsToo(String text, String seed, String hash) {
        byte[] padded = ("##" + text + "#").getBytes(StandardCharsets.UTF_8);
        int found = Murmur3.hash(padded, 2, padded.length - 3, Integer.parseUnsignedInt(seed, 16));
        assertThat(Integer.toHexString(found)).isEqualTo(hash);
    }
}
