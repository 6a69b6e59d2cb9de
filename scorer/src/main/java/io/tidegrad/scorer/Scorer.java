package io.tidegrad.scorer;

import io.tidegrad.control.ControlIntake;
import io.tidegrad.control.ControlStatus;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.TypedEvent;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.SnapshotVerifier;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.apache.avro.generic.IndexedRecord;
import org.jspecify.annotations.Nullable;

/// Scores events with a model's newest admitted version, inside any JVM service: follows the snapshots topic on a
/// thread of its own, verifies before it admits, swaps with one store, keeps the last good version whatever happens.
///
/// Thread-safe; readers never wait. Every answer comes from exactly one version and says which. `newSession` gives the
/// path without allocation; the `score` methods are the comfortable one.
///
/// ```java
/// try (Scorer scorer = Scorer.open(ScorerOptions.of("flight-delay", Map.of("bootstrap.servers", "127.0.0.1:9092")))) {
///     scorer.awaitReady(Duration.ofSeconds(30));
///     Prediction late = scorer.score(Map.of("origin", "SFO", "destination", "JFK", "distance", 2586));
/// }
/// ```
public final class Scorer implements AutoCloseable {
    private final String model;
    private final InstantSource clock;
    private final Kernels kernels;
    private final int maxBatch;
    private final CurrentModel current;
    private final AdmissionLog admissions = new AdmissionLog();
    private final SnapshotCounters counters = new SnapshotCounters();
    private final YieldBudget yieldBudget = new YieldBudget();
    private final ControlIntake control;
    private final SessionPool sessions;
    private final long maxAgeMillis;
    private final @Nullable SnapshotFollower follower;
    private final @Nullable LastGood lastGood;

    private Scorer(String model, int maxBatch, InstantSource clock, Kernels kernels, CurrentModel current,
            ControlIntake control, @Nullable Duration maxAge, Function<Scorer, @Nullable LastGood> lastGood,
            BiFunction<Scorer, @Nullable LastGood, @Nullable SnapshotFollower> follower) {
        this.model = model;
        this.clock = clock;
        this.kernels = kernels;
        this.maxBatch = maxBatch;
        this.current = current;
        this.control = control;
        // Twice the processors: more sessions than that can't be busy at once for long.
        sessions = new SessionPool(2 * Runtime.getRuntime().availableProcessors(), this::newSession);
        maxAgeMillis = maxAge == null ? Long.MAX_VALUE : maxAge.toMillis();
        this.lastGood = lastGood.apply(this);
        this.follower = follower.apply(this, this.lastGood);
    }

    /// Opens on a topic and returns at once; `awaitReady` waits for the first version. Neither Kafka nor the topic
    /// needs to be there yet.
    public static Scorer open(ScorerOptions options) {
        return open(options,
                options.pin() == null ? new ControlIntake(options.model()) : ControlIntake.ofModel(options.model()));
    }

    /// @param control of the name
    static Scorer open(ScorerOptions options, ControlIntake control) {
        return open(options, Parameters::served, options.pin() == null ? new Succession() : Succession.ofPin(),
                control);
    }

    /// @param room where snapshots are decoded; see `SnapshotVerifier`
    static Scorer open(ScorerOptions options, Function<Plan, Parameters> room, Succession succession,
            ControlIntake control) {
        return open(options, room, succession, control, LastGood.PATIENCE);
    }

    /// @param room where snapshots are decoded; see `SnapshotVerifier`
    /// @param patience with Kafka at a start, where there is a file
    static Scorer open(ScorerOptions options, Function<Plan, Parameters> room, Succession succession,
            ControlIntake control, Duration patience) {
        Scorer scorer = new Scorer(options.model(), options.maxBatch(), options.clock(), options.kernels(),
                new CurrentModel(options.maxSnapshotBytes(), succession, options.clock()), control, options.maxAge(),
                opening -> opening.lastGood(options, patience),
                (opening, lastGood) -> new SnapshotFollower(options, model -> opening.intake(options, model, room),
                        opening.control, opening.current, opening.counters, opening.yieldBudget, lastGood));
        if (scorer.follower != null) {
            scorer.follower.start();
        }
        if (scorer.lastGood != null) {
            scorer.lastGood.start();
        }
        return scorer;
    }

