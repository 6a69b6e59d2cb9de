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
/// @param connectionsMax open at once; the one that waits longest for its client makes room for the next
/// @param lineBytesMax of a request's first line
/// @param headerBytesMax of a request
/// @param requestBytesMax of a request in all: line, headers, and a body with its framing
/// @param requestWithin from a request's first byte to its last
/// @param unreadBytesMax of the answers of all connections that wait for their clients to take them
/// @param tls null for plain HTTP
/// @param refusals answers to what is no request
/// @param ended hears of connections that ended otherwise than between two requests
/// @param requestTime monotonic nanoseconds, asked once for each read of a connection
/// @param connectionTime monotonic nanoseconds, of what connections do
public record HttpOptions(String host, int port, int connectionsMax, int lineBytesMax, int headerBytesMax,
        long requestBytesMax, Duration requestWithin, long unreadBytesMax, @Nullable SSLContext tls,
        DirectHandlers refusals, Consumer<EndedConnection> ended, LongSupplier requestTime,
        LongSupplier connectionTime) {
    private static final int CONNECTIONS_MAX = 1_024;
    public static final int LINE_BYTES_MAX = 4 * 1024;
    public static final int HEADER_BYTES_MAX = 8 * 1024;
    private static final Duration REQUEST_WITHIN = Duration.ofSeconds(10);

    /// The answers that wait for their clients may take one part in so many of the heap.
    private static final int UNREAD_SHARE = 8;

    /// What a server of this process keeps for clients that do not take it, at most, unless it is told otherwise.
    public static long unreadBytesOfProcess() {
        return Runtime.getRuntime().maxMemory() / UNREAD_SHARE;
    }

    /// For a server whose requests have no bodies.
    public static HttpOptions at(String host, int port) {
        return new HttpOptions(host, port, CONNECTIONS_MAX, LINE_BYTES_MAX, HEADER_BYTES_MAX,
                LINE_BYTES_MAX + HEADER_BYTES_MAX + 1_024, REQUEST_WITHIN, unreadBytesOfProcess(), null,
                DirectHandlers.create(), why -> {
                }, System::nanoTime, System::nanoTime);
    }

    public HttpOptions withConnections(int max, Consumer<EndedConnection> ended) {
        return new HttpOptions(host, port, max, lineBytesMax, headerBytesMax, requestBytesMax, requestWithin,
                unreadBytesMax, tls, refusals, ended, requestTime, connectionTime);
    }

    /// @param bytesMax of a request in all
    public HttpOptions withRequests(long bytesMax, Duration within, DirectHandlers refusals) {
        return new HttpOptions(host, port, connectionsMax, lineBytesMax, headerBytesMax, bytesMax, within,
                unreadBytesMax, tls, refusals, ended, requestTime, connectionTime);
    }

    public HttpOptions withUnread(long bytesMax) {
        return new HttpOptions(host, port, connectionsMax, lineBytesMax, headerBytesMax, requestBytesMax, requestWithin,
                bytesMax, tls, refusals, ended, requestTime, connectionTime);
    }

    public HttpOptions withTls(@Nullable SSLContext tls) {
        return new HttpOptions(host, port, connectionsMax, lineBytesMax, headerBytesMax, requestBytesMax, requestWithin,
                unreadBytesMax, tls, refusals, ended, requestTime, connectionTime);
    }

    /// Only a test gives other times than the system's.
    public HttpOptions withTimes(LongSupplier requestTime, LongSupplier connectionTime) {
        return new HttpOptions(host, port, connectionsMax, lineBytesMax, headerBytesMax, requestBytesMax, requestWithin,
                unreadBytesMax, tls, refusals, ended, requestTime, connectionTime);
    }
}
