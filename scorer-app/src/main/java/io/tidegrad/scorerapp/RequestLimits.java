package io.tidegrad.scorerapp;

/// What all requests under way share, whatever they come by.
///
/// @param work of processors
/// @param bodies of memory
record RequestLimits(WorkLimit work, BodyMemory bodies) {
    static RequestLimits of(ServerConfig config) {
        return new RequestLimits(new WorkLimit(config.maxConcurrentRequests(), config.maxConnections()),
                new BodyMemory(config.maxBodiesBytes()));
    }
}
