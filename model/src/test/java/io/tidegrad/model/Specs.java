package io.tidegrad.model;

import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Specs and events that several tests use.
public final class Specs {
    public static final String FLIGHTS = """
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

    public static final String DIGITS = """
            model: digits
            input: { topic: digits }
            label: { field: digit }
            features:
              - pixels: { field: image, width: 4, height: 3 }
            network: [ dense: 10, relu, dense: 10, softmax ]
            loss: categorical-cross-entropy
            optimizer: { adam: { rate: 0.001 } }
            """;

    /// Every layer that a spec can name, and every feature of several values.
    public static final String EVERY_LAYER = """
            model: m
            input: { topic: t }
            label: { field: y }
            weight: { field: "how much" }
            features:
              - pixels: { field: image, width: 8, height: 8 }
              - sequence: { field: readings, steps: 6, width: 4, shorter: pad }
              - categories: { field: words, count: 5, buckets: 50, dimension: 4, update: dense }
              - bag: { field: tags, count: 3, buckets: 20, dimension: 4, weights: shares }
              - bag: { field: marks, count: 2, buckets: 10, dimension: 2, mode: mean }
              - number: { field: distance, scale: standard, missing: indicator }
              - number: { field: speed }
              - cross: { fields: [a, b], buckets: 9, dimension: 1 }
              - history: { key: a, field: speed, values: [lag, difference, count], buckets: 9 }
              - quantiles: { field: speed, buckets: 5, dimension: 2 }
              - vocabulary: { field: origin, capacity: 6, waiting: 4, min-count: 2, expire-after: 20, dimension: 3 }
            network:
              - branches:
                  - [ features: [image], reshape: [1, 8, 8], conv2d: { channels: 3, kernel: [3, 2], stride: [1, 2],
                      padding: 1, bias: false, rate-factor: 0.5 }, batch-norm: { momentum: 0.2 }, relu, max-pool: 2,
                      conv2d: { channels: 4, kernel: 1 }, leaky-relu, average-pool: { kernel: 2, stride: 1, padding: 1 },
                      global-average-pool ]
                  - [ features: [readings], reshape: [6, 4], layer-norm, self-attention: { heads: 2, causal: true },
                      gru: { hidden: 3, bidirectional: true, output: sequence, lengths: readings, frozen: true },
                      lstm: { hidden: 5, output: state, initial: [ features: [distance], dense: 10, tanh ] },
                      rms-norm: { epsilon: 0.01, frozen: true } ]
                  - [ features: [words], reshape: [5, 4], transpose,
                      conv1d: { channels: 2, kernel: 2, stride: 2, padding: 1, init: he-normal }, flatten, elu: { alpha: 0.5 } ]
                  - [ features: [tags, marks, distance, speed, [a, b], a, origin], silu ]
              - dense: { units: 8, init: he-normal }
              - leaky-relu: { slope: 0.2 }
              - residual: [ dense: 8, softplus, dropout: 0.1, dense: 8, gelu: { form: tanh } ]
              - branches: [ [], [ dense: 4, gelu, elu ], [ reshape: [2, 4], self-attention: 2, rnn: 3 ] ]
              - batch-norm
              - dense: { units: 1, bias: false }
              - bias
              - sigmoid
            loss: binary-cross-entropy
            optimizer: adam
            """;

    /// The same with a cross of what is learned.
    public static final String LEARNED_CROSS =
            EVERY_LAYER.replace("fields: [a, b]", "fields: [{ quantiles: speed }, { vocabulary: origin }]")
                    .replace("[a, b]", "[speed, origin]");

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

    /// Event number `index` of a fixed stream for `EVERY_LAYER`.
    public static Event everyField(int index) {
        SplittableRandom random = new SplittableRandom(index);
        boolean y = random.nextBoolean();
        byte[] image = new byte[64];
        for (int i = 0; i < image.length; i++) {
            image[i] = (byte) random.nextInt(y ? 256 : 64);
        }
        List<Object> readings = new ArrayList<>();
        int steps = random.nextInt(7);
        for (int i = 0; i < 4 * steps; i++) {
            readings.add(random.nextDouble() - (y ? 0.3 : 0.7));
        }
        List<Object> words = new ArrayList<>();
        for (int i = random.nextInt(6); i > 0; i--) {
            words.add("word" + random.nextInt(20));
        }
        List<Object> tags = new ArrayList<>();
        List<Object> shares = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
            tags.add(random.nextInt(9));
            shares.add(random.nextDouble());
        }
        Map<String, Object> fields = new HashMap<>();
        fields.put("y", y);
        fields.put("how much", random.nextInt(4));
        fields.put("image", image);
        fields.put("readings", readings);
        fields.put("words", words);
        fields.put("tags", tags);
        fields.put("shares", shares);
        fields.put("marks", List.of("a"));
        if (random.nextInt(5) > 0) {
            fields.put("distance", random.nextInt(100));
        }
        fields.put("speed", random.nextDouble());
        fields.put("a", random.nextInt(3));
        return new MapEvent(fields);
    }

    /// Returns a model with what a store keeps of this one: pages and counts, then the carry.
    public static OnlineModel restored(OnlineModel model) {
        OnlineModel copy = OnlineModel.blank(model.spec(), model.kernels());
        byte[] page = new byte[Parameters.PAGE_BYTES];
        for (int i = 0; i < model.parameters().pages(); i++) {
            model.parameters().readPage(i, page, 0);
            copy.parameters().writePage(i, page, 0);
        }
        copy.parameters().setCounts(model.parameters().updates(), model.parameters().examples());
        copy.restoreCarry(model.carry());
        return copy;
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
