package io.tidegrad.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.security.ServerCertificate;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.proof.TestCertificates;
import io.tidegrad.schemas.Build;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OperationsServerTest {
    private static final String TOKEN = "of-the-scraper-0123456789";

    @TempDir
    Path directory;

    private static OperationsServer.Health down() {
        return new OperationsServer.Health(false, Map.of("status", "DOWN"));
    }

    private static HttpResponse<String> get(HttpClient client, String url, String... authorization) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
        for (String each : authorization) {
            request.header("Authorization", each);
        }
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void overTlsProbesNeedNoTokenAndScrapersDo() throws Exception {
        TestCertificates certificates = TestCertificates.make(directory, "trainer", "-keyalg EC");
        Path tokens = Files.writeString(directory.resolve("tokens"), TOKEN + "\n");
        ServerSecurity security = new ServerSecurity(
                new ServerCertificate(certificates.certificate(), certificates.privateKey(), System::nanoTime),
                new BearerTokens(tokens, System::nanoTime));
        try (OperationsServer server = OperationsServer.start("127.0.0.1", 0, security, OperationsServerTest::down);
                HttpClient trusting =
                        HttpClient.newBuilder().sslContext(TestCertificates.trusting(certificates)).build()) {
            String url = "https://127.0.0.1:" + server.port();
            assertThat(get(trusting, url + "/health").body()).contains("\"status\":\"DOWN\"");
            HttpResponse<String> stranger = get(trusting, url + "/metrics");
            assertThat(stranger.statusCode()).isEqualTo(401);
            assertThat(stranger.headers().firstValue("WWW-Authenticate")).contains("Bearer");
            assertThat(stranger.body()).isEmpty();
            assertThat(get(trusting, url + "/metrics", "Bearer of-nobody-0123456789").statusCode()).isEqualTo(401);
            HttpResponse<String> scraper = get(trusting, url + "/metrics", "Bearer " + TOKEN);
            assertThat(scraper.statusCode()).isEqualTo(200);
            assertThat(scraper.body()).contains("jvm_memory_used_bytes").doesNotContain(TOKEN);
            assertThatThrownBy(() -> get(trusting, url.replace("https", "http") + "/health"))
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void thePartsOfAProcessAnswerTogetherWithTheWorstStatus() throws Exception {
        try (OperationsServer server = OperationsServer.start("127.0.0.1", 0, new ServerSecurity(null, null),
                () -> new OperationsServer.Health(true, Map.of("status", "UP", "models", 1)));
                HttpClient client = HttpClient.newHttpClient()) {
            AtomicReference<OperationsServer.Health> other = new AtomicReference<>(
                    new OperationsServer.Health(true, Map.of("status", "DEGRADED", "streams", 2)));
            server.add(other::get);
            String url = "http://127.0.0.1:" + server.port() + "/health";
            HttpResponse<String> degraded = get(client, url);
            assertThat(degraded.statusCode()).isEqualTo(200);
            assertThat(degraded.body()).contains("\"status\":\"DEGRADED\"", "\"models\":1", "\"streams\":2");

            other.set(down());
            await().atMost(Duration.ofMinutes(1)).untilAsserted(() -> { // an answer is shared for a moment
                HttpResponse<String> down = get(client, url);
                assertThat(down.statusCode()).isEqualTo(503);
                assertThat(down.body()).contains("\"status\":\"DOWN\"", "\"models\":1");
            });
        }
    }

    @Test
    void aPortThatIsTakenIsToldByTheNameOfTheSetting() {
        ServerSecurity none = new ServerSecurity(null, null);
        try (OperationsServer server = OperationsServer.start("127.0.0.1", 0, none, OperationsServerTest::down)) {
            assertThatThrownBy(
                    () -> OperationsServer.start("127.0.0.1", server.port(), none, OperationsServerTest::down))
                    .isInstanceOf(StopException.class)
                    .hasMessageStartingWith("http-port: expected a free port of 127.0.0.1");
        }
    }

    @Test
    void withoutSettingsEverybodyOnThisMachineIsAnswered() throws Exception {
        try (OperationsServer server =
                OperationsServer.start("127.0.0.1", 0, new ServerSecurity(null, null), OperationsServerTest::down);
                HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> metrics = get(client, "http://127.0.0.1:" + server.port() + "/metrics");
            assertThat(metrics.statusCode()).isEqualTo(200);
            assertThat(metrics.body()).contains(
                    "\ntidegrad_build_info{java_version=\"" + Runtime.version() + "\",version=\"" + Build.version()
                            + "\"} 1\n",
                    "\njvm_memory_used_bytes{area=\"heap\"", "\njvm_gc_", "\nprocess_files_open_files ");
        }
    }
}
