package io.tidegrad.ops.http;

import io.helidon.webserver.http.DirectHandlers;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/// What an HTTP server is told.
///
/// @param host to bind
/// @param port 0 for any free one
/// @param tls null for plain HTTP
public record HttpOptions(String host, int port, Connections connections, Requests requests, @Nullable SSLContext tls,
        Times times) {
    /// Of a request's first line.
    public static final int LINE_BYTES_MAX = 4 * 1024;

    /// Of a request.
    public static final int HEADER_BYTES_MAX = 8 * 1024;

    private static final int CONNECTIONS_MAX = 1_024;
    private static final Duration REQUEST_WITHIN = Duration.ofSeconds(10);

    /// The answers that wait for their clients may take one part in so many of the heap.
    private static final int UNREAD_SHARE = 8;

    /// @param max open at once; the one that waits longest for its client makes room for the next
    /// @param unreadBytesMax of the answers of all connections that wait for their clients to take them
    /// @param ended hears of connections that ended otherwise than between two requests
    public record Connections(int max, long unreadBytesMax, Consumer<EndedConnection> ended) {
    }

    /// @param bytesMax of a request in all: line, headers, and a body with its framing
    /// @param within from a request's first byte to its last
    /// @param refusals answers to what is no request
    public record Requests(long bytesMax, Duration within, DirectHandlers refusals) {
    }

    /// @param request monotonic nanoseconds, asked once for each read of a connection
    /// @param connection monotonic nanoseconds, of what connections do
    public record Times(LongSupplier request, LongSupplier connection) {
    }

    /// What a server of this process keeps for clients that do not take it, at most, unless it is told otherwise.
    public static long unreadBytesOfProcess() {
        return Runtime.getRuntime().maxMemory() / UNREAD_SHARE;
    }

    /// For a server whose requests have no bodies.
    public static HttpOptions at(String host, int port) {
        return new HttpOptions(host, port, new Connections(CONNECTIONS_MAX, unreadBytesOfProcess(), why -> {
        }), new Requests(LINE_BYTES_MAX + HEADER_BYTES_MAX + 1_024, REQUEST_WITHIN, DirectHandlers.create()), null,
                new Times(System::nanoTime, System::nanoTime));
    }

    public HttpOptions withConnections(int max, Consumer<EndedConnection> ended) {
        return with(new Connections(max, connections.unreadBytesMax(), ended));
    }

    public HttpOptions withUnread(long bytesMax) {
        return with(new Connections(connections.max(), bytesMax, connections.ended()));
    }

    private HttpOptions with(Connections other) {
        return new HttpOptions(host, port, other, requests, tls, times);
    }

    /// For requests that have bodies.
    ///
    /// @param bytesMax of one
    public HttpOptions withBodies(int bytesMax) {
        return withRequests(requests.bytesMax() + bytesMax, requests.within(), requests.refusals());
    }

    /// @param bytesMax of a request in all
    public HttpOptions withRequests(long bytesMax, Duration within, DirectHandlers refusals) {
        return new HttpOptions(host, port, connections, new Requests(bytesMax, within, refusals), tls, times);
    }

    public HttpOptions withTls(@Nullable SSLContext tls) {
        return new HttpOptions(host, port, connections, requests, tls, times);
    }

    /// Only a test gives other times than the system's.
    public HttpOptions withTimes(LongSupplier request, LongSupplier connection) {
        return new HttpOptions(host, port, connections, requests, tls, new Times(request, connection));
    }
}
