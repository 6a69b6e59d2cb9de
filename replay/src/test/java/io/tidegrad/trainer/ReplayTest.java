package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.snapshot.SavedModel;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.replay.Verify;
import io.tidegrad.replay.VerifyOptions;
import io.tidegrad.replay.VerifyResult;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.Report;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// One log with everything that a log may have: aborted transactions, ticks, events that can't be learned, windows of
/// event time. A trainer learned it live, in pieces, and said its hashes in between; a tail came when it was gone.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ReplayTest {
    private static final int PIECES = 12;

    /// Timestamp of the log's first record, epoch ms; 10 ms lie between two.
    private static final long STAMPS = 1_700_000_000_000L;

    private static final int UNKNOWN_ID = 0x7f010203;

    private TestLog log;
    private SwitchableRegistry registry;
    private final TreeMap<Long, Report> said = new TreeMap<>(); // by next offset
    private CommittedState last;
    private final Map<Long, Instant> timeOf = new HashMap<>(); // timestamps of visible records
    private int next;
    private long end; // after the newest visible record

    @BeforeAll
    void learnLive(@TempDir Path directory) throws IOException {
        registry = new SwitchableRegistry(SharedStack.get().registryUrl());
        log = new TestLog(directory, "8, window: PT20S", registry.url(), "").created(1, Map.of("retention.ms", "-1")); // its timestamps are years old
        SplittableRandom random = new SplittableRandom(20261125);
        List<CommittedState> states = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = log.producer(Map.of("transactional.id", "replay-" + log.topic))) {
            producer.initTransactions();
            try (TrainerApp trainer = TrainerApp.start(log.config("--keep-snapshots", "4"))) {
                for (int piece = 0; piece < PIECES; piece++) {
                    int transactions = random.nextInt(2, 6);
                    for (int i = 0; i < transactions; i++) {
                        transaction(producer, random);
                    }
                    long end = this.end;
                    CommittedState state = TrainerFixture.awaitSettled(trainer, end);
                    said.put(state.nextOffset(), Objects.requireNonNull(state.report()));
                    states.add(state);
                }
            }
            transaction(producer, random, false); // nobody learns it live any more
        }
        last = states.getLast();
        log.visible(log.topic).forEach(record -> timeOf.put(record.offset(), Instant.ofEpochMilli(record.timestamp())));
        // From now on the registry knows what it did not know then.
        registry.answerWith(UNKNOWN_ID, "{\"schema\": " + quoted(TestLog.EVENT.toString()) + "}");
    }

    private static String quoted(String text) {
        return '"' + text.replace("\"", "\\\"") + '"';
    }

    private void transaction(KafkaProducer<byte[], byte[]> producer, SplittableRandom random) {
        transaction(producer, random, random.nextInt(5) == 0);
    }

    private void transaction(KafkaProducer<byte[], byte[]> producer, SplittableRandom random, boolean aborted) {
        producer.beginTransaction();
        Future<RecordMetadata> newest = CompletableFuture.failedFuture(new IllegalStateException());
        int size = random.nextInt(40, 160); // more in all than are held ahead: chunks come round
        for (int i = 0; i < size; i++) {
            int event = next++;
            ProducerRecord<byte[], byte[]> record =
                    new ProducerRecord<>(log.topic, 0, STAMPS + 10L * event, null, value(event, random));
            if (record.value() == null && random.nextBoolean()) {
                record.headers().add(Tick.HEADER, new byte[0]);
            }
            newest = producer.send(record);
        }
        if (aborted) {
            producer.abortTransaction();
        } else {
            producer.commitTransaction();
            end = newest.resultNow().offset() + 1;
        }
    }

    private byte @Nullable [] value(int event, SplittableRandom random) {
        long at = TestLog.START + event * 1_000L;
        return switch (random.nextInt(60)) {
            case 0 -> null;
            case 1 -> new byte[]{1, 2, 3};
            case 2 -> unknown(log.event(event));
            case 3 -> log.encode(at, "p", Float.NaN, 0, 1);
            case 4 -> log.encode(at + 20L * 365 * 86_400_000, "p", 1, 0, 1); // years ahead
            default -> log.event(event);
        };
    }

    /// A sound event, whose schema the registry did not know when it came.
    private static byte[] unknown(byte[] event) {
        for (int i = 0; i < 4; i++) {
            event[1 + i] = (byte) (UNKNOWN_ID >>> 24 - 8 * i);
        }
        return event;
    }

    @AfterAll
    void close() {
        log.close();
        registry.close();
    }

    private KafkaSettings kafka() {
        return KafkaSettings.of(log.kafka.bootstrapServers());
    }

    private ReplayOptions options(LogPosition from, LogPosition until, @Nullable ModelSpec spec, boolean keep,
            String compareWith) {
        return new ReplayOptions(kafka(), RegistrySettings.of(registry.url()), log.prefix, log.model(), from, until,
                spec, keep ? keep(null, false) : null, false, compareWith, Kernels.active(), 2);
    }

    private ReplayOptions.Keep keep(@Nullable LogPosition resumeAt, boolean paused) {
        return new ReplayOptions.Keep(
                new Publishing(kafka(), log.topics(), (short) -1, -1, PublishedSnapshot.Form.PLAIN), resumeAt, paused);
    }

    private ReplayResult replay(LogPosition from, LogPosition until) {
        return Replay.run(options(from, until, null, false, ""));
    }

    private Instant timeOfFirstSince(long offset) {
        return Objects.requireNonNull(
                timeOf.get(timeOf.keySet().stream().filter(at -> at >= offset).min(Long::compare).orElseThrow()));
    }

    private ModelSpec otherSpec(String name) {
        return ModelSpec.parse(
                log.spec().yaml().replace("model: " + log.model(), "model: " + name).replace("dense: 8", "dense: 16"),
                "another spec");
    }

    // ---- replay ----

    @Test
    void theLogHasEverythingInIt() {
        assertThat(said).hasSizeGreaterThanOrEqualTo(10);
        assertThat(last.accounts().ticks()).isPositive();
        assertThat(last.accounts().deadLetters()).isPositive();
        assertThat(log.visible(log.topics().deadLetters()).stream()
                .map(letter -> TestLog.header(letter, "tidegrad-reason")))
                .contains("null-value", "not-avro", "unknown-schema", "not-finite", "future-time");
        assertThat(said.values().stream().map(Report::version).distinct().count()).isGreaterThanOrEqualTo(10);
    }

    @Test
    void fromTheBeginningItLearnsWhatTheTrainerLearned() {
        ReplayResult result = replay(new LogPosition.Begin(), new LogPosition.Offset(last.nextOffset()));
        assertSaid(result.nextOffset(), result.version(), result.weightsHash(), result.stateHash());
        assertThat(result.learned()).isEqualTo(last.examples());
        assertThat(result.pending()).isEqualTo(last.pending());
        assertThat(result.deadLetters()).isEqualTo(last.accounts().deadLetters());
        assertThat(result.ticks()).isEqualTo(last.accounts().ticks());
        assertThat(result.events() + result.ticks())
                .isEqualTo(last.accounts().accepted() + result.deadLetters() + result.ticks());
    }

    /// The fold is one thread, one record after the other.
    @Test
    void readingAheadOnAThreadOfItsOwnChangesNoBit() {
        AtomicLong workers = new AtomicLong();
        for (int round = 0; round < 3; round++) {
            // Facts bind what was learned only: of the tail the registry's word of today counts.
            ReplayResult result = Replay.run(options(new LogPosition.Begin(), new LogPosition.End(), null, false, ""),
                    progress -> workers.addAndGet(TestLog.workers()));
            OnlineModel oneThread = TimeTravel.to(at(new LogPosition.Offset(result.nextOffset())), NOBODY).model();
            assertThat(result.stateHash()).isEqualTo(oneThread.stateHash());
        }
        assertThat(workers).hasPositiveValue();
        ReplayResult result = replay(new LogPosition.Offset(50), new LogPosition.Offset(60));
        TestLog.Fold fold = log.fold(offset -> offset >= 50 && offset < 60);
        assertThat(result.stateHash()).isEqualTo(fold.stateHash());
    }

    Stream<Long> offsets() {
        return said.keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("offsets")
    void upToAnOffsetOrATimeItLearnsWhatTheTrainerHadLearnedThere(long offset) {
        ReplayResult byOffset = replay(new LogPosition.Begin(), new LogPosition.Offset(offset));
        assertSaid(offset, byOffset.version(), byOffset.weightsHash(), byOffset.stateHash());
        Instant time = timeOfFirstSince(offset);
        ReplayResult byTime = replay(new LogPosition.Begin(), new LogPosition.Time(time));
        assertThat(byTime.stateHash()).isEqualTo(byOffset.stateHash());
    }

    @Test
    void fromAnOffsetOrATimeItIsAModelThatBeganThere() {
        long from = said.firstKey();
        TestLog.Fold fold = log.fold(offset -> offset >= from && offset < last.nextOffset());
        LogPosition until = new LogPosition.Offset(last.nextOffset());
        ReplayResult byOffset = replay(new LogPosition.Offset(from), until);
        // A fold of today: the registry knows the schema now.
        assertThat(byOffset.startOffset()).isEqualTo(from);
        assertThat(byOffset.stateHash()).isEqualTo(fold.stateHash());
        Instant time = timeOfFirstSince(from);
        assertThat(replay(new LogPosition.Time(time), until).stateHash()).isEqualTo(fold.stateHash());
    }

    @ParameterizedTest
    @ValueSource(strings = {"page-log", "image-and-redo"})
    @LongProof("a replay and a trainer, for each kind of model")
    void whatIsKeptIsGoneOnWithByATrainerFromExactlyThere(String store, @TempDir Path state) {
        String name = log.model() + "-" + store;
        ModelSpec spec = otherSpec(name);
        long from = said.firstKey();
        long until = said.lowerKey(said.lastKey());
        ReplayResult kept =
                Replay.run(options(new LogPosition.Offset(from), new LogPosition.Offset(until), spec, true, ""));
        ReplayResult toTheEnd =
                Replay.run(options(new LogPosition.Offset(from), new LogPosition.End(), spec, false, ""));
        assertThat(Objects.requireNonNull(kept.kept()).resumeOffset()).isEqualTo(until);
        assertThat(deadLettersOf(name)).hasSize((int) kept.deadLetters());

        try (TrainerApp trainer = TrainerApp.start(trainerOf(name, state, store))) {
            CommittedState gone = TrainerFixture.awaitSettled(trainer, toTheEnd.nextOffset());
            Report report = Objects.requireNonNull(gone.report());
            assertThat(report.weightsHash()).isEqualTo(toTheEnd.weightsHash());
            assertThat(report.stateHash()).isEqualTo(toTheEnd.stateHash());
            assertThat(report.logLoss()).isEqualTo(toTheEnd.evaluation().logLoss());
            assertThat(gone.accounts().deadLetters()).isEqualTo(toTheEnd.deadLetters());
            assertThat(gone.accounts().ticks()).isEqualTo(toTheEnd.ticks());
        }
        assertThat(deadLettersOf(name)).hasSize((int) toTheEnd.deadLetters()).doesNotHaveDuplicates();
        assertThat(verify(name, OptionalLong.empty()).difference()).isNull();
        TestLog.refused(() -> Replay.run(options(new LogPosition.Offset(from), new LogPosition.End(), spec, true, "")),
                ExitCode.CONFIGURATION, "model " + name, "that no trainer has begun to learn", "choose another name");
    }

    private TrainerConfig trainerOf(String name, Path state, String store) {
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", log.kafka.bootstrapServers()));
        arguments.addAll(List.of("--registry-url", registry.url(), "--prefix", log.prefix));
        arguments.addAll(List.of("--model", name, "--http-port", "0"));
        arguments.addAll(List.of("--state-dir", state.toString(), "--store", store));
        return TrainerConfig.parse(arguments, Map.of());
    }

    private List<String> deadLettersOf(String model) {
        return log.visible(log.topics().deadLetters()).stream()
                .filter(letter -> TestLog.header(letter, "tidegrad-model").equals(model))
                .map(letter -> TestLog.header(letter, "tidegrad-offset")).toList();
    }

    @Test
    void twoModelsAreScoredOverTheSameEvents() {
        long from = said.firstKey();
        LogPosition until = new LogPosition.Offset(last.nextOffset());
        ReplayResult other =
                Replay.run(options(new LogPosition.Begin(), until, otherSpec(log.model()), false, log.model()));
        ReplayResult.Compared compared = Objects.requireNonNull(other.compared());
        ReplayResult alone = replay(new LogPosition.Begin(), until);
        assertThat(compared.version()).isEqualTo(alone.version());
        assertThat(compared.evaluation().rows()).isEqualTo(alone.evaluation().rows());
        assertThat(compared.evaluation().logLoss()).isEqualTo(alone.evaluation().logLoss());
        assertThat(compared.evaluation().auc()).isEqualTo(alone.evaluation().auc());
        assertThat(other.evaluation().logLoss()).isNotEqualTo(alone.evaluation().logLoss());

        // From a later offset: the running model learns from its beginning, and is scored from
        // there.
        ReplayResult later = Replay.run(options(new LogPosition.Offset(from), until, null, false, log.model()));
        ReplayResult.Compared running = Objects.requireNonNull(later.compared());
        assertThat(running.version()).isEqualTo(alone.version());
        ReplayResult before = replay(new LogPosition.Begin(), new LogPosition.Offset(from));
        long rows = alone.evaluation().rows() - before.evaluation().rows();
        assertThat(running.evaluation().rows()).isEqualTo(rows);
        double sum = alone.evaluation().logLoss() * alone.evaluation().rows()
                - before.evaluation().logLoss() * before.evaluation().rows();
        assertThat(running.evaluation().logLoss()).isCloseTo(sum / rows, org.assertj.core.api.Assertions.within(1e-9));
    }

    @Test
    void itTellsHowFarItHasCome() {
        List<ReplayProgress> told = new ArrayList<>();
        ReplayResult result =
                Replay.run(options(new LogPosition.Begin(), new LogPosition.Offset(last.nextOffset()), null, false, ""),
                        told::add);
        ReplayProgress end = told.getLast();
        assertThat(end.share()).isEqualTo(1);
        assertThat(end.at()).isEqualTo(last.nextOffset());
        assertThat(end.records()).isEqualTo(result.events() + result.ticks());
        assertThat(end.left()).isZero();
    }

    // ---- time travel ----

    private static final ReplayProgress.Listener NOBODY = ReplayProgress.Listener.NONE;

    private TimeTravel.Options at(LogPosition place) {
        return new TimeTravel.Options(kafka(), RegistrySettings.of(registry.url()), log.prefix, log.model(), place,
                Kernels.active());
    }

    @ParameterizedTest
    @MethodSource("offsets")
    void aModelOfThePastIsTheOneThatTheTrainerHadThen(long offset) throws IOException {
        TimeTravel.PastModel past = TimeTravel.to(at(new LogPosition.Offset(offset)), NOBODY);
        OnlineModel model = past.model();
        assertSaid(offset, model.parameters().updates(), model.weightsHash(), model.stateHash());
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        SavedModel.write(model.parameters(), file);
        var read = SavedModel.read(model.parameters().plan(), new ByteArrayInputStream(file.toByteArray()));
        assertThat(read.updates()).isEqualTo(model.parameters().updates());
        assertThat(read.weights("3.weight")).isEqualTo(model.parameters().weights("3.weight"));
    }

    @Test
    void whereTheLiveStateIsEarlierItIsGoneOnFrom() {
        TimeTravel.PastModel past = TimeTravel.to(at(new LogPosition.End()), NOBODY);
        assertThat(past.stateOffset()).isEqualTo(last.nextOffset());
        assertThat(past.nextOffset()).isGreaterThan(past.stateOffset());
        ReplayResult whole = replay(new LogPosition.Begin(), new LogPosition.End());
        assertThat(past.model().stateHash()).isEqualTo(whole.stateHash());
        assertThat(past.accounts().deadLetters()).isEqualTo(whole.deadLetters());
    }

    // ---- verify ----

    private VerifyOptions verification(String model, OptionalLong version) {
        return new VerifyOptions(kafka(), RegistrySettings.of(registry.url()), log.prefix, model, model, version,
                Kernels.active(), 2);
    }

    private VerifyResult verify(String model, OptionalLong version) {
        return Verify.run(verification(model, version), VerifyTest.scorer(log, model), NOBODY);
    }

    @LongProof("a replay for each version")
    @Test
    void everyPublishedVersionIsVerifiedFromTheLogAlone() {
        AtomicLong workers = new AtomicLong();
        VerifyResult newest = Verify.run(verification(log.model(), OptionalLong.empty()),
                VerifyTest.scorer(log, log.model()), progress -> workers.addAndGet(TestLog.workers()));
        assertThat(workers).hasPositiveValue();
        assertThat(newest.difference()).isNull();
        assertThat(newest.target().nextOffset()).isEqualTo(last.nextOffset());
        assertThat(newest.weightsHash()).isEqualTo(newest.target().weightsHash());
        assertThat(newest.compared()).isGreaterThan(4); // snapshots, progress, the live state
        List<SnapshotManifest> published = log.manifests(log.visible(log.topics().snapshots(log.model())));
        assertThat(newest.compared()).isGreaterThan(published.size()); // each of them, in one pass
        // One by one a full one and the longest chain of changes: each costs a pass of its own.
        SnapshotManifest change =
                published.stream().max(Comparator.comparingInt(manifest -> manifest.chain().deltas())).orElseThrow();
        assertThat(change.isDelta()).isTrue();
        for (SnapshotManifest manifest : List.of(published.getFirst(), change)) {
            VerifyResult each = verify(log.model(), OptionalLong.of(manifest.version()));
            assertThat(each.difference()).isNull();
            assertThat(each.weightsHash()).isEqualTo(manifest.weightsHash());
        }
    }

    // ---- refusals ----

    @Test
    void whatIsNotInTheLogIsRefused() {
        TestLog.refused(() -> replay(new LogPosition.Begin(), new LogPosition.Offset(1_000_000)),
                ExitCode.CONFIGURATION, "expected an offset up to its end", "found 1000000", "not been written yet");
        TestLog.refused(() -> replay(new LogPosition.Offset(1_000_000), new LogPosition.End()), ExitCode.CONFIGURATION,
                "expected an offset up to its end");
        TestLog.refused(() -> replay(new LogPosition.Begin(), new LogPosition.Time(Instant.now().plusSeconds(3_600))),
                ExitCode.CONFIGURATION, "expected a time up to now", "before which events may still come");
        TestLog.refused(() -> replay(new LogPosition.Offset(100), new LogPosition.Offset(50)), ExitCode.CONFIGURATION,
                "expected an end at or after the start");
        TestLog.refused(() -> TimeTravel.to(at(new LogPosition.Offset(1_000_000)), NOBODY), ExitCode.CONFIGURATION,
                "not been written yet");
    }

    @Test
    void anUnknownModelOrVersionIsRefused() {
        TestLog.refused(() -> verify("nobody", OptionalLong.empty()), ExitCode.CONFIGURATION,
                "model nobody: expected a registered model, found none", "correct the name or the prefix");
        TestLog.refused(() -> verify(log.model(), OptionalLong.of(1)), ExitCode.CONFIGURATION, "expected version 1 on",
                "" + last.publishedVersion(), "--keep-snapshots");
        ModelSpec elsewhere = ModelSpec.parse(log.spec().yaml().replace("topic: " + log.topic, "topic: elsewhere"),
                "a spec of another topic");
        TestLog.refused(() -> Replay.run(options(new LogPosition.Begin(), new LogPosition.End(), elsewhere, false, "")),
                ExitCode.CONFIGURATION, "--with-spec", log.topic, "found elsewhere");
    }

    private void assertSaid(long offset, long version, String weightsHash, String stateHash) {
        Report report = Objects.requireNonNull(said.get(offset), "nothing was said there");
        assertThat(version).isEqualTo(report.version());
        assertThat(weightsHash).isEqualTo(report.weightsHash());
        assertThat(stateHash).isEqualTo(report.stateHash());
    }
}
