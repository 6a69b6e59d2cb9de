package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.loadtests.Result;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LoadtestReportTest {
    private static String html(String... lines) {
        return LoadtestReport.html(Map.of("file", List.of(lines).stream().map(Result::parse).toList()));
    }

    @Test
    void aBrokenBoundIsCountedAndSaysWhatWasFound() {
        String page = html("""
                {"process": "joiner", "measure": "heap_live_mb_a_minute", "value": 1.02, "least": 0.91, "most": 1.13,
                "allowed": 0.1, "holds": false, "loadtest": "soak", "machine": "A & B, 2 processors, 2026-12-01T08:00:00Z"}
                """, """
                {"process": "joiner", "measure": "pause_max_ms", "value": 12, "least": 12, "most": 12, "allowed": 50,
                "holds": true, "loadtest": "soak"}""", """
                {"process": "joiner", "measure": "lag", "value": "NaN", "allowed": 50, "holds": "too few points",
                "loadtest": "soak"}""");
        assertThat(page).contains("<b>1 of 2</b><span>bounds hold</span>", "<h2>soak</h2>", "A &amp; B, 2 processors",
                "heap live MB a minute",
                "<td class=\"text bad\">✗ broken</td><td>1.02</td><td>0.910 to 1.13</td><td>0.100</td>",
                "<td class=\"text good\">✓ holds</td><td>12</td><td></td><td>50</td>", "too few points");
    }

    @Test
    void whatIsLookedAtAgainAndAgainBecomesALineForEachProcess() {
        String page = html("{\"process\": \"joiner\", \"at_s\": 60, \"rss_mb\": 200}",
                "{\"process\": \"trainer\", \"at_s\": 60, \"rss_mb\": 300}",
                "{\"process\": \"joiner\", \"at_s\": 120, \"rss_mb\": 201}",
                "{\"process\": \"trainer\", \"at_s\": 120, \"rss_mb\": 300}");
        assertThat(page).contains("<h2>file</h2>", ">rss MB</text>", ">minutes</text>", ">joiner</text>",
                ">trainer</text>");
        assertThat(page.split("<path ", -1)).hasSize(3);
    }

    @Test
    void anAxisIsACurveAndNamesWhatBreaksFirst() {
        String page = html("{\"axis\": \"rate\", \"value\": 10, \"events_per_s\": 10, \"breaks\": \"\"}",
                "{\"axis\": \"rate\", \"value\": 100, \"events_per_s\": 60, \"breaks\": \"lag grows: 60 of 100\"}");
        assertThat(page).contains("<h3>rate</h3>", "The first break is at 100: lag grows: 60 of 100",
                ">events per s</text>",
                "<td class=\"text\">rate</td><td class=\"text\">lag grows: 60 of 100</td><td>100</td>");
        // The axis begins at 0, so that what does not grow does not look as if it did.
        assertThat(page).contains(">0</text>", ">50</text>");
    }

    @Test
    void whatTheConsoleCostsIsOneTable() {
        String page = html("{\"console_cost\": \"cpu_cores\", \"value\": 0.02, \"of_all\": 1.6, \"share\": 0.0125}",
                "{\"console_cost\": \"bytes_per_s_to_kafka\", \"value\": 812}");
        assertThat(page).containsOnlyOnce("<table>").contains("What the console costs",
                "<td class=\"text\">CPU cores</td><td>0.0200</td><td>1.60</td><td>0.0125</td>",
                "<td class=\"text\">bytes per s to Kafka</td><td>812</td><td></td><td></td>");
    }

    @Test
    void samplesAreAMedianWithItsRangeAndTheLinesOfTheBenchOneRowEach() {
        String page = html(
                "{\"stream\": \"flights\", \"mini_batch\": 8, \"events_per_s\": 20, \"events_per_s_all\": [10, 20, 40]}",
                "{\"workload\": \"W1\", \"batch\": 1, \"workers\": 1, \"metric\": \"p50_ns\", \"value\": 5, \"kernels\": \"v\"}",
                "{\"workload\": \"W1\", \"batch\": 1, \"workers\": 1, \"metric\": \"p50_ns\", \"value\": 7, \"kernels\": \"v\"}");
        assertThat(page).contains("<td>flights, mini batch 8</td><td>20 (10–40)</td><td class=\"range\">"
                + "<i style=\"left:25.0%;width:75.0%\"></i><b style=\"left:50.0%\"></b>", "6 (5–7)");
    }

    @Test
    void thePageNeedsNoNetworkAndHasNoScript() {
        assertThat(html("{\"at_s\": 1, \"process\": \"<b>\", \"lag\": 1}",
                "{\"at_s\": 2, \"process\": \"<b>\", \"lag\": 1}"))
                .doesNotContain("<script", "src=", "href=", "@import", "<b></text>").contains("&lt;b&gt;</text>");
    }
}
