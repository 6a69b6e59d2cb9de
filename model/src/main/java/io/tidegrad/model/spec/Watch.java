package io.tidegrad.model.spec;

import io.tidegrad.model.spec.SpecNode.Mapping;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// What is measured beside a model and changes no weight.
///
/// @param falseAlarms events between two alarms about nothing, as expected; 0: nothing is measured
/// @param slices fields by whose values labels are told apart
/// @param top of how many values of each
/// @param period event time whose labels are measured; null for none
/// @param knownInTime fields that may tell the label, because their values are known before it
/// @param challenger whether a model from scratch begins beside it at an alarm of its error
public record Watch(long falseAlarms, List<String> slices, int top, @Nullable Duration period, List<String> knownInTime,
        boolean challenger) {
    private static final long FALSE_ALARMS = 1_000_000;
    private static final int SLICES_MAX = 4;
    private static final int TOP = 10;
    private static final int TOP_MAX = 50;
    private static final Duration PERIOD_MIN = Duration.ofMinutes(1);
    private static final Duration PERIOD_MAX = Duration.ofDays(366);

    private static final Watch DEFAULT = new Watch(FALSE_ALARMS, List.of(), TOP, null, List.of(), false);

    public Watch {
        slices = List.copyOf(slices);
        knownInTime = List.copyOf(knownInTime);
    }

    static Watch read(@Nullable SpecNode node, List<Feature> features, ModelSpec.Label.Kind label,
            ModelSpec.Input input) {
        if (node == null) {
            return DEFAULT;
        }
        Mapping keys = node.mapping("false-alarms-every", "slices", "top", "period", "known-in-time");
        long falseAlarms = falseAlarms(keys.optional("false-alarms-every"));
        SpecNode slicesNode = keys.optional("slices");
        List<String> slices = slicesNode == null ? List.of() : slices(slicesNode, features);
        if (slicesNode != null && falseAlarms == 0) {
            slicesNode.problem("slices are of what is watched; expected a false-alarms-every that is not 0");
        }
        if (slicesNode != null && label == ModelSpec.Label.Kind.SEQUENCE) {
            slicesNode.problem("labels that are sequences have no measures; expected none");
        }
        SpecNode top = keys.optional("top");
        if (top != null && slicesNode == null) {
            top.problem("expected slices beside it, like slices: [country]");
        }
        SpecNode period = keys.optional("period");
        if (period != null && falseAlarms == 0) {
            period.problem("a period is one of what is watched; expected a false-alarms-every that is not 0");
        }
        SpecNode known = keys.optional("known-in-time");
        return new Watch(falseAlarms, slices, top == null ? TOP : top.integer(1, TOP_MAX),
                period == null ? null : period(period, label, input),
                known == null ? List.of() : fields(known, features, any -> true, ""), false);
    }

    private static Duration period(SpecNode node, ModelSpec.Label.Kind label, ModelSpec.Input input) {
        Duration period = node.duration(PERIOD_MIN, PERIOD_MAX);
        if (!period.equals(period.truncatedTo(ChronoUnit.MINUTES))) {
            node.problem("expected whole minutes, found " + period);
        }
        if (input.eventTime() == null && input.stream() == null) {
            node.problem("a period is one of event time: name its field, input: { event-time: … }");
        }
        if (label == ModelSpec.Label.Kind.SEQUENCE) {
            node.problem("labels that are sequences have no measures; expected none");
        }
        return period;
    }

    Watch withChallenger() {
        return new Watch(falseAlarms, slices, top, period, knownInTime, true);
    }

    private static long falseAlarms(@Nullable SpecNode every) {
        if (every == null) {
            return FALSE_ALARMS;
        }
        String what = "0, or a whole number from 1000 to " + OnChange.FALSE_ALARMS_MAX;
        long found = every.integer(what, 0, OnChange.FALSE_ALARMS_MAX);
        if (found > 0 && found < 1_000) {
            every.expected(what);
        }
        return found;
    }

    private static List<String> slices(SpecNode node, List<Feature> features) {
        List<String> slices = fields(node, features, Watch::readsOneValue, " as one value");
        if (slices.isEmpty() || slices.size() > SLICES_MAX) {
            node.problem("expected 1 to " + SLICES_MAX + " fields, found " + slices.size());
        }
        return slices;
    }

    /// @param reads whether fields of such a feature may be named
    /// @param how these features read a field
    private static List<String> fields(SpecNode node, List<Feature> features, Predicate<Feature> reads, String how) {
        Set<String> known = new LinkedHashSet<>();
        features.stream().filter(reads).forEach(feature -> known.addAll(feature.fields()));
        List<String> fields = new ArrayList<>();
        for (SpecNode each : node.list("fields of features, like [country]")) {
            String field = each.field();
            if (!features.isEmpty() && !field.isEmpty() && !known.contains(field)) {
                each.problem("expected a field that a feature reads" + how
                        + (known.isEmpty() ? "" : " (" + String.join(", ", known) + ")") + ", found '" + field + "'");
            } else if (fields.contains(field)) {
                each.problem("expected each field once, found '" + field + "' twice");
            }
            fields.add(field);
        }
        return fields;
    }

    private static boolean readsOneValue(Feature feature) {
        return switch (feature) {
            case Feature.Category _,Feature.Cross _,Feature.Number _,Feature.TimePart _,Feature.Cyclic _,Feature.History _,Feature.Quantiles _,Feature.Vocabulary _ ->
                true;
            case Feature.Pixels _,Feature.Sequence _,Feature.Categories _,Feature.Bag _,Feature.ShiftedLabel _ -> false;
        };
    }
}
