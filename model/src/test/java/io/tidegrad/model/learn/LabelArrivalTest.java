package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Example.Kind;
import io.tidegrad.model.stream.Served;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// How labels come, through the fold, beside lists of everything that came.
class LabelArrivalTest {
    private static final String FLIGHTS =
            Specs.FLIGHTS.replace("input:    { topic: flights, event-time: departed }", "input: { stream: departures }")
                    .replace("label:    { field: late }\n", "");
    private static final long START = 1_795_000_000_000L;

    private final List<Long> delays = new ArrayList<>();
    private final List<Boolean> labelled = new ArrayList<>();
    private final List<Boolean> answered = new ArrayList<>();

    private static EventFold fold(String more) {
        ModelSpec spec = ModelSpec.parse(FLIGHTS + more, "spec");
        return new EventFold(spec, OnlineModel.initial(spec, new ScalarKernels()),
                _ -> new MapEvent(Map.of("distance", 1.0, "departed", 0L)));
    }

    private static Headers example(Kind kind, @Nullable String label, long at, @Nullable Long labelAt,
            String servedBy) {
        Headers headers = new RecordHeaders();
        if (!servedBy.isEmpty()) {
            new Served(servedBy, 1, 7L, 0, START, Served.Stage.LIVE, null, new float[]{0.5f}).writeTo(headers);
        }
        new Example(kind, label, kind == Kind.CORRECTION ? "0" : null, 1, new Example.Source("flights", 0, 0), at,
                labelAt).writeTo(headers);
        return headers;
    }

    private static <T> List<T> newest(List<T> all) {
        return all.subList(Math.max(0, all.size() - 2_000), all.size());
    }

    private static double share(List<Boolean> all) {
        return newest(all).stream().filter(each -> each).count() / (double) newest(all).size();
    }

    private double delay(double quantile) {
        List<Long> sorted = newest(delays).stream().sorted().toList();
        return sorted.stream().filter(
                each -> sorted.stream().filter(other -> other <= each).count() >= quantile * sorted.size() - 1e-9)
                .findFirst().orElseThrow() / 1e3;
    }

    /// Restarts among them, and corrections that the model does not learn.
    @ParameterizedTest
    @ValueSource(strings = {"", "late-labels: ignore\n"})
    void delaysAndSharesAreThoseOfTheNewestTwoThousand(String more) {
        SplittableRandom random = new SplittableRandom(3);
        EventFold fold = fold(more);
        for (int i = 0; i < 7_000; i++) {
            Kind kind = Kind.values()[random.nextInt(3)];
            long at = START + 1_000L * i;
            long delay = (long) (Math.exp(10 * random.nextDouble()) * (1 + i / 1_000)) - 100;
            boolean takenBack = kind == Kind.CORRECTION && random.nextInt(4) == 0;
            boolean timed = kind != Kind.PROVISIONAL && random.nextInt(5) > 0;
            String servedBy = List.of("", "flight-delay", "another").get(random.nextInt(3));
            fold.fold(new byte[]{1}, example(kind, takenBack ? null : "1", at, timed ? at + delay : null, servedBy));
            if (timed && !takenBack) {
                delays.add(Math.max(0, delay));
            }
            if (kind != Kind.CORRECTION) {
                labelled.add(kind == Kind.FINAL);
                answered.add(servedBy.equals("flight-delay"));
            }
            if (i % 1_700 == 900) {
                fold.model().restoreCarry(fold.model().carry());
            }
            if (i % 500 == 499) {
                assertThat(fold.model().arrival().measures())
                        .isEqualTo(Map.of("delay_p50", delay(0.5), "delay_p90", delay(0.9), "delay_p99", delay(0.99),
                                "labelled", share(labelled), "answered", share(answered)));
            }
        }
    }

    @Test
    void aModelOfATopicKnowsNothingOfIt() {
        OnlineModel model = OnlineModel.initial(Specs.flights(), new ScalarKernels());
        assertThat(model.arrival().measures()).isEmpty();
    }
}
