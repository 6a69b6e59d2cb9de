package io.tidegrad.loadtests.score;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.HttpLine;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Malformed;
import io.tidegrad.loadtests.Names;
import io.tidegrad.loadtests.ProcessFigures;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.Result;
import io.tidegrad.loadtests.bench.Rival;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.TopicCreation;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.DoubleSupplier;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.apache.avro.Schema;

/// Measures one model behind HTTP. Broker, scorer and the servers that it is compared with are processes; this process is
/// the client. What is compared takes turns in windows of one run.
final class ServedLoad extends LoadTest {
    private static final Duration WITHIN = Duration.ofSeconds(60);

    /// Well below the 30 s after which a server closes a silent connection, because the others have their turns
    /// meanwhile.
    private static final Duration WINDOW = Duration.ofSeconds(2);

    private static final int QUESTIONS = 64;

    private static final String UNREAD = ".unread";

    /// For the part that compares answers, so that a swap in the middle of a request would be seen.
    private static final int RECORDS_A_REQUEST = 4;

    /// Of the server that does nothing: enough for both protocols at once.
    private static final int CONNECTIONS_MAX = 2_048;

    private static final int ANSWER_BYTES_MAX = 64 * 1024;

    /// How many times the requests that can be answered are due.
    private static final int OVERLOAD = 5;

    /// About as many as a scorer keeps open unless it is told otherwise.
    private static final int OVERLOAD_CONNECTIONS = 1_000;

    /// After this time a client gives up a request whose connection is still busy.
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private static final int RECOVERY_SECONDS_MAX = 30;
    private static final double RECOVERED = 0.8;

    /// Compilers that take less than this share of a core are done.
    private static final double COMPILED_SHARE = 0.01;

    private static final int COMPILE_ROUNDS_MAX = 10;

    private static final double SWAPS_PER_SECOND = 10;
    private static final double SWAPS_PER_SECOND_MANY = 50;

    /// In the build that the profile `rivals` makes.
    private static final String ONNX_SCORER = "io.tidegrad.scorerapp.OnnxScorer";

    private static final int LOG_PARTITIONS = 6;

    /// ONNX Runtime sums in other orders, with its own exponentials.
    private static final float ONNX_WITHIN = 1e-5f;

    private final ScoredModel scored;
    private final ScoreLoad.Options options;
    private final BiFunction<String, Parameters, byte[]> onnx;
    private final List<StreamEvent> questions;
    private final Versions versions;
    private final Expected expected;
    private final String model;

    ServedLoad(ScoredModel scored, ScoreLoad.Options options, BiFunction<String, Parameters, byte[]> onnx,
            PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.scored = scored;
        this.options = options;
        this.onnx = onnx;
        List<StreamEvent> shipped = scored.stream().read();
        questions = shipped.subList(0, QUESTIONS);
        List<MapEvent> events = ScoredModel.events(shipped, QUESTIONS);
        versions = new Versions(scored, shipped, events);
        expected = new Expected(versions.outputs());
        model = scored.spec().model();
    }

    @Override
    protected String measure() throws InterruptedException {
        Path files = lab().logs().resolve(model);
        StringBuilder results = new StringBuilder();
        String kafka = lab().bootstrapServers();
        // A trainer makes it at its first start.
        TopicCreation.onePartition(kafka, Topics.DEFAULT.control(), Map.of());
        try (SnapshotTopic topic = new SnapshotTopic(kafka, Topics.DEFAULT.snapshots(model));
                SnapshotTopic unread = new SnapshotTopic(kafka, topic.name() + UNREAD)) {
            Swaps swaps = new Swaps(versions, expected, topic, unread);
            swaps.publish();
            try (Served served = new Served("scorer", files, scorer(List.of()))) {
                served.awaitReady();
                if (options.parts().contains(ScoreLoad.Part.HTTP)) {
                    results.append(throughput(served, files));
                }
                if (options.parts().contains(ScoreLoad.Part.SWAPS)) {
                    results.append(everyAnswer(served, swaps));
                }
                if (options.parts().contains(ScoreLoad.Part.OVERLOAD)) {
                    results.append(overload(served, swaps));
                }
                if (options.parts().contains(ScoreLoad.Part.ONNX_RUNTIME)) {
                    results.append(besideOnnx(served, files));
                }
                if (options.parts().contains(ScoreLoad.Part.LOG)) {
                    results.append(besideLog(served, files));
                }
                // Last, because a thread can't leave the idle class.
                if (options.parts().contains(ScoreLoad.Part.HTTP)) {
                    boolean elsewhere = elsewhere(swaps);
                    compile(served, swaps);
                    for (Protocol protocol : Protocol.values()) {
                        results.append(latency(protocol, served, swaps, elsewhere));
                    }
                }
            }
        }
        return results.toString();
    }

