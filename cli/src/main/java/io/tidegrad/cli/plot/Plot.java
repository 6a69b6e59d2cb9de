package io.tidegrad.cli.plot;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/// Panels side by side, drawn as SVG. All plots look like this. The same numbers give the same bytes on every machine,
/// because no fonts are measured.
public record Plot(List<Panel> panels) {
    private static final int PLOTTED = 288; // width of a panel without its labels and names
    private static final int HEIGHT = 340;
    private static final int LEFT = 62;
    private static final int TOP = 38;
    private static final int BOTTOM = 48;
    private static final int LINE_HEIGHT = 15;
    private static final int BESIDE = 7; // between a line's end and its name

    /// Mean width of a bold letter in the widest of the fonts: 8.4 for "SGD with momentum" in DejaVu.
    private static final double LETTER = 8.5;

    /// The colours of Okabe and Ito, which most colour-blind people can tell apart, without the pale yellow.
    private static final List<String> COLOURS =
            List.of("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9");

    public Plot {
        panels = List.copyOf(panels);
    }

    public String svg() {
        StringBuilder svg = new StringBuilder();
        int panelWidth = LEFT + PLOTTED + names();
        int width = panelWidth * panels.size();
        svg.append("""
                <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222222">
                <rect width="100%%" height="100%%" fill="#ffffff"/>
                """.formatted(width, HEIGHT, width, HEIGHT));
        for (int panel = 0; panel < panels.size(); panel++) {
            new Drawing(panels.get(panel), panel * panelWidth, svg).draw();
        }
        return svg.append("</svg>\n").toString();
    }

    /// Returns the width of the longest name of a line, with the space before the next panel.
    private int names() {
        int longest = panels.stream().flatMap(panel -> panel.lines().stream()).mapToInt(line -> line.name().length())
                .max().orElse(0);
        return BESIDE + (int) Math.ceil(longest * LETTER) + LINE_HEIGHT;
    }

    private static final class Drawing {
        private final Panel panel;
        private final StringBuilder svg;
        private final int left;
        private final int right;
        private final int bottom = HEIGHT - BOTTOM;
        private final Scale x;
        private final Scale y;

        Drawing(Panel panel, int at, StringBuilder svg) {
            this.panel = panel;
            this.svg = svg;
            left = at + LEFT;
            right = left + PLOTTED;
            x = scale(panel.x(), Panel.Point::x, 0, left, right);
            y = scale(panel.y(), Panel.Point::y, 0.04, bottom, TOP);
        }

        private Scale scale(Panel.Axis axis, ToDoubleFunction<Panel.Point> of, double room, double start, double end) {
            double[] values = panel.lines().stream().flatMap(line -> line.points().stream()).filter(panel::shows)
                    .mapToDouble(of).toArray();
            return Scale.of(axis, DoubleStream.of(values).min().orElseThrow(),
                    DoubleStream.of(values).max().orElseThrow(), room, start, end);
        }

        void draw() {
            text(left, 20, "start", "font-weight=\"bold\"", panel.title());
            for (Scale.Tick tick : x.ticks()) {
                line(tick.place(), TOP, tick.place(), bottom, "#e4e4e4");
                text(tick.place(), bottom + 16, "middle", "", tick.text());
            }
            for (Scale.Tick tick : y.ticks()) {
                line(left, tick.place(), right, tick.place(), "#e4e4e4");
                text(left - 7, tick.place() + 4, "end", "", tick.text());
            }
            line(left, bottom, right, bottom, "#666666");
            line(left, TOP, left, bottom, "#666666");
            text((left + right) / 2.0, HEIGHT - 10, "middle", "", panel.x().label());
            double middle = (TOP + bottom) / 2.0;
            double edge = left - LEFT + 13;
            text(edge, middle, "middle", "transform=\"rotate(-90 %s %s)\"".formatted(number(edge), number(middle)),
                    panel.y().label());
            marks();
            lines();
            names();
        }

        /// Writes the names one below the other, on the side that has room.
        private void marks() {
            for (int i = 0; i < panel.marks().size(); i++) {
                Panel.Mark mark = panel.marks().get(i);
                double place = x.applyAsDouble(mark.x());
                svg.append(
                        "<line x1=\"%s\" y1=\"%d\" x2=\"%s\" y2=\"%d\" stroke=\"#444444\" stroke-dasharray=\"5 4\"/>\n"
                                .formatted(number(place), TOP, number(place), bottom));
                boolean toTheLeft = place > (left + right) / 2.0;
                text(place + (toTheLeft ? -5 : 5), bottom - 8 - i * LINE_HEIGHT, toTheLeft ? "end" : "start",
                        "paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"4\"", mark.name());
            }
        }

        private void lines() {
            for (int i = 0; i < panel.lines().size(); i++) {
                StringBuilder path = new StringBuilder();
                boolean interrupted = true;
                for (Panel.Point point : panel.lines().get(i).points()) {
                    if (panel.shows(point)) {
                        path.append(interrupted ? 'M' : 'L').append(number(x.applyAsDouble(point.x()))).append(' ')
                                .append(number(y.applyAsDouble(point.y())));
                    }
                    interrupted = !panel.shows(point);
                }
                svg.append(
                        "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" stroke-linejoin=\"round\"/>\n"
                                .formatted(path, colour(i)));
            }
        }

        /// Writes each name beside the end of its line, and lower if the name above needs the room.
        private void names() {
            record Name(int line, double atX, double wanted) {
            }
            List<Name> names = new ArrayList<>();
            for (int i = 0; i < panel.lines().size(); i++) {
                List<Panel.Point> shown = panel.lines().get(i).points().stream().filter(panel::shows).toList();
                if (!shown.isEmpty()) {
                    Panel.Point end = shown.getLast();
                    names.add(new Name(i, x.applyAsDouble(end.x()), y.applyAsDouble(end.y())));
                }
            }
            names.sort(Comparator.comparingDouble(Name::wanted).thenComparingInt(Name::line));
            double lowest = bottom - 8 - (names.size() - 1.0) * LINE_HEIGHT;
            double free = TOP;
            for (Name name : names) {
                double place = Math.max(free, Math.min(name.wanted, lowest));
                text(name.atX + BESIDE, place + 4, "start",
                        "font-weight=\"bold\" fill=\"%s\"".formatted(colour(name.line)),
                        panel.lines().get(name.line).name());
                free = place + LINE_HEIGHT;
                lowest += LINE_HEIGHT;
            }
        }

        private void line(double x1, double y1, double x2, double y2, String stroke) {
            svg.append("<line x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" stroke=\"%s\"/>\n".formatted(number(x1),
                    number(y1), number(x2), number(y2), stroke));
        }

        private void text(double atX, double atY, String anchor, String more, String text) {
            svg.append("<text x=\"%s\" y=\"%s\" text-anchor=\"%s\"%s>%s</text>\n".formatted(number(atX), number(atY),
                    anchor, more.isEmpty() ? "" : " " + more, escape(text)));
        }
    }

    private static String colour(int line) {
        return COLOURS.get(line % COLOURS.size());
    }

    private static String number(double value) {
        String text = String.format(Locale.ROOT, "%.1f", value);
        return text.endsWith(".0") ? text.substring(0, text.length() - 2) : text;
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
