package io.tidegrad.ops.security;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The tokens that let a client in (RFC 6750), of a file with one a line, which is read again when it changes: a new
/// token is added, clients go over to it, the old one is taken out. They are kept as hashes and shown nowhere.
public final class BearerTokens {
    private static final int FILE_BYTES_MAX = 64 * 1024;

    /// 16 characters of base64 are 96 bits: nobody guesses them at the rate that a server answers.
    private static final int CHARS_MIN = 16;

    private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/-]+=*");
    private static final Pattern SCHEME = Pattern.compile("(?i)bearer +");

    private final ReadAgain<List<byte[]>> hashes;

    /// @param file one token a line; empty lines and those that begin with `#` are passed over
    /// @throws IllegalArgumentException what was expected and found, without a word of the file
    public BearerTokens(Path file, LongSupplier nanoTime) {
        hashes = new ReadAgain<>(List.of(file), () -> read(file), nanoTime);
    }

    private static List<byte[]> read(Path file) {
        List<byte[]> hashes = new ArrayList<>();
        int line = 0;
        for (String token : text(file).split("\n", -1)) {
            line++;
            token = token.strip();
            if (token.isEmpty() || token.startsWith("#")) {
                continue;
            }
            if (token.length() < CHARS_MIN || !TOKEN.matcher(token).matches()) {
                throw new IllegalArgumentException("line " + line + ": expected a token of at least " + CHARS_MIN
                        + " letters, digits and -._~+/, found " + token.length() + " characters"
                        + (token.length() < CHARS_MIN ? "" : ", others among them"));
            }
            hashes.add(hash(token));
        }
        if (hashes.isEmpty()) {
            throw new IllegalArgumentException("expected a file with a token on a line, found none");
        }
        return List.copyOf(hashes);
    }

    /// The file is not named: who gives the token itself in its place would read it in a log.
    private static String text(Path file) {
        try {
            if (Files.size(file) > FILE_BYTES_MAX) {
                throw new IllegalArgumentException("expected a file of tokens, found " + Files.size(file) + " bytes");
            }
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException("expected a file of tokens, found no file", e);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "expected a file of tokens, found one that can't be read (" + e.getClass().getSimpleName() + ")",
                    e);
        }
    }

    /// The hash takes as long for one token as for another of its length, and so does the comparison with all of them.
    ///
    /// @param authorization the header: `Bearer`, a space, the token
    public boolean letsIn(@Nullable String authorization) {
        if (authorization == null) {
            return false;
        }
        var scheme = SCHEME.matcher(authorization);
        if (!scheme.lookingAt()) {
            return false;
        }
        byte[] given = hash(authorization.substring(scheme.end()).strip());
        boolean known = false;
        for (byte[] hash : hashes.get()) {
            known |= MessageDigest.isEqual(hash, given);
        }
        return known;
    }

    private static byte[] hash(String token) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
