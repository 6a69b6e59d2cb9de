package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.AdmissionLog;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// One model of a chaos run: its log with the producer, its trainers, its scorers, and the ledger that knows what they
/// must come to.
final class World implements AutoCloseable {
    private static final Duration START_WITHIN = Duration.ofSeconds(240);

    /// A generous bound for a busy machine; the table tells how long recoveries take.
    static final Duration RECOVERS_WITHIN = Duration.ofSeconds(180);

    private static final int WATERMARKS_MIN = 10;

    private final TestBed testBed;
    private final ModelSpec spec;
    private final Path directory;
    private final Readings readings;
    private final Traffic traffic;
    private final List<String> settings;
    private final List<String> jvmFlags;
    private final List<Trainer> trainers = new ArrayList<>();
    private final SplittableRandom random;
    private @Nullable Ledger ledger;
    private @Nullable Serving serving;
    private long admissionsSeen;

    /// What kind of model it is.
    ///
    /// @param buckets rows of its table
    /// @param audited whether a ledger is kept
    /// @param served whether scorers follow it
    /// @param settings of its trainers
    /// @param jvmFlags of its trainers, after those of all
    record Kind(int buckets, boolean audited, boolean served, List<String> settings, List<String> jvmFlags) {
        static final Kind SMALL = new Kind(2_048, true, false, List.of(), List.of());

        Kind served(String... settings) {
            return new Kind(buckets, audited, true, List.of(settings), jvmFlags);
        }
    }

    /// Who follows its snapshots: a scorer that is asked, and one in this process.
    private record Serving(ScorerUnderTest asked, Scorer followed) {
    }

    private World(TestBed testBed, String name, Kind kind, SplittableRandom random) {
        this.testBed = testBed;
        this.random = random;
        int miniBatch = List.of(1, 4, 8).get(random.nextInt(3));
        spec = Readings.spec(name, "events-" + name, miniBatch, kind.buckets());
        directory = testBed.directory().resolve("logs").resolve(name);
        settings = kind.settings();
        jvmFlags = kind.jvmFlags();
        readings = new Readings(testBed.lab().registry(), spec.inputTopic());
        traffic = new Traffic(testBed.bootstrapServers(), readings, name, random.split());
    }

    /// Returns when the model learns.
    static World open(TestBed testBed, String name, Kind kind, SplittableRandom random) throws InterruptedException {
        World world = new World(testBed, name, kind, random);
        try {
            world.open(kind);
            return world;
        } catch (RuntimeException | InterruptedException e) {
            world.close();
            throw e;
        }
    }

    private void open(Kind kind) throws InterruptedException {
        EventsTopic.create(testBed.bootstrapServers(), spec.inputTopic());
        write("spec.yaml", spec.yaml());
        Trainer trainer = newTrainer("trainer");
        trainer.start();
        traffic.go();
        awaitWatermark(0, START_WITHIN);
        if (kind.audited()) {
            ledger = new Ledger(testBed.lab(), testBed.topics(), spec, random.split());
        }
        if (kind.served()) {
            ScorerUnderTest asked = newScorer(List.of());
            serving = new Serving(asked,
                    Scorer.open(ScorerOptions.of(spec.model(), Map.of("bootstrap.servers", scorerBootstrap()))
                            .withPrefix(testBed.topics().prefix())));
        }
    }

    private String scorerBootstrap() {
        return testBed.brokers().bootstrapServers(Networks.SCORERS);
    }

    /// Starts one more scorer of this model.
    ///
    /// @param within see [io.tidegrad.localstack.ChildJvm#run]
    ScorerUnderTest newScorer(List<String> within) {
        return new ScorerUnderTest(spec.model(), testBed.topics().prefix(), scorerBootstrap(), directory,
                testBed.jvmFlags(), within);
    }

    Path write(String file, String text) {
        return Processes.write(directory.resolve(file), text);
    }

    /// Makes one more trainer of this model, with a state directory of its own, and does not start it.
    Trainer newTrainer(String name) {
        return newTrainer(name, directory.resolve("spec.yaml"));
    }

