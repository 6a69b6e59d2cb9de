package io.tidegrad.cli.golden;

import io.tidegrad.engine.optim.Schedule;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The rates of the first updates.
final class ScheduleCase {
    private ScheduleCase() {}

    static void run(Fields golden, Comparison comparison) {
        Fields spec = golden.object("spec");
        Fields fields = spec.object("schedule");
        Schedule schedule = UnsupportedException.unlessAccepted(() -> schedule(fields));
        double base = spec.number("lr");
        int steps = spec.count("steps");
        spec.ignore("formula");
        spec.requireAllRead();
        Fields expected = golden.object("expected");
        double[] rates = expected.numbers("rates");
        expected.requireAllRead();
        golden.requireAllRead();
        double[] got = new double[steps];
        Arrays.setAll(got, t -> schedule.rate(base, t));
        comparison.series("rates, update", got, rates);
    }

    static Schedule schedule(@Nullable Fields fields) {
        if (fields == null) {
            return new Schedule.Constant();
        }
        String type = fields.text("type");
        Schedule schedule = switch (type) {
            case "constant" -> new Schedule.Constant();
            case "step" -> new Schedule.Step(fields.count("step_size"), fields.number("gamma"));
            case "exponential" -> new Schedule.Exponential(fields.number("gamma"));
            case "linear_warmup" ->
                new Schedule.LinearWarmup(fields.number("start_factor"), fields.count("warmup_steps"));
            case "inverse_sqrt" -> new Schedule.InverseSqrt(fields.count("warmup_steps"));
            case "cosine" -> new Schedule.Cosine(fields.count("total_steps"), fields.number("min_rate"));
            case "warmup_cosine" -> new Schedule.WarmupCosine(fields.count("warmup_steps"), fields.count("total_steps"),
                    fields.number("min_rate"));
            case "one_cycle" -> new Schedule.OneCycle(fields.count("total_steps"), fields.number("pct_start"),
                    fields.number("div_factor"), fields.number("final_div_factor"));
            default -> throw new UnsupportedException("schedule " + type);
        };
        fields.requireAllRead();
        return schedule;
    }
}
