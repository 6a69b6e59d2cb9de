package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.loadtests.Asker;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.Lab;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Payments;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.localstack.EventsTopic;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.Topics;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.Schema;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// A trainer and a scorer of one model, each a supervised process, with events, questions over HTTP and requests on a
/// topic all the time. It damages one topic and notes what both processes do.
final class DamagedTopic implements AutoCloseable {
    private static final Duration START_WITHIN = Duration.ofSeconds(240);

    /// Longer than Kafka's clients take to notice lost metadata, sessions and transactions. Whatever has not gone on by
    /// then stands still.
    static final Duration WATCHED = Duration.ofSeconds(75);

    private static final Duration LEAST = Duration.ofSeconds(12);

    /// A process goes on if something new comes from it within this time.
    private static final Duration LIVELY = Duration.ofSeconds(5);

    private static final Duration SETTLES_WITHIN = Duration.ofSeconds(40);
    private static final Duration STARTS_AGAIN_WITHIN = Duration.ofSeconds(60);
    private static final Duration LOOK_EVERY = Duration.ofMillis(500);
    private static final Duration BETWEEN_QUESTIONS = Duration.ofMillis(100);
    private static final Duration BETWEEN_REQUESTS = Duration.ofMillis(200);
    private static final int WATERMARK_MIN = 500;
    private static final int MESSAGE_MAX = 220;
    private static final int HASH_SHOWN = 12;

    private static final Schema REQUEST = new Schema.Parser().parse("""
                            {"type": "record", "name": "Request", "fields": [
                              {"name": "place", "type": "string"},
                              {"name": "a", "type": "double"},
                              {"name": "b", "type": "double"}]}
                            """);

    /// What the processes did: one cell of the table for each component.
    ///
    /// @param violations of what must hold under any damage
    record Outcome(OurTopic topic, TopicDamage damage, String trainerHealth, String learning, String hashes,
            String startedAgain, String scorerHealth, String http, String requests, List<String> violations) {
    }

    private final Lab lab;
    private final Topics topics;
    private final ModelSpec spec;
    private final Traffic traffic;
    private final SplittableRandom random;
    private final LogTail tail;
    private final Trainer trainer;
    private final HealthWatch trainerHealth;
    private final HealthWatch scorerHealth;
    private final Supervised scorer;
    private final Asker asker;
    private final Background requests;

    // About the questions; guarded by this.
    private long failures;
    private String firstFailure = "";
    private long answeredOffset = -1;

    private DamagedTopic(Lab lab, String name, List<String> jvmFlags, List<String> trainerMain, SplittableRandom random)
            throws InterruptedException {
        this.lab = lab;
        this.random = random;
        Path files = lab.logs().resolve(name);
        topics = new Topics(name);
        spec = Readings.spec("readings", "events-" + name, 4, 512);
        EventsTopic.create(lab.bootstrapServers(), spec.inputTopic());
        TopicCreation.onePartition(lab.bootstrapServers(), topics.requests(), Map.of());
        traffic = new Traffic(lab.bootstrapServers(), new Readings(lab.registry(), spec.inputTopic()), name,
                random.split());
        tail = new LogTail(lab, new TopicPartition(spec.inputTopic(), 0));
        String specFile = Processes.write(files.resolve("spec.yaml"), spec.yaml()).toString();
        trainer = new Trainer("trainer-" + name, spec.model(), files, jvmFlags, Processes.trainer(trainerMain,
                lab.bootstrapServers(), lab.registryUrl(), List.of("--prefix", topics.prefix(), "--spec", specFile)));
        scorer = new Supervised("scorer-" + name, "scorer", files, jvmFlags,
                port -> Processes.scorer(lab.bootstrapServers(), spec.model(), port, List.of("--registry-url",
                        lab.registryUrl(), "--prefix", topics.prefix(), "--requests-topic", topics.requests())));
        trainerHealth = new HealthWatch(trainer.port(), DamagedTopic::wordsOfTrainer);
        scorerHealth = new HealthWatch(scorer.port(), DamagedTopic::wordsOfScorer);
        asker = new Asker(scorer.port(), spec.model(), ScorerUnderTest.RECORD, BETWEEN_QUESTIONS, this::take);
        requests = Background.start("requests", this::request);
    }

    /// Returns when events are learned, versions served and requests answered.
    ///
    /// @param trainerMain main class of the trainer, and arguments before its own
    static DamagedTopic open(Lab lab, String name, List<String> jvmFlags, List<String> trainerMain,
            SplittableRandom random) throws InterruptedException {
        DamagedTopic opened = new DamagedTopic(lab, name, jvmFlags, trainerMain, random);
        try {
            opened.open();
            return opened;
        } catch (RuntimeException | InterruptedException e) {
            opened.close();
            throw e;
        }
    }

    private void open() throws InterruptedException {
        trainer.start();
        traffic.go();
        scorer.start();
        Await.until("a model of " + topics.prefix() + " that learns, serves and answers requests", START_WITHIN,
                trainer::requireAlive, () -> trainer.watermark() > WATERMARK_MIN && end(OurTopic.PREDICTIONS) > 10
                        && end(OurTopic.DEAD_LETTERS) > 0 && end(OurTopic.PROGRESS) > 0 && asker.answers() > 10);
    }

