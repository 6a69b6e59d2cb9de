package io.tidegrad.scorerapp;

import io.tidegrad.model.spec.Feature;
import io.tidegrad.model.spec.ModelSpec;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/// The fields that a model's spec names, and what an answer about them should say. Derived once a spec.
final class RecordFields {
    private final Map<String, String> expected = new LinkedHashMap<>();
    private final Set<String> pixels = new LinkedHashSet<>();
    private final Set<String> lists = new LinkedHashSet<>();

    /// Read as a time by one feature and as text by another.
    private final Set<String> timeAndCategory = new LinkedHashSet<>();

    RecordFields(ModelSpec spec) {
        Set<String> times = new LinkedHashSet<>();
        Set<String> categories = new LinkedHashSet<>();
        for (Feature feature : spec.features()) {
            switch (feature) {
                case Feature.Sequence sequence ->
                        expect(
                                sequence.field(),
                                (sequence.padded() ? "array of at most " : "array of ")
                                        + sequence.count()
                                        + " numbers");
                case Feature.Categories list -> expectList(list.field(), list.count());
                case Feature.Bag bag -> {
                    expectList(bag.field(), bag.count());
                    if (bag.weights() != null) {
                        expect(bag.weights(), "array of at most " + bag.count() + " numbers");
                    }
                }
                case Feature.Numeric number -> expect(number.field(), "number");
                case Feature.Category category -> {
                    categories.add(category.field());
                    expect(category.field(), "string, number, boolean or null");
                }
                case Feature.Cross cross -> {
                    categories.addAll(cross.fields());
                    cross.fields()
                            .forEach(field -> expect(field, "string, number, boolean or null"));
                }
                case Feature.TimePart time -> {
                    times.add(time.field());
                    expect(time.field(), "time, ISO-8601 or epoch ms");
                }
                case Feature.Cyclic cyclic -> {
                    if (cyclic.part() == null) {
                        expect(cyclic.field(), "number");
                    } else {
                        times.add(cyclic.field());
                        expect(cyclic.field(), "time, ISO-8601 or epoch ms");
                    }
                }
                case Feature.Pixels image -> {
                    pixels.add(image.field());
                    expect(
                            image.field(),
                            "array of "
                                    + image.count()
                                    + " numbers, or base64 of "
                                    + image.count()
                                    + " bytes");
                }
            }
        }
        if (spec.weightField() != null) {
            expect(spec.weightField(), "weight (not used)");
        }
        if (spec.input().eventTime() != null) {
            expect(spec.input().eventTime(), "time (not used)");
        }
        expect(spec.label().field(), "label (not used)");
        timeAndCategory.addAll(times);
        timeAndCategory.retainAll(categories);
    }

    private void expectList(String field, int count) {
        lists.add(field);
        expect(field, "array of at most " + count + " strings, numbers, booleans or nulls");
    }

    private void expect(String field, String kind) {
        expected.putIfAbsent(field, kind);
    }

    /// Field → what it may hold, in the spec's order.
    Map<String, String> expected() {
        return expected;
    }

    boolean isKnown(String field) {
        return expected.containsKey(field);
    }

    /// Whether its array may hold other values than numbers.
    boolean isList(String field) {
        return lists.contains(field);
    }

    boolean isPixels(String field) {
        return pixels.contains(field);
    }

    /// A time in text form would be another category than the number that training saw.
    boolean isTimeAndCategory(String field) {
        return timeAndCategory.contains(field);
    }
}
