package io.tidegrad.loadtests.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.Verification;
import io.tidegrad.scorer.FedScorer;
import io.tidegrad.scorer.ScoringSession;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The eye of the load test (invariant I13) sees what it is there for.
class EveryAnswerTest {
    private static final List<StreamEvent> SHIPPED = ShippedStream.FLIGHTS.read();
    private static final List<MapEvent> QUESTIONS = ScoredModel.events(SHIPPED, 8);

    private final Versions versions = new Versions(ScoredModel.FLIGHTS, SHIPPED, QUESTIONS);
    private final Expected expected = new Expected(versions.outputs());
    private final String model = versions.model().spec().model();
    private final FedScorer scorer = new FedScorer(model, 1 << 30, InstantSource.system());
    private final ScoringSession session = scorer.newSession();
    private HttpServer server;

    @BeforeEach
    void serve() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(Protocol.V1.path(model), exchange -> {
            exchange.getRequestBody().readAllBytes();
            byte[] body = answer().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }

    private volatile int status = 200;
    private volatile int answered = QUESTIONS.size();

    /// Of what the scorer serves, to all questions.
    private String answer() {
        List<Map<String, Object>> predictions = QUESTIONS.stream().limit(answered).map(question -> {
            assertThat(session.score(question)).isNull();
            return Map.<String, Object>of("probabilities", List.of(session.probability(0)));
        }).toList();
        return "{\"version\":" + session.version() + ",\"predictions\":" + Json.write(predictions) + "}";
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private HttpLoad load() {
        return new HttpLoad(target(), 2);
    }

    private HttpLoad.Target target() {
        return new HttpLoad.Target("v1", server.getAddress().getPort(),
                Protocol.V1.requests(model, SHIPPED.subList(0, 8), 8), 8, expected, true, 0, false);
    }

    private void admit(PublishedSnapshot snapshot) {
        assertThat(scorer.accept(snapshot.records())).isInstanceOf(Verification.Admitted.class);
    }

    @Test
    void answersOfTheVersionTheyNameAreCounted() throws Exception {
        Versions.Version version = versions.next(5, true);
        expected.tell(version);
        admit(version.snapshot());
        try (HttpLoad load = load()) {
            assertThat(load.open(200, Duration.ofMillis(100)).answers()).isEqualTo(20);
            assertThat(load.verified()).isEqualTo(20);
            long closed = load.closed(Duration.ofMillis(50)).answers();
            assertThat(closed).isPositive();
            assertThat(load.verified()).isEqualTo(20 + closed);
        }
    }

    /// Sound in itself, hash and all: another model that goes by the same version.
    @Test
    void aByteOfWeightsChangedUnderTheSameVersionIsSeen() throws Exception {
        Versions.Version version = versions.next(5, true);
        expected.tell(version);
        Parameters parameters = versions.model().parameters();
        byte[] page = new byte[Parameters.PAGE_BYTES];
        int last = parameters.servedPages() - 1; // of the layers behind the tables
        parameters.readPage(last, page, 0);
        page[parameters.pageLength(last) - 2] ^= 1; // of the mantissa of the last float, a bias
        parameters.writePage(last, page, 0);
        admit(PublishedSnapshot.of(versions.model(), versions.model().weightsHash(), 1, 7, 7, false));
        try (HttpLoad load = load()) {
            assertThatThrownBy(() -> load.open(100, Duration.ofMillis(50))).isInstanceOf(LoadTestException.class)
                    .hasMessageStartingWith("v1: question 0 of version " + version.number() + ": expected 0.");
        }
    }

    @Test
    void aVersionThatNobodyPublishedIsSeen() throws Exception {
        Versions.Version version = versions.next(5, true);
        admit(version.snapshot());
        try (HttpLoad load = load()) {
            assertThatThrownBy(() -> load.open(100, Duration.ofMillis(50)))
                    .hasMessage("v1: expected a version that was published, found " + version.number());
        }
    }

    @Test
    void anAnswerThatLacksOneIsSeen() throws Exception {
        Versions.Version version = versions.next(5, true);
        expected.tell(version);
        admit(version.snapshot());
        try (HttpLoad load = load()) {
            assertThat(load.open(100, Duration.ofMillis(50)).answers()).isEqualTo(5);
            answered = 7;
            assertThatThrownBy(() -> load.open(100, Duration.ofMillis(50)))
                    .hasMessage("v1: expected 8 numbers, found 7");
        }
    }

    @Test
    void aVersionThatGoesBackIsSeen() {
        Versions.Version first = versions.next(5, true);
        Versions.Version second = versions.next(5, true);
        expected.tell(first);
        expected.tell(second);
        Expected.Judge judge = expected.judge();
        assertThat(judge.wrong(second.number(), 0, second.answers(), 8, 8)).isNull();
        assertThat(judge.wrong(first.number(), 0, first.answers(), 8, 8))
                .isEqualTo("expected version 2010 or above, found 2005");
    }

    @Test
    void anAnswerThatIsNoneEndsTheLoad() throws Exception {
        Versions.Version version = versions.next(5, true);
        expected.tell(version);
        admit(version.snapshot());
        status = 503;
        try (HttpLoad load = load()) {
            assertThatThrownBy(() -> load.open(100, Duration.ofMillis(50)))
                    .hasMessageStartingWith("v1: expected status 200, found 503 {\"version\":");
        }
        try (HttpLoad load = new HttpLoad(target().thatSheds(), 2)) {
            HttpLoad.Window window = load.open(200, Duration.ofMillis(50));
            assertThat(window.shed()).isEqualTo(10);
            assertThat(window.answers()).isZero();
            status = 500;
            assertThatThrownBy(() -> load.open(100, Duration.ofMillis(50)))
                    .hasMessageStartingWith("v1: expected status 200, found 500 {\"version\":");
        }
    }
}
