package io.tidegrad.loadtests;

import io.tidegrad.loadtests.score.OpenLoop;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.LocalStackOptions;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.schemas.Topics;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;

/// Runs a whole system at half of what it can do for a long time: events and labels are joined, learned, published and
/// served while a client asks and a page of the console is open, and looks whether memory, lag, open files or threads grow,
/// how long anything stood still, and what the console costs.
public final class SoakLoad extends LoadTest {
    private static final String STREAM = "soak";
    private static final String CLIENT = "client";
    private static final String BROKER = "broker";
    private static final String MACHINE = "machine";

    /// What the joiner remembers is at its largest after this, long before anything is judged.
    private static final String WINDOW = "PT3M";

    /// Event time of what lies ready: shorter than the wait, so that no label is missed, however far it is read ahead.
    private static final Duration BACKLOG = Duration.ofSeconds(30);

    private static final double OF_PEAK = 0.5;

    /// Of the length: at half of the peak before anything counts. Else the first spells have in them what the rounds of the
    /// peak left behind, and compilers: in a soak of 30 minutes without it the joiner's three longest pauses, 42 to 58 ms,
    /// came within the first.
    private static final double WARM_UP = 1.0 / 30;

    private static final double PEAK_SECONDS = 20;

    /// So far ahead of what is learned events are made, to find the peak.
    private static final long PEAK_AHEAD = 20_000;

    /// More than are made for it.
    private static final long PEAK_EVENTS = 2_000_000;

    private static final long LOOK_MILLIS = 20;
    private static final long FIRST_EVENTS = 5_000;
    private static final int ANSWER_BYTES_MAX = 64 * 1024;
    private static final Duration ANSWER_WITHIN = Duration.ofSeconds(10);

    /// Each collection that is asked for stops its process, so there are few, in the half that is judged only.
    private static final int COLLECTIONS = 12;

    private static final double COLLECTIONS_APART = 5;

    private static final double PAUSE_MAX_MS = 50;
    private static final String PAUSE = "pause_max_ms";
    private static final String LIVE = "heap_live_mb";
    private static final String RESIDENT = "rss_mb";

    /// Resident memory that has no bound of its own. G1 takes and gives back its heap as it likes, up to its bound, and the
    /// cache of a joiner's stores fills up to its own within half an hour: both hide what else grows.
    private static final String UNBOUNDED = "unbounded_mb";
    private static final String LAG = "lag";
    private static final String CORES = "cpu_cores";

    /// What may grow in a minute and still be flat: 144 MB a day.
    private static final double MEGABYTES_ALLOWED = 0.1;

    private static final double COUNT_ALLOWED = 0.1;

    /// A thousandth of the events: whoever falls behind by that takes a quarter of an hour for a second.
    private static final double OF_RATE_ALLOWED = 0.001;

    private final Options options;
    private final List<String> console;
    private final List<Result> samples = new ArrayList<>();
    private final List<Result> verdicts = new ArrayList<>();
    private final List<Result> costs = new ArrayList<>();

    /// @param rate events a second; 0: half of what the system can do, which is measured first
    /// @param requests a second
    public record Options(Duration length, double rate, double requests, boolean json) {
        public Options {
            Limits.require("--minutes", length.toSeconds() / 60.0, 0.5, 10_000);
            Limits.require("--rate", rate, 0, 1_000_000);
            Limits.require("--requests", requests, 1, 100_000);
        }
    }

    /// @param console command that starts one, before its arguments
    public SoakLoad(Options options, List<String> console, PrintStream out, PrintStream progress) {
        super(options.json(), out, progress);
        this.options = options;
        this.console = console;
    }

    /// With Kafka's default of the cleaner's buffer: by that of tests, which holds 80,000 keys, the cleaner took 0.3 of a core from
    /// the 25th minute on, at 17,000 events/s, and the joiner fell behind. The broker shares two processors with all others here:
    /// at full speed the cleaner took 0.4 of a core for a minute, and a collection of the joiner waited for a processor for 25 ms.
    @Override
    protected LocalStackOptions stack(RunDirectory directory) {
        return super.stack(directory).withBrokerSettings(Map.of("log.cleaner.dedupe.buffer.size", "" + (128 << 20),
                "log.cleaner.io.max.bytes.per.second", "" + (8 << 20)));
    }

