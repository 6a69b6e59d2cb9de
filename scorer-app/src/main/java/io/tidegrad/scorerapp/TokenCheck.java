package io.tidegrad.scorerapp;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.scorerapp.inference.GRPCInferenceServiceGrpc;
import org.jspecify.annotations.Nullable;

/// Admits calls by their token before a byte of their message is read. Health needs no token, as over HTTP.
///
/// @param tokens null if none is required
record TokenCheck(@Nullable BearerTokens tokens, ServedModels models) implements ServerInterceptor {
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers,
            ServerCallHandler<Q, A> next) {
        if (tokens == null || isOpen(call.getMethodDescriptor()) || tokens.letsIn(headers.get(AUTHORIZATION))) {
            return next.startCall(call, headers);
        }
        HttpProblem problem = HttpProblem.unauthorized();
        models.refused(ScorerMetrics.NO_MODEL, problem.reason());
        call.close(InferService.status(problem), new Metadata());
        return new ServerCall.Listener<>() {
        };
    }

    /// Returns whether the method is one of the server's health.
    static boolean isOpen(MethodDescriptor<?, ?> method) {
        String name = method.getFullMethodName();
        return name.equals(GRPCInferenceServiceGrpc.getServerLiveMethod().getFullMethodName())
                || name.equals(GRPCInferenceServiceGrpc.getServerReadyMethod().getFullMethodName());
    }
}
