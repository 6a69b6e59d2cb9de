package io.tidegrad.model.feature;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.random.Murmur3;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.avro.util.Utf8;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a category is hashed from, and to: stored models depend on every one of these values.
class CanonicalTextTest {
    private static String text(Object value) throws RejectedException {
        CanonicalText text = new CanonicalText().clear();
        text.appendValue("f", value);
        return new String(text.toBytes(), StandardCharsets.UTF_8);
    }

    @Test
    void publishedHashesOfMurmur3AreReproduced() {
        assertThat(murmur("", 0)).isZero();
        assertThat(murmur("", 1)).isEqualTo(0x514e28b7);
        assertThat(murmur("test", 0)).isEqualTo(0xba6bd213);
        assertThat(murmur("The quick brown fox jumps over the lazy dog", 0)).isEqualTo(0x2e4ff723);
    }

    private static int murmur(String text, int seed) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        return Murmur3.hash(bytes, 0, bytes.length, seed);
    }

    /// Computed by another implementation (Python).
    @ParameterizedTest
    @CsvSource({"origin=JFK, 1c6c6651, 81", "origin, 3b75668d, 141", "origin=, c85448b2, 178", "n=3, 26b1bec4, 196",
        "late=true, db2fb5c1, 449", "city=Zürich, 75a6d597, 407", "x=😀, 83cf582e, 46"})
    void theseTextsHaveTheseHashes(String bytes, String hash, int bucketOf512) throws RejectedException {
        CanonicalText text = new CanonicalText().clear();
        text.appendValue("f", bytes);
        assertThat(text.hash()).isEqualTo(Integer.parseUnsignedInt(hash, 16));
        assertThat(text.bucket(512)).isEqualTo(bucketOf512);
    }

    @Test
    void aNumberReadsTheSameWhateverTypeItCameIn() throws RejectedException {
        for (Object three : List.of(3, 3L, (short) 3, (byte) 3, 3.0, 3f, new BigDecimal("3.00"),
                BigInteger.valueOf(3))) {
            assertThat(text(three)).isEqualTo("3");
        }
        assertThat(text(-0.0)).isEqualTo("0");
        assertThat(text(0.1)).isEqualTo(text(0.1f)).isEqualTo("0.1");
        assertThat(text(1e-5)).isEqualTo("1.0E-5");
        assertThat(text(1e18)).isEqualTo("1000000000000000000");
        assertThat(text(1e19)).isEqualTo("1.0E19");
        assertThat(text(Long.MIN_VALUE)).isEqualTo("-9223372036854775808");
        assertThat(text(true)).isEqualTo("true");
        assertThat(text(java.time.Instant.ofEpochMilli(5))).isEqualTo("5");
    }

    @Test
    void noTwoCrossesShareAText() {
        assertThat(cross("a\u00ff", "b")).isNotEqualTo(cross("a", "\u00ffb"));
        assertThat(cross("a", "b")).isEqualTo(new byte[]{'a', (byte) 0xff, 'b'});
    }

    private static byte[] cross(String one, String other) {
        try {
            CanonicalText text = new CanonicalText().clear();
            text.appendValue("f", one);
            text.separate();
            text.appendValue("f", other);
            return text.toBytes();
        } catch (RejectedException rejected) {
            throw new AssertionError(rejected);
        }
    }

    @Property
    void longsAreWrittenInDecimal(@ForAll long value) throws RejectedException {
        assertThat(text(value)).isEqualTo(Long.toString(value));
    }

    @Property
    void textIsUtf8AsTheJdkWritesIt(@ForAll String value) throws RejectedException {
        byte[] expected = value.getBytes(StandardCharsets.UTF_8);
        CanonicalText text = new CanonicalText().clear();
        text.appendValue("f", value);
        assertThat(text.toBytes()).isEqualTo(expected);
        text.clear().appendValue("f", new Utf8(expected));
        assertThat(text.toBytes()).isEqualTo(expected);
    }
}
