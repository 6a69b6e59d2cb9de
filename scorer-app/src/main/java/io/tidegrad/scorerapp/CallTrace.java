package io.tidegrad.scorerapp;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.tidegrad.scorer.TraceContext;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Notes where a gRPC call stands in its caller's trace, for whoever answers it.
final class CallTrace implements ServerInterceptor {
    private static final Context.Key<TraceContext> TRACE = Context.key("trace");
    private static final Metadata.Key<String> PARENT = key(TraceContext.PARENT);
    private static final Metadata.Key<String> STATE = key(TraceContext.STATE);

    private static Metadata.Key<String> key(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    /// Returns where the call that this thread answers stands; null if it does not say so.
    static @Nullable TraceContext current() {
        return TRACE.get();
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata metadata,
            ServerCallHandler<Q, A> next) {
        TraceContext trace = TraceContext.of(all(metadata, PARENT), all(metadata, STATE));
        return trace == null ? next.startCall(call, metadata)
                : Contexts.interceptCall(Context.current().withValue(TRACE, trace), call, metadata, next);
    }

    private static List<String> all(Metadata metadata, Metadata.Key<String> key) {
        List<String> values = new ArrayList<>();
        Iterable<String> found = metadata.getAll(key);
        if (found != null) {
            found.forEach(values::add);
        }
        return values;
    }
}
