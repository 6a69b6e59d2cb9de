package io.tidegrad.model.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsReaderTest {
    @Test
    void theFloatingTypesAreReadExactly() throws IOException {
        byte[] header = """
                {"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},
                 "b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},
                 "f":{"dtype":"F32","shape":[],"data_offsets":[8,12]},
                 "skipped":{"dtype":"I64","shape":[1],"data_offsets":[12,20]},
                 "nothing":{"dtype":"F32","shape":[0,7],"data_offsets":[20,20]},
                 "d":{"dtype":"F64","shape":[1,1],"data_offsets":[20,28]},
                 "__metadata__":{"format":"pt","who":"ü"}}  \
                """.getBytes(StandardCharsets.UTF_8);
        byte[] file = ByteBuffer.allocate(8 + header.length + 28).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length)
                .put(header).putShort((short) 0x3555) // 0.333251953125
                .putShort((short) 0x8001) // -2^-24
                .putShort((short) 0x4049) // 3.140625
                .putShort((short) 0xff80).putFloat(0.1f).putLong(7).putDouble(0.1).array();
        SafetensorsReader reader = new SafetensorsReader(new ByteArrayInputStream(file), file.length);
        assertThat(reader.metadata()).containsEntry("format", "pt").containsEntry("who", "ü");
        List<SafetensorsEntry> entries = reader.entries();
        assertThat(entries.stream().map(SafetensorsEntry::name)).containsExactly("h", "b", "f", "skipped", "nothing",
                "d");
        assertThat(reader.floats(entries.get(0))).containsExactly(0.333251953125f, -0x1p-24f);
        assertThat(reader.floats(entries.get(1))).containsExactly(3.140625f, Float.NEGATIVE_INFINITY);
        assertThat(reader.floats(entries.get(2))).containsExactly(0.1f);
        reader.skip(entries.get(3));
        assertThat(reader.floats(entries.get(4))).isEmpty();
        assertThat(reader.doubles(entries.get(5))).containsExactly(0.1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
                    []                                                                        | expected a header that begins with {
                    {"a":                                                                     | expected a header in JSON
                    {} {}                                                                     | expected a header in JSON
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{}}             | Duplicate
                    {"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}        | Duplicate
                    {"a":7}                                                                   | tensor a: dtype, shape and data_offsets; found 7
                    {"a":{"dtype":"F32","shape":[2]}}                                         | found the keys [dtype, shape]
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1}}           | found the keys [data_offsets, dtype, more, shape]
                    {"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}                    | found "F31"
                    {"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}}                       | found 32
                    {"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}                      | tensor a, shape: a list of whole numbers from 0; found 2
                    {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}                   | found [-2]
                    {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}                  | found [2.0]
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}                      | data_offsets: its begin and its end; found [0]
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}                    | 8 bytes for F32 [2]; found -8 bytes
                    {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}                    | 12 bytes for F32 [3]; found 8 bytes
                    {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}} | at most 2^63 bytes; found [4294967296, 4294967296]
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}                    | tensors of 8 bytes, as many as lie behind the header; found 4 bytes
                    {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}                   | tensors of 8 bytes, as many as lie behind the header; found 12 bytes
                    {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}                    | tensor a from byte 0, where the one before it ends; found byte 4
                    {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | tensor b from byte 8
                    {}                                                                        | found 0 bytes
                    {"__metadata__":["pt"]}                                                   | __metadata__: texts by name; found ["pt"]
                    {"__metadata__":{"format":1}}                                             | __metadata__, format: a text; found 1
                    """)
    void whatIsWrongWithAHeaderIsTold(String header, String message) {
        assertThatThrownBy(() -> open(file(header, 8))).isInstanceOf(SafetensorsException.class)
                .hasMessageStartingWith("not a safetensors file: expected ").hasMessageContaining(message);
    }

    @Test
    void aLengthThatIsNoneIsRefused() {
        byte[] file = file("{}", 0);
        for (long length : new long[]{3, -1, Long.MIN_VALUE, 100_000_001}) {
            ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
            assertThatThrownBy(() -> open(file)).isInstanceOf(SafetensorsException.class)
                    .hasMessageContaining("a header of at most 2 bytes; found " + Long.toUnsignedString(length));
        }
        assertThatThrownBy(() -> open(new byte[7])).isInstanceOf(SafetensorsException.class)
                .hasMessageContaining("8 bytes with the header's length; found 7 bytes in all");
    }

    /// Whatever a file holds: it is read, or refused with a message.
    @Test
    void damagedFilesAreReadOrRefused() throws IOException {
        byte[] file = file(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},\"__metadata__\":{\"k\":\"v\"}}", 8);
        for (int length = 0; length < file.length; length++) {
            byte[] cut = java.util.Arrays.copyOf(file, length);
            assertThatThrownBy(() -> open(cut)).isInstanceOf(SafetensorsException.class);
        }
        Random random = new Random(3);
        int refused = 0;
        for (int i = 0; i < 20_000; i++) {
            byte[] damaged = file.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                damaged[random.nextInt(file.length - 8)] ^= (byte) (1 << random.nextInt(8));
            }
            try {
                open(damaged);
            } catch (SafetensorsException e) {
                refused++;
            }
        }
        assertThat(refused).isBetween(10_000, 19_999);
    }

    private static SafetensorsReader open(byte[] file) throws IOException {
        return new SafetensorsReader(new ByteArrayInputStream(file), file.length);
    }

    private static byte[] file(String header, int dataBytes) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN).putLong(text.length)
                .put(text).array();
    }
}