    Trainer newTrainer(String name, Path specFile) {
        Path files = directory.resolve(name);
        List<String> command = Processes.trainer(testBed.trainerMain(),
                testBed.brokers().bootstrapServers(Networks.TRAINERS), testBed.trainerRegistryUrl(), Processes
                        .with(List.of("--prefix", testBed.topics().prefix(), "--spec", specFile.toString()), settings));
        Trainer trainer = new Trainer(name, spec.model(), files, Processes.with(testBed.jvmFlags(), jvmFlags), command);
        trainers.add(trainer);
        return trainer;
    }

    /// Ends a trainer, and takes it out of the world.
    void dismiss(Trainer trainer) {
        trainers.remove(trainer);
        trainer.close();
    }

    /// The number of lines in the logs of its trainers and its scorer.
    long logged() {
        long lines = trainers.stream().mapToLong(trainer -> trainer.logged("")).sum();
        return serving == null ? lines : lines + serving.asked().logged();
    }

    ModelSpec spec() {
        return spec;
    }

    Readings readings() {
        return readings;
    }

    Traffic traffic() {
        return traffic;
    }

    /// The first trainer.
    Trainer trainer() {
        return trainers.getFirst();
    }

    Ledger ledger() {
        return Objects.requireNonNull(ledger, "not open yet");
    }

    /// The scorer of this process.
    Scorer observer() {
        return Objects.requireNonNull(serving, "nobody follows this model").followed();
    }

    TopicPartition log() {
        return new TopicPartition(spec.inputTopic(), 0);
    }

    String group() {
        return testBed.topics().applicationId(spec.model(), 1);
    }

    String changelogTopic() {
        return Topics.changelog(group());
    }

    String snapshotsTopic() {
        return testBed.topics().snapshots(spec.model());
    }

    /// The committed offset of the model's group; null if there is none.
    @Nullable
    OffsetAndMetadata groupOffset() throws InterruptedException {
        return testBed.lab().committed(group()).get(log());
    }

    /// The highest watermark that a trainer has committed; -1 while none learns.
    long watermark() throws InterruptedException {
        long highest = -1;
        for (Trainer trainer : trainers) {
            highest = Math.max(highest, trainer.watermark());
        }
        return highest;
    }

    /// The trainer that learns now. Kafka Streams may choose another whenever one comes or goes.
    ///
    /// @throws LoadTestException none does within [#RECOVERS_WITHIN]
    Trainer learner() throws InterruptedException {
        return await("one trainer learning", RECOVERS_WITHIN, () -> anyOf(Trainer::learns));
    }

    private interface Question {
        boolean isTrueOf(Trainer trainer) throws InterruptedException;
    }

    /// A trainer of which the question is true; null if there is none.
    private @Nullable Trainer anyOf(Question question) throws InterruptedException {
        for (Trainer trainer : trainers) {
            if (question.isTrueOf(trainer)) {
                return trainer;
            }
        }
        return null;
    }

    /// @throws LoadTestException there is none within `bound`, or a trainer ended for good meanwhile
    private <T> T await(String expected, Duration bound, Await.Look<T> look) throws InterruptedException {
        return Await.value(expected, bound, () -> {
            requireAlive();
            return look.at();
        }, this::describe);
    }

    /// Waits until one trainer learns and another stands by.
    ///
    /// @throws LoadTestException not within [#RECOVERS_WITHIN]
    void awaitStandby() throws InterruptedException {
        await("one trainer learning and one standing by", RECOVERS_WITHIN,
                () -> anyOf(Trainer::learns) == null ? null : anyOf(Trainer::standsBy));
    }

    /// Waits until something beyond is committed.
    ///
    /// @throws LoadTestException not within `bound`, or a trainer ended for good meanwhile
    void awaitWatermark(long beyond, Duration bound) throws InterruptedException {
        await("learning beyond watermark " + beyond, bound, () -> watermark() > beyond ? true : null);
    }

    /// @throws LoadTestException a trainer ended for good
    void requireAlive() {
        trainers.forEach(Supervised::requireAlive);
    }

    private String describe() throws InterruptedException {
        StringBuilder text = new StringBuilder();
        for (Trainer trainer : trainers) {
            JsonNode health = trainer.health();
            text.append(trainer).append(" running ").append(trainer.isRunning()).append(", state ")
                    .append(health.path("state").asText("none")).append(", watermark ")
                    .append(health.path("watermark").asLong(-1)).append(", reported ")
                    .append(health.path("report").path("watermark").asLong(-1)).append(", restarts ")
                    .append(trainer.restarts()).append("; ");
        }
        return text + "the visible log ends at " + (ledger == null ? -1 : ledger.visibleEnd())
                + (serving == null ? "" : ", served version " + serving.asked().servedVersion());
    }

