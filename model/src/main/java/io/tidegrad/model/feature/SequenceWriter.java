package io.tidegrad.model.feature;

import io.tidegrad.model.spec.Feature;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Writes the numbers in a field's list, step after step.
final class SequenceWriter extends FeatureWriter {
    private final Feature.Sequence feature;
    private final int field;
    private final int at;
    private final int lengthAt; // -1 if every list has all steps

    SequenceWriter(Feature.Sequence feature, int field, int at, int lengthAt) {
        this.feature = feature;
        this.field = field;
        this.at = at;
        this.lengthAt = lengthAt;
    }

    @Override
    void write(@Nullable Object[] values, Row row) throws RejectedException {
        int count;
        switch (values[field]) {
            case null -> throw Values.missing(feature.field(), expected());
            case float[] numbers -> {
                count = checkedCount(numbers.length);
                for (int i = 0; i < count; i++) {
                    row.numbers[at + i] = checked(feature.field(), numbers[i]);
                }
            }
            case List<?> numbers -> {
                count = checkedCount(numbers.size());
                for (int i = 0; i < count; i++) {
                    row.numbers[at + i] = Values.element(feature.field(), numbers, i);
                }
            }
            case Object other -> throw Values.wrongType(feature.field(), "a list of numbers", other);
        }
        Arrays.fill(row.numbers, at + count, at + feature.count(), 0);
        if (lengthAt >= 0) {
            row.ids[lengthAt] = count / feature.width();
        }
    }

    private String expected() {
        String numbers = feature.count() + " numbers (" + feature.steps() + " x " + feature.width() + ")";
        return lengthAt < 0 ? numbers : "at most " + numbers + ", in whole steps";
    }

    private int checkedCount(int found) throws RejectedException {
        boolean fits =
                lengthAt < 0 ? found == feature.count() : found <= feature.count() && found % feature.width() == 0;
        if (!fits) {
            throw new RejectedException(Rejection.Reason.WRONG_TYPE,
                    "field '" + feature.field() + "': expected " + expected() + ", found " + found);
        }
        return found;
    }
}
