package io.tidegrad.scorerapp;

import io.tidegrad.ops.http.FileDescriptors;
import io.tidegrad.ops.security.BearerTokens;
import io.tidegrad.ops.security.ServerCertificate;
import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
/// @param certificate certificate for TLS; null for none
/// @param tokens tokens of which clients must send one; null if they need none
record ServerConfig(String host, int port, OptionalInt grpcPort, int maxBodyBytes, int maxConnections,
        int maxConcurrentRequests, long maxBodiesBytes, boolean ignoreUnknownFields,
        @Nullable ServerCertificate certificate, @Nullable BearerTokens tokens) {
    private static final Logger log = LoggerFactory.getLogger(ServerConfig.class);

    /// More requests would wait for a processor while they hold memory, and no answer would be faster.
    private static final int REQUESTS_PER_PROCESSOR = 2;

    /// Notes every mistake in `settings` and refuses them.
    static ServerConfig of(Settings settings) {
        ServerCertificate certificate = certificate(settings);
        BearerTokens tokens =
                settings.file(CommonSettings.TOKEN_FILE, file -> new BearerTokens(file, System::nanoTime));
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
                settings.text(ScorerSettings.UNKNOWN_FIELDS).equals("ignore"), certificate, tokens);
    }

    private static int maxConcurrentRequests(Settings settings) {
        return Math.toIntExact(settings.numberIfGiven(ScorerSettings.MAX_CONCURRENT_REQUESTS)
                .orElse(REQUESTS_PER_PROCESSOR * (long) Runtime.getRuntime().availableProcessors()));
    }

    private static @Nullable ServerCertificate certificate(Settings settings) {
        String certificates = settings.text(CommonSettings.TLS_CERTIFICATE);
        String privateKey = settings.text(CommonSettings.TLS_PRIVATE_KEY);
        if (certificates.isEmpty() && privateKey.isEmpty()) {
            return null;
        }
        if (certificates.isEmpty() || privateKey.isEmpty()) {
            settings.problem("expected --%s and --%s together, found only --%s".formatted(
                    CommonSettings.TLS_CERTIFICATE.key(), CommonSettings.TLS_PRIVATE_KEY.key(),
                    (certificates.isEmpty() ? CommonSettings.TLS_PRIVATE_KEY : CommonSettings.TLS_CERTIFICATE).key()));
            return null;
        }
        try {
            return new ServerCertificate(Path.of(certificates), Path.of(privateKey), System::nanoTime);
        } catch (IllegalArgumentException e) {
            settings.problem("TLS: " + e.getMessage());
            return null;
        }
    }

    /// Warns if other machines can reach a server without TLS or without tokens.
    void warnOfStrangers() {
        if (isLoopback(host) || certificate != null && tokens != null) {
            return;
        }
        boolean tls = certificate != null;
        boolean token = tokens != null;
        log.warn("other machines can reach {} without {}: set {}, or let them reach only a proxy that has both", host,
                tls ? "a token" : token ? "TLS" : "TLS and without a token",
                tls ? "token-file" : "tls-certificate, tls-private-key" + (token ? "" : " and token-file"));
    }

    private static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }

    private static OptionalInt grpcPort(Settings settings) {
        OptionalLong given = settings.numberIfGiven(ScorerSettings.GRPC_PORT);
        return given.isPresent() ? OptionalInt.of(Math.toIntExact(given.getAsLong())) : OptionalInt.empty();
    }
}
