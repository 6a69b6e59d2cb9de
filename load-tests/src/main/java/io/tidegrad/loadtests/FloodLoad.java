package io.tidegrad.loadtests;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.ByteString;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.LocalStack;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.RunDirectory;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// Trainer, scorer and its gRPC under floods of connections, each at limits of open files that the flood goes beyond,
/// with a client beside that behaves well: how long it waits, whether it gets a connection, and whether the port
/// answers afterwards.
public final class FloodLoad extends LoadTest {
    private static final ShippedStream STREAM = ShippedStream.FLIGHTS;
    private static final String MODEL = "flights-flood";
    private static final int EVENTS = 2_000;
    private static final int MINI_BATCH = 1;

    private static final Duration READY_WITHIN = Duration.ofSeconds(120);
    private static final Duration ALIVE_WITHIN = Duration.ofSeconds(15);
    private static final Duration LOOK_EVERY = Duration.ofMillis(50);

    private final List<Integer> limits;
    private final Duration length;
    private final boolean json;

    /// @param limits of open files
    /// @param seconds of each flood
    public FloodLoad(List<Integer> limits, int seconds, boolean json, PrintStream out, PrintStream progress) {
        super(out, progress);
        if (limits.isEmpty() || limits.stream().anyMatch(limit -> limit <= FileDescriptors.besides())) {
            throw new IllegalArgumentException(
                    "--limits expects numbers above " + FileDescriptors.besides() + ", found " + limits);
        }
        Limits.require("--seconds", seconds, 1, 3_600);
        this.limits = List.copyOf(limits);
        length = Duration.ofSeconds(seconds);
        this.json = json;
    }

    /// @param open files, at most
    /// @param cpu seconds of the server's
    /// @param opened connections of the attack
    /// @param alive whether a new connection is answered afterwards
    private record Row(String server, int limit, Flood flood, long opened, long open, double cpu, WellBehaved.Seen seen,
            long logBytes, boolean alive) {
    }

    @Override
    protected String measure(LocalStack stack, RunDirectory directory) throws InterruptedException {
        List<StreamEvent> shipped = STREAM.read();
        EventLog events = EventLog.fill(stack, STREAM, shipped, EVENTS);
        Path files = directory.logs();
        Path spec = events.writeSpec(MODEL, MINI_BATCH, files);
        List<Row> rows = new ArrayList<>();
        for (int limit : limits) {
            rows.addAll(trainer(stack, spec, limit, files.resolve("trainer-" + limit)));
            rows.addAll(scorer(stack, shipped.getFirst(), limit, files.resolve("scorer-" + limit)));
            rows.addAll(grpc(stack, shipped.getFirst(), limit, files.resolve("grpc-" + limit)));
        }
        String result = json ? json(rows) : text(rows);
        if (!rows.stream().allMatch(Row::alive)) {
            throw new LoadTestException("expected every port to answer after its flood, found\n" + result);
        }
        return result;
    }