    private @Nullable LastGood lastGood(ScorerOptions options, Duration patience) {
        Path directory = options.stateDir();
        return directory == null || options.pin() != null ? null
                : new LastGood(model, new LastGoodFile(directory, model), current, counters,
                        options.publicKey() != null, manifest -> follower == null || follower.allows(manifest),
                        answering -> admission(answering, verifier(options, answering, Parameters::served)), patience);
    }

    private SnapshotVerifier verifier(ScorerOptions options, String answering, Function<Plan, Parameters> room) {
        return new SnapshotVerifier(answering, kernels, options.maxSnapshotBytes(), options.publicKey(), room,
                yieldBudget);
    }

    private SnapshotIntake intake(ScorerOptions options, String answering, Function<Plan, Parameters> room) {
        return new SnapshotIntake(answering, admission(answering, verifier(options, answering, room)), current,
                counters, options.maxSnapshotBytes());
    }

    private SnapshotAdmission admission(String answering, SnapshotVerifier verifier) {
        return new SnapshotAdmission(answering, verifier, kernels, clock, current, admissions, counters, yieldBudget);
    }

    /// Serves one full snapshot and never another.
    ///
    /// @param parts values of parts 0 … n-1
    /// @throws IllegalArgumentException the snapshot is refused; says why
    public static Scorer of(SnapshotManifest manifest, List<byte[]> parts, InstantSource clock) {
        return alone("snapshot", manifest, null, clock, admission -> admission.admit(manifest, parts));
    }

    /// Serves the version in a file (`tidegrad export --to NAME.snapshot`) and never another, verified as one that
    /// comes from the topic.
    ///
    /// @throws IOException the file can't be read
    /// @throws IllegalArgumentException it is no such file, or what it holds is refused; says why
    public static Scorer open(Path file) throws IOException {
        return open(file, null);
    }

