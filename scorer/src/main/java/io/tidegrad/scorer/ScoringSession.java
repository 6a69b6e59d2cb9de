package io.tidegrad.scorer;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.UnknownField;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Objects;
import org.apache.avro.generic.IndexedRecord;
import org.jspecify.annotations.Nullable;

/// The reusable row, batch, workspace and predictions of one thread. After the first prediction nothing is allocated,
/// except for what reading the event's own values costs. Not thread-safe: make one for each thread with
/// `Scorer.newSession`.
///
/// ```java
/// Rejection rejection = session.score(event);
/// if (rejection == null) {
///     use(session.probability(0), session.version(), session.freshnessMs());
/// }
/// ```
///
/// To score several events by the same version, call `begin()`, then `add` for up to `capacity()` events, then
/// `score()`. `clear()` makes room for more events and keeps the version.
public final class ScoringSession {
    private final String modelName;
    private final CurrentModel current;
    private final Kernels kernels;
    private final InstantSource clock;
    private final int capacity;
    private final AvroEvent avro = new AvroEvent();
    private @Nullable Bench bench;
    private @Nullable ServedVersion pinned;
    private long freshnessMs = Freshness.UNKNOWN;
    private int added;

    /// Everything whose shape follows from the spec. It is replaced only when the spec changes.
    private static final class Bench {
        final ModelBinding binding;
        final Featurizer featurizer;
        final Row row;
        final Batch batch;
        final Predictor predictor;
        final float[] probabilities; // (capacity, outputs)
        final int outputs;
        final int stepOutputs; // of a label that is no list: all outputs
        final int stepsAt; // the id that says how many steps a row has, -1 when each has all

        Bench(ModelBinding binding, Kernels kernels, int capacity) {
            this.binding = binding;
            featurizer = new Featurizer(binding.spec());
            row = featurizer.newRow();
            batch = new Batch(binding.plan().spec().row(), capacity);
            predictor = new Predictor(binding.plan(), kernels, capacity);
            outputs = binding.plan().outputs();
            stepOutputs = binding.spec().outputs();
            stepsAt = binding.spec().stepsAt();
            probabilities = new float[Math.multiplyExact(capacity, outputs)];
        }

        int numbers(int event) {
            return stepsAt < 0 ? outputs : stepOutputs * batch.ids[event * row.ids.length + stepsAt];
        }

        void predict(ServedVersion model) {
            predictor.predict(model.parameters(), batch, probabilities);
            if (stepsAt >= 0) {
                // What the network says of steps that a row does not have means nothing.
                for (int event = 0; event < batch.size(); event++) {
                    Arrays.fill(probabilities, event * outputs + numbers(event), (event + 1) * outputs, 0);
                }
            }
        }
    }

    ScoringSession(String modelName, CurrentModel current, Kernels kernels, InstantSource clock, int capacity) {
        this.modelName = modelName;
        this.current = current;
        this.kernels = kernels;
        this.clock = clock;
        this.capacity = capacity;
    }

    /// Scores one event by the newest admitted version. Returns null if the getters hold the prediction, else why the
    /// event can't be scored.
    ///
    /// @throws NotReadyException if no version has been admitted yet
    public @Nullable Rejection score(Event event) {
        begin();
        Rejection rejection = add(event);
        if (rejection == null) {
            score();
        }
        return rejection;
    }

    /// Like `score(Event)`, for an Avro record. Fields are found by the names and aliases of the record's schema, and
    /// times of any logical type are accepted. If the schema lacks a field of a model whose spec says `schema: ID`, the
    /// record is rejected, because that schema may know the field by another name: `new AvroEvent(thatSchema)` reads it.
    public @Nullable Rejection score(IndexedRecord record) {
        begin();
        Rejection rejection = add(avro.of(record));
        if (rejection != null) {
            return rejection;
        }
        UnknownField unknown = avro.unknownField();
        if (unknown != null && pinned().spec().input().reader() instanceof ModelSpec.Reader.Of(int id)) {
            clear();
            return new Rejection(Rejection.Reason.UNKNOWN_FIELD,
                    unknown.message() + "; the model finds fields by schema id " + id
                            + " too: score(new AvroEvent(that schema).of(record))");
        }
        score();
        return null;
    }

    /// Chooses the newest version for everything until the next `begin`, and empties the batch.
    ///
    /// @throws NotReadyException if no version has been admitted yet
    public void begin() {
        ServedVersion model = current.get();
        if (model == null) {
            throw new NotReadyException(modelName);
        }
        begin(model);
    }

