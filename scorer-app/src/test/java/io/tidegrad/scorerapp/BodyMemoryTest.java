package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.scorerapp.RawHttp.Answer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
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
            try (RawHttp _ = stuck(server);
                    RawHttp _ = stuck(server)) {
                // Told by the metric: to ask with a large request would take what one of them is
                // yet to take.
                awaitTaken(server, 2 * 48 * 1024);
                Answer refused = ask(server, 60_000);
                assertThat(refused.status()).isEqualTo(503);
                assertThat(refused.headers()).containsEntry("retry-after", "1");
                assertThat(refused.body()).contains("overloaded", "--max-bodies-bytes");
                assertThat(ask(server, BodyMemory.FREE_BYTES).status()).isEqualTo(200);
            }
            awaitTaken(server, 0);
            assertThat(ask(server, 60_000).status()).as("alone again").isEqualTo(200);
        }
    }

    private static void awaitTaken(TestServer server, int bytes) {
        Awaitility.await("the metric says that bodies take " + bytes)
                .atMost(Duration.ofSeconds(30))
                .pollInterval(Duration.ofMillis(10))
                .until(() -> server.count("tidegrad_scorer_bodies_bytes", "") == bytes);
    }

    @Test
    void whatIsRefusedOrBreaksOffTakesNothing() throws IOException {
        BodyMemory memory = new BodyMemory(100_000);
        for (int i = 0; i < 100; i++) {
            assertThatThrownBy(() -> memory.read(new Dribble(new byte[200_000], 999), 200_000))
                    .isInstanceOf(HttpProblem.class);
            assertThatThrownBy(() -> memory.read(new BreaksOff(), 100_000))
                    .hasMessage("broken off");
            memory.read(new Dribble(new byte[100_000], 999), 100_000).close();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, 10",
        "1, 1",
        "9, 10",
        "16383, 16384",
        "16384, 16384",
        "16384, 16385",
        "16385, 16385",
        "16385, 1000000",
        "32768, 32769",
        "100000, 100000",
        "200000, 100000"
    })
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
