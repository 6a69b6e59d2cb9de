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
import io.tidegrad.model.snapshot.Verification;
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

/// Scores events by the newest admitted version of a model, inside any JVM service. A thread of its own follows the
/// snapshots topic, verifies each version before it serves and swaps versions with one store. Whatever happens, the
/// last good version stays.
///
/// Thread-safe; readers never wait. Every prediction is made by exactly one version and names it. The `score` methods
/// are for convenience; the sessions of `newSession` allocate nothing.
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
        // Twice the number of processors: more sessions are never busy at once for long.
        sessions = new SessionPool(2 * Runtime.getRuntime().availableProcessors(), this::newSession);
        maxAgeMillis = maxAge == null ? Long.MAX_VALUE : maxAge.toMillis();
        this.lastGood = lastGood.apply(this);
        this.follower = follower.apply(this, this.lastGood);
    }

    /// Opens a scorer on a topic and returns at once. `awaitReady` waits for the first version. Neither Kafka nor the
    /// topic needs to exist yet.
    public static Scorer open(ScorerOptions options) {
        return open(options,
                options.pin() == null ? new ControlIntake(options.model()) : ControlIntake.ofModel(options.model()));
    }

    /// @param control takes the control records of the name
    static Scorer open(ScorerOptions options, ControlIntake control) {
        return open(options, Parameters::served, options.pin() == null ? new Succession() : Succession.ofPin(),
                control);
    }

    /// @param room allocates the memory into which snapshots are decoded; see `SnapshotVerifier`
    static Scorer open(ScorerOptions options, Function<Plan, Parameters> room, Succession succession,
            ControlIntake control) {
        return open(options, room, succession, control, LastGood.PATIENCE);
    }

    /// @param room allocates the memory into which snapshots are decoded; see `SnapshotVerifier`
    /// @param patience how long a start waits for Kafka before it serves the file's version
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

    /// Opens a scorer that serves one full snapshot and never another.
    ///
    /// @param parts values of parts 0 … n-1
    /// @throws IllegalArgumentException if the snapshot is refused; says why
    public static Scorer of(SnapshotManifest manifest, List<byte[]> parts, InstantSource clock) {
        return alone("snapshot", manifest, null, clock, admission -> admission.admit(manifest, parts));
    }

    /// Opens a scorer that serves the version in a file (`tidegrad export --to NAME.snapshot`) and never another. The
    /// version passes the same checks as one from the topic.
    ///
    /// @throws IOException if the file can't be read
    /// @throws IllegalArgumentException if it is not a snapshot file, or its version is refused; says why
    public static Scorer open(Path file) throws IOException {
        return open(file, null);
    }

    /// Like `open(Path)`.
    ///
    /// @param key key with which the manifest must be signed; null if it need not be signed
    public static Scorer open(Path file, @Nullable PublicKey key) throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
            return of("snapshot file " + file, in, key);
        }
    }

    /// Opens a scorer that serves the version in the bytes of a snapshot file and never another.
    ///
    /// @throws IllegalArgumentException if they are not those of a snapshot file, or the version is refused; says why
    public static Scorer of(byte[] file) {
        return of(file, null);
    }

    /// Like `of(byte[])`.
    ///
    /// @param key key with which the manifest must be signed; null if it need not be signed
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
            Function<SnapshotAdmission, Verification> admit) {
        long maxBytes = Runtime.getRuntime().maxMemory() / 4;
        Kernels kernels = Kernels.active();
        Scorer scorer =
                new Scorer(manifest.model(), 32, clock, kernels, new CurrentModel(maxBytes, new Succession(), clock),
                        new ControlIntake(manifest.model()), null, opening -> null, (opening, none) -> null);
        scorer.counters.seen();
        SnapshotVerifier verifier = new SnapshotVerifier(manifest.model(), kernels, maxBytes, key, Parameters::served);
        if (admit.apply(scorer.admission(manifest.model(), verifier)) instanceof Verification.Refused refused) {
            throw new IllegalArgumentException(what + " " + refused.epoch() + "." + refused.version() + " of '"
                    + manifest.model() + "' is refused: " + refused.reason().code() + ": " + refused.detail());
        }
        return scorer;
    }

    /// Returns the name that it was opened with. A prediction says which model answered to that name.
    public String model() {
        return model;
    }

    /// Returns true as soon as a version serves; false if the time runs out first.
    public boolean awaitReady(Duration timeout) throws InterruptedException {
        return current.awaitFirst(timeout);
    }

    /// Returns whether a version serves that is not older than `ScorerOptions.maxAge`. An older version still scores.
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
    /// @throws RejectedEventException if a value can't be scored; says the field, what was expected and what was found
    /// @throws NotReadyException if no version has been admitted yet
    public Prediction score(Map<String, ?> record) {
        return score(new MapEvent(record));
    }

    /// Like `score(Map)`. A field that the record's schema lacks counts as missing, unless the model finds fields by
    /// another schema too: see `ScoringSession.score(IndexedRecord)`.
    public Prediction score(IndexedRecord record) {
        return scored(session -> session.score(record));
    }

    /// Like `score(Map)`.
    public Prediction score(Event event) {
        return scored(session -> session.score(event));
    }

    private Prediction scored(Function<ScoringSession, @Nullable Rejection> scoring) {
        ScoringSession session = sessions.take();
        try {
            Rejection rejection = scoring.apply(session);
            if (rejection != null) {
                throw new RejectedEventException(0, rejection);
            }
            float[] probabilities = new float[session.numbers(0)];
            for (int number = 0; number < probabilities.length; number++) {
                probabilities[number] = session.probability(number);
            }
            return new Prediction(session.servedVersion().model(), session.epoch(), session.version(), session.offset(),
                    session.freshnessMs(), probabilities, session.memberOutputsOf(0));
        } finally {
            sessions.giveBack(session);
        }
    }

    /// Scores one event and says what each of its features adds to the prediction. This costs as many predictions as
    /// there are features, plus two. The prediction has the same bits as the one of `score`.
    ///
    /// @throws RejectedEventException if the event can't be scored
    /// @throws NotReadyException if no version has been admitted yet
    /// @throws UnsupportedOperationException if the network reads features in several places (`features` and
    ///     `branches`), or the label is a list
    public Explanation explain(Event event) {
        return explain(serving(), event);
    }

    /// Like `explain(Event)`.
    public Explanation explain(Map<String, ?> record) {
        return explain(new MapEvent(record));
    }

    /// Like `explain(Event)`, by a version that was read from `current()`.
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
    /// @throws RejectedEventException if an event can't be scored; `index` is the position of the first one
    /// @throws NotReadyException if no version has been admitted yet
    public Predictions scoreAll(List<? extends Event> events) {
        return scoreAll(serving(), events);
    }

    /// Like `scoreAll(List)`, by a version that was read from `current()`. The next version may need other fields of an
    /// event.
    public Predictions scoreAll(ServedVersion served, List<? extends Event> events) {
        if (events.isEmpty()) {
            throw new IllegalArgumentException("expected at least one event, found none");
        }
        ScoringSession session = sessions.take();
        try {
            session.begin(served);
            int outputs = session.outputs();
            float[] probabilities = new float[Math.multiplyExact(events.size(), outputs)];
            int[] numbers = new int[events.size()];
            float[] memberOutputs = new float[Math.multiplyExact(events.size(), session.memberOutputs())];
            int at = 0;
            for (int index = 0; index < events.size(); index++) {
                Rejection rejection = session.add(events.get(index));
                if (rejection != null) {
                    throw new RejectedEventException(index, rejection);
                }
                if (session.size() == session.capacity() || index == events.size() - 1) {
                    session.score();
                    session.probabilities(probabilities, at * outputs);
                    session.numbers(numbers, at);
                    session.memberOutputs(memberOutputs, at * session.memberOutputs());
                    at += session.size();
                    session.clear();
                }
            }
            return new Predictions(served.model(), session.epoch(), session.version(), session.offset(),
                    session.freshnessMs(), outputs, numbers, probabilities, memberOutputs);
        } finally {
            sessions.giveBack(session);
        }
    }

    /// Returns an event with the fields that the served spec reads, to be filled through handles by one thread. Any
    /// version can score it, even one that reads other fields: see `TypedEvent`.
    ///
    /// @throws NotReadyException if no version has been admitted yet
    public TypedEvent newEvent() {
        return new TypedEvent(
                serving().spec().features().stream().flatMap(feature -> feature.fields().stream()).distinct().toList());
    }

    /// Returns a reusable workspace for one thread, which scores without allocation.
    public ScoringSession newSession() {
        return new ScoringSession(model, current, kernels, clock, maxBatch);
    }

    private ServedVersion serving() {
        ServedVersion served = current.get();
        if (served == null) {
            throw new NotReadyException(model);
        }
        return served;
    }

    /// Returns the version that serves now; null if none has been admitted.
    public @Nullable ServedVersion current() {
        return current.get();
    }

    /// Returns up to three versions before the current one, newest first; fewer if they would hold more than
    /// `maxSnapshotBytes` together.
    public List<ServedVersion> previous() {
        return current.previous();
    }

    /// Returns the hash of the current version's weights, recomputed from the floats that it serves: 64 hex digits.
    ///
    /// @throws NotReadyException if no version has been admitted yet
    public String weightsHash() {
        return serving().weightsHash();
    }

    public AdmissionLog admissions() {
        return admissions;
    }

    /// Returns the topic of a stream's events; null if the stream is not known.
    public @Nullable String eventsTopic(String stream) {
        return control.eventsTopic(stream);
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

    /// Returns why something else serves than was decided; empty if that is not so, or if nothing serves, for which the
    /// status has its own words.
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

    /// Stops following. Admitted versions can still score.
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
