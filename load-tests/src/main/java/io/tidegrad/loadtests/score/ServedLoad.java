package io.tidegrad.loadtests.score;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.CpuClock;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.Processes;
import io.tidegrad.loadtests.bench.Rival;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.OnePartition;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.RunDirectory;
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
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/// One model behind HTTP: broker, scorer and whatever it is compared with are processes of their own, the client is
/// this one. Whatever is compared takes turns in windows of the same run.
final class ServedLoad extends LoadTest {
    private static final Duration WITHIN = Duration.ofSeconds(60);

    /// Also well below the 30 s after which a server closes a connection on which it hears nothing: others have their
    /// turns.
    private static final Duration WINDOW = Duration.ofSeconds(2);

    private static final int QUESTIONS = 64;

    private static final String UNREAD = ".unread";

    /// Of the part that compares answers: swaps in the middle of a request would show.
    private static final int RECORDS_A_REQUEST = 4;

    /// Of the server that does nothing: both protocols' at once, and those that are tried.
    private static final int CONNECTIONS_MAX = 2_048;

    private static final int ANSWER_BYTES_MAX = 64 * 1024;

    /// So many requests more than are answered.
    private static final int OVERLOAD = 5;

    /// About as many as a scorer keeps open unless it is told otherwise.
    private static final int OVERLOAD_CONNECTIONS = 1_000;

    /// Of a client whose connection is not yet free when a request is due: it gives that request up.
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private static final int RECOVERY_SECONDS_MAX = 30;
    private static final double RECOVERED = 0.8;

    /// Compilers that take less of a core have done their work.
    private static final double COMPILED_SHARE = 0.01;

    private static final int COMPILE_ROUNDS_MAX = 10;

    private static final double SWAPS_PER_SECOND = 10;
    private static final double SWAPS_PER_SECOND_MANY = 50;

    /// In the build that the profile `rivals` makes.
    private static final String ONNX_SCORER = "io.tidegrad.scorerapp.OnnxScorer";

    /// ONNX Runtime sums in other orders, with its own exponentials.
    private static final float ONNX_WITHIN = 1e-5f;

    private final ScoredModel scored;
    private final ScoreOptions options;
    private final BiFunction<String, Parameters, byte[]> onnx;
    private final List<StreamEvent> shipped;
    private final List<StreamEvent> questions;
    private final Versions versions;
    private final Expected expected;
    private final String model;

