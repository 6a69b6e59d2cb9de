package io.tidegrad.loadtests.score;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;

/// The lines of JSON for people.
final class ScoreText {
    private ScoreText() {}

    static String of(JsonNode line) {
        return switch (line.path("part").asText()) {
            case "in-process" -> inProcess(line);
            case "http" -> http(line);
            case "throughput" -> throughput(line);
            case "swaps" -> swaps(line);
            case "overload" -> overload(line);
            case "onnx-runtime" -> onnx(line);
            default -> throw new IllegalArgumentException("no words for " + line);
        };
    }

    static String inProcess(JsonNode line) {
        StringBuilder text = new StringBuilder();
        text.append(format("%s in process, %,.0f weights, %s%n", line.path("model").asText(), number(line, "weights"),
                line.path("kernels").asText()));
        if (line.has("row_p50_ns")) {
            text.append(format(
                    "  a row of floats    p50 %,9.0f ns   p99 %,9.0f   %.2f of a summing pass (%,.0f ns), %.2f of a reading pass (%,.0f ns)%n",
                    number(line, "row_p50_ns"), number(line, "row_p99_ns"), number(line, "row_per_summing_pass"),
                    number(line, "summing_pass_p50_ns"), number(line, "row_per_reading_pass"),
                    number(line, "reading_pass_p50_ns")));
        }
        text.append(format(
                "  a record           p50 %,9.0f ns   p99 %,9.0f   %.0f %% of it before the prediction, %.0f B a call%n",
                number(line, "record_p50_ns"), number(line, "record_p99_ns"), 100 * number(line, "featurizer_share"),
                number(line, "bytes_per_call")));
        for (String kind : new String[]{"calm", "full", "delta", "scheduled"}) {
            if (!line.has(kind + "_p50_ns")) {
                continue;
            }
            text.append(
                    format("  %-18s p50 %,9.0f ns   p99 %,9.0f   p99.9 %,9.0f, median window %,9.0f   max %,11.0f%s%n",
                            switch (kind) {
                                case "calm" -> "no swaps";
                                case "full" -> "full snapshots";
                                case "delta" -> "deltas";
                                default -> "full, no own core";
                            }, number(line, kind + "_p50_ns"), number(line, kind + "_p99_ns"),
                            number(line, kind + "_p999_ns"), number(line, kind + "_window_p999_ns"),
                            number(line, kind + "_max_ns"),
                            kind.equals("calm") ? "" : format("   p99.9 %.2f of that without, %,.0f ms of collections",
                                    number(line, kind + "_p999_ratio"), number(line, kind + "_collection_ms"))));
        }
        return text
                .append(format("  %,.0f calls/s, %.0f swaps/s: %,.0f answers, each by the bits of its version%n",
                        number(line, "calls_per_s"), number(line, "swaps_per_s"), number(line, "answers_verified")))
                .toString();
    }

    private static String http(JsonNode line) {
        return format(
                "%s over HTTP, %s, %,.0f requests/s over %.0f connections        p50      p99    p99.9      max   ms%n",
                line.path("model").asText(), line.path("protocol").asText(), number(line, "requests_per_s"),
                number(line, "connections")) + row("  no swaps", line, "calm", "")
                + row(format("  %.0f/s published, not to it", number(line, "swaps_per_s")), line, "unread", "")
                + row(format("  %.0f swaps/s", number(line, "swaps_per_s")), line, "swaps",
                        format("   p99, median window: %.2f of that without, %.2f of that published",
                                number(line, "p99_ratio"), number(line, "p99_ratio_to_unread")))
                + format(
                        "  %,.0f requests answered, each by the bits of its version; %.0f versions, published by who takes %s; sent %.3f ms late (p50); µs of CPU a request: scorer %.0f, client %.0f%n",
                        number(line, "requests"), number(line, "versions_admitted"),
                        line.path("published_elsewhere").asBoolean() ? "what others leave of the cores"
                                : "the same cores",
                        number(line, "calm_sent_late_p50_ms"), number(line, "scorer_cpu_us_per_request"),
                        number(line, "client_cpu_us_per_request"));
    }

    private static String row(String name, JsonNode line, String kind, String more) {
        return format("%-58s %8.3f %8.3f %8.3f %8.3f%s%n", name, number(line, kind + "_p50_ms"),
                number(line, kind + "_p99_ms"), number(line, kind + "_p999_ms"), number(line, kind + "_max_ms"), more);
    }

    private static String throughput(JsonNode line) {
        StringBuilder text = new StringBuilder();
        for (String protocol : new String[]{"v1", "v2"}) {
            text.append(format(
                    "%s over HTTP, %s, as many as %.0f connections get: %,.0f/s, a server that does nothing %,.0f/s, share %.2f%n",
                    line.path("model").asText(), protocol, number(line, "connections"),
                    number(line, protocol + "_per_s"), number(line, "bare_" + protocol + "_per_s"),
                    number(line, protocol + "_share")));
        }
        return text.toString();
    }

    private static String swaps(JsonNode line) {
        return format(
                "%s: %,.0f answers of %,.0f records in %.0f s by %,.0f versions (%.1f swaps/s), each by the bits of the version it names%n",
                line.path("model").asText(), number(line, "answers_verified"), number(line, "records_verified"),
                number(line, "seconds"), number(line, "versions_admitted"), number(line, "versions_per_s"));
    }

    private static String overload(JsonNode line) {
        return format(
                "%s, requests of %.0f records: %,.0f/s can be answered, %,.0f/s are due: %,.0f answered (%,.0f/s, %.2f of what can be; p50 %.0f ms, p99 %.0f ms), %,.0f told to come later, %,.0f not sent, %.0f versions meanwhile; all well %.0f s after%s%n",
                line.path("model").asText(), number(line, "records"), number(line, "most_per_s"),
                number(line, "due_per_s"), number(line, "answers"), number(line, "answered_per_s"),
                number(line, "goodput_share"), number(line, "answered_p50_ms"), number(line, "answered_p99_ms"),
                number(line, "shed"), number(line, "given_up"), number(line, "versions_admitted"),
                number(line, "recovery_s"),
                line.path("cores_apart").asBoolean() ? "; client and scorer on cores apart" : "");
    }

    private static String onnx(JsonNode line) {
        StringBuilder text = new StringBuilder();
        text.append(format("%-58s requests/s   at %,.0f/s: p50      p99    p99.9      max   ms%n",
                line.path("model").asText() + " behind the same server", number(line, "requests_per_s")));
        for (String name : new String[]{"tidegrad", "onnx"}) {
            text.append(row(format("  %-30s %,25.0f", name.equals("onnx") ? "ONNX Runtime" : "Tidegrad",
                    number(line, name + "_per_s")), line, name, ""));
        }
        return text.toString();
    }

    private static double number(JsonNode line, String field) {
        return line.path(field).asDouble(Double.NaN);
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