    /// Writes until enough watermarks were claimed, lets everything come to rest, and compares.
    ///
    /// @throws LoadTestException it does not come to rest
    List<Violation> audit() throws InterruptedException {
        traffic.go();
        await(WATERMARKS_MIN + " commits", RECOVERS_WITHIN,
                () -> ledger().claimedWatermarks() >= WATERMARKS_MIN && traffic.isDrained() ? true : null);
        traffic.pause();
        JsonNode health = awaitRest();
        List<Violation> found = new ArrayList<>();
        List<ScorerUnderTest.Served> admitted = admitted(found);
        found.addAll(ledger().audit(health, traffic.committed(), traffic.inDoubt(), admitted));
        found.addAll(servedFloats());
        return found;
    }

    private JsonNode awaitRest() throws InterruptedException {
        return await("everything learned, reported, published and served since the last event", RECOVERS_WITHIN, () -> {
            ledger().catchUp();
            long end = ledger().visibleEnd();
            for (Trainer trainer : trainers) {
                JsonNode health = trainer.health();
                if (isAtRest(health, end)) {
                    ledger().catchUp();
                    return health;
                }
            }
            return null;
        });
    }

    private boolean isAtRest(JsonNode health, long end) {
        return health.path("watermark").asLong(-1) == end && health.path("report").path("watermark").asLong(-1) == end
                && health.path("published_version").asLong(-1) == health.path("version").asLong(-2)
                && isServed(health.path("published_version").asLong());
    }

    private boolean isServed(long version) {
        if (serving == null) {
            return true;
        }
        ServedVersion current = serving.followed().current();
        return serving.asked().servedVersion() == version && current != null && current.version() == version;
    }

    /// Every version that the scorer or this process served since the last audit.
    private List<ScorerUnderTest.Served> admitted(List<Violation> found) {
        if (serving == null) {
            return List.of();
        }
        found.addAll(serving.asked().takeViolations());
        List<ScorerUnderTest.Served> all = new ArrayList<>(serving.asked().served());
        List<ScorerUnderTest.Served> ours = new ArrayList<>();
        for (AdmissionLog.Entry entry : serving.followed().admissions().after(admissionsSeen)) {
            ours.add(new ScorerUnderTest.Served(entry.epoch(), entry.version(), entry.nextOffset()));
            admissionsSeen = entry.sequence();
        }
        found.addAll(notRising(ours));
        all.addAll(ours);
        return all;
    }

    /// Compares the served floats with the fold, now that both are at rest at the same version.
    private List<Violation> servedFloats() {
        if (serving == null || serving.followed().weightsHash().equals(ledger().model().weightsHash())) {
            return List.of();
        }
        return List.of(new Violation("I12", "expected the served floats to have the fold's hash, found another, at "
                + serving.followed().current()));
    }

    /// Versions must rise in the order of admission.
    static List<Violation> notRising(List<ScorerUnderTest.Served> admitted) {
        List<Violation> violations = new ArrayList<>();
        for (int i = 1; i < admitted.size(); i++) {
            if (admitted.get(i).compareTo(admitted.get(i - 1)) <= 0) {
                violations.add(new Violation("I14", "expected admitted versions to rise from " + admitted.get(i - 1)
                        + ", found " + admitted.get(i)));
            }
        }
        return violations;
    }

    /// The number of good answers, for the report.
    long answers() {
        return serving == null ? 0 : serving.asked().answers();
    }

    /// Changes a setting of a topic.
    ///
    /// @return the value before
    String alterTopic(String topic, String key, String value) throws InterruptedException {
        String before = testBed.lab().settings(topic).get(key).value();
        testBed.lab().set(topic, key, value);
        return before;
    }

    @Override
    public void close() {
        traffic.close();
        trainers.forEach(Trainer::close);
        if (ledger != null) {
            ledger.close();
        }
        if (serving != null) {
            serving.asked().close();
            serving.followed().close();
        }
    }
}