    private synchronized void take(int status, String body) throws JsonProcessingException {
        if (status == 200) {
            answeredOffset = Math.max(answeredOffset, Json.parse(body).path("offset").asLong());
            return;
        }
        failures++;
        if (firstFailure.isEmpty()) {
            firstFailure = shortened(status + " " + body);
        }
    }

    private synchronized long answeredOffset() {
        return answeredOffset;
    }

    private void request(Background self) {
        int schema = lab.registry().register(topics.requests() + "-value", REQUEST);
        byte[] value = new AvroCodec(lab.registry()).encode(schema, Payments.recordOf(REQUEST, "p1", 0.5, 0.25));
        try (KafkaProducer<byte[], byte @Nullable []> producer = lab.writer(Map.of("max.block.ms", 1_000,
                "request.timeout.ms", 1_000, "delivery.timeout.ms", 2_000, "metadata.max.age.ms", 2_000))) {
            for (long number = 0; !self.isClosed(); number++) {
                byte[] key = ("request-" + number).getBytes(StandardCharsets.UTF_8);
                producer.send(new ProducerRecord<>(topics.requests(), 0, key, value),
                        (metadata, missingWhileItsTopicIs) -> {
                        });
                LockSupport.parkNanos(BETWEEN_REQUESTS.toNanos());
            }
        }
    }

    /// -1 while the topic is not there.
    private long end(OurTopic topic) throws InterruptedException {
        String name = topic.of(topics, spec.model(), spec.inputTopic());
        try {
            return lab.end(new TopicPartition(name, 0), IsolationLevel.READ_UNCOMMITTED);
        } catch (LoadTestException notThere) {
            return -1;
        }
    }

    private static String wordsOfTrainer(JsonNode health) {
        List<String> words = new ArrayList<>();
        words.add(health.path("status").asText());
        for (JsonNode model : health.path("models")) {
            words.add(model.path("state").asText());
            model.path("reasons").forEach(reason -> words.add(reason.path("reason").asText()));
        }
        return shortened(String.join(" ", words));
    }

    private static String wordsOfScorer(JsonNode health) {
        List<String> words = new ArrayList<>();
        for (JsonNode model : health.path("models")) {
            words.add(model.path("follower").asText());
            words.add(model.path("follower_detail").asText());
            words.add(model.path("control").path("problem").asText());
        }
        JsonNode requests = health.path("requests");
        if (!requests.path("state").asText("running").equals("running")) {
            words.add("requests " + requests.path("state").asText());
            words.add(requests.path("detail").asText());
        }
        return shortened(String.join(" ", words));
    }

    private static String shortened(String text) {
        String line = text.strip().replaceAll("\\s+", " ").replace("|", "\\|");
        return line.length() <= MESSAGE_MAX ? line : line.substring(0, MESSAGE_MAX) + "…";
    }

    /// The last error that a process itself logged. Kafka's clients may log more while it stops.
    private static String why(Supervised.Ended end) {
        String said = end.said().lines().filter(line -> line.contains(" ERROR i.t.")).reduce((earlier, later) -> later)
                .orElse(end.lastLine());
        return shortened(said.replaceFirst("^.* ERROR i\\.t\\.\\S+ (- )?", ""));
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }

    Outcome damage(OurTopic topic, TopicDamage damage) throws InterruptedException {
        String name = topic.of(topics, spec.model(), spec.inputTopic());
        trainerHealth.look(trainerHealth.ask(), System.nanoTime());
        scorerHealth.look(scorerHealth.ask(), System.nanoTime());
        int restarts = trainer.restarts();
        synchronized (this) {
            failures = 0;
            firstFailure = "";
        }
        long since = System.nanoTime();
        damage.to(name, lab, random);
        Seen seen = watch(since, trainer.watermark());
        List<String> violations = new ArrayList<>();
        String learning = seen.learning(trainer.restarts() - restarts);
        Trainer.Ended ended = trainer.ended();
        if (ended == null && !seen.learning.goesOn() && trainerHealth.isHealthy()) {
            violations.add("learning stands still, and the trainer's /health says that all is well");
        }
        if (ended != null && ended.status() == 70) {
            violations.add("the trainer ends with 70, as for a mistake in its code");
        }
        String trainerSaid = trainerHealth.text();
        String scorerSaid = scorerHealth.text();
        String hashes = ended == null && seen.learning.goesOn() ? hashes(violations) : "-";
        String asked = asked(seen, violations);
        String requested = seen.requests();
        return new Outcome(topic, damage, trainerSaid, learning, hashes, startAgain(), scorerSaid, asked, requested,
                violations);
    }

    /// Whether a number goes on to rise.
    private static final class Progress {
        private long newest;
        private long advancedAt;
        private long longestPause;
        private boolean advanced;

        Progress(long since, long newest) {
            this.newest = newest;
            advancedAt = since;
        }

