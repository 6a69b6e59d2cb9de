package io.tidegrad.loadtests.score;

import io.tidegrad.localstack.streams.Digit;
import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import java.util.Map;

/// A model that is asked: one for a record of a few fields, two for a row of 784 numbers.
public enum ScoredModel {
    /// That of `flights.yaml`.
    FLIGHTS(ShippedStream.FLIGHTS, "", ""),
    /// The bench's W1: 784-10(relu)-10.
    W1(ShippedStream.DIGITS, "", ""),
    /// The bench's W2: 784-512(relu)-256(relu)-10.
    W2(ShippedStream.DIGITS, "[ dense: 10, relu,", "[ dense: 512, relu, dense: 256, relu,");

    private final ShippedStream stream;
    private final String replaced; // of the stream's spec
    private final String replacement;

    ScoredModel(ShippedStream stream, String replaced, String replacement) {
        this.stream = stream;
        this.replaced = replaced;
        this.replacement = replacement;
    }

    ModelSpec spec() {
        return ModelSpec.parse(stream.spec().replace(replaced, replacement), stream.specFile());
    }

    ShippedStream stream() {
        return stream;
    }

    /// Whether a prediction reads every weight, so that a pass over all of them says what it could cost.
    boolean readsEveryWeight() {
        return stream == ShippedStream.DIGITS;
    }

    /// Of a request that takes a millisecond or more: who sends it is to cost less than who answers.
    int heavyRecords() {
        return stream == ShippedStream.DIGITS ? 16 : 512;
    }

    /// With the values that a service has at hand: no text where the schema has none.
    static MapEvent event(StreamEvent event) {
        return switch (event) {
            case Flight flight -> new MapEvent(Map.of("departed", flight.departed(), "distance", flight.distance(),
                    "origin", flight.origin(), "destination", flight.destination(), "late", flight.late()));
            case Digit digit -> new MapEvent(Map.of("pixels", digit.pixels(), "digit", digit.digit()));
        };
    }

    /// The first events of the stream.
    static List<MapEvent> events(List<StreamEvent> shipped, int count) {
        return shipped.stream().limit(count).map(ScoredModel::event).toList();
    }
}