    /// A scorer's process, or one that answers like it.
    private final class Served implements AutoCloseable {
        private final ChildJvm process;
        private final int port = Ports.free();

        /// @param moreClassPath behind that of this process
        /// @param command for a port
        Served(String name, Path files, List<Path> moreClassPath, IntFunction<List<String>> command) {
            process = ChildJvm.run(name, Processes.with(childFlags(), heapFlags()), moreClassPath, command.apply(port),
                    files.resolve(name + ".out"), files.resolve(name + ".log"));
        }

        Served(String name, Path files, IntFunction<List<String>> command) {
            this(name, files, List.of(), command);
        }

        void awaitReady() throws InterruptedException {
            Await.until("the scorer to be ready", WITHIN, process::requireAlive,
                    () -> Processes.health(lab().http(), port).path("ready").asBoolean());
        }

        JsonNode health() throws InterruptedException {
            process.requireAlive();
            JsonNode health = Processes.health(lab().http(), port, model);
            if (health.isMissingNode()) {
                throw new LoadTestException("expected health from the scorer, found no answer");
            }
            return health;
        }

        DoubleSupplier cpuFromNow() {
            return ProcessFigures.cpuFromNow(process.pid());
        }

        /// Versions that it has taken in.
        long loaded() throws InterruptedException {
            return health().path("snapshots_loaded").asLong();
        }

        /// @throws LoadTestException it has not, within a bound, or has refused one
        void awaitVersion(long version) throws InterruptedException {
            Await.until("version " + version + " served", WITHIN, () -> health().path("version").asLong() >= version);
            JsonNode refused = health().path("snapshots_refused");
            if (!refused.isEmpty()) {
                throw new LoadTestException("expected every version admitted, found " + refused);
            }
        }

        /// The answer to the first question.
        String answer(Protocol protocol) {
            try (HttpLine line = new HttpLine(port, ANSWER_BYTES_MAX, WITHIN)) {
                line.ask(protocol.requests(model, questions, 1).getFirst());
                return line.body();
            }
        }

        HttpLoad.Target target(Protocol protocol, int records) {
            return new HttpLoad.Target(protocol.name().toLowerCase(Locale.ROOT), port,
                    protocol.requests(model, repeated(records), records), records, expected, true, 0, false);
        }

        @Override
        public void close() {
            process.close();
        }
    }

    /// The questions, again and again where one request asks more than there are.
    private List<StreamEvent> repeated(int records) {
        List<StreamEvent> asked = new ArrayList<>(questions);
        while (asked.size() < records) {
            asked.addAll(questions);
        }
        return asked;
    }

    /// The command of a scorer for a port.
    private IntFunction<List<String>> scorer(List<String> more) {
        return port -> Processes.scorer(lab().bootstrapServers(), model, port, more);
    }

    /// How a result of a part begins.
    private Result result(String part) {
        return new Result().put("part", part).put("model", Names.of(scored));
    }