        /// @param now below 0 while it is not known
        void look(long now) {
            if (newest >= 0 && now > newest) {
                longestPause = Math.max(longestPause, System.nanoTime() - advancedAt);
                advancedAt = System.nanoTime();
                advanced = true;
            }
            newest = now < 0 ? newest : now; // a topic that is created again begins at 0
        }

        boolean goesOn() {
            return advanced && System.nanoTime() - advancedAt < LIVELY.toNanos();
        }

        String text() {
            return goesOn() ? DamagedTopic.text("goes on, longest pause %.1f s", longestPause * 1e-9)
                    : DamagedTopic.text("stands still since %.0f s", LoadTest.secondsSince(advancedAt));
        }
    }

    /// What is seen until the outcome is clear.
    private final class Seen {
        private final long since;
        private final Progress learning;
        private final Progress requests;
        private final long servedBefore;
        private boolean followed; // a new version answered

        Seen(long since, long watermark) {
            this.since = since;
            learning = new Progress(since, watermark);
            requests = new Progress(since, -1);
            servedBefore = answeredOffset();
        }

        void look() throws InterruptedException {
            learning.look(trainer.watermark());
            requests.look(end(OurTopic.PREDICTIONS));
            followed |= answeredOffset() > servedBefore && LoadTest.secondsSince(since) > 1;
        }

        String learning(int restarts) {
            Trainer.Ended ended = trainer.ended();
            String again = restarts == 0 ? "" : text(", started again %d times", restarts);
            return ended == null ? learning.text() + again
                    : text("ends with %d%s: %s", ended.status(), again, why(ended));
        }

        String requests() {
            Supervised.Ended end = scorer.lastEnd();
            return requests.text() + (end == null ? ""
                    : text("; the scorer ended %d times, with %d: %s", scorer.restarts(), end.status(), why(end)));
        }
    }

    private Seen watch(long since, long watermark) throws InterruptedException {
        Seen seen = new Seen(since, watermark);
        while (LoadTest.secondsSince(since) < WATCHED.toSeconds()) {
            Thread.sleep(LOOK_EVERY);
            seen.look();
            trainerHealth.look(trainerHealth.ask(), since);
            scorerHealth.look(scorerHealth.ask(), since);
            boolean clear = trainer.ended() != null || seen.learning.goesOn();
            if (clear && seen.requests.goesOn() && LoadTest.secondsSince(since) > LEAST.toSeconds()) {
                break;
            }
        }
        return seen;
    }

    /// Waits until everything has come to rest, and compares the trainer's hash with that of a plain fold.
    private String hashes(List<String> violations) throws InterruptedException {
        traffic.pause();
        boolean settled = Await.within(SETTLES_WITHIN, () -> {
            long learned = trainer.watermark();
            return tail.isBroken() || learned >= tail.end() && trainer.hasReported(learned);
        });
        if (tail.isBroken()) {
            return "- (events were deleted before they were read here)";
        }
        if (!settled) {
            violations.add(text("expected everything learned within %d s, up to offset %d, found watermark %d",
                    SETTLES_WITHIN.toSeconds(), tail.end(), trainer.watermark()));
            return "not all learned";
        }
        JsonNode report = trainer.report();
        long watermark = report.path("watermark").asLong();
        String theirs = report.path("state_hash").asText();
        if (theirs.equals(tail.foldedTo(watermark, lab.fold(spec)))) {
            return "equal at " + watermark;
        }
        violations.add("expected the state-hash of a fold at watermark " + watermark + ", found "
                + theirs.substring(0, Math.min(HASH_SHOWN, theirs.length())));
        return "differ";
    }

    private synchronized String asked(Seen seen, List<String> violations) {
        asker.requireHealthy();
        if (failures > 0) {
            violations.add(text("%d questions over HTTP were not answered: %s", failures, firstFailure));
        }
        return text("%s%s", failures == 0 ? "all answered" : failures + " not answered: " + firstFailure,
                !seen.followed ? ", no new version" : ", new versions");
    }

    /// An orderly stop and a start, as an operator would try.
    private String startAgain() throws InterruptedException {
        if (trainer.ended() == null) {
            trainer.stop();
        }
        traffic.go();
        long since = System.nanoTime();
        trainer.start();
        long first = -1;
        while (LoadTest.secondsSince(since) < STARTS_AGAIN_WITHIN.toSeconds()) {
            Trainer.Ended ended = trainer.ended();
            if (ended != null) {
                return text("ends with %d: %s", ended.status(), why(ended));
            }
            long watermark = trainer.watermark();
            if (watermark >= 0 && first < 0) {
                first = watermark;
            }
            if (first >= 0 && watermark > first) {
                return text("learns after %.1f s", LoadTest.secondsSince(since));
            }
            Thread.sleep(LOOK_EVERY);
        }
        return text("does not learn within %d s, %s", STARTS_AGAIN_WITHIN.toSeconds(),
                (trainerHealth.ask().status() + " " + wordsOfTrainer(trainerHealth.ask().json())).strip());
    }

    @Override
    public void close() {
        traffic.close();
        trainer.close();
        scorer.close();
        asker.close();
        requests.close();
        tail.close();
        trainerHealth.close();
        scorerHealth.close();
    }
}
