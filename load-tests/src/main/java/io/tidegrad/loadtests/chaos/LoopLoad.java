package io.tidegrad.loadtests.chaos;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.StreamDecisions;
import io.tidegrad.joiner.app.JoinerMain;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.HttpLine;
import io.tidegrad.loadtests.KafkaClients;
import io.tidegrad.loadtests.Limits;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.Result;
import io.tidegrad.localstack.BrokerProcess;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.stream.ExampleException;
import io.tidegrad.model.stream.Served;
import io.tidegrad.model.stream.StreamSpec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.TrainerMain;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
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
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
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
    private static final int TOLD_MAX = 20;

    private final Options options;
    private final SplittableRandom random;
    private final List<String> violations = new ArrayList<>();
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

    /// @param out for the table
    /// @param progress for a line a kill
    public LoopLoad(Options options, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
        random = new SplittableRandom(options.seed());
        answers = new AtomicReferenceArray<>(options.requests());
    }

    /// What is not as it must be.
    public List<String> violations() {
        return List.copyOf(violations);
    }

    /// What runs.
    private record Running(LocalStack stack, LoopTraffic traffic, Supervised scorer, int port, Joiner joiner,
            Trainer trainer, Json http) {
        void requireAlive() {
            for (Supervised each : List.of(scorer, joiner, trainer)) {
                Supervised.Ended ended = each.ended();
                if (ended != null) {
                    throw new LoadTestException("expected the " + each + " to go on or to ask for a restart, found that"
                            + " it ended with status " + ended.status() + ": " + World.lastLine(ended.said()));
                }
            }
        }

        void await(String expected, Await.Interruptible<Boolean> condition) throws InterruptedException {
            Await.until(expected, WITHIN, () -> {
                requireAlive();
                return condition.get();
            });
        }
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        say("seed %d", options.seed());
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", stack.registryUrl()));
                Admin admin = KafkaClients.admin(stack.bootstrapServers(), Map.of())) {
            LoopTraffic traffic = new LoopTraffic(STREAM, options.requests(), options.seed(), registry);
            create(stack, admin, traffic);
            List<String> flags = Processes.with(childFlags(), List.of("-Xmx256m"));
            int port = Ports.free();
            try (Supervised scorer = new Supervised("scorer", "scorer", directory.path().resolve("scorer"), flags,
                    Processes.scorer(stack.bootstrapServers(), STREAM, port,
                            List.of("--registry-url", stack.registryUrl(), "--prefix", TOPICS.prefix(), "--log-topic",
                                    STREAM + "=" + traffic.scoredTopic(), "--unknown-fields", "ignore")));
                    Joiner joiner = Joiner.of("joiner", List.of(JoinerMain.class.getName()), stack, TOPICS.prefix(),
                            STREAM, directory.path().resolve("joiner"), flags);
                    Trainer trainer = trainer(stack, traffic, directory.path(), flags);
                    Json http = new Json()) {
                Result result = run(new Running(stack, traffic, scorer, port, joiner, trainer, http));
                if (!violations.isEmpty()) {
                    directory.keepLogs();
                    violations.stream().limit(TOLD_MAX).forEach(each -> say("VIOLATION %s", each));
                    say("logs of all processes: %s", directory.logs());
                }
                return text(List.of(result.put("violations", violations.size())));
            }
        }
    }

    private static void create(LocalStack stack, Admin admin, LoopTraffic traffic) throws InterruptedException {
        Map<String, String> forEver = Map.of("retention.ms", "-1");
        List<String> topics = List.of(traffic.scoredTopic(), traffic.labelsTopic());
        KafkaClients.answer(admin
                .createTopics(topics.stream()
                        .map(topic -> new NewTopic(topic, LoopTraffic.PARTITIONS, (short) 1).configs(forEver)).toList())
                .all());
        Await.until("the topics that were created", WITHIN,
                () -> KafkaClients.answer(admin.listTopics().names()).containsAll(topics));
        new StreamDecisions(KafkaSettings.of(stack.bootstrapServers()), TOPICS, admin, (short) -1,
                new Decisions.By("load-test", "a load test"))
                .create(StreamSpec.parse(traffic.streamSpec(), "spec of the load test"), null);
    }

    private static Trainer trainer(LocalStack stack, LoopTraffic traffic, Path directory, List<String> flags) {
        Path spec = Processes.write(directory.resolve("spec.yaml"), traffic.modelSpec());
        return Trainer.of("trainer", STREAM, directory.resolve("trainer"), flags,
                Processes.trainer(List.of(TrainerMain.class.getName()), stack.bootstrapServers(), stack.registryUrl(),
                        List.of("--prefix", TOPICS.prefix(), "--spec", spec.toString())));
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
                    () -> health(running).path("log").path("buffered_bytes").asLong(-1) == 0);
            labels.end();
        }
        settle(running);
        Result result = new Result().put("requests", options.requests());
        compare(running, result);
        kills.forEach((of, count) -> result.put("kills_of_" + of, count));
        return result.put("seconds", secondsSince(began));
    }

    private static JsonNode health(Running running) throws InterruptedException {
        JsonNode health = running.http.get("http://127.0.0.1:" + running.port + "/health");
        return health == null ? Json.NOTHING : health.path("models").path(STREAM);
    }

    /// Kills each process and the broker in turns, at even distances among the requests.
    private void killAll(Running running, List<Background> clients) throws InterruptedException {
        BrokerProcess broker = running.stack.brokers().node(0);
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
        pass(2_000);
        start.run();
    }

    private void pass(int mostMillis) throws InterruptedException {
        Thread.sleep(random.nextInt(mostMillis));
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
                        "Tidegrad-Id: " + LoopTraffic.id(request));
                long deadline = System.nanoTime() + WITHIN.toNanos();
                while (answers.get(request) == null) {
                    String found;
                    try {
                        line = line == null ? new HttpLine(running.port, ANSWER_BYTES_MAX, ANSWER_WITHIN) : line;
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
                                    "expected an answer to " + LoopTraffic.id(request) + ", found " + found);
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
        private final KafkaProducer<byte[], byte @Nullable []> producer;
        private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();

        /// @param at event time
        private record Due(long at, int request, boolean takenBack) {
        }

        Labels(Running running) {
            traffic = running.traffic;
            producer = KafkaClients.writer(running.stack.bootstrapServers(), Map.of("acks", "all",
                    "delivery.timeout.ms", Integer.MAX_VALUE, "max.block.ms", Long.MAX_VALUE, "linger.ms", 20));
        }

        private void send(ProducerRecord<byte[], byte @Nullable []> record) {
            producer.send(record, (at, e) -> failure.compareAndSet(null, e));
        }

        private void flush() {
            producer.flush();
            Exception e = failure.get();
            if (e != null) {
                throw new LoadTestException("can't write events and labels: " + e, e);
            }
        }

        void writeFirst() {
            for (int event = 0; event < LoopTraffic.FIRST; event++) {
                send(traffic.first(event));
                send(traffic.firstLabel(event));
            }
            flush();
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
            flush();
        }

        private void write(Due due) {
            send(traffic.label(due.request, due.takenBack));
        }

        /// Ends all waits and windows.
        void end() {
            for (String topic : List.of(traffic.scoredTopic(), traffic.labelsTopic())) {
                for (int partition = 0; partition < LoopTraffic.PARTITIONS; partition++) {
                    send(new ProducerRecord<>(topic, partition, (byte[]) null, null,
                            List.of(new RecordHeader(Tick.HEADER, Tick.headerValue(traffic.end())))));
                }
            }
            flush();
        }

        @Override
        public void close() {
            producer.close(Duration.ZERO);
        }
    }

    private static void readAll(Running running, List<TopicPartition> partitions,
            Consumer<ConsumerRecord<byte[], byte[]>> each) {
        try (KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(running.stack.bootstrapServers(), Map.of())) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                consumer.poll(Duration.ofMillis(100)).forEach(each);
            }
        }
    }

    /// Returns once everything is joined, learned and reported. Nothing joins any more then.
    private static void settle(Running running) throws InterruptedException {
        TopicPartition examples = new TopicPartition(TOPICS.examples(STREAM, 1), 0);
        long[] end = {0};
        try (KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(running.stack.bootstrapServers(), Map.of())) {
            consumer.assign(List.of(examples));
            long[] settled = {Long.MIN_VALUE};
            Consumer<ConsumerRecord<byte[], byte[]>> take = record -> {
                Header tick = record.headers().lastHeader(Tick.HEADER);
                Long time = tick == null ? null : Tick.eventTime(tick);
                settled[0] = time == null ? settled[0] : Math.max(settled[0], time);
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
        running.await("the trainer at " + end[0] + ", reported", () -> running.trainer.watermark() == end[0]
                && running.trainer.health().path("report").path("watermark").asLong() == end[0]);
    }

    private void compare(Running running, Result result) throws InterruptedException {
        Map<Integer, Served> first = new HashMap<>(); // the joiner takes the first record of an id
        boolean[] logged = new boolean[options.requests()]; // as it was answered
        int[] twice = {0};
        readAll(running, IntStream.range(0, LoopTraffic.PARTITIONS)
                .mapToObj(each -> new TopicPartition(running.traffic.scoredTopic(), each)).toList(), record -> {
                    int request = record.key() == null ? -1
                            : running.traffic.number(new String(record.key(), StandardCharsets.UTF_8));
                    if (request < 0) {
                        return;
                    }
                    Served served = served(record);
                    if (served == null || !Arrays.equals(record.value(), running.traffic.value(request))) {
                        violations.add(LoopTraffic.id(request) + ": expected the event that was asked about and what"
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
                    violations
                            .add(LoopTraffic.id(request) + ": expected its answer in the log, since its scorer was not"
                                    + " killed, found " + first.get(request) + " and the answer " + answer);
                }
            }
        }
        JsonNode told = running.trainer.health().path("report").path("as_served");
        if (told.size() != 1) {
            violations.add("expected figures of one epoch and stage, found " + told);
        }
        violations.addAll(oracle.differences(told.path(0)));
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
