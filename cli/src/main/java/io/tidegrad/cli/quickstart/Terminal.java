package io.tidegrad.cli.quickstart;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// The output of the quick start, and what it supports.
///
/// @param live whether lines can be redrawn
/// @param colour whether it shows escape codes for colour
/// @param unicode whether it shows `·` and `…`
/// @param columns width that a line must stay below so that it can be redrawn
record Terminal(PrintStream out, boolean live, boolean colour, boolean unicode, int columns) {
    private static final int COLUMNS_DEFAULT = 80;
    private static final int COLUMNS_MIN = 20;

    /// Returns the properties of a file or a pipe.
    static Terminal plain(PrintStream out) {
        return new Terminal(out, false, false, unicode(out), Integer.MAX_VALUE);
    }

    /// Returns the properties of this process's standard output.
    static Terminal standardOutput(Map<String, String> environment) {
        PrintStream out = System.out;
        boolean terminal = System.console() != null && System.console().isTerminal();
        if (!terminal || "dumb".equals(environment.get("TERM"))) {
            return plain(out);
        }
        // NO_COLOR (no-color.org) forbids colour if it is not empty.
        boolean colour = environment.getOrDefault("NO_COLOR", "").isEmpty();
        return new Terminal(out, true, colour, unicode(out), columns(environment));
    }

    private static boolean unicode(PrintStream out) {
        return out.charset().newEncoder().canEncode('…');
    }

    private static int columns(Map<String, String> environment) {
        int columns = number(environment.getOrDefault("COLUMNS", ""));
        if (columns == 0) {
            columns = number(sttySize());
        }
        return columns == 0 ? COLUMNS_DEFAULT : Math.max(COLUMNS_MIN, columns);
    }

    /// Returns the last word as a number; 0 if it is none.
    private static int number(String text) {
        String last = text.strip().substring(text.strip().lastIndexOf(' ') + 1);
        return last.matches("[0-9]{1,5}") ? Integer.parseInt(last) : 0;
    }

    /// Returns `rows columns`, which Java has no method for; empty if there is no stty.
    private static String sttySize() {
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            try (InputStream size = stty.getInputStream()) {
                String answer = new String(size.readAllBytes(), StandardCharsets.US_ASCII);
                return stty.waitFor(1, TimeUnit.SECONDS) ? answer : "";
            }
        } catch (IOException noStty) {
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    String bold(String text) {
        return styled("1", text);
    }

    String dim(String text) {
        return styled("2", text);
    }

    String green(String text) {
        return styled("32", text);
    }

    String red(String text) {
        return styled("1;31", text);
    }

    private String styled(String code, String text) {
        return colour ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }

    /// Returns the separator between two facts of a line.
    String dot() {
        return unicode ? "·" : "-";
    }

    /// Cuts the text to at most `width` characters.
    String fit(String text, int width) {
        if (text.length() <= width) {
            return text;
        }
        String ellipsis = unicode ? "…" : "~";
        return text.substring(0, Math.max(0, width - 1)) + ellipsis;
    }
}