    @Override
    protected String measure() throws InterruptedException {
        StreamTraffic traffic = new StreamTraffic(lab(), STREAM,
                Instant.now().minus(Duration.ofMinutes(10)).toEpochMilli(), PEAK_EVENTS, BACKLOG, Duration.ZERO);
        for (String topic : traffic.topics()) {
            lab().set(topic, "segment.bytes", String.valueOf(16 << 20));
            lab().set(topic, "retention.bytes", String.valueOf(64 << 20));
        }
        try (StreamSystem system = new StreamSystem(lab(), lab().logs(), traffic,
                traffic.joinedSpec(STREAM, "PT1M", WINDOW), StreamSystem.Size.USUAL)) {
            Run run = new Run(system, traffic);
            run.startConsole();
            return run.measure();
        }
    }

    /// When the processes were asked to collect, in seconds.
    private record Spell(double from, double to) {
    }

    /// What a client saw between two looks at the processes.
    private record Answers(double p99, double longest) {
    }

    /// What has been used up to now.
    ///
    /// @param cpu seconds by process
    /// @param console its `/metrics`
    /// @param page bytes that an open page got
    private record Used(Map<String, Double> cpu, BrokerBytes topics, String console, long page) {
        private double cpuOfAll() {
            return cpu.values().stream().mapToDouble(Double::doubleValue).sum();
        }
    }

