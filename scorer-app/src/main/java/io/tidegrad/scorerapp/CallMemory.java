package io.tidegrad.scorerapp;

import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Counts one gRPC call in the memory for bodies: every byte of its messages, from when the library reads it from the
/// connection until the call ends, because the library keeps the bytes until a message is complete. The free part of a
/// body, and the response until its client has read it, count for the call's connection.
final class CallMemory extends ServerStreamTracer {
    private static final Context.Key<CallMemory> KEY = Context.key("tidegrad-call-memory");

    private final BodyMemory.Share share;
    private long bytes;
    private long sent;
    private long held; // told to the connection
    private GrpcConnections.@Nullable Connection connection;
    private boolean closed;
    private @Nullable HttpProblem refusal;
    private @Nullable Consumer<HttpProblem> refused;

    private CallMemory(BodyMemory.Share share) {
        this.share = share;
    }

    static Factory factory(BodyMemory memory) {
        return new Factory() {
            @Override
            public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
                return new CallMemory(memory.share());
            }
        };
    }

    /// Returns the memory of the call that is being started.
    static CallMemory ofThisCall() {
        return Objects.requireNonNull(KEY.get(), "a server without this tracer");
    }

    @Override
    public Context filterContext(Context context) {
        return context.withValue(KEY, this);
    }

    /// @param refused told once, from any thread, if there is no memory for more of this call
    void whenRefused(Consumer<HttpProblem> refused) {
        HttpProblem already;
        synchronized (this) {
            this.refused = refused;
            already = refusal;
        }
        if (already != null) {
            refused.accept(already);
        }
    }

    /// Tells the call's connection from now on how much it holds.
    synchronized void isOf(GrpcConnections.Connection connection) {
        this.connection = connection;
        hold();
    }

    private void hold() {
        long now = closed ? 0 : Math.min(bytes, BodyMemory.FREE_BYTES) + sent;
        if (connection != null && now != held) {
            connection.holds(now - held);
            held = now;
        }
    }

    /// Counts the response once it waits for its client.
    @Override
    public synchronized void outboundWireSize(long more) {
        sent += more;
        hold();
    }

    /// Counts a part of a message as it arrives.
    @Override
    public void inboundWireSize(long more) {
        HttpProblem problem;
        Consumer<HttpProblem> hears;
        synchronized (this) {
            if (closed || refusal != null) {
                return;
            }
            bytes += more;
            hold();
            refusal = problem = grown();
            hears = refused;
        }
        if (problem != null && hears != null) {
            hears.accept(problem);
        }
    }

    private @Nullable HttpProblem grown() {
        try {
            share.grow(bytes);
            return null;
        } catch (HttpProblem overloaded) {
            return overloaded;
        }
    }

    @Override
    public synchronized void streamClosed(Status status) {
        closed = true;
        hold();
        share.close();
    }
}
