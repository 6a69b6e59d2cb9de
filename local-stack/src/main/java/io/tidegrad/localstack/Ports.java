package io.tidegrad.localstack;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/// Ports on the loopback interface.
public final class Ports {
    // Below Linux's ephemeral range (32768 and up): a port from that range can be taken by any outgoing connection,
    // even by a client that reconnects to the broker restarting on it.
    private static final int LOWEST = 15_000;
    private static final int HIGHEST = 32_000;
    private static final int ATTEMPTS = 200;

    static final String KAFKA_OPTION = "--kafka-port";
    static final String REGISTRY_OPTION = "--registry-port";

    private Ports() {}

    static InetAddress loopback() {
        return InetAddress.getLoopbackAddress();
    }

    /// A port that was free a moment ago.
    public static int free() {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            int port = ThreadLocalRandom.current().nextInt(LOWEST, HIGHEST);
            if (isFree(port)) {
                return port;
            }
        }
        throw new LocalStackException(
                "no free port found between " + LOWEST + " and " + HIGHEST + " in " + ATTEMPTS + " attempts");
    }

    /// @param port the port; 0 means any port and is accepted
    /// @param option the option by which the user chooses another port, for the message
    static void requireFree(int port, String what, String option) {
        if (port != 0 && !isFree(port)) {
            throw new LocalStackException("port " + port + ", wanted for the " + what
                    + ", is in use: stop the program that listens on it, or choose another port with " + option);
        }
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(loopback(), port));
            return true;
        } catch (IOException inUse) {
            return false;
        }
    }
}
