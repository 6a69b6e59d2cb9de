package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Learns from generated departures and publishes snapshots, like a trainer without Kafka. Events are a pure function
/// of their offset, so that every test sees the same versions.
public final class TestTrainer {
    private static final List<String> AIRPORTS = List.of("ATL", "BOS", "DEN", "JFK", "LAX", "ORD", "SEA", "SFO");
    private static final long FIRST_DEPARTURE = 978_307_200_000L; // 2001-01-01T00:00Z
    private static final long MINUTE = 60_000;

    private final OnlineModel model;
    private final Featurizer featurizer;
    private final Row row;
    private final int epoch;
    private long nextOffset;
    private PublishedSnapshot.Form form = PublishedSnapshot.Form.PLAIN;
    private @Nullable SnapshotManifest last;

    private TestTrainer(ModelSpec spec, int epoch) {
        model = OnlineModel.initial(spec, Kernels.active());
        featurizer = new Featurizer(spec);
        row = featurizer.newRow();
        this.epoch = epoch;
    }

    public static TestTrainer of(String modelName) {
        return of(modelName, 1, 16);
    }

    /// @param hidden width of the hidden layer: another width is another spec
    public static TestTrainer of(String modelName, int epoch, int hidden) {
        return new TestTrainer(ModelSpec.parse(spec(modelName, hidden), "test"), epoch);
    }

    static TestTrainer of(ModelSpec spec) {
        return new TestTrainer(spec, 1);
    }

    /// A model of the same events with fewer features: another spec, other fields.
    public static TestTrainer ofDistances(String modelName) {
        return new TestTrainer(ModelSpec.parse("""
                        model: %s
                        input: { topic: flights }
                        label: { field: late }
                        features:
                          - number: { field: distance, scale: standard }
                          - category: { field: destination, buckets: 16, dimension: 2 }
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.05 } }
                        seed: 7
                        """.formatted(modelName), "test"), 1);
    }

    /// A model that finds its fields by the names and aliases of a schema, too.
    public static TestTrainer ofSchema(String modelName, int schemaId) {
        return new TestTrainer(ModelSpec.parse("""
                        model: %s
                        input: { topic: flights, schema: %d }
                        label: { field: late }
                        features: [ number: { field: distance, missing: indicator } ]
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.05 } }
                        seed: 7
                        """.formatted(modelName, schemaId), "test"), 1);
    }

    /// A model of one table, as large as wanted.
    public static TestTrainer ofOrigins(String modelName, int buckets, int dimension) {
        return new TestTrainer(ModelSpec.parse("""
                        model: %s
                        input: { topic: flights }
                        label: { field: late }
                        features: [ category: { field: origin, buckets: %d, dimension: %d } ]
                        network: [ dense: 1 ]
                        loss: binary-cross-entropy
                        optimizer: { sgd: { rate: 0.05 } }
                        seed: 7
                        """.formatted(modelName, buckets, dimension), "test"), 1);
    }

    public static String spec(String modelName, int hidden) {
        return """
                model: %s
                input: { topic: flights, event-time: departed }
                label: { field: late }
                features:
                  - number: { field: distance, scale: standard }
                  - time-part: { field: departed, parts: [hour, weekday] }
                  - category: { field: origin, buckets: 64, dimension: 4 }
                  - cross: { fields: [origin, destination], buckets: 256, dimension: 4 }
                network: [ dense: %d, relu, dense: 1 ]
                loss: binary-cross-entropy
                optimizer: { adam: { rate: 0.01 } }
                seed: 42
                """.formatted(modelName, hidden);
    }

    public static MapEvent event(long offset) {
        long mixed = (offset + 1) * 0x9E3779B97F4A7C15L;
        int origin = (int) (mixed >>> 61);
        int destination = (int) (mixed >>> 58 & 7);
        return new MapEvent(Map.of("departed", FIRST_DEPARTURE + offset * MINUTE, "distance",
                100 + (mixed >>> 40 & 0xfff), "origin", AIRPORTS.get(origin), "destination", AIRPORTS.get(destination),
                "late", (origin + destination) % 3 == 0));
    }

    public TestTrainer learn(int events) {
        for (int i = 0; i < events; i++) {
            Rejection rejection = featurizer.featurize(event(nextOffset), row);
            if (rejection == null) {
                rejection = model.accept(row);
            }
            if (rejection != null) {
                throw new IllegalStateException(rejection.toString());
            }
            nextOffset++;
        }
        return this;
    }

    public OnlineModel model() {
        return model;
    }

    public int epoch() {
        return epoch;
    }

    public long nextOffset() {
        return nextOffset;
    }

    /// When the event at `offset` was appended, in these tests.
    public static long appendTime(long offset) {
        return 1_700_000_000_000L + offset;
    }

    /// The model as it is.
    public PublishedSnapshot publish() {
        return publish(false);
    }

    public PublishedSnapshot publish(boolean caughtUp) {
        return PublishedSnapshot.of(model, model.weightsHash(), epoch, nextOffset,
                nextOffset == 0 ? 0 : appendTime(nextOffset - 1), caughtUp);
    }

    /// All of the model; deltas may follow.
    public PublishedSnapshot publishFull() {
        PublishedSnapshot full = PublishedSnapshot.full(model, moment(), form);
        published(full);
        return full;
    }

    /// What changed since the snapshot before.
    public PublishedSnapshot publishDelta() {
        SnapshotManifest before = Objects.requireNonNull(last, "a full snapshot comes first");
        PublishedSnapshot delta = PublishedSnapshot.delta(model, moment(),
                new PublishedSnapshot.Parent(before.version(), before.chain()), form);
        published(delta);
        return delta;
    }

    public TestTrainer with(PublishedSnapshot.Form other) {
        form = other;
        return this;
    }

    private void published(PublishedSnapshot snapshot) {
        model.parameters().changes().clear();
        last = snapshot.manifest();
    }

    private PublishedSnapshot.Moment moment() {
        return new PublishedSnapshot.Moment(model.weightsHash(), epoch, nextOffset,
                nextOffset == 0 ? 0 : appendTime(nextOffset - 1), false, System.currentTimeMillis());
    }

    /// The trainer's own answers to the events at `offsets`.
    public float[] answers(long[] offsets) {
        Batch batch = new Batch(model.parameters().plan().spec().row(), 1);
        batch.resize(1);
        Predictor predictor = new Predictor(model.parameters().plan(), Kernels.active(), 1);
        float[] answers = new float[offsets.length];
        float[] answer = new float[1];
        for (int i = 0; i < offsets.length; i++) {
            Rejection rejection = featurizer.featurizeForScoring(event(offsets[i]), row);
            if (rejection != null) {
                throw new IllegalStateException(rejection.toString());
            }
            System.arraycopy(row.numbers, 0, batch.numbers, 0, row.numbers.length);
            System.arraycopy(row.ids, 0, batch.ids, 0, row.ids.length);
            predictor.predict(model.parameters(), batch, answer);
            answers[i] = answer[0];
        }
        return answers;
    }
}
