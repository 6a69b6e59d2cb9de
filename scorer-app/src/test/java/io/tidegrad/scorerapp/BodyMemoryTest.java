package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.scorerapp.RawHttp.Answer;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The memory that bodies share: who takes much is refused before it is gone, and who takes little is not.
class BodyMemoryTest {
    private static final String PATH = "/v1/models/flights/score";

    /// A record that JSON allows to be long.
    private static byte[] request(int bytes) {
        byte[] body = new byte[bytes];
        Arrays.fill(body, (byte) ' ');
        byte[] record = RawHttp.bytes(TestApp.RECORD);
        System.arraycopy(record, 0, body, 0, record.length);
        return RawHttp.post(PATH, "", body);
    }

    private static Answer ask(TestServer server, int bytes) {
        try (RawHttp http = RawHttp.connect(server.http.port())) {
            http.send(request(bytes));
            return http.answer();
        }
    }

    /// A client that sends the most part of a large request, and no more.
    private static RawHttp stuck(TestServer server) {
        RawHttp http = RawHttp.connect(server.http.port());
        http.send(Arrays.copyOf(request(70_000), 60_000));
        return http;
    }

    @Test
    void whileLargeRequestsTakeItAllFurtherLargeOnesAreRefusedAndSmallOnesAnswered() {
        // Each of the stuck ones has 64 KiB, of which 48 count.
        try (TestServer server = TestServer.start("--max-bodies-bytes", "100000")) {
            assertThat(ask(server, 60_000).status()).as("alone").isEqualTo(200);
            awaitTaken(server, 0);
            try (RawHttp _ = stuck(server); RawHttp _ = stuck(server)) {
                // Told by the metric: to ask with a large request would take what one of them is
                // yet to take.
                awaitTaken(server, 2 * 48 * 1024);
                Answer refused = ask(server, 60_000);
                assertThat(refused.status()).isEqualTo(503);
                assertThat(refused.headers()).containsEntry("retry-after", "1");
                assertThat(refused.body()).contains("overloaded", "max-bodies-bytes");
                assertThat(ask(server, BodyMemory.FREE_BYTES).status()).isEqualTo(200);
            }
            awaitTaken(server, 0);
            assertThat(ask(server, 60_000).status()).as("alone again").isEqualTo(200);
        }
    }

    @Test
    void messagesOfGrpcTakeOfTheSameMemory() throws InterruptedException {
        try (TestServer server = TestServer.start("--max-bodies-bytes", "100000")) {
            ManagedChannel channel =
                    NettyChannelBuilder.forAddress("127.0.0.1", server.grpc.port()).usePlaintext().build();
            try {
                Call first = new Call(channel, 60_000);
                Call second = new Call(channel, 60_000);
                int each = first.bytes - BodyMemory.FREE_BYTES;
                awaitTaken(server, 2 * each);
                assertThat(ask(server, 60_000).status()).isEqualTo(503);
                Status refused = new Call(channel, 60_000).end();
                assertThat(refused.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
                assertThat(refused.getDescription()).contains("overloaded", "max-bodies-bytes");
                assertThat(new Call(channel, 10_000).end().getCode()).isEqualTo(Status.Code.NOT_FOUND);

                first.call.cancel("gone", null);
                awaitTaken(server, each);
                assertThat(second.end().getCode()).isEqualTo(Status.Code.NOT_FOUND);
                awaitTaken(server, 0);
                assertThat(ask(server, 60_000).status()).isEqualTo(200);
            } finally {
                channel.shutdownNow();
                channel.awaitTermination(1, TimeUnit.MINUTES);
            }
        }
    }

    /// One that has sent its message, of no model, and not yet said that this is all.
    private static final class Call extends ClientCall.Listener<ModelInferResponse> {
        private final CompletableFuture<Status> end = new CompletableFuture<>();
        private final ClientCall<ModelInferRequest, ModelInferResponse> call;
        private final int bytes;

        Call(ManagedChannel channel, int length) {
            call = channel.newCall(GRPCInferenceServiceGrpc.getModelInferMethod(), CallOptions.DEFAULT);
            call.start(this, new Metadata());
            call.request(2);
            ModelInferRequest request = ModelInferRequest.newBuilder().setId("x".repeat(length)).build();
            bytes = request.getSerializedSize();
            call.sendMessage(request);
        }

        Status end() {
            call.halfClose();
            return end.orTimeout(60, TimeUnit.SECONDS).join();
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            end.complete(status);
        }
    }

    static void awaitTaken(TestServer server, int bytes) {
        Awaitility.await("the metric says that bodies take " + bytes).atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(10))
                .until(() -> server.count("tidegrad_scorer_bodies_bytes", "") == bytes);
    }

    @Test
    void whatIsRefusedOrBreaksOffTakesNothing() throws IOException {
        BodyMemory memory = new BodyMemory(100_000);
        for (int i = 0; i < 100; i++) {
            assertThatThrownBy(() -> memory.read(new Dribble(new byte[200_000], 999), 200_000))
                    .isInstanceOf(HttpProblem.class);
            assertThatThrownBy(() -> memory.read(new BreaksOff(), 100_000)).hasMessage("broken off");
            memory.read(new Dribble(new byte[100_000], 999), 100_000).close();
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 10", "1, 1", "9, 10", "16383, 16384", "16384, 16384", "16384, 16385", "16385, 16385",
        "16385, 1000000", "32768, 32769", "100000, 100000", "200000, 100000"})
    void allThatComesIsReadUpToAsMuchAsIsAskedFor(int comes, int most) throws IOException {
        byte[] bytes = new byte[comes];
        new Random(comes).nextBytes(bytes);
        try (BodyMemory.Body body = new BodyMemory(1 << 20).read(new Dribble(bytes, 1_000), most)) {
            assertThat(body.bytes()).isEqualTo(Arrays.copyOf(bytes, Math.min(comes, most)));
        }
    }

    /// After 60,000 bytes.
    private static final class BreaksOff extends InputStream {
        private int left = 60_000;

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            if (left == 0) {
                throw new IOException("broken off");
            }
            int count = Math.min(left, length);
            left -= count;
            return count;
        }

        @Override
        public int read() {
            throw new UnsupportedOperationException("one by one");
        }
    }

    /// Gives no more than some bytes at once.
    private static final class Dribble extends ByteArrayInputStream {
        private final int most;

        Dribble(byte[] bytes, int most) {
            super(bytes);
            this.most = most;
        }

        @Override
        public synchronized int read(byte[] into, int offset, int length) {
            return super.read(into, offset, Math.min(length, most));
        }
    }
}