    ServedLoad(ScoredModel scored, ScoreOptions options, BiFunction<String, Parameters, byte[]> onnx, PrintStream out,
            PrintStream progress) {
        super(out, progress);
        this.scored = scored;
        this.options = options;
        this.onnx = onnx;
        shipped = scored.stream().read();
        questions = shipped.subList(0, QUESTIONS);
        List<MapEvent> events = ScoredModel.events(shipped, QUESTIONS);
        versions = new Versions(scored, shipped, events);
        expected = new Expected(versions.outputs());
        model = scored.spec().model();
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        Path files = directory.logs().resolve(model);
        StringBuilder result = new StringBuilder();
        String kafka = stack.bootstrapServers();
        // A trainer makes it at its first start.
        OnePartition.create(kafka, Topics.DEFAULT.control(), Map.of());
        try (SnapshotTopic topic = new SnapshotTopic(kafka, Topics.DEFAULT.snapshots(model));
                SnapshotTopic unread = new SnapshotTopic(kafka, topic.name() + UNREAD);
                Json http = new Json()) {
            Swaps swaps = new Swaps(versions, expected, topic, unread);
            swaps.publish();
            int port = Ports.free();
            try (ChildJvm process = scorer(stack, files, port)) {
                Served served = new Served(process, port, http);
                served.awaitReady();
                if (options.hasPartOf(ScoreOptions.Part.HTTP)) {
                    result.append(throughput(served, files));
                }
                if (options.hasPartOf(ScoreOptions.Part.SWAPS)) {
                    result.append(everyAnswer(served, swaps));
                }
                if (options.hasPartOf(ScoreOptions.Part.OVERLOAD)) {
                    result.append(overload(served, swaps));
                }
                if (options.hasPartOf(ScoreOptions.Part.ONNX_RUNTIME)) {
                    result.append(besideOnnx(stack, served, files));
                }
                // Last: nobody gets out of the idle class again.
                if (options.hasPartOf(ScoreOptions.Part.HTTP)) {
                    boolean elsewhere = elsewhere(stack, swaps);
                    compile(served, swaps);
                    for (Protocol protocol : Protocol.values()) {
                        result.append(latency(protocol, served, swaps, elsewhere));
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return result.toString();
    }

    // ---- processes ----

    /// A scorer's process, or one that answers like it.
    private final class Served {
        final ChildJvm process;
        final int port;
        final Json http;

        Served(ChildJvm process, int port, Json http) {
            this.process = process;
            this.port = port;
            this.http = http;
        }

        void awaitReady() throws InterruptedException {
            Await.until("the scorer to be ready", WITHIN, () -> {
                process.requireAlive();
                JsonNode health = http.get("http://127.0.0.1:" + port + "/health");
                return health != null && health.path("ready").asBoolean();
            });
        }

        JsonNode health() throws InterruptedException {
            process.requireAlive();
            JsonNode health = http.get("http://127.0.0.1:" + port + "/health");
            if (health == null) {
                throw new LoadTestException("expected health from the scorer, found no answer");
            }
            return health.path("models").path(model);
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

        /// To the first question.
        String answer(Protocol protocol) {
            try (HttpLine line = HttpLine.connect(port, ANSWER_BYTES_MAX)) {
                line.ask(protocol.requests(model, questions, 1).getFirst());
                return line.body();
            }
        }

        HttpLoad.Target target(Protocol protocol, int records) {
            return new HttpLoad.Target(protocol.name().toLowerCase(Locale.ROOT), port,
                    protocol.requests(model, repeated(records), records), records, expected, true, 0, false);
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

    private ChildJvm scorer(LocalStack stack, Path files, int port) {
        return start("scorer", List.of(), Processes.scorer(stack.bootstrapServers(), model, port, List.of()), files);
    }

    private static ChildJvm start(String name, List<Path> moreClassPath, List<String> command, Path files) {
        return ChildJvm.run(name, Processes.with(childFlags(), heapFlags()), moreClassPath, command,
                files.resolve(name + ".out"), files.resolve(name + ".log"));
    }

    /// A scorer's, as the launcher says them: it starts this process with the same.
    private static List<String> heapFlags() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> flag.matches("-XX:(InitialRAMPercentage|NewRatio)=.*")).toList();
    }

    // ------------------------------------------------------------------------------------ parts

    private int rounds() {
        return Math.max(1, (int) (options.seconds() / WINDOW.toSeconds()));
    }

    private Duration window() {
        return options.length().dividedBy(rounds());
    }

    /// Broker and publisher are other machines' processes: here they get what client and scorer leave of the cores.
    /// Returns whether the system lets them.
    private static boolean elsewhere(LocalStack stack, Swaps swaps) {
        return LinuxScheduler.idle(stack.brokerProcess().pid(), anyName -> true) && swaps.elsewhere();
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
                    say("%s over HTTP, %s: the compilers work", scored.label(), target.name());
                    during(swaps::during, SWAPS_PER_SECOND_MANY, () -> load.open(options.perSecond(), length));
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
            double cpu = CpuClock.seconds(served.process.pid());
            double own = CpuClock.seconds(ProcessHandle.current().pid());
            for (int round = 1; round <= rounds(); round++) {
                say("%s over HTTP, %s: round %d of %d", scored.label(), target.name(), round, rounds());
                swaps.make((int) Math.ceil(SWAPS_PER_SECOND * window().toMillis() * 1e-3));
                served.awaitVersion(swaps.newest());
                calm.add(load.open(options.perSecond(), window()).latencies());
                unread.add(during(swaps::duringUnread, SWAPS_PER_SECOND, () -> load.open(options.perSecond(), window()))
                        .latencies());
                long before = served.loaded();
                HttpLoad.Window window =
                        during(swaps::during, SWAPS_PER_SECOND, () -> load.open(options.perSecond(), window()));
                served.awaitVersion(swaps.newest());
                loaded += served.loaded() - before;
                swapped.add(window.latencies());
            }
            long requests =
                    Stream.of(calm, unread, swapped).mapToLong(windows -> windows.all().whole().getTotalCount()).sum();
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("part", "http");
            line.put("model", scored.label());
            line.put("protocol", target.name());
            line.put("requests_per_s", options.perSecond());
            line.put("connections", options.connections());
            line.put("swaps_per_s", SWAPS_PER_SECOND);
            line.put("published_elsewhere", publishedElsewhere);
            line.put("versions_admitted", loaded);
            line.put("requests", requests);
            line.put("answers_verified", load.verified());
            percentiles(line, "calm", calm.all());
            percentiles(line, "unread", unread.all());
            percentiles(line, "swaps", swapped.all());
            line.put("p99_ratio", swapped.median(99) / calm.median(99));
            line.put("p99_ratio_to_unread", swapped.median(99) / unread.median(99));
            line.put("scorer_cpu_us_per_request", (CpuClock.seconds(served.process.pid()) - cpu) * 1e6 / requests);
            line.put("client_cpu_us_per_request",
                    (CpuClock.seconds(ProcessHandle.current().pid()) - own) * 1e6 / requests);
            return ScoreLoad.line(line, options);
        }
    }

    private static void percentiles(Map<String, Object> line, String prefix, OpenLoop.Latencies latencies) {
        line.put(prefix + "_p50_ms", latencies.whole().getValueAtPercentile(50) * 1e-6);
        line.put(prefix + "_p99_ms", latencies.whole().getValueAtPercentile(99) * 1e-6);
        line.put(prefix + "_p999_ms", latencies.whole().getValueAtPercentile(99.9) * 1e-6);
        line.put(prefix + "_max_ms", latencies.whole().getMaxValue() * 1e-6);
        line.put(prefix + "_sent_late_p50_ms", latencies.late().getValueAtPercentile(50) * 1e-6);
    }

    /// As many as connections get answered, by the scorer in both protocols and by a server that does nothing, in
    /// turns.
    private String throughput(Served served, Path files) throws InterruptedException {
        int port = Ports.free();
        List<String> bare = List.of(BareServer.class.getName(), String.valueOf(port), String.valueOf(CONNECTIONS_MAX),
                served.answer(Protocol.V1), served.answer(Protocol.V2));
        try (ChildJvm process = start("bare", List.of(), bare, files)) {
            awaitListening(process, port);
            List<HttpLoad.Target> targets = new ArrayList<>();
            for (Protocol protocol : Protocol.values()) {
                HttpLoad.Target target = served.target(protocol, 1);
                targets.add(target);
                targets.add(target.of("bare_" + target.name(), port));
            }
            Map<String, Double> perSecond = closedLoops(targets);
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("part", "throughput");
            line.put("model", scored.label());
            line.put("connections", options.connections());
            perSecond.forEach((name, value) -> line.put(name + "_per_s", value));
            for (String protocol : List.of("v1", "v2")) {
                line.put(protocol + "_share", perSecond.getOrDefault(protocol, Double.NaN)
                        / perSecond.getOrDefault("bare_" + protocol, Double.NaN));
            }
            return ScoreLoad.line(line, options);
        }
    }

    private static void awaitListening(ChildJvm process, int port) throws InterruptedException {
        Await.until("a server on port " + port, WITHIN, () -> {
            process.requireAlive();
            try (HttpLine _ = HttpLine.connect(port, ANSWER_BYTES_MAX)) {
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
                say("%s: %s, the compilers work", scored.label(), load.target().name());
                load.closed(options.opening().dividedBy(2));
            }
            Map<String, Double> seconds = new LinkedHashMap<>();
            Map<String, Double> answers = new LinkedHashMap<>();
            for (int round = 1; round <= 2 * rounds(); round++) {
                for (HttpLoad load : loads) {
                    say("%s: %s, as many as can be", scored.label(), load.target().name());
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
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("part", "swaps");
        line.put("model", scored.label());
        long answers = 0;
        long verified = 0;
        double seconds = 0;
        for (Protocol protocol : Protocol.values()) {
            say("%s: every answer of %s compared", scored.label(), protocol);
            HttpLoad.Target target = served.target(protocol, RECORDS_A_REQUEST);
            try (HttpLoad load = new HttpLoad(target, options.connections())) {
                HttpLoad.Window window = during(swaps::during, SWAPS_PER_SECOND_MANY,
                        () -> load.closed(options.length().dividedBy(Protocol.values().length)));
                answers += window.answers();
                verified += load.verified();
                seconds += window.seconds();
            }
        }
        served.awaitVersion(swaps.newest());
        line.put("seconds", seconds);
        line.put("answers", answers);
        line.put("answers_verified", verified);
        line.put("records_verified", verified * RECORDS_A_REQUEST);
        line.put("versions_admitted", served.loaded() - before);
        line.put("versions_per_s", (served.loaded() - before) / seconds);
        return ScoreLoad.line(line, options);
    }

    /// More than can be answered: what is answered is right and in time, the rest is told so, versions come meanwhile,
    /// and afterwards everything is answered again. The client, who has more to do with a thousand connections than
    /// with a few, takes none of the scorer's cores for it.
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
            say("%s: requests of %d records", scored.label(), scored.heavyRecords());
            load.closed(options.opening().dividedBy(2));
            most = during(swaps::during, SWAPS_PER_SECOND, () -> load.closed(options.length())).perSecond();
        }
        long before = served.loaded();
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("part", "overload");
        line.put("model", scored.label());
        line.put("records", scored.heavyRecords());
        line.put("cores_apart", apart);
        line.put("most_per_s", most);
        line.put("due_per_s", OVERLOAD * most);
        try (HttpLoad load = new HttpLoad(target, OVERLOAD_CONNECTIONS)) {
            say("%s: %d times %.0f a second are due", scored.label(), OVERLOAD, most);
            Duration length = options.length();
            HttpLoad.Window window =
                    during(swaps::during, SWAPS_PER_SECOND, () -> load.open(OVERLOAD * most, length, PATIENCE));
            line.put("requests", window.answers() + window.shed() + window.givenUp());
            line.put("answers", window.answers());
            line.put("shed", window.shed());
            line.put("given_up", window.givenUp());
            line.put("answers_verified", load.verified());
            line.put("answered_per_s", window.perSecond());
            line.put("goodput_share", window.perSecond() / most);
            percentiles(line, "answered", window.latencies());
        }
        line.put("recovery_s", recovery(target, RECOVERED * most));
        served.awaitVersion(swaps.newest());
        line.put("versions_admitted", served.loaded() - before);
        return ScoreLoad.line(line, options);
    }

    /// Seconds until one passes in which all are answered, as many as before; no more than a bound.
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

    /// The same requests to the same server, read by the same code into the same row; what then predicts differs.
    private String besideOnnx(LocalStack stack, Served served, Path files) throws InterruptedException, IOException {
        Path build = Rival.build(options.root());
        Path file = files.resolve("model.onnx");
        Files.write(file, onnx.apply(model, versions.model().parameters()));
        int port = Ports.free();
        List<String> command = Processes.scorer(stack.bootstrapServers(), model, port, List.of());
        command.set(0, ONNX_SCORER);
        command.add(1, file.toString());
        List<Path> rivals = List.of(build.resolve("classes"), build.resolve("lib").resolve("*"));
        try (ChildJvm process = start("onnx", rivals, command, files)) {
            new Served(process, port, served.http).awaitReady();
            HttpLoad.Target theirs = new HttpLoad.Target("onnx", port, Protocol.V1.requests(model, questions, 1), 1,
                    expected, true, ONNX_WITHIN, false);
            HttpLoad.Target ours = served.target(Protocol.V1, 1).named("tidegrad");
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("part", "onnx-runtime");
            line.put("model", scored.label());
            line.put("connections", options.connections());
            closedLoops(List.of(ours, theirs)).forEach((name, perSecond) -> line.put(name + "_per_s", perSecond));
            line.put("requests_per_s", options.perSecond());
            openLoops(List.of(ours, theirs)).forEach((name, latencies) -> percentiles(line, name, latencies));
            return ScoreLoad.line(line, options);
        }
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
                    say("%s: %s, round %d of %d", scored.label(), name, round, rounds());
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

    /// One of the two ways of `Swaps`.
    @FunctionalInterface
    private interface Publishing<T> {
        T during(double perSecond, Callable<T> work) throws Exception;
    }

    private static <T> T during(Publishing<T> publishing, double perSecond, Callable<T> work)
            throws InterruptedException {
        try {
            return publishing.during(perSecond, work);
        } catch (InterruptedException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new LoadTestException("asking failed: " + e, e);
        }
    }
}
