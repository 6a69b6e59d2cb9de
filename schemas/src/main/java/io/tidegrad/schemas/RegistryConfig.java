package io.tidegrad.schemas;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.common.config.types.Password;
import org.jspecify.annotations.Nullable;

/// The registry settings of a client configuration, checked.
///
/// @param urls           base URLs without a trailing slash and without user and password; empty for a registry in
///     memory
/// @param memoryName     name of a registry in memory, or null
/// @param authorization  value of the header, or null
/// @param connectTimeout bound on connecting
/// @param requestTimeout bound on a whole question, all URLs together
record RegistryConfig(List<URI> urls, @Nullable String memoryName, @Nullable String authorization,
        Duration connectTimeout, Duration requestTimeout) {
    static final String URL = "schema.registry.url";
    static final String CREDENTIALS_SOURCE = "basic.auth.credentials.source";
    static final String USER_INFO = "basic.auth.user.info";
    static final String CONNECT_TIMEOUT = "http.connect.timeout.ms";
    static final String REQUEST_TIMEOUT = "http.read.timeout.ms";
    static final Duration UNBOUNDED = Duration.ofDays(1);
    private static final String MEMORY_SCHEME = "mock://";

    static RegistryConfig parse(Map<String, ?> config) {
        String urls = text(config, URL);
        if (urls == null) {
            throw new IllegalArgumentException(URL + " is not set: expected for instance http://127.0.0.1:8081");
        }
        // Ignoring one of these would quietly trust or say less than was asked for.
        for (String key : config.keySet()) {
            if (key.startsWith("schema.registry.ssl.")) {
                throw new IllegalArgumentException(key + " is not supported: give the JVM its trust and key store with"
                        + " -Djavax.net.ssl.trustStore and -Djavax.net.ssl.keyStore");
            }
            if (key.startsWith("bearer.auth.")) {
                throw new IllegalArgumentException(key + " is not supported: use " + CREDENTIALS_SOURCE + "=USER_INFO");
            }
        }
        Duration connectTimeout = millis(config, CONNECT_TIMEOUT, 2_000);
        Duration requestTimeout = requestTimeout(config);
        if (urls.startsWith(MEMORY_SCHEME)) {
            return new RegistryConfig(List.of(), urls.substring(MEMORY_SCHEME.length()), null, connectTimeout,
                    requestTimeout);
        }
        List<URI> bases = new ArrayList<>();
        String userInUrl = null;
        for (String url : urls.split(",")) {
            URI uri = http(url.strip());
            if (uri.getUserInfo() != null) {
                userInUrl = uri.getUserInfo();
            }
            bases.add(base(uri));
        }
        return new RegistryConfig(List.copyOf(bases), null, authorization(config, userInUrl), connectTimeout,
                requestTimeout);
    }

    /// Of any configuration, also one that only another class understands. The default is that of Confluent's clients:
    /// a registry that collects garbage, or starts beside what asks it, was seen to take more than 5 s.
    static Duration requestTimeout(Map<String, ?> config) {
        return millis(config, REQUEST_TIMEOUT, 60_000);
    }

    static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private static URI http(String url) {
        try {
            URI uri = new URI(url);
            String scheme = uri.getScheme();
            if (uri.getHost() != null && scheme != null
                    && (scheme.equalsIgnoreCase("http") || scheme.equalsIgnoreCase("https"))) {
                return uri;
            }
        } catch (URISyntaxException malformed) {
            // The same message as for a URL of another kind. It leaves the URL out: there may be a
            // password in it.
        }
        throw new IllegalArgumentException(URL + " has an entry that is no http or https URL with a host");
    }

    private static URI base(URI uri) {
        String path = uri.getRawPath() == null ? "" : uri.getRawPath().replaceAll("/+$", "");
        String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
        return URI.create(uri.getScheme().toLowerCase(Locale.ROOT) + "://" + uri.getHost() + port + path);
    }

    private static @Nullable String authorization(Map<String, ?> config, @Nullable String userInUrl) {
        String source = text(config, CREDENTIALS_SOURCE);
        String userInfo;
        if (source == null || source.equals("URL")) {
            userInfo = userInUrl;
        } else if (source.equals("USER_INFO")) {
            userInfo = text(config, USER_INFO);
            if (userInfo == null) {
                userInfo = text(config, "schema.registry." + USER_INFO);
            }
        } else {
            throw new IllegalArgumentException(CREDENTIALS_SOURCE + ": expected USER_INFO or URL, found " + source);
        }
        if (source != null && (userInfo == null || userInfo.indexOf(':') < 0)) {
            throw new IllegalArgumentException(CREDENTIALS_SOURCE + "=" + source + " needs user:password in "
                    + (source.equals("URL") ? URL : USER_INFO));
        }
        return userInfo == null ? null
                : "Basic " + Base64.getEncoder().encodeToString(userInfo.getBytes(StandardCharsets.UTF_8));
    }

    private static Duration millis(Map<String, ?> config, String key, long byDefault) {
        String text = text(config, key);
        try {
            long millis = text == null ? byDefault : Long.parseLong(text);
            if (millis > 0) {
                return Duration.ofMillis(millis);
            }
        } catch (NumberFormatException notANumber) {
            // The same message as for a number out of range.
        }
        throw new IllegalArgumentException(key + ": expected a positive number of milliseconds, found " + text);
    }

    private static @Nullable String text(Map<String, ?> config, String key) {
        Object value = config.get(key);
        if (value == null) {
            return null;
        }
        // Kafka has parsed passwords and lists already when it configures a serde.
        String text = switch (value) {
            case Password password -> password.value();
            case List<?> list -> String.join(",", list.stream().map(String::valueOf).toList());
            default -> value.toString();
        };
        return text.isBlank() ? null : text.strip();
    }
}