    /// As `open(Path)`.
    ///
    /// @param key whose signature the manifest must carry; null when it need not be signed
    public static Scorer open(Path file, @Nullable PublicKey key) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            return of("snapshot file " + file, in, key);
        }
    }

    /// Serves the version in the bytes of such a file and never another.
    ///
    /// @throws IllegalArgumentException they are no such file's, or what they hold is refused; says why
    public static Scorer of(byte[] file) {
        return of(file, null);
    }

    /// As `of(byte[])`.
    ///
    /// @param key whose signature the manifest must carry; null when it need not be signed
    public static Scorer of(byte[] file, @Nullable PublicKey key) {
        try {
            return of("snapshot", new ByteArrayInputStream(file), key);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // bytes in memory are always there
        }
    }

    private static Scorer of(String what, InputStream in, @Nullable PublicKey key) throws IOException {
        SnapshotFile file;
        try {
            file = SnapshotFile.read(in);
        } catch (SnapshotFormatException e) {
            throw new IllegalArgumentException(what + " is refused: " + e.getMessage(), e);
        }
        return alone(what, file.head().manifest(), key, InstantSource.system(), admission -> admission.admit(file));
    }

    private static Scorer alone(String what, SnapshotManifest manifest, @Nullable PublicKey key, InstantSource clock,
            Function<SnapshotAdmission, Admission> admit) {
        long maxBytes = Runtime.getRuntime().maxMemory() / 4;
        Kernels kernels = Kernels.active();
        Scorer scorer =
                new Scorer(manifest.model(), 32, clock, kernels, new CurrentModel(maxBytes, new Succession(), clock),
                        new ControlIntake(manifest.model()), null, opening -> null, (opening, none) -> null);
        scorer.counters.seen();
        SnapshotVerifier verifier = new SnapshotVerifier(manifest.model(), kernels, maxBytes, key, Parameters::served);
        if (admit.apply(scorer.admission(manifest.model(), verifier)) instanceof Admission.Refused refused) {
            throw new IllegalArgumentException(what + " " + refused.epoch() + "." + refused.version() + " of '"
                    + manifest.model() + "' is refused: " + refused.reason().code() + ": " + refused.detail());
        }
        return scorer;
    }

    /// The name that it was opened with. Which model answers to it, an answer tells.
    public String model() {
        return model;
    }

    /// True as soon as a version serves; false when the time is over first.
    public boolean awaitReady(Duration timeout) throws InterruptedException {
        return current.awaitFirst(timeout);
    }

    /// Whether a version serves, and is not older than `ScorerOptions.maxAge`. What is too old goes on answering.
    public boolean ready() {
        ServedVersion served = current.get();
        return served != null && isFresh(freshness(served));
    }

    private boolean isFresh(long freshnessMs) {
        return freshnessMs <= maxAgeMillis;
    }

    private long freshness(ServedVersion served) {
        return Freshness.millis(served, current.seenHeartbeat(served.model()), clock.millis());
    }

    /// @param record values by field name: numbers, strings, booleans, `Instant`s, lists, bytes
    /// @throws RejectedEventException a value can't be scored; says field, expected and found
    /// @throws NotReadyException no version has been admitted yet
    public Prediction score(Map<String, ?> record) {
        return score(new MapEvent(record));
    }

    /// As `score(Map)`. A field that the record's schema lacks counts as missing.
    public Prediction score(IndexedRecord record) {
        ScoringSession session = sessions.take();
        try {
            return answer(session, session.score(record));
        } finally {
            sessions.giveBack(session);
        }
    }

    /// As `score(Map)`.
    public Prediction score(Event event) {
        ScoringSession session = sessions.take();
        try {
            return answer(session, session.score(event));
        } finally {
            sessions.giveBack(session);
        }
    }

    private Prediction answer(ScoringSession session, @Nullable Rejection rejection) {
        if (rejection != null) {
            throw new RejectedEventException(0, rejection);
        }
        float[] probabilities = new float[session.outputs()];
        session.probabilities(probabilities, 0);
        return new Prediction(session.model().model(), session.epoch(), session.version(), session.offset(),
                session.freshnessMs(), probabilities);
    }

    /// Scores one event and says what each of its features adds to the prediction. Costs as many predictions as there
    /// are features, and two; the prediction has the same bits as `score` gives.
    ///
    /// @throws RejectedEventException the event can't be scored
    /// @throws NotReadyException no version has been admitted yet
    /// @throws UnsupportedOperationException the network reads features here and there (`features` and `branches`)
    public Explanation explain(Event event) {
        ServedVersion served = current.get();
        if (served == null) {
            throw new NotReadyException(model);
        }
        return explain(served, event);
    }

    /// As `explain(Event)`.
    public Explanation explain(Map<String, ?> record) {
        return explain(new MapEvent(record));
    }

    /// As `explain(Event)`, by a version that was read from `current()`.
    public Explanation explain(ServedVersion served, Event event) {
        Explainer explainer = new Explainer(served, kernels);
        Rejection rejection = explainer.take(event);
        if (rejection != null) {
            throw new RejectedEventException(0, rejection);
        }
        return explainer.explanation(freshness(served));
    }

    /// Scores all events with one version, `maxBatch` at a time.
    ///
    /// @param events at least one
    /// @throws RejectedEventException for the first event that can't be scored; its `index` says which
    /// @throws NotReadyException no version has been admitted yet
    public Predictions scoreAll(List<? extends Event> events) {
        ServedVersion served = current.get();
        if (served == null) {
            throw new NotReadyException(model);
        }
        return scoreAll(served, events);
    }

    /// As `scoreAll(List)`, by a version that was read from `current()`: another one that comes meanwhile may want
    /// other fields of an event.
    public Predictions scoreAll(ServedVersion served, List<? extends Event> events) {
        if (events.isEmpty()) {
            throw new IllegalArgumentException("expected at least one event, found none");
        }
        ScoringSession session = sessions.take();
        try {
            session.begin(served);
            int outputs = session.outputs();
            float[] probabilities = new float[Math.multiplyExact(events.size(), outputs)];
            int at = 0;
            for (int index = 0; index < events.size(); index++) {
                Rejection rejection = session.add(events.get(index));
                if (rejection != null) {
                    throw new RejectedEventException(index, rejection);
                }
                if (session.size() == session.capacity() || index == events.size() - 1) {
                    session.score();
                    session.probabilities(probabilities, at);
                    at += session.size() * outputs;
                    session.clear();
                }
            }
            return new Predictions(served.model(), session.epoch(), session.version(), session.offset(),
                    session.freshnessMs(), outputs, probabilities);
        } finally {
            sessions.giveBack(session);
        }
    }

    /// An event to fill through handles, with the fields that the served spec reads; one a thread. It can be scored by
    /// any version, also one that reads other fields: see `TypedEvent`.
    ///
    /// @throws NotReadyException no version has been admitted yet
    public TypedEvent newEvent() {
        ServedVersion served = current.get();
        if (served == null) {
            throw new NotReadyException(model);
        }
        return new TypedEvent(
                served.spec().features().stream().flatMap(feature -> feature.fields().stream()).distinct().toList());
    }

    /// One thread's reusable workspace: the path without allocation.
    public ScoringSession newSession() {
        return new ScoringSession(model, current, kernels, clock, maxBatch);
    }

    /// The version that answers now; null while none was admitted.
    public @Nullable ServedVersion current() {
        return current.get();
    }

    /// The last three versions before the current one, newest first; fewer where they would hold more than
    /// `maxSnapshotBytes` together.
    public List<ServedVersion> previous() {
        return current.previous();
    }

    /// Of the current version, recomputed from the floats it serves. 64 hex digits.
    ///
    /// @throws NotReadyException no version has been admitted yet
    public String weightsHash() {
        ServedVersion served = current.get();
        if (served == null) {
            throw new NotReadyException(model);
        }
        return served.weightsHash();
    }

    public AdmissionLog admissions() {
        return admissions;
    }

    public ScorerStatus status() {
        ServedVersion served = current.get();
        ControlStatus controlled = control.status();
        SeenHeartbeat seen = current.seenHeartbeat(served == null ? controlled.model() : served.model());
        long now = clock.millis();
        SnapshotFollower.Status following =
                follower == null ? new SnapshotFollower.Status(SnapshotFollower.State.CLOSED, "") : follower.status();
        long freshnessMs = served == null ? Freshness.UNKNOWN : Freshness.millis(served, seen, now);
        return new ScorerStatus(model, served, freshnessMs, Freshness.clockBehindMillis(served, seen, now),
                follower == null ? "none" : following.state().name().toLowerCase(Locale.ROOT).replace('_', '-'),
                following.detail(), controlled.with(problem(controlled, served)),
                seen == null ? null : seen.heartbeat(), seen == null ? -1 : seen.ageMillis(now), counters.seenCount(),
                counters.loadedCount(), counters.reading(), counters.failureCount(), counters.refusedCounts(),
                counters.lastRefusal(), !isFresh(freshnessMs));
    }

    /// Why what was decided is not what serves; empty when it is, or when nothing serves, which has words of its own.
    private static String problem(ControlStatus controlled, @Nullable ServedVersion served) {
        if (served == null || (served.model().equals(controlled.model()) && served.epoch() >= controlled.epoch()
                && !controlled.deleted())) {
            return served == null ? controlled.problem() : "";
        }
        return controlled.problem().isEmpty()
                ? "expected " + (controlled.deleted() ? "nothing of " : "epoch " + controlled.epoch() + " or above of ")
                        + controlled.model() + ", still serving " + served.name()
                : controlled.problem();
    }

    /// Stops following. What was admitted can still be scored with.
    @Override
    public void close() {
        if (follower != null) {
            follower.close();
        }
        if (lastGood != null) {
            lastGood.close();
        }
        current.forget();
    }
}
