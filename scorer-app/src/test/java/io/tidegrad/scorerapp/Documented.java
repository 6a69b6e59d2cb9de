package io.tidegrad.scorerapp;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// What `docs/scoring.md` shows to its readers.
public final class Documented {
    private static final Pattern CURL =
            Pattern.compile("curl -s http://127\\.0\\.0\\.1:8080(/\\S+) \\\\\\s+-d '(.*)'", Pattern.DOTALL);

    private Documented() {}

    /// The code block after `<!-- name -->`.
    public static String block(String name) {
        String text;
        try {
            text = Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs", "scoring.md"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String after = text.substring(text.indexOf("<!-- " + name + " -->"));
        String block = after.substring(after.indexOf("```") + 3);
        return block.substring(block.indexOf('\n') + 1, block.indexOf("```"));
    }

    /// A POST as curl sends it to a scorer on its usual port.
    public record Curl(String path, String body) {
    }

    /// The curl command of the code block after `<!-- name -->`.
    public static Curl curl(String name) {
        Matcher curl = CURL.matcher(block(name));
        if (!curl.find()) {
            throw new IllegalStateException("expected curl with -d in the block " + name + ", found " + block(name));
        }
        return new Curl(curl.group(1), curl.group(2));
    }

    /// Names in order, and kinds of values.
    public static String shape(JsonNode node) {
        if (node.isObject()) {
            return node.properties().stream().map(field -> field.getKey() + ": " + shape(field.getValue()))
                    .collect(Collectors.joining(", ", "{", "}"));
        }
        if (!node.isArray()) {
            return node.getNodeType().toString();
        }
        return node.isEmpty() ? "[]" : "[" + shape(node.get(0)) + "]";
    }
}
