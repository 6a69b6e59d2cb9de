package io.tidegrad.trainer.publish;

import io.tidegrad.model.evaluation.ChangeAlarm.Reading;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.schemas.FieldSignal;
import io.tidegrad.schemas.WatchedField;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The watched fields of a model for its record of progress.
final class AvroFields {
    private AvroFields() {}

    /// Looks at rows for what fields contribute, as often as learning pays for it.
    static List<WatchedField> of(OnlineModel model) {
        Map<String, Double> contributions = model.contributions();
        return model.evaluation().recent().fields().stream()
                .map(each -> field(each, contributions.getOrDefault(each.field(), Double.NaN))).toList();
    }

    private static WatchedField field(io.tidegrad.model.evaluation.WatchedField of, double contribution) {
        Reading strange = of.strange();
        boolean isCategory = strange != null && strange.signal().kind() == Signal.Kind.UNSEEN;
        return WatchedField.newBuilder().setField(of.field()).setMissing(signal(of.missing()))
                .setUnseen(isCategory ? signal(strange) : null).setOutOfRange(isCategory ? null : signal(strange))
                .setShape(signal(of.shape())).setLeak(signal(of.leak())).setMedian(number(of.median()))
                .setMedianBefore(number(of.medianBefore())).setContribution(number(contribution)).build();
    }

    private static @Nullable FieldSignal signal(@Nullable Reading of) {
        return of == null ? null : FieldSignal.newBuilder().setNow((float) of.now()).setLeast(number(of.least()))
                .setMost(number(of.most())).setLasted(of.lasted()).build();
    }

    private static @Nullable Float number(double value) {
        return Double.isFinite(value) ? (float) value : null;
    }
}
