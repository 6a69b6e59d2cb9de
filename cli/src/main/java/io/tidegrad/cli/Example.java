package io.tidegrad.cli;

import io.tidegrad.cli.plot.Panel;
import io.tidegrad.cli.plot.Plot;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// A program of `docs/examples` that shows a trouble and what helps. It prints, for each panel of its plot, one line
/// `# title; x label; y label (log)`, then its points: `line,x,y`.
enum Example {
    VANISHING_GRADIENTS("VanishingGradients.java"), EXPLODING_GRADIENTS("ExplodingGradients.java"),
    PLATEAUS("Plateaus.java"), OVERFITTING("Overfitting.java");

    private static final String LOGARITHMIC = " (log)";

    private final String file;

    Example(String file) {
        this.file = file;
    }

    /// Returns the name on the command line: `vanishing-gradients`.
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// Returns the name of the file in `docs/examples`.
    String file() {
        return file;
    }

    /// @param printed lines that the program printed
    /// @throws IllegalArgumentException if they do not have that form
    static Plot plot(List<String> printed) {
        List<Panel> panels = new ArrayList<>();
        Map<String, List<Panel.Point>> lines = new LinkedHashMap<>();
        String head = "";
        for (String line : printed) {
            if (line.startsWith("# ")) {
                if (!head.isEmpty()) {
                    panels.add(panel(head, lines));
                }
                head = line.substring(2);
                lines.clear();
            } else {
                String[] columns = line.split(",", -1);
                if (columns.length != 3 || head.isEmpty()) {
                    throw new IllegalArgumentException(
                            "expected '# title; x label; y label' and then lines 'line,x,y', found '" + line + "'");
                }
                lines.computeIfAbsent(columns[0], name -> new ArrayList<>())
                        .add(new Panel.Point(Double.parseDouble(columns[1]), Double.parseDouble(columns[2])));
            }
        }
        panels.add(panel(head, lines));
        return new Plot(panels);
    }

    private static Panel panel(String head, Map<String, List<Panel.Point>> lines) {
        String[] words = head.split("; ", -1);
        if (words.length != 3) {
            throw new IllegalArgumentException("expected 'title; x label; y label', found '" + head + "'");
        }
        return new Panel(words[0], axis(words[1]), axis(words[2]),
                lines.entrySet().stream().map(line -> new Panel.Line(line.getKey(), line.getValue())).toList(),
                List.of());
    }

    private static Panel.Axis axis(String words) {
        return words.endsWith(LOGARITHMIC)
                ? new Panel.Axis(words.substring(0, words.length() - LOGARITHMIC.length()), true)
                : new Panel.Axis(words, false);
    }
}
