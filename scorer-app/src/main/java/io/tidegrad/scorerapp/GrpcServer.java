package io.tidegrad.scorerapp;

import io.grpc.Codec;
import io.grpc.DecompressorRegistry;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioEventLoopGroup;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslProvider;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import io.tidegrad.ops.http.EndedConnection;
import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.security.ServerCertificate;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.SSLException;

/// The gRPC server, on a port of its own, with the same limits as HTTP: sizes, times, connections.
final class GrpcServer implements AutoCloseable {
    /// The library's logger, held here so that its level stays. At WARNING it logs a stack trace for every message that
    /// is too large, with which any client could fill the log. What it logs as SEVERE goes to stderr.
    private static final Logger LIBRARY = Logger.getLogger("io.grpc");

    static {
        LIBRARY.setLevel(Level.SEVERE);
    }

    private static final int METADATA_BYTES_MAX = 8 * 1024;
    private static final int CALLS_MAX = 128; // at once, of one connection

    /// A client that cancels requests over and over costs more than one that waits.
    private static final int RESETS_MAX = 1_000;

    private static final int RESETS_WITHIN_SECONDS = 30;

    private static final Duration IDLE = Duration.ofSeconds(30);
    private static final Duration STOP_WITHIN = Duration.ofSeconds(5);

    private final EventLoopGroup accepting = new NioEventLoopGroup(1, new DefaultThreadFactory("grpc-accept", true));
    private final EventLoopGroup reading = new NioEventLoopGroup(Runtime.getRuntime().availableProcessors(),
            new DefaultThreadFactory("grpc-read", true));
    private final ExecutorService answering = Executors.newVirtualThreadPerTaskExecutor();
    private final ScheduledExecutorService timers = Timers.named("grpc-timers");
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private final Server server;
    private volatile boolean closing;

    /// Starts to listen.
    ///
    /// @param within how long a request may take to arrive completely
    /// @param endings told of connections that were closed against their clients' will
    GrpcServer(ServerConfig config, int port, ServedModels models, RequestLimits limits, BooleanSupplier live,
            Duration within, Consumer<EndedConnection> endings) {
        BearerTokens tokens = config.security().tokens();
        GrpcConnections connections = new GrpcConnections(config.maxConnections(), limits.heldBytes(),
                limits.work()::turns, System::nanoTime, endings);
        NettyServerBuilder builder = NettyServerBuilder.forAddress(new InetSocketAddress(config.host(), port))
                .bossEventLoopGroup(accepting).workerEventLoopGroup(reading)
                .channelFactory(() -> connections.listener(() -> closed(port))).executor(answering)
                .maxInboundMessageSize(config.maxBodyBytes())
                .addStreamTracerFactory(CallMemory.factory(limits.bodies())).maxInboundMetadataSize(METADATA_BYTES_MAX)
                .maxConcurrentCallsPerConnection(CALLS_MAX).maxRstFramesPerWindow(RESETS_MAX, RESETS_WITHIN_SECONDS)
                .handshakeTimeout(within.toMillis(), TimeUnit.MILLISECONDS)
                // A peer that does not answer a ping is closed with its calls.
                .keepAliveTime(IDLE.toMillis(), TimeUnit.MILLISECONDS)
                .keepAliveTimeout(within.toMillis(), TimeUnit.MILLISECONDS)
                .maxConnectionIdle(IDLE.toMillis(), TimeUnit.MILLISECONDS)
                // Messages must not be compressed, like bodies.
                .decompressorRegistry(DecompressorRegistry.emptyInstance().with(Codec.Identity.NONE, false)).addService(
                        // Messages arrive as streams, so that one that is no protobuf is refused here.
                        ServerInterceptors.intercept(
                                ServerInterceptors.useInputStreamMessages(new InferService(models, live).bindService()),
                                new WholeRequests(within, connections, models, limits.work(), timers), new CallTrace(),
                                new TokenCheck(tokens, models)));
        ServerCertificate certificate = config.security().certificate();
        if (certificate != null) {
            builder.sslContext(tls(certificate));
        }
        server = builder.build();
        try {
            server.start();
        } catch (IOException | RuntimeException e) {
            close();
            throw new IllegalStateException("can't listen on " + config.host() + ":" + port, e);
        }
    }

    private void closed(int port) {
        if (!closing) {
            ended.complete("port " + port + " of gRPC is not listened on any more; only a restart helps");
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

    /// Returns why it stopped to listen although nobody closed it; empty while it listens.
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
}
