package io.tidegrad.ops.settings;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/// A Java properties file, in UTF-8, of which we keep the line numbers that `Properties` forgets.
final class SettingsFile {
    private SettingsFile() {}

    record Line(int number, String key, String value) {
    }

    /// Empty when it can't be read.
    static List<Line> read(Path file, List<String> problems) {
        List<Line> lines = new ArrayList<>();
        List<String> text;
        try {
            text = Files.readAllLines(file);
        } catch (IOException e) {
            problems.add("--config " + file + ": expected a readable file of properties in UTF-8, found "
                    + e.getClass().getSimpleName());
            return lines;
        }
        for (int i = 0; i < text.size(); i++) {
            int first = i;
            StringBuilder logical = new StringBuilder(text.get(i));
            while (goesOn(text.get(i)) && !isComment(text.get(first)) && i + 1 < text.size()) {
                logical.append('\n').append(text.get(++i));
            }
            Properties properties = new Properties();
            try {
                properties.load(new StringReader(logical.toString()));
            } catch (IOException | IllegalArgumentException e) {
                problems.add(file + ":" + (first + 1) + ": expected key=value, found a malformed \\u escape");
                continue;
            }
            properties.stringPropertyNames()
                    .forEach(key -> lines.add(new Line(first + 1, key, properties.getProperty(key))));
        }
        return lines;
    }

    /// An odd number of backslashes at its end.
    private static boolean goesOn(String line) {
        int backslashes = 0;
        while (backslashes < line.length() && line.charAt(line.length() - 1 - backslashes) == '\\') {
            backslashes++;
        }
        return backslashes % 2 == 1;
    }

    private static boolean isComment(String line) {
        String text = line.stripLeading();
        return text.startsWith("#") || text.startsWith("!");
    }
}