    /// Like `begin()`, with a version that the caller has read before, so that events which were prepared for it are
    /// scored by it.
    public void begin(ServedVersion model) {
        pinned = model;
        Bench ready = bench;
        if (ready == null || ready.binding != model.binding()) {
            ready = new Bench(model.binding(), kernels, capacity);
            bench = ready;
        }
        ready.batch.resize(0);
    }

    /// Adds the features of one event to the batch. Returns null if they were added; else why not, and the batch is
    /// unchanged.
    public @Nullable Rejection add(Event event) {
        Bench ready = bench();
        Batch batch = ready.batch;
        int at = batch.size();
        if (at == capacity) {
            throw new IllegalStateException("this session holds " + capacity + " events; score, read, then clear");
        }
        Row row = ready.row;
        Rejection rejection = ready.featurizer.featurizeForScoring(event, row);
        if (rejection != null) {
            return rejection;
        }
        System.arraycopy(row.numbers, 0, batch.numbers, at * row.numbers.length, row.numbers.length);
        System.arraycopy(row.ids, 0, batch.ids, at * row.ids.length, row.ids.length);
        batch.resize(at + 1);
        if (++added % RecentRequests.ONE_IN == 0) {
            ready.binding.recent().offer(row);
        }
        return null;
    }

    /// Scores the events that were added since `begin` or `clear`.
    public void score() {
        Bench ready = bench();
        ServedVersion model = pinned();
        ready.predict(model);
        freshnessMs = Freshness.millis(model, current.seenHeartbeat(model.model()), clock.millis());
    }

    /// Empties the batch and keeps the version.
    public void clear() {
        bench().batch.resize(0);
    }

    public int capacity() {
        return capacity;
    }

    /// Returns the number of events in the batch.
    public int size() {
        return bench().batch.size();
    }

    /// Returns how many numbers a prediction has: of a label that is a list, those of all steps, step after step.
    public int outputs() {
        return bench().outputs;
    }

    /// Returns how many of them say something of the event: fewer if its row has fewer steps. The others are 0.
    public int numbers(int event) {
        Bench ready = bench();
        return ready.numbers(Objects.checkIndex(event, ready.batch.size()));
    }

    /// Returns an output for the first event.
    public float probability(int output) {
        return probability(0, output);
    }

    public float probability(int event, int output) {
        Bench ready = bench();
        Objects.checkIndex(event, ready.batch.size());
        return ready.probabilities[event * ready.outputs + Objects.checkIndex(output, ready.outputs)];
    }

    /// Copies the predictions for all events of the batch: shape (size, outputs), row-major.
    public void probabilities(float[] to, int at) {
        Bench ready = bench();
        System.arraycopy(ready.probabilities, 0, to, at, ready.batch.size() * ready.outputs);
    }

    /// Returns how many numbers the members of the model's mixture give an event, all together; 0 without a mixture.
    public int memberOutputs() {
        return bench().binding.plan().memberOutputs();
    }

    /// Returns what members gave an event; empty without a mixture.
    public float[] memberOutputsOf(int event) {
        Bench ready = bench();
        float[] outputs = new float[memberOutputs()];
        ready.predictor.memberOutputs(Objects.checkIndex(event, ready.batch.size()), outputs, 0);
        return outputs;
    }

    /// Copies what members gave the events of the batch: shape (size, memberOutputs()), row-major.
    public void memberOutputs(float[] to, int at) {
        Bench ready = bench();
        for (int event = 0; event < ready.batch.size(); event++) {
            ready.predictor.memberOutputs(event, to, at + event * memberOutputs());
        }
    }

    /// Writes `numbers(int)` for all events of the batch.
    public void numbers(int[] to, int at) {
        Bench ready = bench();
        for (int event = 0; event < ready.batch.size(); event++) {
            to[at + event] = ready.numbers(event);
        }
    }

    /// Returns the version that scores.
    public ServedVersion servedVersion() {
        return pinned();
    }

    public int epoch() {
        return pinned().epoch();
    }

    public long version() {
        return pinned().version();
    }

    /// Returns the next offset of the log of record: the version has seen every event before it.
    public long offset() {
        return pinned().nextOffset();
    }

    /// Returns the freshness at the last `score`; see `Prediction`.
    public long freshnessMs() {
        return freshnessMs;
    }

    private Bench bench() {
        Bench ready = bench;
        if (ready == null) {
            throw new IllegalStateException("begin() or score() comes first");
        }
        return ready;
    }

    private ServedVersion pinned() {
        ServedVersion model = pinned;
        if (model == null) {
            throw new IllegalStateException("begin() or score() comes first");
        }
        return model;
    }
}
