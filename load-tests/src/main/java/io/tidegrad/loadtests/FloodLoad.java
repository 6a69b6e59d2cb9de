package io.tidegrad.loadtests;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.ByteString;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.Ports;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/// Floods trainer, scorer and the scorer's gRPC port with more connections than their limits of open files allow, and
/// measures how long a well-behaved client waits meanwhile, whether it gets a connection, and whether the port answers
/// afterwards.
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
    private int dead; // ports that did not answer after a flood

    /// @param limits of open files
    /// @param seconds of each flood
    public FloodLoad(List<Integer> limits, int seconds, boolean json, PrintStream out, PrintStream progress) {
        super(json, out, progress);
        if (limits.isEmpty() || limits.stream().anyMatch(limit -> limit <= FileDescriptors.besides())) {
            throw new IllegalArgumentException(
                    "--limits expects numbers above " + FileDescriptors.besides() + ", found " + limits);
        }
        Limits.require("--seconds", seconds, 1, 3_600);
        this.limits = List.copyOf(limits);
        length = Duration.ofSeconds(seconds);
    }

    @Override
    protected String measure() throws InterruptedException {
        List<StreamEvent> shipped = STREAM.read();
        EventLog events = EventLog.fill(lab(), TrainStream.of(STREAM), EVENTS);
        Path files = lab().logs();
        Path spec = events.writeSpec(MODEL, MINI_BATCH, files);
        List<Result> rows = new ArrayList<>();
        for (int limit : limits) {
            rows.addAll(trainer(spec, limit, files.resolve("trainer-" + limit)));
            rows.addAll(scorer(shipped.getFirst(), limit, files.resolve("scorer-" + limit)));
            rows.addAll(grpc(shipped.getFirst(), limit, files.resolve("grpc-" + limit)));
        }
        String result = text(rows);
        if (dead > 0) {
            throw new LoadTestException("expected every port to answer after its flood, found\n" + result);
        }
        return result;
    }

    private List<Result> trainer(Path spec, int limit, Path files) throws InterruptedException {
        int port = Ports.free();
        List<String> command = Processes.trainer(lab(), files, port, List.of("--spec", spec.toString()));
        return floods("trainer", limit, command, files, port,
                new Target(port, flood -> flood.overHttp("/health"), WellBehaved.http(port, HttpLine.get("/health"))),
                FloodLoad::isReady);
    }

    /// Also requires status UP: a restarted trainer has published before it runs, and answers 503 until then.
    static boolean isReady(JsonNode health) {
        return health.path("status").asText().equals("UP")
                && health.path("models").path(0).path("published_version").asLong(-1) >= EVENTS;
    }

    private List<Result> scorer(StreamEvent question, int limit, Path files) throws InterruptedException {
        int port = Ports.free();
        List<String> command =
                Processes.scorer(lab().bootstrapServers(), MODEL, port, connections(limit - FileDescriptors.besides()));
        String path = "/v1/models/" + MODEL + "/score";
        String body = Json.write(question.toQuestion());
        return floods("scorer", limit, command, files, port,
                new Target(port, flood -> flood.overHttp(path), WellBehaved.http(port, HttpLine.post(path, body))),
                health -> health.path("ready").asBoolean());
    }

    /// The scorer's other port, with as many connections as HTTP has.
    private List<Result> grpc(StreamEvent question, int limit, Path files) throws InterruptedException {
        int http = Ports.free();
        int port = Ports.free();
        List<String> command = Processes.scorer(lab().bootstrapServers(), MODEL, http,
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

    /// What is flooded.
    ///
    /// @param sent by each connection of an attack
    /// @param client that behaves well
    private record Target(int port, Function<Flood, byte[]> sent, Supplier<WellBehaved.Line> client) {
    }

    /// Runs one flood after the other on the same process, which is started again if a flood killed it.
    private List<Result> floods(String server, int limit, List<String> command, Path files, int healthPort,
            Target target, Predicate<JsonNode> ready) throws InterruptedException {
        List<Result> rows = new ArrayList<>();
        List<Flood> left = new ArrayList<>(List.of(Flood.values()));
        while (!left.isEmpty()) {
            try (ChildJvm process = start(server, limit, command, files)) {
                Await.until("the " + server + " to be ready", READY_WITHIN, () -> {
                    process.requireAlive();
                    // One request of the client loads its classes.
                    return ready.test(Processes.health(lab().http(), healthPort))
                            && WellBehaved.isAnswered(target.client());
                });
                boolean alive = true;
                while (alive && !left.isEmpty()) {
                    Result row = flood(server, limit, left.removeFirst(), process, files, target);
                    say("%s", row.json());
                    alive = answers(process, target);
                    rows.add(row.put("alive", alive));
                    dead += alive ? 0 : 1;
                }
            }
        }
        return rows;
    }

    private static ChildJvm start(String server, int limit, List<String> command, Path files) {
        return Processes.start(List.of("sh", "-c", "ulimit -n " + limit + "; exec \"$0\" \"$@\""), server, childFlags(),
                command, files);
    }

    private Result flood(String server, int limit, Flood flood, ChildJvm process, Path files, Target target)
            throws InterruptedException {
        Path log = files.resolve(server + ".log");
        long logBytes = size(log);
        DoubleSupplier cpu = ProcessFigures.cpuFromNow(process.pid());
        long most = 0;
        Result result = new Result().put("server", server).put("limit", limit).put("flood",
                flood.name().toLowerCase(Locale.ROOT));
        try (WellBehaved client = new WellBehaved(target.client())) {
            try (Flood.Attack attack =
                    flood.new Attack(target.port(), target.sent().apply(flood), flood.connections(limit))) {
                long end = System.nanoTime() + length.toNanos();
                while (System.nanoTime() - end < 0) {
                    most = Math.max(most, ProcessFigures.openFiles(process.pid()));
                    Thread.sleep(LOOK_EVERY);
                }
                result.put("connections_opened", attack.opened()).put("open_files_max", most).put("cpu_s",
                        cpu.getAsDouble());
                client.tell(result);
            }
        }
        return result.put("log_bytes", size(log) - logBytes);
    }

    private static boolean answers(ChildJvm process, Target target) throws InterruptedException {
        return Await.within(ALIVE_WITHIN, () -> !process.isAlive() || WellBehaved.isAnswered(target.client()))
                && process.isAlive();
    }

    private static long size(Path file) {
        return file.toFile().length(); // 0 where there is none
    }
}
