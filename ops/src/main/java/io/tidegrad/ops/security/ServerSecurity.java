package io.tidegrad.ops.security;

import io.tidegrad.ops.settings.CommonSettings;
import io.tidegrad.ops.settings.Settings;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Whether a server answers over TLS, and whom it lets in.
///
/// @param certificate certificate for TLS; null for none
/// @param tokens tokens of which clients must send one; null if they need none
public record ServerSecurity(@Nullable ServerCertificate certificate, @Nullable BearerTokens tokens) {
    private static final Logger log = LoggerFactory.getLogger(ServerSecurity.class);

    /// Notes every mistake in `settings`.
    public static ServerSecurity of(Settings settings) {
        return new ServerSecurity(certificate(settings),
                settings.file(CommonSettings.TOKEN_FILE, file -> new BearerTokens(file, System::nanoTime)));
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

    /// For a server; null for plain HTTP.
    public @Nullable SSLContext tls() {
        return certificate == null ? null : certificate.context();
    }

    public String scheme() {
        return certificate == null ? "http" : "https";
    }

    /// @param authorization the header
    public boolean letsIn(@Nullable String authorization) {
        return tokens == null || tokens.letsIn(authorization);
    }

    /// Warns if other machines can reach a server on `host` without TLS or without tokens.
    public void warnOfStrangers(String host) {
        if (isLoopback(host) || certificate != null && tokens != null) {
            return;
        }
        boolean tls = certificate != null;
        boolean token = tokens != null;
        log.warn("other machines can reach {} without {}: set {}, or let them reach only a proxy that has both", host,
                tls ? "a token" : token ? "TLS" : "TLS and without a token",
                tls ? "token-file" : "tls-certificate, tls-private-key" + (token ? "" : " and token-file"));
    }

    /// Whether only this machine reaches what listens on `host`.
    public static boolean isLoopback(String host) {
        try {
            return InetAddress.getByName(host).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false;
        }
    }
}
