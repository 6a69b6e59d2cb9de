package io.tidegrad.model.evaluation;

import io.tidegrad.model.binary.BinaryReader;
import io.tidegrad.model.binary.BinaryWriter;
import io.tidegrad.model.spec.ModelSpec;

/// The alarm of [RecentEvaluation] for errors, of its own, because what is learned may depend on this one: it goes on
/// whether anything is watched, and when the evaluation starts anew.
public final class ErrorAlarm {
    private final MetricTask task;
    private final int steps;
    private final SignalValues values;
    private final ChangeAlarm alarm;

    /// @param falseAlarms labels between two alarms about nothing, as expected
    public ErrorAlarm(ModelSpec spec, long falseAlarms) {
        task = MetricTask.of(spec);
        steps = spec.steps();
        values = new SignalValues(task);
        alarm = new ChangeAlarm(Signal.of(Signal.Kind.ERROR), falseAlarms);
    }

    /// Takes a row, with its arguments as in [ProgressiveEvaluation#addRow]; returns whether an alarm begins with it.
    public boolean addRow(float[] predictions, int at, float[] of, int labelAt) {
        boolean begins = false;
        for (int step = 0; step < steps; step++) {
            float label = of[labelAt + step];
            if (task.kind() != MetricTask.Kind.STEPS || label != ModelSpec.NO_CLASS) {
                begins |= add(predictions, at + step * task.outputs(), label);
            }
        }
        return begins;
    }

    private boolean add(float[] predictions, int at, float label) {
        boolean before = alarm.isOn();
        if (values.add(predictions, at, label)) {
            alarm.add(values.error());
        }
        return !before && alarm.isOn();
    }

    public void write(BinaryWriter to) {
        values.write(to);
        alarm.write(to);
    }

    public void read(BinaryReader from) {
        values.read(from);
        alarm.read(from);
    }
}
