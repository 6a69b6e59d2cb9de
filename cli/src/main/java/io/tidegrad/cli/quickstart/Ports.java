package io.tidegrad.cli.quickstart;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/// Free ports on the loopback interface, for children that have to be told theirs.
final class Ports {
    // Below the range that outgoing connections take theirs from (32768 and up on Linux), so that
    // none takes it first.
    private static final int LOWEST = 15_000;
    private static final int HIGHEST = 32_000;
    private static final int ATTEMPTS = 200;

    private Ports() {}

    static int free() {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            int port = ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST);
            try (ServerSocket socket =
                    new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException taken) {
                // Try another one.
            }
        }
        throw new QuickstartException(
                "no free port found between " + LOWEST + " and " + HIGHEST + " on 127.0.0.1");
    }
}
