package io.tidegrad.loadtests;

import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import java.util.List;
import java.util.Locale;
import java.util.function.LongFunction;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/// The streams with which training is measured: those that ship, and one that is made up.
public enum TrainStream {
    FLIGHTS {
        @Override
        Contents contents() {
            return shipped(ShippedStream.FLIGHTS);
        }
    },
    DIGITS {
        @Override
        Contents contents() {
            return shipped(ShippedStream.DIGITS);
        }
    },
    /// Clicks, as advertisers log them, by a large model: `Clicks`.
    CLICKS {
        @Override
        Contents contents() {
            return new Contents(Clicks.ROWS, Clicks.SCHEMA, Clicks.SPEC);
        }

        @Override
        LongFunction<GenericRecord> events() {
            return index -> Clicks.event((int) (index % Clicks.ROWS));
        }
    };

    /// @param rows after which the events repeat
    private record Contents(int rows, Schema schema, String spec) {
    }

    abstract Contents contents();

    static TrainStream of(ShippedStream stream) {
        return switch (stream) {
            case FLIGHTS -> FLIGHTS;
            case DIGITS -> DIGITS;
        };
    }

    private static Contents shipped(ShippedStream stream) {
        return new Contents(stream.rows(), stream.schema(), stream.spec());
    }

    /// The name on the command line.
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    int rows() {
        return contents().rows();
    }

    Schema schema() {
        return contents().schema();
    }

    /// The model's spec in YAML.
    String spec() {
        return contents().spec();
    }

    String specFile() {
        return label() + ".yaml";
    }

    /// Returns the events by their number in the endlessly repeated stream.
    LongFunction<GenericRecord> events() {
        ShippedStream shipped = ShippedStream.valueOf(name());
        List<StreamEvent> read = shipped.read();
        Schema schema = shipped.schema();
        return index -> shipped.repeated(read, index).toAvro(schema);
    }
}
