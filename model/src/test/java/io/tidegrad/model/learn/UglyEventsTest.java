package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.random.CounterRandom;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What a spec says where nobody has thought about it refuses no events whose numbers are ugly, but finite and in range.
class UglyEventsTest {
    private static final int EVENTS = 2_000;
    private static final double REFUSED_MAX = 0.001;
    private static final List<String> OPTIMIZERS = List.of("adam: { rate: 0.001 }", "adamw: { rate: 0.001 }",
            "adagrad: { rate: 0.01 }", "rmsprop: { rate: 0.01 }", "stream-rms: { rate: 0.02 }", "ftrl: { alpha: 0.1 }");

    /// @param label that is learned, with what a spec says of it
    private record Task(String loss, String label, int units, boolean recipe) {
    }

    private static final List<Task> TASKS = List.of(new Task("binary-cross-entropy", "yes", 1, true),
            new Task("hinge", "yes", 1, false), new Task("categorical-cross-entropy", "kind, classes: auto", 16, true),
            new Task("mean-squared-error", "amount", 1, true), new Task("mean-absolute-error", "amount", 1, false),
            new Task("huber", "amount", 1, false), new Task("poisson", "count", 1, false),
            new Task("quantile: { quantiles: [0.1, 0.9] }", "amount", 2, false));

    static Stream<String> defaults() {
        List<String> specs = new ArrayList<>();
        for (Task task : TASKS) {
            String loss = task.loss.contains(":") ? "{ " + task.loss + " }" : task.loss;
            if (task.recipe) {
                for (String recipe : List.of("auto", "lean")) {
                    specs.add(spec(task, "raw", "wild", "recipe: " + recipe + "\nloss: " + loss));
                }
                specs.add(remembering(specs.getLast(), "wild"));
            }
            for (String optimizer : OPTIMIZERS) {
                for (String scale : List.of("raw", "standard")) {
                    specs.add(spec(task, scale, "wide", "network: [ dense: 64, relu, dense: " + task.units
                            + " ]\nloss: " + loss + "\noptimizer: { " + optimizer + " }"));
                }
                // Of the scale that recipes have, numbers may be as large as theirs; ftrl has no bounds.
                String bound = optimizer.startsWith("ftrl") ? "" : ", input-bound: 8";
                specs.add(spec(task, "running", "wild", "network: [ dense: { units: 64" + bound + " }, relu, dense: "
                        + task.units + " ]\nloss: " + loss + "\noptimizer: { " + optimizer + " }"));
            }
            specs.add(remembering(specs.getLast(), "wide"));
        }
        return specs.stream();
    }

    /// @param b the field that is the second number
    private static String spec(Task task, String scale, String b, String how) {
        return """
                model: ugly
                input: { topic: ugly }
                label: { field: %s }
                features: [ number: { field: a, scale: %s }, number: { field: %s, scale: %s } ]
                %s
                """.formatted(task.label, scale, b, scale, how);
    }

    /// The same with what came before with the same key.
    private static String remembering(String spec, String field) {
        String history =
                "history: { key: key, field: " + field + ", values: [lag, difference, count], lags: 3, buckets: 16 }";
        return spec.replace("features: [ ", "features: [ " + history + ", ");
    }

    /// Of one event in 20 a number is a hundred million times as large, of one in 50 another is as large as its feature takes
    /// it, and of one in 20 the label is as large as it may be.
    private static Map<String, Object> event(int index) {
        double normal = CounterRandom.normal(1, 0, 0, 3 * index);
        double a = Math.exp(2 * normal) * (index % 20 == 7 ? 1e8 : 1);
        double b = CounterRandom.normal(1, 0, 0, 3 * index + 1);
        double most = index % 50 == 11 ? Math.signum(b) : 0;
        double level = Math.clamp(Math.rint(2 + normal + CounterRandom.normal(1, 0, 0, 3 * index + 2)), 0, 9);
        boolean far = index % 20 == 13;
        Map<String, Object> event = new HashMap<>();
        event.put("a", a);
        event.put("wide", most == 0 ? b : most * 1e15);
        event.put("wild", most == 0 ? b : most * 1e30);
        event.put("key", index % 7);
        event.put("yes", level > 2);
        event.put("kind", "k" + (int) level);
        event.put("count", far ? 1e15 : level);
        event.put("amount", far ? Math.copySign(1e15, b) : 1_000 * level);
        return event;
    }

    @ParameterizedTest
    @MethodSource("defaults")
    void areLearned(String yaml) {
        ModelSpec spec = ModelSpec.parse(yaml, "ugly.yaml");
        Featurizer featurizer = new Featurizer(spec);
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Row row = featurizer.newRow();
        List<String> refused = new ArrayList<>();
        for (int i = 0; i < EVENTS; i++) {
            Rejection rejection = featurizer.featurize(new MapEvent(event(i)), row);
            if (rejection == null) {
                rejection = model.accept(row);
            }
            if (rejection != null) {
                refused.add(i + ": " + rejection.detail());
            }
        }
        assertThat(refused).hasSizeLessThanOrEqualTo((int) (REFUSED_MAX * EVENTS));
    }
}
