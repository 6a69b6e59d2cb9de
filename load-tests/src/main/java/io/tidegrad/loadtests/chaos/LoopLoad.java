package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.HttpLine;
import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Payments;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.Writer;
import io.tidegrad.localstack.BrokerProcess;
import io.tidegrad.localstack.Json;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.Topics;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/// The loop closed by real processes: a scorer answers and logs, labels come a day later in event time, a joiner makes
/// examples, a trainer learns them, and the scorer serves what was learned. Each process and the broker are killed
/// meanwhile. Then each answer is compared with the log, and what the trainer counts as served with a computation by brute
/// force over the log and the last label of each request.
public final class LoopLoad extends LoadTest {
    private static final Topics TOPICS = new Topics("loop");
    private static final String STREAM = "payments";
    private static final Duration WITHIN = Duration.ofSeconds(300);
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);
    private static final int ANSWER_BYTES_MAX = 64 * 1024;

    private final Options options;
    private final SplittableRandom random;
    private final AtomicInteger next = new AtomicInteger(); // request to be sent
    private final AtomicReferenceArray<@Nullable Answer> answers;
    private final Map<String, Integer> kills = new HashMap<>();
    private volatile int life; // of the scorer: how often it was killed

    /// @param rate requests a second
    /// @param kills of each process and the broker
    public record Options(int requests, double rate, int connections, int kills, long seed, boolean json) {
        public Options {
            Limits.require("--requests", requests, 1_000, 10_000_000);
            Limits.require("--rate", rate, 1, 1_000_000);
            Limits.require("--connections", connections, 1, 512);
            Limits.require("--kills", kills, 0, 1_000);
        }
    }

    /// @param life of the scorer that gave it
    private record Answer(long version, float prediction, int life) {
    }

    public LoopLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
        random = new SplittableRandom(options.seed());
        answers = new AtomicReferenceArray<>(options.requests());
    }

    /// What runs.
    private record Running(LoopTraffic traffic, Supervised scorer, Joiner joiner, Trainer trainer) {
        void await(String expected, Await.Interruptible<Boolean> condition) throws InterruptedException {
            Await.until(expected, WITHIN, () -> List.of(scorer, joiner, trainer).forEach(Supervised::requireAlive),
                    condition);
        }
    }

    @Override
    protected String measure() throws InterruptedException {
        say("seed %d", options.seed());
        LoopTraffic traffic = new LoopTraffic(STREAM, options.requests(), options.seed(), lab().registry());
        traffic.createTopics(lab(), Payments.PARTITIONS);
        lab().createStream(TOPICS, traffic.streamSpec());
        List<String> flags = childFlags("-Xmx256m");
        Path files = lab().directory().path();
        try (Supervised scorer = new Supervised("scorer", "scorer", files.resolve("scorer"), flags,
                port -> Processes.scorer(lab().bootstrapServers(), STREAM, port,
                        List.of("--registry-url", lab().registryUrl(), "--prefix", TOPICS.prefix(), "--log-topic",
                                STREAM + "=" + traffic.eventsTopic(), "--unknown-fields", "ignore")));
                Joiner joiner = new Joiner("joiner", List.of(JoinerMain.class.getName()), lab(), TOPICS.prefix(),
                        STREAM, files.resolve("joiner"), flags);
                Trainer trainer = Trainer.of(lab(), TOPICS, STREAM, traffic.modelSpec(), files, flags)) {
            return textWithViolations(run(new Running(traffic, scorer, joiner, trainer)));
        }
    }

    private Result run(Running running) throws InterruptedException {
        long began = System.nanoTime();
        running.joiner.start();
        running.trainer.start();
        running.scorer.start();
        try (Labels labels = new Labels(running)) {
            labels.writeFirst();
            running.await("the first examples to be learned", () -> running.trainer.watermark() >= LoopTraffic.FIRST);
            List<Background> clients = new ArrayList<>();
            long due = System.nanoTime();
            for (int i = 0; i < options.connections(); i++) {
                clients.add(Background.start("client-" + i, self -> ask(running, due)));
            }
            Background labelling = Background.start("labels", labels::write);
            try {
                killAll(running, clients);
                running.await("an answer for every request", () -> {
                    clients.forEach(client -> client.requireHealthy("asking failed"));
                    labelling.requireHealthy("labels can't be written");
                    return clients.stream().allMatch(Background::isDone) && labelling.isDone();
                });
            } finally {
                clients.forEach(Background::interrupt);
                labelling.interrupt();
            }
            running.await("the log to be written",
                    () -> running.scorer.health(STREAM).path("log").path("buffered_bytes").asLong(-1) == 0);
            labels.end();
        }
        settle(running);
        Result result = new Result().put("requests", options.requests());
        compare(running, result);
        kills.forEach((of, count) -> result.put("kills_of_" + of, count));
        return result.put("seconds", secondsSince(began));
    }

    /// Kills each process and the broker in turns, at even distances among the requests.
    private void killAll(Running running, List<Background> clients) throws InterruptedException {
        BrokerProcess broker = lab().stack().brokers().node(0);
        for (int round = 0; round < options.kills(); round++) {
            kill(running, clients, round, 0, "scorer", () -> {
                running.scorer.kill();
                life++; // before it starts again: what it has answered until now may be lost
            }, running.scorer::start);
            kill(running, clients, round, 1, "joiner", running.joiner::kill, running.joiner::start);
            kill(running, clients, round, 2, "trainer", running.trainer::kill, running.trainer::start);
            kill(running, clients, round, 3, "broker", broker::kill, broker::restart);
        }
    }

    private void kill(Running running, List<Background> clients, int round, int place, String what, Runnable kill,
            Runnable start) throws InterruptedException {
        long at = options.requests() * (4L * round + place + 1) / (4L * options.kills() + 1);
        running.await("request " + at, () -> {
            clients.forEach(client -> client.requireHealthy("asking failed"));
            return next.get() >= at;
        });
        kill.run();
        kills.merge(what, 1, Integer::sum);
        say("%s killed at request %,d", what, next.get());
        Thread.sleep(random.nextInt(2_000));
        start.run();
    }

    /// Asks until each request is answered. One whose answer did not come is sent again with the same id.
    private void ask(Running running, long began) throws InterruptedException {
        HttpLine line = null;
        try {
            for (int request; (request = next.getAndIncrement()) < options.requests();) {
                long due = began + (long) (request / options.rate() * 1e9);
                long early = due - System.nanoTime();
                if (early > 0) {
                    Thread.sleep(Duration.ofNanos(early));
                }
                byte[] bytes = HttpLine.post("/v1/models/" + STREAM + "/score", running.traffic.json(request),
                        "Tidegrad-Id: " + Payments.id(request));
                long deadline = System.nanoTime() + WITHIN.toNanos();
                while (answers.get(request) == null) {
                    String found;
                    try {
                        line = line == null ? new HttpLine(running.scorer.port(), ANSWER_BYTES_MAX, ANSWER_WITHIN)
                                : line;
                        int of = life;
                        int status = line.ask(bytes);
                        found = status + " " + line.body();
                        if (status == 200) {
                            answers.set(request, answer(line.body(), of));
                        }
                    } catch (LoadTestException e) {
                        found = String.valueOf(e.getMessage());
                        line = closed(line);
                    }
                    if (answers.get(request) == null) {
                        if (System.nanoTime() > deadline) {
                            throw new LoadTestException(
                                    "expected an answer to " + Payments.id(request) + ", found " + found);
                        }
                        Thread.sleep(100);
                    }
                }
            }
        } finally {
            closed(line);
        }
    }

    private static @Nullable HttpLine closed(@Nullable HttpLine line) {
        if (line != null) {
            line.close();
        }
        return null;
    }

    private static Answer answer(String body, int life) {
        JsonNode answer;
        try {
            answer = Json.parse(body);
        } catch (JsonProcessingException e) {
            throw new LoadTestException("expected an answer in JSON, found " + body, e);
        }
        return new Answer(answer.path("version").asLong(),
                Float.parseFloat(answer.path("predictions").path(0).path("probabilities").path(0).asText()), life);
    }

    /// Writes each label when the requests have come to its time.
    private final class Labels implements AutoCloseable {
        private final LoopTraffic traffic;
        private final Writer writer;

        /// @param at event time
        private record Due(long at, int request, boolean takenBack) {
        }

        Labels(Running running) {
            traffic = running.traffic;
            writer = new Writer("events and labels", lab().bootstrapServers(),
                    Map.of("delivery.timeout.ms", Integer.MAX_VALUE, "max.block.ms", Long.MAX_VALUE, "linger.ms", 20));
        }

        void writeFirst() {
            for (int event = 0; event < LoopTraffic.FIRST; event++) {
                writer.send(traffic.first(event));
                writer.send(traffic.firstLabel(event));
            }
            writer.flush();
        }

        void write(Background self) throws InterruptedException {
            PriorityQueue<Due> due = new PriorityQueue<>((one, other) -> Long.compare(one.at, other.at));
            for (int request = 0; request < options.requests(); request++) {
                while (next.get() <= request) {
                    Thread.sleep(10);
                }
                LoopTraffic.Plan plan = traffic.plan(request);
                if (plan.labelAfter() >= 0) {
                    due.add(new Due(plan.time() + plan.labelAfter(), request, false));
                }
                if (plan.takenBackAfter() >= 0) {
                    due.add(new Due(plan.time() + plan.takenBackAfter(), request, true));
                }
                while (!due.isEmpty() && due.peek().at <= plan.time()) {
                    write(due.remove());
                }
            }
            while (!due.isEmpty()) {
                write(due.remove());
            }
            writer.flush();
        }

        private void write(Due due) {
            writer.send(traffic.label(due.request, due.takenBack));
        }

        void end() {
            traffic.writeTicks(writer, traffic.end());
        }

        @Override
        public void close() {
            writer.close();
        }
    }

    /// Returns once everything is joined, learned and reported. Nothing joins any more then.
    private void settle(Running running) throws InterruptedException {
        TopicPartition examples = new TopicPartition(TOPICS.examples(STREAM, 1), 0);
        long[] end = {0};
        try (KafkaConsumer<byte[], byte[]> consumer = lab().reader(List.of(examples))) {
            long[] settled = {Long.MIN_VALUE};
            Consumer<ConsumerRecord<byte[], byte[]>> take = record -> {
                settled[0] = Math.max(settled[0], Payments.settled(record));
                end[0] = record.offset() + 1;
            };
            running.await("a tick of the end among the examples", () -> {
                consumer.poll(Duration.ofMillis(100)).forEach(take);
                return settled[0] >= running.traffic.end();
            });
            running.joiner.stop();
            long last = consumer.endOffsets(List.of(examples)).getOrDefault(examples, 0L);
            while (consumer.position(examples) < last) {
                consumer.poll(Duration.ofMillis(100)).forEach(take);
            }
        }
        running.await("the trainer at " + end[0] + ", reported", () -> running.trainer.hasReported(end[0]));
    }

    private void compare(Running running, Result result) throws InterruptedException {
        Map<Integer, Served> first = new HashMap<>(); // the joiner takes the first record of an id
        boolean[] logged = new boolean[options.requests()]; // as it was answered
        int[] twice = {0};
        lab().readAll(IntStream.range(0, Payments.PARTITIONS)
                .mapToObj(each -> new TopicPartition(running.traffic.eventsTopic(), each)).toList(), record -> {
                    int request = Payments.number(record.key());
                    if (request < 0) {
                        return;
                    }
                    Served served = served(record);
                    if (served == null || !Arrays.equals(record.value(), running.traffic.value(request))) {
                        violation(Payments.id(request) + ": expected the event that was asked about and what"
                                + " was served, found " + served);
                        return;
                    }
                    twice[0] += first.putIfAbsent(request, served) == null ? 0 : 1;
                    Answer answer = answers.get(request);
                    logged[request] |= answer != null && answer.version == served.version()
                            && Float.floatToIntBits(answer.prediction) == Float.floatToIntBits(served.predictions()[0]);
                });
        AsServedOracle oracle = new AsServedOracle();
        first.forEach((request, served) -> oracle.add(served.predictions()[0], running.traffic.plan(request).last()));
        int lost = 0;
        long labelled = 0;
        long versions = first.values().stream().mapToLong(Served::version).distinct().count();
        for (int request = 0; request < options.requests(); request++) {
            Answer answer = answers.get(request);
            labelled += first.containsKey(request) && running.traffic.plan(request).labelAfter() >= 0 ? 1 : 0;
            if (answer == null || !logged[request]) {
                lost++;
                if (answer == null || answer.life == life) {
                    violation(Payments.id(request) + ": expected its answer in the log, since its scorer was not"
                            + " killed, found " + first.get(request) + " and the answer " + answer);
                }
            }
        }
        JsonNode told = running.trainer.report().path("as_served");
        if (told.size() != 1) {
            violation("expected figures of one epoch and stage, found " + told);
        }
        violations(oracle.differences(told.path(0)));
        result.put("answered_and_lost_with_a_killed_scorer", lost).put("logged", oracle.size())
                .put("logged_twice", twice[0]).put("logged_with_label", labelled).put("versions", versions);
        for (String figure : List.of("predictions", "mean_label", "mean_prediction", "log_loss", "auc",
                "calibration_error")) {
            result.put("as_served_" + figure, told.path(0).path(figure).asDouble());
        }
    }

    private static @Nullable Served served(ConsumerRecord<byte[], byte[]> record) {
        try {
            return Served.read(record.headers());
        } catch (ExampleException e) {
            return null;
        }
    }
}
