package io.tidegrad.console;

import io.tidegrad.ops.settings.Settings;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The scorer that a console asks about events that people make on its page.
///
/// @param url base of its HTTP API
/// @param tokenFile file with the token that it wants, which is read for each question; null if it wants none
public record ScorerAddress(URI url, @Nullable Path tokenFile) {
    /// Notes every mistake in `settings`. Null if they name no scorer.
    static @Nullable ScorerAddress of(Settings settings) {
        String given = settings.text(ConsoleSettings.SCORER_URL);
        Path tokenFile = settings.file(ConsoleSettings.SCORER_TOKEN_FILE, file -> {
            try {
                token(file);
            } catch (IOException e) {
                throw new IllegalArgumentException("expected a file with a token on a line, found none", e);
            }
            return file;
        });
        if (given.isEmpty()) {
            if (tokenFile != null) {
                settings.problem("--scorer-token-file: expected --scorer-url beside it, found none");
            }
            return null;
        }
        try {
            URI url = URI.create(given.replaceFirst("/+$", ""));
            var unused = HttpRequest.newBuilder(url); // refuses what has no host
            return new ScorerAddress(url, tokenFile);
        } catch (IllegalArgumentException e) {
            if (ConsoleSettings.SCORER_URL.form().accepts(given)) { // otherwise that is said already
                settings.problem("--scorer-url: expected a host and a port, found '" + given + "'");
            }
            return null;
        }
    }

    /// Returns the header that lets the console in; empty if the scorer wants none.
    ///
    /// @throws IOException the file can't be read, or has no token
    String authorization() throws IOException {
        return tokenFile == null ? "" : "Bearer " + token(tokenFile);
    }

    private static String token(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file, StandardCharsets.ISO_8859_1)) {
            return lines.map(String::strip).filter(line -> !line.isEmpty() && !line.startsWith("#")).findFirst()
                    .orElseThrow(() -> new IOException("no token"));
        }
    }
}
