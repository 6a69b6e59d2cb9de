package io.tidegrad.loadtests;

import io.tidegrad.localstack.Json;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/// What a load test has measured, for people and for programs.
final class TrainReport {
    private final List<Combination> combinations;

    TrainReport(List<Combination> combinations) {
        this.combinations = combinations;
    }

    /// A line a combination: medians, and from the lowest to the highest.
    String text() {
        StringBuilder text = new StringBuilder();
        text.append(row("events/s, median (range)", "", "trainer", "consumer", "engine", "trainer / slower"));
        for (Combination combination : combinations) {
            Spread shares = Spread.of(combination.shares());
            text.append(row(combination.stream().label(), "mini-batch " + combination.miniBatch(),
                    rates(combination, Subject.TRAINER), rates(combination, Subject.CONSUMER),
                    rates(combination, Subject.ENGINE), shares.text("%.2f")));
        }
        text.append('\n');
        text.append(row("events/s, median (range)", "", "replay", "engine", "replay / engine"));
        for (Combination combination : combinations) {
            Spread shares = Spread.of(combination.replayShares());
            text.append(row(combination.stream().label(), "mini-batch " + combination.miniBatch(),
                    rates(combination, Subject.REPLAY), rates(combination, Subject.ENGINE), shares.text("%.2f")));
        }
        text.append('\n');
        text.append(row("CPU µs an event, median", "", "trainer", "consumer", "engine", "broker"));
        for (Combination combination : combinations) {
            text.append(row(combination.stream().label(), "mini-batch " + combination.miniBatch(),
                    micros(combination, Subject.TRAINER, Measurement::cpuMicros),
                    micros(combination, Subject.CONSUMER, Measurement::cpuMicros),
                    micros(combination, Subject.ENGINE, Measurement::cpuMicros),
                    micros(combination, Subject.TRAINER, Measurement::brokerCpuMicros) + " (trainer), "
                            + micros(combination, Subject.CONSUMER, Measurement::brokerCpuMicros) + " (consumer)"));
        }
        return text.toString();
    }

    private static String row(String... first) {
        String[] cells = Arrays.copyOf(first, 6);
        Arrays.fill(cells, first.length, cells.length, "");
        return String.format(Locale.ROOT, "%-26s%-15s%-28s%-32s%-32s%s", (Object[]) cells).stripTrailing().concat("\n");
    }

    private static String rates(Combination combination, Subject subject) {
        return combination.spread(subject, Measurement::eventsPerSecond).text("%,.0f");
    }

    private static String micros(Combination combination, Subject subject, ToDoubleFunction<Measurement> value) {
        return String.format(Locale.ROOT, "%.2f", combination.spread(subject, value).median());
    }

    /// A line a stream, mini-batch and subject, with every value of every repetition.
    String json() {
        StringBuilder lines = new StringBuilder();
        for (Combination combination : combinations) {
            for (Subject subject : Subject.values()) {
                lines.append(Json.write(line(combination, subject))).append('\n');
            }
        }
        return lines.toString();
    }

    private static Map<String, Object> line(Combination combination, Subject subject) {
        List<Measurement> all = combination.of(subject);
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("stream", combination.stream().label());
        line.put("mini_batch", combination.miniBatch());
        line.put("subject", subject.label());
        line.put("events", all.getFirst().events());
        Spread rates = combination.spread(subject, Measurement::eventsPerSecond);
        line.put("events_per_s", rates.median());
        line.put("events_per_s_least", rates.least());
        line.put("events_per_s_most", rates.most());
        line.put("events_per_s_all", values(all, Measurement::eventsPerSecond));
        line.put("seconds_all", values(all, Measurement::seconds));
        line.put("cpu_us_per_event_all", values(all, Measurement::cpuMicros));
        line.put("broker_cpu_us_per_event_all", values(all, Measurement::brokerCpuMicros));
        if (subject == Subject.TRAINER) {
            double[] shares = combination.shares();
            line.put("ratio_to_slower", Spread.of(shares).median());
            line.put("ratio_to_slower_all", shares);
        }
        if (subject == Subject.REPLAY) {
            double[] shares = combination.replayShares();
            line.put("ratio_to_engine", Spread.of(shares).median());
            line.put("ratio_to_engine_all", shares);
        }
        if (subject != Subject.CONSUMER) {
            line.put("weights_hash", all.getLast().weightsHash());
            line.put("state_hash", all.getLast().stateHash());
        }
        return line;
    }

    private static double[] values(List<Measurement> all, ToDoubleFunction<Measurement> value) {
        return all.stream().mapToDouble(value).toArray();
    }
}
