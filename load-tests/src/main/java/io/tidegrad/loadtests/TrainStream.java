package io.tidegrad.loadtests;

import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.jspecify.annotations.Nullable;

/// The streams with which training is measured: those that ship, and one that is made up.
public enum TrainStream {
    FLIGHTS(ShippedStream.FLIGHTS), DIGITS(ShippedStream.DIGITS),
    /// Clicks, as advertisers log them, by a large model: `Clicks`.
    CLICKS(null);

    private final @Nullable ShippedStream shipped;

    TrainStream(@Nullable ShippedStream shipped) {
        this.shipped = shipped;
    }

    static TrainStream of(ShippedStream stream) {
        return valueOf(stream.name());
    }

    /// The name on the command line.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// After which the events repeat.
    int rows() {
        return shipped == null ? Clicks.ROWS : shipped.rows();
    }

    Schema schema() {
        return shipped == null ? Clicks.SCHEMA : shipped.schema();
    }

    /// The model's spec in YAML.
    String spec() {
        return shipped == null ? Clicks.SPEC : shipped.spec();
    }

    String specFile() {
        return label() + ".yaml";
    }

    /// Returns the events by their number in the endlessly repeated stream.
    LongFunction<GenericRecord> events() {
        ShippedStream stream = shipped;
        if (stream == null) {
            return index -> Clicks.event((int) (index % Clicks.ROWS));
        }
        List<StreamEvent> read = stream.read();
        Schema schema = stream.schema();
        return index -> stream.repeated(read, index).toAvro(schema);
    }
}
