package io.tidegrad.scorerapp;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

/// What `docs/scoring.md` shows to its readers.
public final class Documented {
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
