package io.tidegrad.control;

import io.tidegrad.control.ControlException.Reason;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.kafka.clients.ClientDnsLookup;
import org.apache.kafka.clients.ClientUtils;
import org.apache.kafka.common.config.ConfigException;
import org.jspecify.annotations.Nullable;

/// Checks that a broker answers before any client is made. A client that finds none tries for a minute, logs that every
/// second, and ends with a message about a timeout.
public final class BootstrapServers {
    private static final Duration CONNECT_MAX = Duration.ofSeconds(2);

    private BootstrapServers() {}

    /// Returns once one of the servers has accepted a connection.
    ///
    /// @param servers `host:port`, several separated by commas
    /// @throws ControlException if none of them does
    public static void requireOne(String servers) {
        List<String> found = new ArrayList<>();
        for (InetSocketAddress address : addresses(servers)) {
            try (Socket socket = new Socket()) {
                socket.connect(address, (int) CONNECT_MAX.toMillis());
                return;
            } catch (IOException e) {
                found.add(address.getHostString() + ":" + address.getPort() + ": " + e.getMessage());
            }
        }
        throw nobody(servers, String.join(", ", found), null);
    }

    private static List<InetSocketAddress> addresses(String servers) {
        List<String> urls = Arrays.stream(servers.split(",")).map(String::strip).toList();
        try {
            return ClientUtils.parseAndValidateAddresses(urls, ClientDnsLookup.USE_ALL_DNS_IPS);
        } catch (ConfigException e) {
            throw nobody(servers, "no such host", e);
        }
    }

    private static ControlException nobody(String servers, String found, @Nullable ConfigException cause) {
        return new ControlException(Reason.RETRYABLE, "bootstrap-servers: expected a Kafka broker at " + servers
                + ", found none (" + found + "); start it, or correct the address", cause);
    }
}