    /// A scorer's, as the launcher says them: it starts this process with the same.
    private static List<String> heapFlags() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> flag.matches("-XX:(InitialRAMPercentage|NewRatio)=.*")).toList();
    }

    private int rounds() {
        return Math.max(1, (int) (options.seconds() / WINDOW.toSeconds()));
    }

    private Duration window() {
        return options.length().dividedBy(rounds());
    }

    /// Gives broker and publisher only idle time, because in production they run on other machines. Returns whether the
    /// system allows it.
    private boolean elsewhere(Swaps swaps) {
        return LinuxScheduler.idle(lab().brokerPid(), anyName -> true) && swaps.elsewhere();
    }

    /// Until the scorer's compilers have little left to do, in both protocols and under more swaps than are measured:
    /// at 10 a second Kafka's client would be compiled after minutes.
    private void compile(Served served, Swaps swaps) throws InterruptedException {
        long pid = served.process.pid();
        Duration length = options.opening().dividedBy(Protocol.values().length);
        double little = COMPILED_SHARE * options.opening().toMillis() * 1e-3;
        double before;
        int round = 0;
        do {
            before = LinuxThread.compilerSeconds(pid);
            for (Protocol protocol : Protocol.values()) {
                HttpLoad.Target target = served.target(protocol, 1);
                try (HttpLoad load = new HttpLoad(target, options.connections())) {
                    say("%s over HTTP, %s: the compilers work", Names.of(scored), target.name());
                    swaps.during(SWAPS_PER_SECOND_MANY, () -> load.open(options.perSecond(), length));
                }
            }
        } while (LinuxThread.compilerSeconds(pid) - before > little && ++round < COMPILE_ROUNDS_MAX);
    }

    /// Windows without and with swaps, and with the same published where the scorer does not read it, in turns.
    private String latency(Protocol protocol, Served served, Swaps swaps, boolean publishedElsewhere)
            throws InterruptedException {
        HttpLoad.Target target = served.target(protocol, 1);
        Windows calm = new Windows();
        Windows unread = new Windows();
        Windows swapped = new Windows();
        try (HttpLoad load = new HttpLoad(target, options.connections())) {
            long loaded = 0;
            DoubleSupplier cpu = served.cpuFromNow();
            DoubleSupplier own = ProcessFigures.cpuFromNow(ProcessHandle.current().pid());
            for (int round = 1; round <= rounds(); round++) {
                say("%s over HTTP, %s: round %d of %d", Names.of(scored), target.name(), round, rounds());
                swaps.make((int) Math.ceil(SWAPS_PER_SECOND * window().toMillis() * 1e-3));
                served.awaitVersion(swaps.newest());
                calm.add(load.open(options.perSecond(), window()).latencies());
                unread.add(swaps.duringUnread(SWAPS_PER_SECOND, () -> load.open(options.perSecond(), window()))
                        .latencies());
                long before = served.loaded();
                HttpLoad.Window window = swaps.during(SWAPS_PER_SECOND, () -> load.open(options.perSecond(), window()));
                served.awaitVersion(swaps.newest());
                loaded += served.loaded() - before;
                swapped.add(window.latencies());
            }
            long requests =
                    Stream.of(calm, unread, swapped).mapToLong(windows -> windows.all().whole().getTotalCount()).sum();
            Result result = result("http").put("protocol", target.name()).put("requests_per_s", options.perSecond())
                    .put("connections", options.connections()).put("swaps_per_s", SWAPS_PER_SECOND)
                    .put("published_elsewhere", publishedElsewhere).put("versions_admitted", loaded)
                    .put("requests", requests).put("answers_verified", load.verified());
            percentiles(result, "calm", calm.all());
            percentiles(result, "unread", unread.all());
            percentiles(result, "swaps", swapped.all());
            result.put("p99_ratio", swapped.median(99) / calm.median(99))
                    .put("p99_ratio_to_unread", swapped.median(99) / unread.median(99))
                    .put("scorer_cpu_us_per_request", cpu.getAsDouble() * 1e6 / requests)
                    .put("client_cpu_us_per_request", own.getAsDouble() * 1e6 / requests);
            return text(List.of(result));
        }
    }

    private static void percentiles(Result result, String prefix, OpenLoop.Latencies latencies) {
        latencies.tell(result, prefix, "ms", 1e6);
        result.put(prefix + "_sent_late_p50_ms", latencies.late().getValueAtPercentile(50) * 1e-6);
    }

    /// As many as connections get answered, by the scorer in both protocols and by a server that does nothing, in
    /// turns.
    private String throughput(Served served, Path files) throws InterruptedException {
        IntFunction<List<String>> command = port -> List.of(BareServer.class.getName(), String.valueOf(port),
                String.valueOf(CONNECTIONS_MAX), served.answer(Protocol.V1), served.answer(Protocol.V2));
        try (Served bare = new Served("bare", files, command)) {
            awaitListening(bare);
            List<HttpLoad.Target> targets = new ArrayList<>();
            for (Protocol protocol : Protocol.values()) {
                HttpLoad.Target target = served.target(protocol, 1);
                targets.add(target);
                targets.add(target.of("bare_" + target.name(), bare.port));
            }
            Map<String, Double> perSecond = closedLoops(targets);
            Result result = result("throughput").put("connections", options.connections());
            perSecond.forEach((name, value) -> result.put(name + "_per_s", value));
            for (String protocol : List.of("v1", "v2")) {
                result.put(protocol + "_share", perSecond.getOrDefault(protocol, Double.NaN)
                        / perSecond.getOrDefault("bare_" + protocol, Double.NaN));
            }
            return text(List.of(result));
        }
    }

    private static void awaitListening(Served server) throws InterruptedException {
        Await.until("a server on port " + server.port, WITHIN, server.process::requireAlive, () -> {
            try (HttpLine _ = new HttpLine(server.port, ANSWER_BYTES_MAX, WITHIN)) {
                return true;
            } catch (LoadTestException notYet) {
                return false;
            }
        });
    }

    /// Answers a second of each, in turns.
    private Map<String, Double> closedLoops(List<HttpLoad.Target> targets) throws InterruptedException {
        List<HttpLoad> loads = new ArrayList<>();
        try {
            for (HttpLoad.Target target : targets) {
                loads.add(new HttpLoad(target, options.connections()));
            }
            for (HttpLoad load : loads) {
                say("%s: %s, the compilers work", Names.of(scored), load.target().name());
                load.closed(options.opening().dividedBy(2));
            }
            Map<String, Double> seconds = new LinkedHashMap<>();
            Map<String, Double> answers = new LinkedHashMap<>();
            for (int round = 1; round <= 2 * rounds(); round++) {
                for (HttpLoad load : loads) {
                    say("%s: %s, as many as can be", Names.of(scored), load.target().name());
                    HttpLoad.Window window = load.closed(window().dividedBy(2));
                    answers.merge(load.target().name(), (double) window.answers(), Double::sum);
                    seconds.merge(load.target().name(), window.seconds(), Double::sum);
                }
            }
            answers.replaceAll((name, count) -> count / seconds.getOrDefault(name, Double.NaN));
            return answers;
        } finally {
            loads.forEach(HttpLoad::close);
        }
    }

    /// Invariant I13: every answer compared, requests of several records, as many as can be.
    private String everyAnswer(Served served, Swaps swaps) throws InterruptedException {
        long before = served.loaded();
        Result result = result("swaps");
        long answers = 0;
        long verified = 0;
        double seconds = 0;
        for (Protocol protocol : Protocol.values()) {
            say("%s: every answer of %s compared", Names.of(scored), protocol);
            HttpLoad.Target target = served.target(protocol, RECORDS_A_REQUEST);
            try (HttpLoad load = new HttpLoad(target, options.connections())) {
                HttpLoad.Window window = swaps.during(SWAPS_PER_SECOND_MANY,
                        () -> load.closed(options.length().dividedBy(Protocol.values().length)));
                answers += window.answers();
                verified += load.verified();
                seconds += window.seconds();
            }
        }
        served.awaitVersion(swaps.newest());
        result.put("seconds", seconds).put("answers", answers).put("answers_verified", verified)
                .put("records_verified", verified * RECORDS_A_REQUEST)
                .put("versions_admitted", served.loaded() - before)
                .put("versions_per_s", (served.loaded() - before) / seconds);
        return text(List.of(result));
    }

    /// Sends more requests than can be answered: answers must be right and in time, the rest must be refused, versions must
    /// still be loaded, and afterwards every request must be answered again. The client with its thousand connections does
    /// not use the scorer's cores.
    private String overload(Served served, Swaps swaps) throws InterruptedException {
        BitSet all = LinuxScheduler.allowedCores();
        BitSet scorers = new BitSet();
        all.stream().limit(all.cardinality() / 2).forEach(scorers::set);
        BitSet clients = (BitSet) all.clone();
        clients.andNot(scorers);
        long own = ProcessHandle.current().pid();
        boolean apart = !scorers.isEmpty() && LinuxScheduler.keep(served.process.pid(), scorers)
                && LinuxScheduler.keep(own, clients);
        try {
            return overload(served, swaps, apart);
        } finally {
            LinuxScheduler.keep(served.process.pid(), all);
            LinuxScheduler.keep(own, all);
        }
    }

    private String overload(Served served, Swaps swaps, boolean apart) throws InterruptedException {
        HttpLoad.Target target = served.target(Protocol.V1, scored.heavyRecords()).thatSheds();
        double most;
        try (HttpLoad load = new HttpLoad(target, options.connections())) {
            say("%s: requests of %d records", Names.of(scored), scored.heavyRecords());
            load.closed(options.opening().dividedBy(2));
            most = swaps.during(SWAPS_PER_SECOND, () -> load.closed(options.length())).perSecond();
        }
        long before = served.loaded();
        Result result = result("overload").put("records", scored.heavyRecords()).put("cores_apart", apart)
                .put("most_per_s", most).put("due_per_s", OVERLOAD * most);
        try (HttpLoad load = new HttpLoad(target, OVERLOAD_CONNECTIONS)) {
            say("%s: %d times %.0f a second are due", Names.of(scored), OVERLOAD, most);
            Duration length = options.length();
            HttpLoad.Window window = swaps.during(SWAPS_PER_SECOND, () -> load.open(OVERLOAD * most, length, PATIENCE));
            result.put("requests", window.answers() + window.shed() + window.givenUp()).put("answers", window.answers())
                    .put("shed", window.shed()).put("given_up", window.givenUp())
                    .put("answers_verified", load.verified()).put("answered_per_s", window.perSecond())
                    .put("goodput_share", window.perSecond() / most);
            percentiles(result, "answered", window.latencies());
        }
        result.put("recovery_s", recovery(target, RECOVERED * most));
        served.awaitVersion(swaps.newest());
        result.put("versions_admitted", served.loaded() - before);
        return text(List.of(result));
    }

    /// Seconds until a second in which as many requests as before are answered and none is refused; at most a bound.
    private int recovery(HttpLoad.Target target, double perSecond) throws InterruptedException {
        try (HttpLoad load = new HttpLoad(target, options.connections())) {
            for (int second = 1; second < RECOVERY_SECONDS_MAX; second++) {
                HttpLoad.Window window = load.closed(Duration.ofSeconds(1));
                if (window.shed() == 0 && window.perSecond() >= perSecond) {
                    return second;
                }
            }
            return RECOVERY_SECONDS_MAX;
        }
    }

    /// Compares with ONNX Runtime: the same requests, server and featurizer, but another runtime predicts.
    private String besideOnnx(Served served, Path files) throws InterruptedException {
        Path build = Rival.build(options.root());
        Path file = files.resolve("model.onnx");
        try {
            Files.write(file, onnx.apply(model, versions.model().parameters()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        IntFunction<List<String>> command = port -> {
            List<String> scorer = Processes.scorer(lab().bootstrapServers(), model, port, List.of());
            scorer.set(0, ONNX_SCORER);
            scorer.add(1, file.toString());
            return scorer;
        };
        List<Path> rivals = List.of(build.resolve("classes"), build.resolve("lib").resolve("*"));
        try (Served onnxScorer = new Served("onnx", files, rivals, command)) {
            onnxScorer.awaitReady();
            HttpLoad.Target theirs = new HttpLoad.Target("onnx", onnxScorer.port,
                    Protocol.V1.requests(model, questions, 1), 1, expected, true, ONNX_WITHIN, false);
            Result result = result("onnx-runtime");
            sideBySide(List.of(served.target(Protocol.V1, 1).named("tidegrad"), theirs), () -> {
            }, result);
            return text(List.of(result));
        }
    }

    /// Answers a second of each, and then latencies of each at the rate that was asked for, in turns.
    ///
    /// @param between is done between the two
    /// @return how many requests each had at that rate
    private long sideBySide(List<HttpLoad.Target> targets, Runnable between, Result result)
            throws InterruptedException {
        result.put("connections", options.connections());
        closedLoops(targets).forEach((name, perSecond) -> result.put(name + "_per_s", perSecond));
        result.put("requests_per_s", options.perSecond());
        between.run();
        Map<String, OpenLoop.Latencies> latencies = openLoops(targets);
        latencies.forEach((name, each) -> percentiles(result, name, each));
        return latencies.values().iterator().next().whole().getTotalCount();
    }

    /// Compares with a scorer that logs what it serves. Both read the same snapshots and answer the same requests in turns.
    private String besideLog(Served served, Path files) throws InterruptedException {
        String topic = model + "-scored";
        createLog(topic);
        IntFunction<List<String>> command =
                scorer(List.of("--registry-url", lab().registryUrl(), "--log-topic", model + "=" + topic));
        try (Served logging = new Served("logging", files, command)) {
            logging.awaitReady();
            Result result = result("log");
            List<HttpLoad.Target> both = List.of(served.target(Protocol.V1, 1).named("without"),
                    logging.target(Protocol.V1, 1).named("with"));
            List<DoubleSupplier> cpu = new ArrayList<>();
            long requests =
                    sideBySide(both, () -> cpu.addAll(List.of(served.cpuFromNow(), logging.cpuFromNow())), result);
            result.put("without_cpu_us_per_request", cpu.getFirst().getAsDouble() * 1e6 / requests)
                    .put("with_cpu_us_per_request", cpu.getLast().getAsDouble() * 1e6 / requests);
            Await.until("all to be written to " + topic, WITHIN,
                    () -> logging.health().path("log").path("buffered_bytes").asLong() == 0);
            JsonNode log = logging.health().path("log");
            result.put("logged", log.path("written").asLong());
            log.path("lost").properties()
                    .forEach(each -> result.put("lost_" + each.getKey(), each.getValue().asLong()));
            return text(List.of(result));
        }
    }

    /// The events' schema, but for the label, which a request does not have.
    private void createLog(String topic) throws InterruptedException {
        Schema asked = Malformed.without(scored.stream().schema(), scored.spec().label().field());
        lab().registry().register(scored.spec().inputTopic() + "-value", asked);
        lab().createTopics(List.of(topic), LOG_PARTITIONS, Map.of());
    }

    /// Of each, in turns; the compilers have worked.
    private Map<String, OpenLoop.Latencies> openLoops(List<HttpLoad.Target> targets) throws InterruptedException {
        Map<String, OpenLoop.Latencies> latencies = new LinkedHashMap<>();
        List<HttpLoad> loads = new ArrayList<>();
        try {
            for (HttpLoad.Target target : targets) {
                loads.add(new HttpLoad(target, options.connections()));
                latencies.put(target.name(), new OpenLoop.Latencies());
            }
            for (int round = 1; round <= rounds(); round++) {
                for (HttpLoad load : loads) {
                    String name = load.target().name();
                    say("%s: %s, round %d of %d", Names.of(scored), name, round, rounds());
                    OpenLoop.Latencies window = load.open(options.perSecond(), window()).latencies();
                    latencies.computeIfPresent(name, (key, all) -> {
                        all.add(window);
                        return all;
                    });
                }
            }
            return latencies;
        } finally {
            loads.forEach(HttpLoad::close);
        }
    }
}
