package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.MetadataUtils;
import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.settings.SettingsException;
import io.tidegrad.proof.TestCertificates;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.ModelReadyRequest;
import io.tidegrad.scorerapp.inference.ServerLiveRequest;
import io.tidegrad.scorerapp.inference.ServerMetadataRequest;
import io.tidegrad.scorerapp.inference.ServerReadyRequest;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.Principal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.LongStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/// TLS and tokens, over HTTP and gRPC, asked by clients of others: the JDK's, curl, grpc-java.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SecuredServerTest {
    private static final String TOKEN = "of-yesterday-0123456789";
    private static final String NEW_TOKEN = "of-today-0123456789abcdef";
    private static final Duration SOON = Duration.ofMinutes(1);
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path directory;

    private TestCertificates certificates;
    private TestCertificates rsa;
    private Path tokens;
    private TestServer server;
    private HttpClient client;

    @BeforeAll
    void listen() throws Exception {
        certificates = TestCertificates.make(directory, "server", "-keyalg EC");
        rsa = TestCertificates.make(directory, "rsa", "-keyalg RSA");
        tokens = Files.writeString(directory.resolve("tokens"), "# of clients\n" + TOKEN + "\n");
        server = TestServer.start(secured(certificates));
        client = HttpClient.newBuilder().sslContext(trusting(certificates)).build();
    }

    private String[] secured(TestCertificates by) {
        List<String> settings = new ArrayList<>(List.of(by.settings()));
        settings.addAll(List.of("--token-file", tokens.toString()));
        return settings.toArray(String[]::new);
    }

    private static SSLContext trusting(TestCertificates... trusted) throws Exception {
        return TestCertificates.trusting(trusted);
    }

    @AfterAll
    void close() {
        client.close();
        server.close();
    }

    private HttpResponse<String> send(String path, String authorization, byte[] body) throws Exception {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create("https://127.0.0.1:" + server.http.port() + path));
        if (!authorization.isEmpty()) {
            request.header("Authorization", authorization);
        }
        if (body.length > 0) {
            request.POST(HttpRequest.BodyPublishers.ofByteArray(body));
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private HttpResponse<String> get(String path, String authorization) throws Exception {
        return send(path, authorization, new byte[0]);
    }

    @Test
    void anAnswerOverTlsHasTheSameBitsWhateverItsSize() throws Exception {
        for (int records : new int[]{1, 100, 5_000}) {
            long[] offsets = LongStream.range(0, records).toArray();
            HttpResponse<String> answer = send("/v1/models/flights/score", "Bearer " + TOKEN, Flights.records(offsets));
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(answer.sslSession().orElseThrow().getProtocol()).isEqualTo("TLSv1.3");
            JsonNode predictions = JSON.readTree(answer.body()).get("predictions");
            float[] expected = server.trainer.answers(offsets);
            for (int i = 0; i < records; i++) {
                assertThat(Float.parseFloat(predictions.get(i).get("probabilities").get(0).asText()))
                        .isEqualTo(expected[i]);
            }
        }
    }

    @Test
    void tls12IsSpokenAndWhatIsOlderIsNot() throws Exception {
        try (SSLSocket socket =
                (SSLSocket) trusting(certificates).getSocketFactory().createSocket("127.0.0.1", server.http.port())) {
            socket.setEnabledProtocols(new String[]{"TLSv1.2"});
            socket.startHandshake();
            assertThat(socket.getSession().getProtocol()).isEqualTo("TLSv1.2");
        }
        // A greeting of TLS 1.1 with two suites that it has.
        byte[] old = HexFormat.of().parseHex("160301002f0100002b0302" + "00".repeat(32) + "000004c013c0140100");
        for (int port : new int[]{server.http.port(), server.grpc.port()}) {
            try (Socket socket = new Socket("127.0.0.1", port)) {
                socket.setSoTimeout(60_000);
                socket.getOutputStream().write(old);
                byte[] alert = socket.getInputStream().readNBytes(7);
                assertThat(alert).as("an alert").startsWith(21);
                assertThat(socket.getInputStream().read()).as("the end").isEqualTo(-1);
            }
        }
    }

    @Test
    void everythingButHealthWantsATokenThatIsKnown() throws Exception {
        for (String path : List.of("/v1/models", "/v1/models/flights", "/v1/models/flights/admissions",
                "/v1/models/flights/score", "/v1/models/other", "/metrics", "/nowhere", "/health/../metrics", "/v2",
                "/v2/models/flights", "/v2/models/flights/ready", "/v2/models/flights/infer")) {
            for (String authorization : List.of("", "Bearer", "Bearer ", "Bearer " + TOKEN.substring(1),
                    "Bearer " + TOKEN + "x", "Bearer # of clients", "Basic " + TOKEN, TOKEN)) {
                HttpResponse<String> answer = get(path, authorization);
                assertThat(answer.statusCode()).as(path + " " + authorization).isEqualTo(401);
                assertThat(answer.headers().firstValue("WWW-Authenticate")).hasValue("Bearer");
                assertThat(answer.body()).contains("unauthorized").doesNotContain(TOKEN);
            }
            assertThat(get(path, "bearer  " + TOKEN).statusCode()).as(path).isNotEqualTo(401);
        }
        for (String path : List.of("/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready")) {
            assertThat(get(path, "").statusCode()).as(path).isEqualTo(200);
        }
        assertThat(server.count("tidegrad_scorer_requests_refused_total", "\"unauthorized\"")).isGreaterThan(90);
    }

    @Test
    void curlGetsAnAnswer() throws Exception {
        String url = "https://127.0.0.1:" + server.http.port() + "/v1/models/flights/score";
        Process curl;
        try {
            curl = new ProcessBuilder("curl", "-s", "--cacert", certificates.certificate().toString(), "-H",
                    "Authorization: Bearer " + TOKEN, url, "-d", TestApp.RECORD).redirectErrorStream(true).start();
        } catch (IOException e) {
            assumeTrue(false, "no curl here");
            return;
        }
        String said = new String(curl.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(curl.waitFor()).as(said).isZero();
        assertThat(JSON.readTree(said).get("predictions")).hasSize(1);
    }

    private ManagedChannel channel() throws IOException {
        return NettyChannelBuilder.forAddress("127.0.0.1", server.grpc.port())
                .sslContext(GrpcSslContexts.forClient().trustManager(certificates.certificate().toFile()).build())
                .build();
    }

    private static GRPCInferenceServiceBlockingStub with(String authorization, GRPCInferenceServiceBlockingStub stub) {
        Metadata metadata = new Metadata();
        metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), authorization);
        return stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
    }

    @Test
    void grpcWantsTheSame() throws Exception {
        ManagedChannel channel = channel();
        try {
            GRPCInferenceServiceBlockingStub stub = GRPCInferenceServiceGrpc.newBlockingStub(channel);
            assertThat(stub.serverLive(ServerLiveRequest.getDefaultInstance()).getLive()).isTrue();
            assertThat(stub.serverReady(ServerReadyRequest.getDefaultInstance()).getReady()).isTrue();
            for (GRPCInferenceServiceBlockingStub stranger : List.of(stub, with("Bearer " + TOKEN + "x", stub),
                    with("Basic x", stub))) {
                assertThatThrownBy(() -> stranger.serverMetadata(ServerMetadataRequest.getDefaultInstance()))
                        .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAUTHENTICATED);
                            assertThat(e.getStatus().getDescription()).startsWith("unauthorized: ")
                                    .doesNotContain(TOKEN);
                        });
            }
            assertThat(with("Bearer " + TOKEN, stub)
                    .modelReady(ModelReadyRequest.newBuilder().setName("flights").build()).getReady()).isTrue();
        } finally {
            channel.shutdownNow();
        }
    }

    /// A client that speaks no TLS, another's, or nothing at all: each is ended, and keeps no place.
    @Test
    void whoFailsToGreetIsEndedAndKeepsNoPlace() throws Exception {
        try (TestServer narrow = TestServer.start(Duration.ofMillis(300), secured4())) {
            for (int attempt = 0; attempt < 40; attempt++) {
                try (Socket socket = new Socket("127.0.0.1", narrow.http.port())) {
                    socket.setSoTimeout(60_000);
                    socket.getOutputStream().write(RawHttp.bytes("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"));
                    assertEnds(socket.getInputStream());
                }
                try (SSLSocket socket =
                        (SSLSocket) trusting(rsa).getSocketFactory().createSocket("127.0.0.1", narrow.http.port())) {
                    assertThatThrownBy(socket::startHandshake).isInstanceOf(IOException.class);
                }
            }
            assertThat(narrow.count("tidegrad_scorer_connections_ended_total", "\"handshake\""))
                    .isGreaterThanOrEqualTo(40);
            assertThat(peer(narrow.http.port(), certificates)).isEqualTo("CN=server");
            try (Socket silent = new Socket("127.0.0.1", narrow.grpc.port())) {
                silent.setSoTimeout(60_000);
                silent.getOutputStream().write(new byte[]{22, 3, 1});
                assertEnds(silent.getInputStream());
            }
        }
    }

    private String[] secured4() {
        List<String> settings = new ArrayList<>(List.of(secured(certificates)));
        settings.addAll(List.of("--max-connections", "4"));
        return settings.toArray(String[]::new);
    }

    private static void assertEnds(InputStream in) throws IOException {
        try {
            in.readAllBytes();
        } catch (java.net.SocketException reset) {
            // An end too.
        }
    }

    /// Whom a server says to be.
    private String peer(int port, TestCertificates... trusted) throws Exception {
        try (SSLSocket socket = (SSLSocket) trusting(trusted).getSocketFactory().createSocket("127.0.0.1", port)) {
            socket.setSoTimeout(60_000);
            socket.startHandshake();
            Principal peer = socket.getSession().getPeerPrincipal();
            return peer.getName();
        }
    }

    @Test
    void aCertificateAndATokenAreReplacedWithoutARestart() throws Exception {
        Path pem = Files.copy(certificates.certificate(), directory.resolve("live.pem"));
        Path key = Files.copy(certificates.privateKey(), directory.resolve("live.key"));
        Path live = Files.writeString(directory.resolve("live.tokens"), TOKEN + "\n");
        BearerTokens known = new BearerTokens(live, System::nanoTime);
        List<String> settings = new ArrayList<>(List.of(new TestCertificates(pem, key).settings()));
        settings.addAll(List.of("--token-file", live.toString()));
        try (TestServer renewed = TestServer.start(settings.toArray(String[]::new));
                SSLSocket open = (SSLSocket) trusting(certificates).getSocketFactory().createSocket("127.0.0.1",
                        renewed.http.port())) {
            open.startHandshake();
            assertThat(known.letsIn("Bearer " + TOKEN)).isTrue();
            // One file after the other, as it is done: in between the two don't belong together.
            replace(rsa.certificate(), pem);
            Files.writeString(live, TOKEN + "\n" + NEW_TOKEN + "\n");
            Awaitility.await().atMost(SOON).until(() -> known.letsIn("Bearer " + NEW_TOKEN));
            assertThat(known.letsIn("Bearer " + TOKEN)).isTrue();
            for (int port : new int[]{renewed.http.port(), renewed.grpc.port()}) {
                assertThat(peer(port, certificates)).isEqualTo("CN=server");
            }
            replace(rsa.privateKey(), key);
            Files.writeString(live, NEW_TOKEN + "\n");
            Awaitility.await().atMost(SOON).until(() -> !known.letsIn("Bearer " + TOKEN));
            for (int port : new int[]{renewed.http.port(), renewed.grpc.port()}) {
                Awaitility.await().atMost(SOON).until(() -> peer(port, certificates, rsa).equals("CN=rsa"));
            }
            // Nothing readable: what is known stays.
            Files.writeString(live, "short\n");
            Awaitility.await().during(Duration.ofMillis(1_500)).atMost(SOON)
                    .until(() -> known.letsIn("Bearer " + NEW_TOKEN));
            open.setSoTimeout(60_000);
            open.getOutputStream().write(RawHttp.bytes("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"));
            assertThat(new String(open.getInputStream().readNBytes(12), StandardCharsets.US_ASCII))
                    .as("a connection that was open before").isEqualTo("HTTP/1.1 200");
        }
    }

    private static void replace(Path from, Path to) throws IOException {
        Path beside = Files.copy(from, to.resolveSibling(to.getFileName() + ".new"));
        Files.move(beside, to, StandardCopyOption.REPLACE_EXISTING);
    }

    private static void assertMistake(String said, String... settings) {
        assertThatThrownBy(() -> TestServer.config(settings)).isInstanceOf(SettingsException.class)
                .hasMessageContaining(said);
    }

    @Test
    void aMistakeIsASettingsMistake() throws Exception {
        String pem = certificates.certificate().toString();
        String key = certificates.privateKey().toString();
        assertMistake("expected --tls-certificate and --tls-private-key together, found only --tls-certificate",
                "--tls-certificate", pem);
        assertMistake("found only --tls-private-key", "--tls-private-key", key);
        assertMistake("expected a PEM file, found none", "--tls-certificate", pem, "--tls-private-key", key + ".none");
        assertMistake("expected the private key (EC) of the certificate in", "--tls-certificate", pem,
                "--tls-private-key", rsa.privateKey().toString());
        TestCertificates other = TestCertificates.make(directory, "other", "-keyalg EC");
        assertMistake("expected the private key (EC) of the certificate in", "--tls-certificate", pem,
                "--tls-private-key", other.privateKey().toString());
        assertMistake("expected -----BEGIN CERTIFICATE----- and its end, found none", "--tls-certificate", key,
                "--tls-private-key", key);
        Path pkcs1 = TestCertificates.pem(directory.resolve("pkcs1"), "RSA PRIVATE KEY", new byte[9]);
        assertMistake("openssl pkcs8 -topk8 -nocrypt", "--tls-certificate", pem, "--tls-private-key", pkcs1.toString());
        assertMistake("expected a PEM file, found one that can't be read", "--tls-certificate", directory.toString(),
                "--tls-private-key", key);
        Path chain = Files.writeString(directory.resolve("chain"),
                Files.readString(certificates.certificate()) + Files.readString(rsa.certificate()));
        assertMistake("certificate 2 did not issue the one before it", "--tls-certificate", chain.toString(),
                "--tls-private-key", key);
        Path weak = Files.writeString(directory.resolve("weak"), "\n# one\nsecret\n");
        assertMistake(
                "token-file: line 3: expected a token of at least 16 letters, digits and -._~+/, found 6 characters",
                "--token-file", weak.toString());
        Path none = Files.writeString(directory.resolve("none"), "# none\n\n");
        assertMistake("expected a file with a token on a line", "--token-file", none.toString());
        // The token itself in place of its file.
        assertThatThrownBy(() -> TestServer.config("--token-file", TOKEN))
                .hasMessageContaining("token-file: expected a file of tokens, found no file")
                .hasMessageNotContaining(TOKEN);
    }

    private static List<ILoggingEvent> warnings(Runnable logging) {
        ListAppender<ILoggingEvent> logged = new ListAppender<>();
        logged.start();
        Logger ours = (Logger) LoggerFactory.getLogger("io.tidegrad");
        Level before = ours.getLevel();
        ours.setLevel(Level.WARN);
        ours.addAppender(logged);
        try {
            logging.run();
        } finally {
            ours.detachAppender(logged);
            ours.setLevel(before);
        }
        // Of this thread: a server's threads have their own to say.
        String thread = Thread.currentThread().getName();
        return logged.list.stream()
                .filter(event -> event.getThreadName().equals(thread) && event.getLevel().isGreaterOrEqual(Level.WARN))
                .toList();
    }

    @Test
    void anExpiredCertificateIsWarnedOf() throws Exception {
        TestCertificates expired = TestCertificates.make(directory, "expired", "-keyalg EC -startdate -9d -validity 1");
        List<ILoggingEvent> told = warnings(() -> TestServer.config(expired.settings()));
        assertThat(told).hasSize(1);
        assertThat(told.getFirst().getFormattedMessage())
                .contains("expired.pem: clients refuse this certificate: it holds from");
    }

    @Test
    void whoBindsWhatOthersReachIsWarnedInOneLine() {
        assertThat(warnings(() -> TestServer.config().warnOfStrangers())).isEmpty();
        List<ILoggingEvent> told = warnings(() -> TestServer.config("--http-host", "0.0.0.0").warnOfStrangers());
        assertThat(told).extracting(ILoggingEvent::getFormattedMessage).containsExactly(
                "other machines can reach 0.0.0.0 without TLS and without a token: set tls-certificate, tls-private-key and"
                        + " token-file, or let them reach only a proxy that has both");
        List<String> all = new ArrayList<>(List.of(secured(certificates)));
        all.addAll(List.of("--http-host", "0.0.0.0"));
        assertThat(warnings(() -> TestServer.config(all.toArray(String[]::new)).warnOfStrangers())).isEmpty();
    }
}
