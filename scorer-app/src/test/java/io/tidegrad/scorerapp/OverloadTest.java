package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.proof.LongProof;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.TestBroker;
import io.tidegrad.scorer.TestPublisher;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import io.tidegrad.scorerapp.inference.ModelReadyRequest;
import io.tidegrad.scorerapp.inference.ServerLiveRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/// More requests than a server can work on: some are refused early, what is answered is right, new versions come, and
/// afterwards all is as before.
class OverloadTest {
    /// Many milliseconds of work each, and as much as a body holds.
    private static final long[] OFFSETS = LongStream.range(0, 9_000).toArray();

    private static final int ENOUGH = 10; // of each kind of answer, and of swaps

    private static final int CLIENTS = 100;

    private static final String LIVE = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

    private static void assertOverloaded(Answer answer) {
        assertThat(answer.status()).as(answer.toString()).isEqualTo(503);
        assertThat(answer.headers()).containsEntry("retry-after", "1");
        assertThat(answer.endsConnection()).isFalse();
        assertThat(answer.body()).contains("overloaded");
    }

    /// Whoever takes a place and keeps it: this test.
    @Test
    void whatFindsNoPlaceIsRefusedBeforeItIsLookedAtAndHealthIsAnswered() {
        ManagedChannel channel = null;
        try (TestServer server = TestServer.start("--max-concurrent-requests", "1");
                RawHttp http = RawHttp.connect(server.http.port())) {
            channel = NettyChannelBuilder.forAddress("127.0.0.1", server.grpc.port()).usePlaintext().build();
            GRPCInferenceServiceBlockingStub grpc = GRPCInferenceServiceGrpc.newBlockingStub(channel);
            server.limits.work().within(() -> {
                for (String path : List.of("/v1/models/flights/score", "/v2/models/flights/infer")) {
                    http.send(RawHttp.post(path, "", RawHttp.bytes("no JSON")));
                    assertOverloaded(http.answer());
                }
                assertThatThrownBy(() -> grpc.modelReady(ModelReadyRequest.newBuilder().setName("flights").build()))
                        .isInstanceOfSatisfying(StatusRuntimeException.class, e -> {
                            assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
                            assertThat(e.getStatus().getDescription()).startsWith("overloaded: ");
                        });
                http.send(RawHttp.bytes(LIVE));
                assertThat(http.answer().status()).isEqualTo(200);
                http.send(RawHttp.bytes(LIVE.replace("/health/live", "/metrics")));
                assertThat(http.answer().status()).isEqualTo(200);
                return grpc.serverLive(ServerLiveRequest.getDefaultInstance()).getLive();
            });
            http.send(RawHttp.post("/v1/models/flights/score", "", RawHttp.bytes(TestApp.RECORD)));
            assertThat(http.answer().status()).as("afterwards").isEqualTo(200);
            assertThat(grpc.modelReady(ModelReadyRequest.newBuilder().setName("flights").build()).getReady()).isTrue();
            assertThat(server.count("tidegrad_scorer_requests_refused_total", "\"overloaded\"")).isEqualTo(3);
        } finally {
            if (channel != null) {
                channel.shutdownNow();
            }
        }
    }

