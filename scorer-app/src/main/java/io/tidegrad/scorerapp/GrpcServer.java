package io.tidegrad.scorerapp;

import io.grpc.Codec;
import io.grpc.DecompressorRegistry;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslProvider;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/// gRPC beside HTTP, on a port of its own, with the limits of HTTP: sizes, times, connections.
final class GrpcServer implements AutoCloseable {
    /// The library's own, held so that its level stays: at WARNING it writes a stack trace for every message that is
    /// too large, and any client could fill the log. What it calls SEVERE goes to stderr.
    private static final Logger LIBRARY = Logger.getLogger("io.grpc");

    static {
        LIBRARY.setLevel(Level.SEVERE);
    }

    private static final int METADATA_BYTES_MAX = 8 * 1024;
    private static final int CALLS_MAX = 128; // at once, of one connection

    /// A client that takes back what it asked for, over and over, costs more than one that waits.
    private static final int RESETS_MAX = 1_000;

    private static final int RESETS_WITHIN_SECONDS = 30;

    private static final Duration IDLE = Duration.ofSeconds(30);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    private final EventLoopGroup accepting = new NioEventLoopGroup(1, new DefaultThreadFactory("grpc-accept", true));
    private final EventLoopGroup reading = new NioEventLoopGroup(Runtime.getRuntime().availableProcessors(),
            new DefaultThreadFactory("grpc-read", true));
    private final ExecutorService answering = Executors.newVirtualThreadPerTaskExecutor();
    private final ScheduledExecutorService timers =
            Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().name("grpc-timers").factory());
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private final Server server;
    private volatile boolean closing;

    /// Starts to listen.
    ///
    /// @param within a request comes whole
    GrpcServer(ServerConfig config, int port, ServedModels models, RequestLimits limits, BooleanSupplier live,
            Duration within) {
        BearerTokens tokens = config.tokens();
        Connections connections = new Connections(config.maxConnections(), () -> {
            if (!closing) {
                ended.complete("port " + port + " of gRPC is not listened on any more; only a restart helps");
            }
        });
        NettyServerBuilder builder = NettyServerBuilder.forAddress(new InetSocketAddress(config.host(), port))
                .bossEventLoopGroup(accepting).workerEventLoopGroup(reading)
                .channelFactory(() -> new BoundedChannel(connections)).executor(answering)
                .maxInboundMessageSize(config.maxBodyBytes())
                .addStreamTracerFactory(CallMemory.factory(limits.bodies())).maxInboundMetadataSize(METADATA_BYTES_MAX)
                .maxConcurrentCallsPerConnection(CALLS_MAX).maxRstFramesPerWindow(RESETS_MAX, RESETS_WITHIN_SECONDS)
                .handshakeTimeout(within.toMillis(), TimeUnit.MILLISECONDS)
                // A peer that is gone is asked for, and then let go with its calls.
                .keepAliveTime(IDLE.toMillis(), TimeUnit.MILLISECONDS)
                .keepAliveTimeout(within.toMillis(), TimeUnit.MILLISECONDS)
                .maxConnectionIdle(IDLE.toMillis(), TimeUnit.MILLISECONDS)
                // Messages are taken as they are, as bodies are.
                .decompressorRegistry(DecompressorRegistry.emptyInstance().with(Codec.Identity.NONE, false)).addService(
                        // As streams until they are in hand: what is no protobuf is refused
                        // there.
                        ServerInterceptors.intercept(
                                ServerInterceptors.useInputStreamMessages(new InferService(models, live).bindService()),
                                new WholeRequests(within, connections::end, models, limits.work(), timers),
                                new TokenCheck(tokens, models)));
        if (config.certificate() != null) {
            builder.sslContext(tls(config.certificate()));
        }
        server = builder.build();
        try {
            server.start();
        } catch (IOException | RuntimeException e) {
            close();
            throw new IllegalStateException("can't listen on " + config.host() + ":" + port, e);
        }
    }

    private static SslContext tls(ServerCertificate certificate) {
        try {
            return GrpcSslContexts.configure(SslContextBuilder.forServer(certificate), SslProvider.JDK)
                    .protocols(ServerCertificate.PROTOCOLS).build();
        } catch (SSLException e) {
            throw new IllegalStateException("TLS for gRPC", e);
        }
    }

    int port() {
        return server.getPort();
    }

    /// Why it listens no more though nobody closed it; empty while it does.
    Optional<String> ended() {
        return Optional.ofNullable(ended.getNow(null));
    }

    @Override
    public void close() {
        closing = true;
        server.shutdown();
        try {
            if (!server.awaitTermination(STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS)) {
                server.shutdownNow();
            }
        } catch (InterruptedException e) {
            server.shutdownNow();
            Thread.currentThread().interrupt();
        }
        accepting.shutdownGracefully(0, STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        reading.shutdownGracefully(0, STOP_WITHIN.toMillis(), TimeUnit.MILLISECONDS);
        answering.shutdown();
        timers.shutdownNow();
    }

    /// @param open by the client's address, which is another one for each
    /// @param closed told when the port itself is closed
    private record Connections(int max, Runnable closed, AtomicInteger count, Map<SocketAddress, Channel> open) {
        Connections(int max, Runnable closed) {
            this(max, closed, new AtomicInteger(), new ConcurrentHashMap<>());
        }

        /// Of a client that does not take its answers.
        void end(@Nullable SocketAddress client) {
            Channel channel = client == null ? null : open.get(client);
            if (channel != null) {
                // Past HTTP/2, which would wait for the calls that are open.
                channel.eventLoop().execute(() -> channel.unsafe().close(channel.unsafe().voidPromise()));
            }
        }
    }

    /// Closes what comes beyond the most connections: the library has no such limit.
    private static final class BoundedChannel extends NioServerSocketChannel {
        private final Connections connections;

        BoundedChannel(Connections connections) {
            this.connections = connections;
            closeFuture().addListener(closed -> connections.closed.run());
        }

        @Override
        protected int doReadMessages(List<Object> accepted) throws Exception {
            int count = super.doReadMessages(accepted);
            if (count <= 0) {
                return count;
            }
            Channel channel = (Channel) accepted.getLast();
            if (connections.count.incrementAndGet() > connections.max) {
                connections.count.decrementAndGet();
                accepted.removeLast();
                channel.unsafe().closeForcibly();
                return 0;
            }
            SocketAddress client = channel.remoteAddress();
            connections.open.put(client, channel);
            channel.closeFuture().addListener(closed -> {
                connections.open.remove(client, channel);
                connections.count.decrementAndGet();
            });
            return count;
        }
    }
}
