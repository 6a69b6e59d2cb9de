package io.tidegrad.cli.plot;

import java.util.List;

/// Parts of a page that is one HTML file, opens without a network, is light or dark as the system is, and has no script.
public final class HtmlPage {
    private static final String STYLE = """
            :root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2024; --soft: #60646c; --line: #e2e4e8; --card: #f7f8fa; --accent: #0072B2; --good: #007a55; --bad: #b3261e; }
            @media (prefers-color-scheme: dark) {
              :root { --paper: #111418; --ink: #e6e8eb; --soft: #9aa1ab; --line: #2b3038; --card: #181c22; --accent: #56B4E9; --good: #4fc99a; --bad: #ff8a80; }
            }
            * { box-sizing: border-box; }
            body { margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 68rem; background: var(--paper); color: var(--ink);
              font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
            h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.015em; }
            h2 { margin: 3rem 0 0.75rem; font-size: 1.05rem; letter-spacing: -0.005em; }
            h3 { margin: 1.5rem 0 0.25rem; font-size: 0.95rem; }
            p { margin: 0.4rem 0; max-width: 46rem; }
            .soft, figcaption { color: var(--soft); }
            figcaption { font-size: 0.875rem; max-width: 46rem; }
            .cards { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 1.5rem; }
            .card { flex: 1 1 9rem; padding: 0.9rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
            .card b { display: block; font-size: 1.55rem; font-weight: 600; line-height: 1.25; font-variant-numeric: tabular-nums; }
            .card span { color: var(--soft); font-size: 0.85rem; }
            table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
            th { font-weight: 600; font-size: 0.85rem; color: var(--soft); }
            th, td { padding: 0.4rem 1.5rem 0.4rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
            th:first-child, td:first-child, td.text, th.text { text-align: left; }
            td.text { white-space: normal; min-width: 6.5rem; }
            @media (max-width: 40rem) { th, td { padding-right: 0.9rem; } }
            .wide { overflow-x: auto; margin-bottom: 1.25rem; }
            .plots { display: flex; flex-wrap: wrap; }
            figure { margin: 0 0 1.5rem; overflow-x: auto; }
            svg { max-width: 100%; height: auto; font-family: inherit; }
            svg { fill: var(--ink); }
            svg rect { fill: var(--paper); }
            svg [stroke="#e4e4e4"] { stroke: var(--line); }
            svg [stroke="#666666"], svg [stroke="#444444"] { stroke: var(--soft); }
            svg text[stroke] { stroke: var(--paper); }
            @media (prefers-color-scheme: dark) {
              svg [stroke="#0072B2"] { stroke: #56B4E9; } svg [fill="#0072B2"] { fill: #56B4E9; }
            }
            pre { margin: 0; padding: 1rem 1.25rem; overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
              font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
            code { font: 0.82rem ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
            .range { position: relative; width: 16rem; min-width: 10rem; }
            .range i { position: absolute; top: 50%; height: 3px; margin-top: -1.5px; border-radius: 2px; background: var(--soft); }
            .range b { position: absolute; top: 50%; width: 9px; height: 9px; margin: -4.5px; border-radius: 50%; background: var(--accent); }
            .good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
            dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.5rem; margin: 0; }
            dt { color: var(--soft); }
            dd { margin: 0; }
            """;

    private HtmlPage() {}

    /// @param subtitle a sentence
    public static void begin(String title, String subtitle, StringBuilder page) {
        page.append("""
                <!doctype html>
                <html lang="en">
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <title>%s</title>
                <style>
                %s</style>
                <h1>%s</h1>
                <p class="soft">%s</p>
                """.formatted(text(title), STYLE, text(title), text(subtitle)));
    }

    /// Adds a number that stands out, and what it is.
    public static void card(String value, String name, StringBuilder page) {
        page.append("<div class=\"card\"><b>").append(text(value)).append("</b><span>").append(text(name))
                .append("</span></div>\n");
    }

    /// Adds a plot and a sentence below it.
    public static void figure(Plot plot, String caption, StringBuilder page) {
        page.append("<figure>\n").append(plot.svg()).append("<figcaption>").append(text(caption))
                .append("</figcaption>\n</figure>\n");
    }

    /// @param rows the first of which is the header
    /// @param texts how many columns hold texts, from the left
    public static void table(List<List<String>> rows, int texts, StringBuilder page) {
        page.append("<div class=\"wide\"><table>\n");
        for (int row = 0; row < rows.size(); row++) {
            String cell = row == 0 ? "th" : "td";
            page.append("<tr>");
            for (int column = 0; column < rows.get(row).size(); column++) {
                page.append('<').append(cell).append(column < texts ? " class=\"text\">" : ">")
                        .append(text(rows.get(row).get(column))).append("</").append(cell).append('>');
            }
            page.append("</tr>\n");
        }
        page.append("</table></div>\n");
    }

    /// Returns a text as HTML shows it.
    public static String text(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
