package io.tidegrad.localstack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.localstack.TcpRelay.Direction;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Against a server that says back what it is told.
final class TcpRelayTest {
    private static final int EXPECTED_SILENCE_MILLIS = 200;
    private static final short END_TXN = 26;

    private ServerSocket echo;
    private TcpRelay relay;

    @BeforeEach
    void open() throws IOException {
        echo = new ServerSocket(0, 50, Ports.loopback());
        Thread.ofVirtual().start(this::serve);
        relay = TcpRelay.startForKafka();
        relay.to(echo.getLocalPort());
    }

    @AfterEach
    void close() throws IOException {
        relay.close();
        echo.close();
    }

    private void serve() {
        while (!echo.isClosed()) {
            try {
                Socket client = echo.accept();
                Thread.ofVirtual().start(() -> {
                    try (client) {
                        client.getInputStream().transferTo(client.getOutputStream());
                    } catch (IOException cut) {
                        // As many tests want it.
                    }
                });
            } catch (IOException closed) {
                return;
            }
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket(Ports.loopback(), relay.port());
        socket.setSoTimeout(30_000);
        return socket;
    }

    /// As Kafka frames it: length, key, something.
    private static void send(Socket socket, short apiKey, long body) throws IOException {
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeInt(Short.BYTES + Long.BYTES);
        out.writeShort(apiKey);
        out.writeLong(body);
        out.flush();
    }

    private static long receive(Socket socket) throws IOException {
        DataInputStream in = new DataInputStream(socket.getInputStream());
        in.readInt();
        in.readShort();
        return in.readLong();
    }

    private static void assertSilent(Socket socket) throws IOException {
        socket.setSoTimeout(EXPECTED_SILENCE_MILLIS);
        assertThatThrownBy(() -> receive(socket)).isInstanceOf(SocketTimeoutException.class);
        socket.setSoTimeout(30_000);
    }

    @Test
    void whatIsSentComesBackThroughADelayAndALimitToo() throws Exception {
        try (Socket socket = connect()) {
            send(socket, (short) 0, 1);
            assertThat(receive(socket)).isEqualTo(1);
            relay.delay(Duration.ofMillis(20));
            send(socket, (short) 0, 2);
            assertThat(receive(socket)).isEqualTo(2);
            relay.delay(Duration.ZERO);
            relay.limit(1_000);
            send(socket, (short) 0, 3);
            assertThat(receive(socket)).isEqualTo(3);
        }
    }

    @Test
    void whatIsLostComesLaterAndNothingOvertakesIt() throws Exception {
        try (Socket socket = connect()) {
            relay.lose(0.2, 1);
            for (int i = 0; i < 5; i++) {
                send(socket, (short) 0, i);
            }
            for (int i = 0; i < 5; i++) {
                assertThat(receive(socket)).isEqualTo(i);
            }
            relay.lose(0.999_999_999, 1);
            send(socket, (short) 0, 5);
            assertSilent(socket);
        }
    }

    @Test
    void aStalledDirectionKeepsWhatIsSentUntilItIsHealed() throws Exception {
        try (Socket socket = connect()) {
            for (Direction direction : Direction.values()) {
                relay.stall(direction);
                send(socket, (short) 0, 7);
                assertSilent(socket);
                relay.heal();
                assertThat(receive(socket)).isEqualTo(7);
            }
        }
    }

    @Test
    void aHeldRequestStaysBackAloneWithWhatFollowsIt() throws Exception {
        try (Socket socket = connect()) {
            relay.hold(END_TXN);
            send(socket, (short) 0, 1);
            assertThat(receive(socket)).isEqualTo(1);
            send(socket, END_TXN, 2);
            assertThat(relay.awaitHeld(Duration.ofSeconds(30))).isTrue();
            assertSilent(socket);
            relay.heal();
            assertThat(receive(socket)).isEqualTo(2);
        }
    }

    @Test
    void aCutComesRightBehindItsByte() throws Exception {
        try (Socket socket = connect()) {
            relay.cutAfter(Direction.RECEIVED, 5);
            send(socket, (short) 0, 1);
            assertThat(socket.getInputStream().readNBytes(100)).hasSize(5);
            assertThat(relay.isCutDue()).isFalse();
        }
        try (Socket socket = connect()) {
            send(socket, (short) 0, 1);
            assertThat(receive(socket)).isEqualTo(1);
        }
    }

    @Test
    void aRefusingRelayCutsOldAndNewConnections() throws Exception {
        try (Socket socket = connect()) {
            send(socket, (short) 0, 1);
            assertThat(receive(socket)).isEqualTo(1);
            relay.refuse();
            assertEnds(socket);
            try (Socket another = connect()) {
                assertEnds(another);
            }
        }
    }

    private static void assertEnds(Socket socket) {
        try {
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        } catch (IOException reset) {
            // That is an end too.
        }
    }

    @Test
    void aFixedAnswerIsGivenToWhoeverAsks() throws Exception {
        relay.answer("no".getBytes(StandardCharsets.US_ASCII));
        try (Socket socket = connect()) {
            send(socket, (short) 0, 1);
            assertThat(socket.getInputStream().readAllBytes()).isEqualTo("no".getBytes(StandardCharsets.US_ASCII));
        }
    }
}
