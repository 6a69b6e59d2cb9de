package io.tidegrad.scorerapp;

import io.tidegrad.ops.http.HttpOptions;

/// The limits that all requests share, over HTTP or gRPC.
///
/// @param work bound on concurrent processing
/// @param bodies bound on the memory of bodies
/// @param heldBytes bound on the additional memory of gRPC calls that wait for their clients; for HTTP `HttpServer` has
///     such a bound
record RequestLimits(WorkLimit work, BodyMemory bodies, long heldBytes) {
    /// An HTTP connection has one request at a time, a gRPC connection as many as `WorkLimit::turns` allows.
    private static int waitingMax(ServerConfig config) {
        long each = config.grpcPort().isPresent() ? 1L + config.maxConcurrentRequests() : 1;
        return (int) Math.min(Integer.MAX_VALUE, each * config.maxConnections());
    }

    static RequestLimits of(ServerConfig config) {
        return new RequestLimits(new WorkLimit(config.maxConcurrentRequests(), waitingMax(config)),
                new BodyMemory(config.maxBodiesBytes()), HttpOptions.unreadBytesOfProcess());
    }
}