    @Test
    void aPlaceIsFreeAgainWhateverBecameOfTheWork() {
        WorkLimit one = new WorkLimit(1, 1);
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> one.within(() -> {
                throw new IllegalStateException("broken");
            })).hasMessage("broken");
        }
        assertThat(one.within(() -> "done")).isEqualTo("done");
    }

    @Test
    void noMoreWaitThanMay() {
        WorkLimit none = new WorkLimit(1, 0, Duration.ofDays(1));
        none.within(() -> {
            assertThatThrownBy(() -> none.within(() -> 1)).isInstanceOfSatisfying(HttpProblem.class,
                    e -> assertThat(e.reason()).isEqualTo(ProblemReason.OVERLOADED));
            return 0;
        });
    }

    /// Version → the trainer's own answers, known before the version is published.
    private final Map<Long, float[]> expected = new ConcurrentHashMap<>();

    private final AtomicBoolean done = new AtomicBoolean();
    private final AtomicInteger answered = new AtomicInteger();
    private final AtomicInteger overloaded = new AtomicInteger();
    private final AtomicInteger healthy = new AtomicInteger();

    @LongProof("an overload")
    @Test
    void underFarTooManyRequestsAnswersAreRightAndSwapsGoOn() throws Exception {
        String model = TestBroker.newModelName();
        TestTrainer trainer = TestTrainer.of(model);
        try (TestPublisher publisher = new TestPublisher(TestBroker.bootstrapServers(), model).createTopic();
                TestApp app = TestApp.of(model, Scorer::open, "--max-concurrent-requests", "1");
                ExecutorService clients = Executors.newFixedThreadPool(CLIENTS + 1)) {
            publish(trainer, publisher);
            Scorer scorer = app.scorer(model);
            assertThat(scorer.awaitReady(Duration.ofMinutes(1))).isTrue();
            byte[] request = RawHttp.post("/v1/models/" + model + "/score", "", Flights.records(OFFSETS));
            List<Future<Void>> asking = new ArrayList<>();
            for (int client = 0; client < CLIENTS; client++) {
                asking.add(clients.submit(asking(app.port(), request, client % 4 == 0)));
            }
            asking.add(clients.submit(health(app.port())));
            try {
                for (int published = 2; published < ENOUGH || overloaded.get() < ENOUGH || answered.get() < ENOUGH
                        || healthy.get() < ENOUGH; published++) {
                    publish(trainer, publisher);
                    long admitted = published;
                    Awaitility.await("swap " + published).atMost(Duration.ofMinutes(1))
                            .pollInterval(Duration.ofMillis(10)).until(() -> scorer.admissions().count() >= admitted);
                    assertThat(published).as("swaps until enough is seen").isLessThan(5_000);
                    asking.stream().filter(Future::isDone).forEach(OverloadTest::get);
                }
            } finally {
                done.set(true);
            }
            asking.forEach(OverloadTest::get);
            System.out.println("under overload: answered " + answered + ", refused " + overloaded + ", health answered "
                    + healthy + ", swaps " + scorer.admissions().count());
            try (RawHttp http = RawHttp.connect(app.port())) {
                for (int i = 0; i < 20; i++) {
                    http.send(request);
                    assertThat(http.answer().status()).as("afterwards").isEqualTo(200);
                }
            }
        }
    }

    private static void get(Future<Void> asking) {
        try {
            asking.get(1, TimeUnit.MINUTES);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private void publish(TestTrainer trainer, TestPublisher publisher) {
        trainer.learn(5);
        expected.put(trainer.model().parameters().updates(), trainer.answers(OFFSETS));
        publisher.publish(trainer.publishFull());
    }

    /// @param looks at what is answered, which takes a client longer than it takes a server to answer
    private Callable<Void> asking(int port, byte[] request, boolean looks) {
        return () -> {
            try (RawHttp http = RawHttp.connect(port)) {
                while (!done.get()) {
                    http.send(request);
                    Answer answer = http.answer();
                    if (answer.status() == 200 && looks) {
                        float[] told = expected.get(answer.json().get("version").asLong());
                        assertThat(told).isNotNull();
                        assertThat(Arrays.equals(told, Flights.answers(answer))).as("the bits of its version").isTrue();
                        answered.incrementAndGet();
                    } else if (answer.status() != 200) {
                        assertOverloaded(answer);
                        overloaded.incrementAndGet();
                    }
                }
            }
            return null;
        };
    }

    private Callable<Void> health(int port) {
        return () -> {
            try (RawHttp http = RawHttp.connect(port)) {
                while (!done.get()) {
                    http.send(RawHttp.bytes(LIVE));
                    Answer answer = http.answer();
                    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
                    healthy.incrementAndGet();
                }
            }
            return null;
        };
    }
}