    private List<Row> trainer(LocalStack stack, Path spec, int limit, Path files) throws InterruptedException {
        int port = Ports.free();
        List<String> command = Processes.trainer(stack, files, port, List.of("--spec", spec.toString()));
        return floods("trainer", limit, command, files, port,
                new Target(port, flood -> flood.overHttp("/health"),
                        WellBehaved.http(port, bytes("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))),
                FloodLoad::isReady);
    }

    /// Also that it is healthy: one that is started again has published before it runs, and answers 503 until then.
    static boolean isReady(JsonNode health) {
        return health.path("status").asText().equals("UP")
                && health.path("models").path(0).path("published_version").asLong(-1) >= EVENTS;
    }

    private List<Row> scorer(LocalStack stack, StreamEvent question, int limit, Path files)
            throws InterruptedException {
        int port = Ports.free();
        List<String> command =
                Processes.scorer(stack.bootstrapServers(), MODEL, port, connections(limit - FileDescriptors.besides()));
        String path = "/v1/models/" + MODEL + "/score";
        String body = Json.write(question.toQuestion());
        return floods("scorer", limit, command, files, port,
                new Target(port, flood -> flood.overHttp(path),
                        WellBehaved.http(port, bytes("POST " + path
                                + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
                                + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body))),
                health -> health.path("ready").asBoolean());
    }

    /// The scorer's other port, with as many connections as HTTP has.
    private List<Row> grpc(LocalStack stack, StreamEvent question, int limit, Path files) throws InterruptedException {
        int http = Ports.free();
        int port = Ports.free();
        List<String> command = Processes.scorer(stack.bootstrapServers(), MODEL, http,
                connections((limit - FileDescriptors.besides()) / 2));
        command.addAll(List.of("--grpc-port", String.valueOf(port)));
        return floods("gRPC", limit, command, files, http,
                new Target(port, flood -> flood.overGrpc(MODEL), WellBehaved.grpc(port, request(question))),
                health -> health.path("ready").asBoolean());
    }

    private static List<String> connections(long most) {
        return List.of("--max-connections", String.valueOf(most));
    }

    private static ModelInferRequest request(StreamEvent question) {
        ModelInferRequest.Builder request = ModelInferRequest.newBuilder().setModelName(MODEL);
        question.toQuestion().forEach((field, value) -> {
            InferTensorContents.Builder contents = InferTensorContents.newBuilder();
            boolean number = value instanceof Number;
            if (value instanceof Number integer) {
                contents.addInt64Contents(integer.longValue());
            } else {
                contents.addBytesContents(ByteString.copyFromUtf8(value.toString()));
            }
            request.addInputs(ModelInferRequest.InferInputTensor.newBuilder().setName(field)
                    .setDatatype(number ? "INT64" : "BYTES").addShape(1).setContents(contents));
        });
        return request.build();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /// What is flooded.
    ///
    /// @param sent by each connection of an attack
    /// @param client that behaves well
    private record Target(int port, Function<Flood, byte[]> sent, WellBehaved.Opener client) {
    }

    /// One after the other on the same process; one that a flood has killed is started again for the next.
    private List<Row> floods(String server, int limit, List<String> command, Path files, int healthPort, Target target,
            Predicate<JsonNode> ready) throws InterruptedException {
        List<Row> rows = new ArrayList<>();
        List<Flood> left = new ArrayList<>(List.of(Flood.values()));
        while (!left.isEmpty()) {
            try (ChildJvm process = start(server, limit, command, files); Json http = new Json()) {
                Await.until("the " + server + " to be ready", READY_WITHIN, () -> {
                    process.requireAlive();
                    JsonNode health = http.get("http://127.0.0.1:" + healthPort + "/health");
                    // The client beside begins with a request too, which loads its classes.
                    return health != null && ready.test(health) && WellBehaved.isAnswered(target.client());
                });
                boolean alive = true;
                while (alive && !left.isEmpty()) {
                    Row row = flood(server, limit, left.removeFirst(), process, files, target);
                    rows.add(row);
                    alive = row.alive();
                    say("%s", line(row));
                }
            }
        }
        return rows;
    }

    private static ChildJvm start(String server, int limit, List<String> command, Path files) {
        return Processes.start(List.of("sh", "-c", "ulimit -n " + limit + "; exec \"$0\" \"$@\""), server, childFlags(),
                command, files);
    }

    private Row flood(String server, int limit, Flood flood, ChildJvm process, Path files, Target target)
            throws InterruptedException {
        Path log = files.resolve(server + ".log");
        long logBytes = size(log);
        double cpu = CpuClock.seconds(process.pid());
        long most = 0;
        long opened;
        WellBehaved.Seen seen;
        try (WellBehaved client = new WellBehaved(target.client())) {
            try (Flood.Attack attack =
                    flood.new Attack(target.port(), target.sent().apply(flood), flood.connections(limit))) {
                long end = System.nanoTime() + length.toNanos();
                while (System.nanoTime() - end < 0) {
                    most = Math.max(most, openFiles(process.pid()));
                    Thread.sleep(LOOK_EVERY);
                }
                opened = attack.opened();
                seen = client.seen();
            }
        }
        return new Row(server, limit, flood, opened, most, CpuClock.seconds(process.pid()) - cpu, seen,
                size(log) - logBytes, answers(process, target));
    }

    private static boolean answers(ChildJvm process, Target target) throws InterruptedException {
        return Await.within(ALIVE_WITHIN, () -> !process.isAlive() || WellBehaved.isAnswered(target.client()))
                && process.isAlive();
    }

    /// Of a process; 0 where the system does not tell.
    private static long openFiles(long pid) {
        try (Stream<Path> files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
            return files.count();
        } catch (IOException | java.io.UncheckedIOException notTold) {
            return 0;
        }
    }

    private static long size(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    private static String text(List<Row> rows) {
        StringBuilder text = new StringBuilder();
        text.append(String.format(Locale.ROOT, "%-8s %6s  %-18s %9s %6s %6s %9s %7s %7s %8s %8s %12s %8s %s%n",
                "server", "limit", "flood", "opened", "files", "cpu s", "answered", "failed", "p50 ms", "p99 ms",
                "max ms", "new answered", "log KiB", "alive after"));
        rows.forEach(row -> text.append(line(row)).append(System.lineSeparator()));
        return text.toString();
    }

    private static String line(Row row) {
        return String.format(Locale.ROOT, "%-8s %,6d  %-18s %,9d %,6d %6.1f %,9d %,7d %7.1f %8.1f %8.1f %12s %8.1f %s",
                row.server(), row.limit(), row.flood().label(), row.opened(), row.open(), row.cpu(),
                row.seen().answered(), row.seen().failed(), row.seen().p50(), row.seen().p99(), row.seen().max(),
                row.seen().connected() + "/" + (row.seen().connected() + row.seen().refused()), row.logBytes() / 1024.0,
                row.alive() ? "yes" : "NO");
    }

    private static String json(List<Row> rows) {
        StringBuilder lines = new StringBuilder();
        for (Row row : rows) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("server", row.server());
            line.put("limit", row.limit());
            line.put("flood", row.flood().key());
            line.put("connections_opened", row.opened());
            line.put("open_files_max", row.open());
            line.put("cpu_s", row.cpu());
            line.put("answered", row.seen().answered());
            line.put("failed", row.seen().failed());
            line.put("p50_ms", row.seen().p50());
            line.put("p99_ms", row.seen().p99());
            line.put("max_ms", row.seen().max());
            line.put("connections_answered", row.seen().connected());
            line.put("connections_refused", row.seen().refused());
            line.put("log_bytes", row.logBytes());
            line.put("alive", row.alive());
            lines.append(Json.write(line)).append('\n');
        }
        return lines.toString();
    }
}
