package io.tidegrad.scorerapp;

import io.tidegrad.ops.http.HttpOptions;

/// What all requests under way share, whatever they come by.
///
/// @param work of processors
/// @param bodies of memory
/// @param heldBytes of what calls of gRPC hold besides while they wait for their clients, which `HttpServer` bounds for
///     HTTP
record RequestLimits(WorkLimit work, BodyMemory bodies, long heldBytes) {
    /// A connection of HTTP has one request at a time, one of gRPC as many as `WorkLimit::turns` lets it have.
    private static int waitingMax(ServerConfig config) {
        long each = config.grpcPort().isPresent() ? 1L + config.maxConcurrentRequests() : 1;
        return (int) Math.min(Integer.MAX_VALUE, each * config.maxConnections());
    }

    static RequestLimits of(ServerConfig config) {
        return new RequestLimits(new WorkLimit(config.maxConcurrentRequests(), waitingMax(config)),
                new BodyMemory(config.maxBodiesBytes()), HttpOptions.unreadBytesOfProcess());
    }
}
