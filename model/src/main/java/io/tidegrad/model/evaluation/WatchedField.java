package io.tidegrad.model.evaluation;

import io.tidegrad.model.evaluation.ChangeAlarm.Reading;
import org.jspecify.annotations.Nullable;

/// What a field that is watched is like now, beside what it has been. A reading whose `least` and `most` are NaN has nothing to
/// be compared with yet.
///
/// @param missing share of events without a value; null if such an event is rejected, or none has come
/// @param strange share of categories that were not seen before, or of numbers out of the range before; null likewise, as are
///     the two that follow
/// @param shape population stability index
/// @param leak area under the ROC curve of the field alone
/// @param median of the numbers that came in the present block, as features make them, within a sixteenth of what came first;
///     NaN if it isn't a number, or too few came
/// @param medianBefore the same of the blocks before
public record WatchedField(String field, @Nullable Reading missing, @Nullable Reading strange, @Nullable Reading shape,
        @Nullable Reading leak, double median, double medianBefore) {
}
