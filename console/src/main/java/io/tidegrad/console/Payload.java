package io.tidegrad.console;

import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/// Bytes of a record for people: an Avro value by its schema, a text as it is, anything else as hexadecimal digits; cut to
/// 2,000 characters.
final class Payload {
    private static final int CHARS_MAX = 2_000;
    private static final int HEX_BYTES_MAX = 512;

    private final AvroCodec codec;

    Payload(SchemaRegistry registry) {
        codec = new AvroCodec(registry);
    }

    String text(byte @Nullable [] bytes) {
        if (bytes == null) {
            return "null";
        }
        if (bytes.length > AvroCodec.HEADER_BYTES && bytes[0] == 0) {
            try {
                return cut(codec.decode(bytes).toString());
            } catch (UndecodableException | SchemaRegistry.RegistryUnavailableException e) {
                return hex(bytes);
            }
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            return text.chars().anyMatch(each -> each < ' ' && !Character.isWhitespace(each)) ? hex(bytes) : cut(text);
        } catch (CharacterCodingException e) {
            return hex(bytes);
        }
    }

    private static String hex(byte[] bytes) {
        String digits = HexFormat.ofDelimiter(" ")
                .formatHex(bytes.length > HEX_BYTES_MAX ? Arrays.copyOf(bytes, HEX_BYTES_MAX) : bytes);
        return bytes.length > HEX_BYTES_MAX ? digits + " …" : digits;
    }

    private static String cut(String text) {
        return text.length() > CHARS_MAX ? text.substring(0, CHARS_MAX) + "…" : text;
    }
}
