package io.tidegrad.scorerapp;

import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.ops.security.ServerSecurity;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.util.OptionalInt;
import java.util.OptionalLong;

/// The configuration of a scorer's HTTP and gRPC servers.
///
/// @param host address to bind
/// @param port 0 for any free one
/// @param grpcPort 0 for any free one; empty if gRPC is off
/// @param maxBodyBytes largest body of a request; a larger one gets 413
/// @param maxConnections number of connections that may be open at once; for the next one the connection is closed that
///     has waited longest for its client
/// @param maxConcurrentRequests number of requests that are processed at once; others wait for a moment and are then
///     refused
/// @param maxBodiesBytes bound on the memory of all bodies together
/// @param ignoreUnknownFields whether fields that no feature reads are ignored instead of refused
record ServerConfig(String host, int port, OptionalInt grpcPort, int maxBodyBytes, int maxConnections,
        int maxConcurrentRequests, long maxBodiesBytes, boolean ignoreUnknownFields, ServerSecurity security) {
    /// More requests would wait for a processor while they hold memory, and no answer would be faster.
    private static final int REQUESTS_PER_PROCESSOR = 2;

    /// Notes every mistake in `settings` and refuses them.
    static ServerConfig of(Settings settings) {
        ServerSecurity security = ServerSecurity.of(settings);
        OptionalInt grpcPort = grpcPort(settings);
        FileDescriptors
                .tooFew(settings.number(ScorerSettings.MAX_CONNECTIONS) * (grpcPort.isPresent() ? 2L : 1),
                        "lower --" + ScorerSettings.MAX_CONNECTIONS.key()
                                + (grpcPort.isPresent() ? ", which HTTP and gRPC have each" : ""))
                .ifPresent(settings::problem);
        settings.refuseMistakes();
        return new ServerConfig(settings.text(CommonSettings.HTTP_HOST), settings.number(CommonSettings.HTTP_PORT),
                grpcPort, settings.number(ScorerSettings.MAX_BODY_BYTES),
                settings.number(ScorerSettings.MAX_CONNECTIONS), maxConcurrentRequests(settings),
                settings.numberIfGiven(ScorerSettings.MAX_BODIES_BYTES).orElse(Runtime.getRuntime().maxMemory() / 4),
                settings.text(ScorerSettings.UNKNOWN_FIELDS).equals("ignore"), security);
    }

    private static int maxConcurrentRequests(Settings settings) {
        return Math.toIntExact(settings.numberIfGiven(ScorerSettings.MAX_CONCURRENT_REQUESTS)
                .orElse(REQUESTS_PER_PROCESSOR * (long) Runtime.getRuntime().availableProcessors()));
    }

    void warnOfStrangers() {
        security.warnOfStrangers(host);
    }

    private static OptionalInt grpcPort(Settings settings) {
        OptionalLong given = settings.numberIfGiven(ScorerSettings.GRPC_PORT);
        return given.isPresent() ? OptionalInt.of(Math.toIntExact(given.getAsLong())) : OptionalInt.empty();
    }
}
