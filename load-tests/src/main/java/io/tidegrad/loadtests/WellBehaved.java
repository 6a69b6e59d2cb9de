package io.tidegrad.loadtests;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/// A client as a server's owner has it: a request now and then on a connection that stays open, each answer read, and
/// now and then a connection of its own. A request's time is counted from when it was due.
final class WellBehaved implements AutoCloseable {
    private static final int REQUESTS_PER_SECOND = 200;
    private static final int CONNECTIONS_PER_SECOND = 10;

    /// What has not been answered by then counts as not answered.
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private static final int ANSWER_BYTES_MAX = 64 * 1024;

    private final Supplier<Line> opener;
    private final Histogram micros = new Histogram(3);
    private final Background asking;
    private final Background connecting;

    // Of their own threads until these have ended.
    private long failed;
    private long connected;
    private long refused;

    /// One connection.
    ///
    /// @param question whether a request is answered with what it asks for; throws where the connection is of no use
    ///     any more
    record Line(BooleanSupplier question, Runnable end) implements AutoCloseable {
        boolean isAnswered() {
            return question.getAsBoolean();
        }

        @Override
        public void close() {
            end.run();
        }
    }

    /// @param opener opens a connection to the server, for requests that it answers when it is well
    WellBehaved(Supplier<Line> opener) {
        this.opener = opener;
        asking = Background.start("ask", this::ask);
        connecting = Background.start("connect", this::connect);
    }

    private void ask(Background self) {
        Line line = null;
        long start = System.nanoTime();
        long due = start;
        for (long number = 1; self.comes(due); number++) {
            try {
                if (line == null) {
                    line = opener.get();
                }
                if (line.isAnswered()) {
                    micros.recordValue((System.nanoTime() - due) / 1_000);
                } else {
                    failed++;
                }
            } catch (LoadTestException e) {
                failed++;
                close(line);
                line = null;
            }
            due = start + number * 1_000_000_000L / REQUESTS_PER_SECOND;
        }
        close(line);
    }

    private void connect(Background self) {
        long start = System.nanoTime();
        for (long number = 0; self.comes(start + number * 1_000_000_000L / CONNECTIONS_PER_SECOND); number++) {
            if (isAnswered(opener)) {
                connected++;
            } else {
                refused++;
            }
        }
    }

    /// Whether a new connection is taken and its request answered.
    static boolean isAnswered(Supplier<Line> opener) {
        try (Line line = opener.get()) {
            return line.isAnswered();
        } catch (LoadTestException e) {
            return false;
        }
    }

    private static void close(@Nullable Line line) {
        if (line != null) {
            line.close();
        }
    }

    /// Ends, and adds what it has seen: requests on the connection that stays open, and connections of one request each.
    void tell(Result result) {
        close();
        asking.requireHealthy("can't ask on one connection");
        connecting.requireHealthy("can't ask on new connections");
        result.put("answered", micros.getTotalCount()).put("failed", failed)
                .put("p50_ms", micros.getValueAtPercentile(50) * 1e-3)
                .put("p99_ms", micros.getValueAtPercentile(99) * 1e-3).put("max_ms", micros.getMaxValue() * 1e-3)
                .put("connections_answered", connected).put("connections_refused", refused);
    }

    @Override
    public void close() {
        asking.close();
        connecting.close();
    }

    /// By HTTP/1.1.
    static Supplier<Line> http(int port, byte[] request) {
        return () -> {
            HttpLine line = new HttpLine(port, ANSWER_BYTES_MAX, PATIENCE);
            return new Line(() -> line.ask(request) == 200, line::close);
        };
    }

    /// By gRPC, with its own client.
    static Supplier<Line> grpc(int port, ModelInferRequest request) {
        return () -> {
            ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
            return new Line(() -> {
                try {
                    return GRPCInferenceServiceGrpc.newBlockingStub(channel).withDeadlineAfter(PATIENCE)
                            .modelInfer(request).getOutputsCount() > 0;
                } catch (StatusRuntimeException e) {
                    throw new LoadTestException("a call failed: " + e, e);
                }
            }, channel::shutdownNow);
        };
    }
}
