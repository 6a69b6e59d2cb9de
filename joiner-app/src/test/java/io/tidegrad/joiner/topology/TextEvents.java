package io.tidegrad.joiner.topology;

import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.schemas.UndecodableException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// Values as a person can read them: `id=tx-1 time=5000 fraud=true`. Whole numbers become numbers. A value that begins with
/// `#` can't be decoded.
final class TextEvents {
    private TextEvents() {}

    static MapEvent decode(byte[] value) {
        String text = new String(value, StandardCharsets.UTF_8);
        if (text.startsWith("#")) {
            throw new UndecodableException(UndecodableException.Reason.MALFORMED, "expected fields, found #");
        }
        Map<String, Object> fields = new HashMap<>();
        for (String field : text.split(" ")) {
            String[] pair = field.split("=", 2);
            fields.put(pair[0], pair[1].matches("-?[0-9]+") ? (Object) Long.valueOf(pair[1])
                    : pair[1].equals("true") || pair[1].equals("false") ? (Object) Boolean.valueOf(pair[1]) : pair[1]);
        }
        return new MapEvent(fields);
    }
}
