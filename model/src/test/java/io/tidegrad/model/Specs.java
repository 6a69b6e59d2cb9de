package io.tidegrad.model;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/// Specs and events that several tests use.
public final class Specs {
    public static final String FLIGHTS =
            """
            model: flight-delay
            input:    { topic: flights, event-time: departed }
            label:    { field: late }
            features:
              - number:    { field: distance, scale: standard }
              - time-part: { field: departed, parts: [hour, weekday] }
              - category:  { field: origin, buckets: 512, dimension: 4 }
              - cross:     { fields: [origin, destination], buckets: 8192, dimension: 4 }
            network:  [ dense: 16, relu, dense: 1 ]
            loss:     binary-cross-entropy
            optimizer: { adam: { rate: 0.001 } }
            mini-batch: { size: 1 }
            publish:  { every: PT0.5S }
            seed: 42
            """;

    public static final String DIGITS =
            """
            model: digits
            input: { topic: digits }
            label: { field: digit }
            features:
              - pixels: { field: image, width: 4, height: 3 }
            network: [ dense: 10, relu, dense: 10, softmax ]
            loss: categorical-cross-entropy
            optimizer: { adam: { rate: 0.001 } }
            """;

    /// 2001-01-01T00:00:00Z
    public static final long START = 978_307_200_000L;

    private Specs() {}

    public static ModelSpec flights() {
        return ModelSpec.parse(FLIGHTS, "flights.yaml");
    }

    public static ModelSpec flights(int miniBatch) {
        return ModelSpec.parse(FLIGHTS.replace("size: 1", "size: " + miniBatch), "flights.yaml");
    }

    /// Flight number `index` of a fixed stream, a minute after the one before it.
    public static Event flight(int index) {
        SplittableRandom random = new SplittableRandom(index);
        String[] airports = {"JFK", "LAX", "SFO", "ORD", "ATL"};
        int origin = random.nextInt(airports.length);
        Map<String, Object> fields = new HashMap<>();
        fields.put("departed", START + 60_000L * index);
        fields.put("distance", 100 + random.nextInt(2_000));
        fields.put("origin", airports[origin]);
        fields.put("destination", airports[random.nextInt(airports.length)]);
        fields.put("late", random.nextInt(5) <= origin);
        return new MapEvent(fields);
    }

    public static Row row(Featurizer featurizer, Event event) {
        Row row = featurizer.newRow();
        var rejection = featurizer.featurize(event, row);
        if (rejection != null) {
            throw new AssertionError(rejection);
        }
        return row;
    }
}
