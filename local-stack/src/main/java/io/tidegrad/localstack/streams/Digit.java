package io.tidegrad.localstack.streams;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/// A handwritten digit.
///
/// @param pixels 28 rows of 28 unsigned bytes, from 0 (paper) to 255 (ink); must not be modified
/// @param digit 0 to 9: the label
public record Digit(byte[] pixels, int digit) implements StreamEvent {
    public static final int PIXELS = 28 * 28;

    @Override
    public GenericRecord toAvro(Schema schema) {
        GenericData.Record event = new GenericData.Record(schema);
        event.put("pixels", ByteBuffer.wrap(pixels));
        event.put("digit", digit);
        return event;
    }

    @Override
    public Digit later(int weeks) {
        return this;
    }

    @Override
    public Map<String, Object> toQuestion() {
        List<Integer> ink = new ArrayList<>(PIXELS);
        for (byte pixel : pixels) {
            ink.add(Byte.toUnsignedInt(pixel));
        }
        return Map.of("pixels", ink);
    }
}
