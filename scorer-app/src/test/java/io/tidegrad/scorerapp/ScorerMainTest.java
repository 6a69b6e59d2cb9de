package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.proof.EndsItsListener;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.TestCertificates;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.ServerLiveRequest;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.InvalidClassException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The process: its one line, its statuses.
class ScorerMainTest {
    private final List<Process> started = new ArrayList<>();

    @AfterEach
    void end() {
        started.forEach(Process::destroyForcibly);
    }

    private Process start(String... arguments) throws IOException {
        return start(List.of(), arguments);
    }

    /// @param within a command that becomes the one that follows it
    private Process start(List<String> within, String... arguments) throws IOException {
        return start(within, List.of(ScorerMain.class.getName()), arguments);
    }

    private Process start(List<String> within, List<String> program, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(within);
        // It logs as it ships, not as the tests.
        command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules",
                "jdk.incubator.vector", "-XX:TieredStopAtLevel=1", "-Dtidegrad.kernels=scalar",
                "-Dlogback.configurationFile=logback.xml", "-cp", System.getProperty("java.class.path")));
        command.addAll(program);
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).start();
        started.add(process);
        return process;
    }

    private static int awaitExit(Process process) throws InterruptedException {
        assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    private static String errors(Process process) throws IOException {
        return new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    @Test
    void printsWhereItListensAndStopsInOrderOnSigterm() throws Exception {
        Process process =
                start("--bootstrap-servers", TestBroker.bootstrapServers(), "--model", "none", "--http-port", "0");
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = out.readLine();
        assertThat(line).matches("scorer listening on http://127\\.0\\.0\\.1:\\d+ models none");
        URI health = URI.create(line.split(" ")[3] + "/health/live");
        try (HttpClient client = HttpClient.newHttpClient()) {
            assertThat(client.send(HttpRequest.newBuilder(health).build(), HttpResponse.BodyHandlers.ofString())
                    .statusCode()).isEqualTo(200);
        }
        process.toHandle().destroy(); // SIGTERM; Process.destroy would close the stream too
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.OK);
        assertThat(out.readLine()).as("nothing else on stdout").isNull();
    }

    @Test
    void printsWhereItAnswersGrpcAndStopsInOrder() throws Exception {
        Process process = start("--bootstrap-servers", TestBroker.bootstrapServers(), "--model", "none", "--http-port",
                "0", "--grpc-port", "0");
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = out.readLine();
        assertThat(line)
                .matches("scorer listening on http://127\\.0\\.0\\.1:\\d+ models none grpc 127\\.0\\.0\\.1:\\d+");
        ManagedChannel channel = NettyChannelBuilder.forTarget(line.split(" ")[7]).usePlaintext().build();
        assertThat(GRPCInferenceServiceGrpc.newBlockingStub(channel).serverLive(ServerLiveRequest.getDefaultInstance())
                .getLive()).isTrue();
        channel.shutdownNow();
        process.toHandle().destroy();
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.OK);
    }

    @Test
    void objectsOfJavasSerializationAreRefused() throws Exception {
        ScorerMain.refuseSerializedObjects();
        ScorerMain.refuseSerializedObjects(); // once is enough
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(new ArrayList<>(List.of("harmless")));
        }
        ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()));
        assertThatThrownBy(in::readObject).isInstanceOf(InvalidClassException.class);
    }

    /// The whole of it: TLS, tokens, and neither shown.
    @Test
    void listensWithTlsAndShowsNoToken(@TempDir Path directory) throws Exception {
        TestCertificates certificates = TestCertificates.make(directory, "server", "-keyalg EC");
        Path tokens = Files.writeString(directory.resolve("tokens"), "not-to-be-shown-0123\n");
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", TestBroker.bootstrapServers(),
                "--model", "none", "--http-port", "0", "--token-file", tokens.toString()));
        arguments.addAll(List.of(certificates.settings()));
        Process process = start(arguments.toArray(String[]::new));
        BufferedReader out =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = out.readLine();
        assertThat(line).matches("scorer listening on https://127\\.0\\.0\\.1:\\d+ models none");
        try (HttpClient client = HttpClient.newBuilder().sslContext(TestCertificates.trusting(certificates)).build()) {
            for (String token : List.of("not-to-be-shown-0123", "not-to-be-shown-4567")) {
                HttpRequest request = HttpRequest.newBuilder(URI.create(line.split(" ")[3] + "/v1/models"))
                        .header("Authorization", "Bearer " + token).build();
                assertThat(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode())
                        .isEqualTo(token.endsWith("0123") ? 200 : 401);
            }
        }
        process.toHandle().destroy();
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.OK);
        assertThat(errors(process)).contains("token-file=***").doesNotContain("not-to-be-shown");
    }

    @Test
    void aWrongSettingEndsWithStatus2AndItsName() throws Exception {
        Process process = start("--bootstrap-servers", "k:1", "--modle", "flights");
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.CONFIGURATION);
        assertThat(errors(process)).contains("did you mean --model?").doesNotContain("\tat ");
    }

    @Test
    void aSettingThatBreaksThePromiseEndsWithStatus2() throws Exception {
        Process process = start("--bootstrap-servers", "127.0.0.1:1", "--model", "flights", "--kafka.isolation.level",
                "read_uncommitted");
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.CONFIGURATION);
        assertThat(errors(process)).contains("isolation.level").contains("read_committed").doesNotContain("\tat ");
    }

    @LongProof("two processes")
    @Test
    void aPortInUseEndsWithStatus75() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            String port = Integer.toString(taken.getLocalPort());
            for (List<String> ports : List.of(List.of("--http-port", port),
                    List.of("--http-port", "0", "--grpc-port", port))) {
                List<String> arguments =
                        new ArrayList<>(List.of("--bootstrap-servers", "127.0.0.1:1", "--model", "flights"));
                arguments.addAll(ports);
                Process process = start(arguments.toArray(String[]::new));
                assertThat(awaitExit(process)).isEqualTo(ScorerMain.RETRYABLE);
                assertThat(errors(process)).contains("in use").doesNotContain("\tat ");
            }
        }
    }

    /// Kafka is not asked for anything that this needs.
    @LongProof("a process whose port is closed")
    @Test
    void aScorerWhosePortIsClosedEndsWithStatus75() throws Exception {
        Process process =
                start(List.of(), List.of(EndsItsListener.class.getName(), "/health/live", ScorerMain.class.getName()),
                        "--bootstrap-servers", "127.0.0.1:1", "--model", "none", "--http-port", "0");
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.RETRYABLE);
        assertThat(errors(process)).containsPattern("port [0-9]+ is not listened on any more: .*only a restart helps")
                .contains("ending so that a supervisor starts the scorer again");
    }

    @Test
    void connectionsThatDoNotFitIntoTheLimitOfOpenFilesAreAMistakeAtStart() throws Exception {
        Process process = start(List.of("sh", "-c", "ulimit -n 400; exec \"$0\" \"$@\""), "--bootstrap-servers",
                "127.0.0.1:1", "--model", "none", "--max-connections", "390", "--http-port", "0");
        assertThat(errors(process)).contains("open files: expected a limit of at least")
                .contains("390 for connections of clients").contains("found 400; raise it (ulimit -n")
                .contains("or lower --max-connections");
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.CONFIGURATION);
    }

    @LongProof("a process with little memory")
    @Test
    void modelsThatTheHeapHasNoRoomForTogetherAreAMistakeAtStart() throws Exception {
        List<String> arguments = new ArrayList<>(List.of("--bootstrap-servers", TestBroker.bootstrapServers(),
                "--max-snapshot-bytes", Integer.toString(40 << 20), "--http-port", "0"));
        for (int i = 0; i < 2; i++) {
            String model = TestBroker.newModelName();
            try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic()) {
                // 36 MiB: 2^19 rows of 18 floats. Of a heap of 96 MiB models may take 64.
                publisher.publish(TestTrainer.ofOrigins(model, 1 << 19, 18).learn(1).publishFull());
            }
            arguments.addAll(List.of("--model", model));
        }
        Process process = start(List.of("env", "JDK_JAVA_OPTIONS=-Xmx96m"), arguments.toArray(String[]::new));
        assertThat(awaitExit(process)).isEqualTo(ScorerMain.CONFIGURATION);
        assertThat(errors(process)).contains("expected models of at most 64.0 MiB together").contains("to load ")
                .contains("Give the process -Xmx").doesNotContain("OutOfMemoryError");
    }
}
