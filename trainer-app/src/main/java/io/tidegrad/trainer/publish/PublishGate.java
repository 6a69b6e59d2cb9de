package io.tidegrad.trainer.publish;

import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.RecentEvaluation;
import io.tidegrad.model.spec.ModelSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides whether a version of a model may become visible, by the evaluation of the newest labels. A fault shows only some
/// labels after it has begun, so a version is judged by the labels after it, too: it is published once so many of them came
/// without a fault. It never decides what is learned.
record PublishGate(ModelSpec.Gate gate) {
    /// Returns what the evaluation finds wrong now, for people; null if that is nothing.
    @Nullable
    String fault(RecentEvaluation evaluation) {
        List<String> faults = new ArrayList<>(evaluation.alarms().stream().map(ChangeAlarm.Reading::message).toList());
        if (!gate.bounds().isEmpty()) {
            addBroken(evaluation, faults);
        }
        return faults.isEmpty() ? null : String.join("; ", faults);
    }

    private void addBroken(RecentEvaluation evaluation, List<String> faults) {
        if (evaluation.labels() < RecentEvaluation.WINDOW) {
            faults.add("of the " + RecentEvaluation.WINDOW + " labels by which bounds are judged there are "
                    + evaluation.labels());
            return;
        }
        Map<String, Double> measures = evaluation.measures();
        gate.bounds().forEach((name, bound) -> {
            Double value = measures.get(name);
            String of = name.replace('_', ' ') + " of the newest " + RecentEvaluation.WINDOW + " labels ";
            if (value == null) {
                faults.add(of + "has no value");
            } else if (value < bound.least() || value > bound.most()) {
                faults.add(String.format(Locale.ROOT, "%sis %.4f, expected %s to %s", of, value, bound.least(),
                        bound.most()));
            }
        });
    }

    /// Returns how many labels without a fault are wanted after a version.
    long labels() {
        return gate.labels();
    }
}
