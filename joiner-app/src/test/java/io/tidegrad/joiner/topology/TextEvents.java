package io.tidegrad.joiner.topology;

import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.RecordDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Values in JSON, written as a person reads them: `id=tx-1 time=5000 fraud=true`. A value that begins with `#` can't be
/// decoded.
final class TextEvents {
    private TextEvents() {}

    /// Returns a decoder for specs of format json, which need no schema.
    static RecordDecoder decoder() {
        return RecordDecoder.of(new InMemorySchemaRegistry());
    }

    static byte @Nullable [] bytes(@Nullable String text) {
        if (text == null) {
            return null;
        }
        return (text.startsWith("#") ? text
                : Arrays.stream(text.split(" ")).map(field -> field.split("=", 2))
                        .map(pair -> "\"" + pair[0] + "\":"
                                + (pair[1].matches("-?[0-9]+|true|false") ? pair[1] : "\"" + pair[1] + "\""))
                        .collect(Collectors.joining(",", "{", "}")))
                .getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte @Nullable [] bytes) {
        if (bytes == null) {
            return "null";
        }
        String json = new String(bytes, StandardCharsets.UTF_8);
        return json.startsWith("#") ? json
                : json.substring(1, json.length() - 1).replace("\"", "").replace(':', '=').replace(',', ' ');
    }
}
