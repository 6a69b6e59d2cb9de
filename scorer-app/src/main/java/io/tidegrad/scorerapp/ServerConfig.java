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

/// What a scorer's HTTP and gRPC are told.
///
/// @param host to bind; the loopback address unless said otherwise
/// @param port 0 for any free one
/// @param grpcPort of gRPC; 0 for any free one, empty for none
/// @param maxBodyBytes larger requests are answered 413
/// @param maxConnections open at once; the one that waits longest for its client makes room for the next
/// @param maxConcurrentRequests worked on at once; further ones wait a moment and are then refused
/// @param maxBodiesBytes of the bodies of all HTTP requests that are under way
/// @param ignoreUnknownFields whether fields that no feature reads are passed over instead of refused
/// @param certificate to answer over TLS with; null for none
/// @param tokens that clients must have one of; null when they need none
record ServerConfig(String host, int port, OptionalInt grpcPort, int maxBodyBytes, int maxConnections,
        int maxConcurrentRequests, long maxBodiesBytes, boolean ignoreUnknownFields,
        @Nullable ServerCertificate certificate, @Nullable BearerTokens tokens) {
    private static final Logger log = LoggerFactory.getLogger(ServerConfig.class);

    /// Of a processor: what waits for a core is in memory, and more of it makes no answer faster.
    private static final int REQUESTS_PER_PROCESSOR = 2;

    /// @param settings told of every mistake
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

    /// One line for who binds what others reach.
    void warnOfStrangers() {
        if (isLoopback(host) || certificate != null && tokens != null) {
            return;
        }
        log.warn("whoever reaches {} {}: give {}, or let only something reach it that has both", host,
                tokens == null ? certificate == null ? "can ask, and read along what others ask" : "can ask"
                        : "can read along what others ask, and their tokens",
                tokens == null
                        ? certificate == null ? "--tls-certificate, --tls-private-key and --token-file" : "--token-file"
                        : "--tls-certificate and --tls-private-key");
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