    /// The sum of a series of `/metrics`; NaN if there is none.
    private static double series(String metrics, String name) {
        return metrics.lines().filter(line -> line.startsWith(name + " ") || line.startsWith(name + "{"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ')))).reduce(Double::sum)
                .orElse(Double.NaN);
    }

    private final class Run {
        private final StreamSystem system;
        private final StreamTraffic traffic;
        private final int consolePort = Ports.free();
        private final AtomicLong pageBytes = new AtomicLong();
        private final List<Answers> answers = new CopyOnWriteArrayList<>();
        private final double every = Math.clamp(options.length().toSeconds() / 240.0, 2, 10);
        private final List<Spell> collections = new ArrayList<>();
        private final Map<String, Double> cpuSeconds = new HashMap<>(); // at the last look
        private long looked; // in the terms of System.nanoTime
        private DoubleSupplier stolenSeconds = () -> Double.NaN; // since the last look
        private long sent;

        Run(StreamSystem system, StreamTraffic traffic) {
            this.system = system;
            this.traffic = traffic;
        }

        void startConsole() throws InterruptedException {
            system.start(StreamSystem.CONSOLE, 256,
                    Processes.with(console, List.of("--bootstrap-servers", lab().bootstrapServers(), "--registry-url",
                            lab().registryUrl(), "--http-port", String.valueOf(consolePort))));
            system.awaitAnswer(consolePort, StreamSystem.CONSOLE);
        }

        String measure() throws InterruptedException {
            Background page = Background.start("page", this::readPage);
            try {
                fill(FIRST_EVENTS); // so that there is a version that answers
                double peak = options.rate() > 0 ? Double.NaN : peak();
                double rate = options.rate() > 0 ? options.rate() : OF_PEAK * peak;
                say("%,.0f events/s for %d s, %.0f requests/s", rate, options.length().toSeconds(), options.requests());
                double warmUp = WARM_UP * options.length().toSeconds();
                int events = (int) Math.min(Integer.MAX_VALUE, rate * (warmUp + options.length().toSeconds() + every));
                try (Background sending = traffic.paced(lab(), rate, sent, events, (event, at) -> {
                })) {
                    try (Background client = Background.start(CLIENT, self -> ask(self, System.nanoTime()))) {
                        Thread.sleep(Duration.ofNanos((long) (warmUp * 1e9)));
                        client.requireHealthy("asking failed");
                    }
                    answers.clear();
                    Used before = used();
                    long began = System.nanoTime();
                    try (Background client = Background.start(CLIENT, self -> ask(self, began))) {
                        watch(began, () -> {
                            system.requireAlive();
                            sending.requireHealthy("can't send");
                            client.requireHealthy("asking failed");
                            page.requireHealthy("the console's page can't be read");
                        });
                        tellCosts(before, used(), secondsSince(began));
                    }
                }
                tellAnswers();
                judge(rate);
                Result whole = new Result().put("what", "whole").put("events_per_s", rate)
                        .put("minutes", options.length().toSeconds() / 60.0).put("requests_per_s", options.requests())
                        .put("versions", system.scorerHealth().path("snapshots_loaded").asLong())
                        .put("broken", violations().size());
                if (!Double.isNaN(peak)) {
                    whole.put("peak_events_per_s", peak);
                }
                tellViolations();
                return (options.json() ? text(samples) : "") + text(verdicts) + text(costs) + text(List.of(whole));
            } finally {
                page.interrupt();
            }
        }

        /// Events a second that are learned while all goes on that a soak does: they are made as fast as they are learned. The
        /// first of two rounds is for the compilers.
        private double peak() throws InterruptedException {
            double rate = 0;
            try (Background client = Background.start(CLIENT, self -> ask(self, System.nanoTime()))) {
                for (int round = 0; round < 2; round++) {
                    long before = learned();
                    long begin = System.nanoTime();
                    while (secondsSince(begin) < PEAK_SECONDS) {
                        client.requireHealthy("asking failed");
                        system.requireAlive();
                        if (sent - learned() < PEAK_AHEAD) {
                            fill(PEAK_AHEAD / 2);
                        } else {
                            Thread.sleep(LOOK_MILLIS);
                        }
                    }
                    rate = (learned() - before) / secondsSince(begin);
                    say("peak, round %d: %,.0f events/s", round + 1, rate);
                }
            }
            awaitLearned(sent);
            answers.clear();
            return rate;
        }

        private void fill(long events) throws InterruptedException {
            traffic.fill(lab(), sent, sent + events, true);
            sent += events;
            if (events == FIRST_EVENTS) {
                awaitLearned(events);
                system.awaitServed();
            }
        }

        /// Asks the console once, as somebody who watches it does more often.
        private Used used() throws InterruptedException {
            Map<String, Double> cpu = new HashMap<>();
            pids().forEach((name, pid) -> cpu.put(name, ProcessFigures.cpuSeconds(pid)));
            return new Used(cpu, brokerBytes(), metrics(consolePort), pageBytes.get());
        }

        private Map<String, Long> pids() {
            Map<String, Long> pids = new LinkedHashMap<>();
            system.processes().forEach((name, process) -> pids.put(name, process.pid()));
            pids.put(BROKER, lab().brokerPid());
            return pids;
        }

        private static String metrics(int port) throws InterruptedException {
            URI metrics = URI.create("http://127.0.0.1:" + port + "/metrics");
            try (HttpClient client = HttpClient.newHttpClient()) {
                return client.send(HttpRequest.newBuilder(metrics).timeout(ANSWER_WITHIN).build(),
                        HttpResponse.BodyHandlers.ofString()).body();
            } catch (IOException e) {
                throw new LoadTestException("expected an answer from " + metrics + ", found " + e, e);
            }
        }

        /// A second, beside what all do together where that is known.
        private void tellCosts(Used before, Used after, double seconds) {
            BrokerBytes topics = after.topics().since(before.topics());
            cost(CORES, cpu(StreamSystem.CONSOLE, before, after) / seconds,
                    (after.cpuOfAll() - before.cpuOfAll()) / seconds);
            cost("bytes_per_s_from_kafka", grown("tidegrad_console_received_bytes_total", before, after) / seconds,
                    topics.read() / seconds);
            cost("bytes_per_s_to_kafka", grown("tidegrad_console_sent_bytes_total", before, after) / seconds,
                    Double.NaN);
            cost("bytes_per_s_of_status_that_all_write", topics.writtenTo(Topics.DEFAULT.status()) / seconds,
                    topics.written() / seconds);
            cost("bytes_per_s_to_an_open_page", (after.page() - before.page()) / seconds, Double.NaN);
            cost("bytes_per_s_allocated", grown("jvm_gc_memory_allocated_bytes_total", before, after) / seconds,
                    Double.NaN);
        }

        private static double cpu(String process, Used before, Used after) {
            return after.cpu().getOrDefault(process, Double.NaN) - before.cpu().getOrDefault(process, Double.NaN);
        }

        private static double grown(String series, Used before, Used after) {
            return series(after.console(), series) - series(before.console(), series);
        }

        /// @param value left out if it is not known
        private void cost(String name, double value, double ofAll) {
            if (!Double.isNaN(value)) {
                Result cost = new Result().put("console_cost", name).put("value", value);
                costs.add(Double.isNaN(ofAll) ? cost : cost.put("of_all", ofAll).put("share", value / ofAll));
            }
        }

        private long learned() throws InterruptedException {
            return system.trainerHealth().path("learned").asLong();
        }

        private long awaitLearned(long events) throws InterruptedException {
            return ExampleLog.reach("events learned", events, system::requireAlive, this::learned);
        }

        /// Reads what the console sends to an open page.
        private void readPage(Background self) throws InterruptedException, IOException {
            URI events = URI.create("http://127.0.0.1:" + consolePort + "/events?model=" + STREAM);
            try (HttpClient client = HttpClient.newHttpClient();
                    InputStream page = client
                            .send(HttpRequest.newBuilder(events).build(), HttpResponse.BodyHandlers.ofInputStream())
                            .body()) {
                byte[] bytes = new byte[1 << 16];
                for (int read; (read = page.read(bytes)) >= 0 && !self.isClosed();) {
                    pageBytes.addAndGet(read);
                }
            } catch (IOException e) {
                if (!self.isClosed()) {
                    throw e;
                }
            }
            if (!self.isClosed()) {
                throw new LoadTestException("expected the console to send without end, found that it ended");
            }
        }

        /// Asks the scorer at times that are fixed beforehand.
        private void ask(Background self, long began) {
            byte[] question = HttpLine.post("/v1/models/" + STREAM + "/score", traffic.question());
            OpenLoop loop = new OpenLoop(OpenLoop.PARKING, options.requests());
            try (HttpLine line = new HttpLine(system.scorerPort(), ANSWER_BYTES_MAX, ANSWER_WITHIN)) {
                while (!self.isClosed()) {
                    OpenLoop.Latencies latencies = new OpenLoop.Latencies();
                    loop.run(began + (long) (answers.size() * every * 1e9), 0, 1,
                            Math.max(1, (long) (options.requests() * every)), number -> {
                                int status = line.ask(question);
                                if (status != 200) {
                                    throw new LoadTestException("expected an answer, found " + status + line.body());
                                }
                                return true;
                            }, latencies);
                    answers.add(new Answers(latencies.whole().getValueAtPercentile(99) * 1e-6,
                            latencies.whole().getMaxValue() * 1e-6));
                }
            }
        }

        /// Looks at all processes at even distances of time, and asks each for some collections in the second half.
        private void watch(long began, Runnable healthy) throws InterruptedException {
            double length = options.length().toSeconds();
            double between = Math.max(COLLECTIONS_APART, length / 2 / COLLECTIONS);
            double collection = length / 2;
            forget();
            for (int look = 1; look * every <= length; look++) {
                Thread.sleep(Duration.ofNanos(Math.max(0, began + (long) (look * every * 1e9) - System.nanoTime())));
                healthy.run();
                sample(look * every);
                if (look * every >= collection) {
                    collection += between;
                    for (ChildJvm process : system.processes().values()) {
                        Processes.ask(process, "GC.run");
                    }
                    collections.add(new Spell(look * every, secondsSince(began)));
                }
            }
        }

        /// Forgets what was before.
        private void forget() {
            system.processes().keySet().forEach(name -> system.collections(name).pauseMillis());
            cores();
            stolenSeconds = ProcessFigures.fromNow(ProcessFigures::stolenCpuSeconds);
        }

        private static Result sample(String process, double at) {
            return new Result().put("process", process).put("at_s", at);
        }

        private void sample(double at) throws InterruptedException {
            Map<String, Double> cores = cores();
            for (Map.Entry<String, ChildJvm> each : system.processes().entrySet()) {
                GcLog log = system.collections(each.getKey());
                double before = log.askedMillis();
                long pid = each.getValue().pid();
                Result result = figures(sample(each.getKey(), at), pid);
                GcLog.Heap heap = log.heap();
                if (heap != null) {
                    double bounded = ProcessFigures.residentMegabytes(pid, heap)
                            + (each.getKey().equals(StreamSystem.JOINER) ? cacheMegabytes() : 0);
                    result.put(UNBOUNDED, result.number(RESIDENT) - bounded);
                }
                result.put(CORES, cores.getOrDefault(each.getKey(), Double.NaN)).put(PAUSE, log.pauseMillis());
                if (log.askedMillis() != before && !Double.isNaN(log.askedMillis())) {
                    result.put(LIVE, log.liveMegabytes()).put("collection_ms", log.askedMillis());
                }
                double lag = system.lag(each.getKey());
                samples.add(Double.isNaN(lag) ? result : result.put(LAG, lag));
            }
            samples.add(
                    figures(sample(BROKER, at), lab().brokerPid()).put(CORES, cores.getOrDefault(BROKER, Double.NaN)));
            double stolen = stolenSeconds.getAsDouble();
            if (!Double.isNaN(stolen)) {
                samples.add(sample(MACHINE, at).put("stolen_cpu_s", stolen));
            }
            stolenSeconds = ProcessFigures.fromNow(ProcessFigures::stolenCpuSeconds);
        }

        /// What the joiner's stores take of their cache.
        private double cacheMegabytes() throws InterruptedException {
            return series(metrics(system.joinerPort()), "tidegrad_joiner_cache_bytes") / (1 << 20);
        }

        /// By process, what it has had of the processors since the look before.
        private Map<String, Double> cores() {
            Map<String, Double> cores = new HashMap<>();
            long now = System.nanoTime();
            pids().forEach((name, pid) -> {
                double seconds = ProcessFigures.cpuSeconds(pid);
                Double before = cpuSeconds.put(name, seconds);
                cores.put(name, before == null ? Double.NaN : (seconds - before) / ((now - looked) * 1e-9));
            });
            looked = now;
            return cores;
        }

        private static Result figures(Result result, long pid) {
            return result.put(RESIDENT, ProcessFigures.residentMegabytes(pid))
                    .put("threads", ProcessFigures.threads(pid)).put("open_files", ProcessFigures.openFiles(pid));
        }

        /// Beside a collection that was asked for, a client waits for that.
        private void tellAnswers() {
            for (int i = 0; i < answers.size(); i++) {
                double from = i * every;
                boolean beside = collections.stream().anyMatch(each -> each.from() < from + every && from < each.to());
                Answers seen = answers.get(i);
                samples.add(sample(CLIENT, from + every).put("p99_ms", seen.p99())
                        .put(beside ? "longest_beside_a_collection_ms" : PAUSE, seen.longest()));
            }
        }

        private void judge(double rate) {
            for (String process : List.of(StreamSystem.JOINER, StreamSystem.TRAINER, StreamSystem.SCORER,
                    StreamSystem.CONSOLE)) {
                grows(process, LIVE, MEGABYTES_ALLOWED);
                boolean g1 = system.collections(process).heap() != null;
                grows(process, g1 ? UNBOUNDED : RESIDENT, MEGABYTES_ALLOWED);
                grows(process, "threads", COUNT_ALLOWED);
                grows(process, "open_files", COUNT_ALLOWED);
                stoodStill(process);
            }
            grows(StreamSystem.JOINER, LAG, OF_RATE_ALLOWED * rate * 60);
            grows(StreamSystem.TRAINER, LAG, OF_RATE_ALLOWED * rate * 60);
            stoodStill(CLIENT);
        }

        private void grows(String process, String measure, double allowed) {
            List<Result> points = samples.stream().filter(each -> each.word("process").equals(process))
                    .filter(each -> each.number("at_s") >= options.length().toSeconds() / 2.0
                            && !Double.isNaN(each.number(measure)))
                    .toList();
            Trend trend = Trend.of(points.stream().mapToDouble(each -> each.number("at_s")).toArray(),
                    points.stream().mapToDouble(each -> each.number(measure)).toArray());
            verdict(process, measure + "_a_minute", trend.slope(), trend.least(), trend.most(), allowed,
                    !trend.grows(allowed));
        }

        private void stoodStill(String process) {
            double longest = samples.stream().filter(each -> each.word("process").equals(process))
                    .mapToDouble(each -> each.number(PAUSE)).filter(Double::isFinite).max().orElse(Double.NaN);
            verdict(process, PAUSE, longest, longest, longest, PAUSE_MAX_MS, longest <= PAUSE_MAX_MS);
        }

        private void verdict(String process, String measure, double value, double least, double most, double allowed,
                boolean holds) {
            Object told = Double.isNaN(value) ? "too few points" : holds;
            verdicts.add(new Result().put("process", process).put("measure", measure).put("value", value)
                    .put("least", least).put("most", most).put("allowed", allowed).put("holds", told));
            if (Boolean.FALSE.equals(told)) {
                violation(String.format(Locale.ROOT, "%s: expected %s of at most %s, found %s (%s to %s)", process,
                        measure.replace('_', ' '), Result.number(allowed), Result.number(value), Result.number(least),
                        Result.number(most)));
            }
        }
    }
}
