package io.tidegrad.model.spec;

import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.model.spec.SpecNode.Choice;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Every `schedule` that a spec can name, each declared once.
final class Schedules {
    private static final ValueType<Long> STEPS = ValueType.whole(1, 1_000_000_000_000L);
    private static final ValueType<Double> GAMMA =
            ValueType.decimal("a number above 0 and at most 1: a rate that grows for ever ends in infinity",
                    value -> (float) value > 0 && value <= 1);
    private static final ValueType<Double> SHARE =
            ValueType.decimal("a number from 0 to 1", value -> value >= 0 && value <= 1);
    private static final ValueType<Double> DIVISOR =
            ValueType.decimal("a number from 1 to 1000000000", value -> value >= 1 && value <= 1e9);

    private Schedules() {}

    /// @param baseRate the optimizer's
    static Forms<Schedule> forms(double baseRate) {
        ValueType<Double> minRate = ValueType.decimal("a number from 0 to the optimizer's rate, " + baseRate,
                value -> value >= 0 && value <= baseRate);
        return new Forms<>(List.of(
                new Form<>("step", Schedule.Step.class,
                        keys -> new Schedule.Step(
                                keys.required("step-size", "the updates of a step", STEPS, Schedule.Step::stepSize),
                                gamma(keys, Schedule.Step::gamma))),
                new Form<>("exponential", Schedule.Exponential.class,
                        keys -> new Schedule.Exponential(gamma(keys, Schedule.Exponential::gamma))),
                new Form<>("linear-warmup", Schedule.LinearWarmup.class,
                        keys -> new Schedule.LinearWarmup(
                                keys.required("start-factor", "the first update's share of the rate", SHARE,
                                        Schedule.LinearWarmup::startFactor),
                                warmup(keys, Schedule.LinearWarmup::warmupSteps))),
                new Form<>("inverse-sqrt", Schedule.InverseSqrt.class,
                        keys -> new Schedule.InverseSqrt(warmup(keys, Schedule.InverseSqrt::warmupSteps))),
                new Form<>("cosine", Schedule.Cosine.class,
                        keys -> new Schedule.Cosine(total(keys, Schedule.Cosine::totalSteps),
                                keys.optional("min-rate", 0.0, minRate, Schedule.Cosine::minRate))),
                new Form<>("warmup-cosine", Schedule.WarmupCosine.class,
                        keys -> new Schedule.WarmupCosine(warmup(keys, Schedule.WarmupCosine::warmupSteps),
                                total(keys, Schedule.WarmupCosine::totalSteps),
                                keys.optional("min-rate", 0.0, minRate, Schedule.WarmupCosine::minRate))),
                new Form<>("one-cycle", Schedule.OneCycle.class,
                        keys -> new Schedule.OneCycle(total(keys, Schedule.OneCycle::totalSteps),
                                keys.optional("pct-start", 0.3, ValueType.FRACTION, Schedule.OneCycle::pctStart),
                                keys.optional("div-factor", 25.0, DIVISOR, Schedule.OneCycle::divFactor),
                                keys.optional("final-div-factor", 1e4, DIVISOR, Schedule.OneCycle::finalDivFactor))),
                new Form<>("warm-restarts", Schedule.WarmRestarts.class, keys -> new Schedule.WarmRestarts(
                        keys.required("period", "the updates before a restart", STEPS, Schedule.WarmRestarts::period),
                        keys.optional("period-factor", 1L, ValueType.whole(1L, 1_000L),
                                Schedule.WarmRestarts::periodFactor),
                        keys.optional("min-rate", 0.0, minRate, Schedule.WarmRestarts::minRate)))));
    }

    private static <S> double gamma(Keys<S> keys, Function<S, Double> of) {
        return keys.required("gamma", "the factor between two rates", GAMMA, of);
    }

    private static <S> long warmup(Keys<S> keys, Function<S, Long> of) {
        return keys.required("warmup-steps", "the updates until the rate is reached", STEPS, of);
    }

    private static <S> long total(Keys<S> keys, Function<S, Long> of) {
        return keys.required("total-steps", "the updates until the last rate is reached", STEPS, of);
    }

    /// The optimizer's rate throughout where there is none, or a mistake.
    static Schedule read(@Nullable SpecNode node, Optimizer optimizer) {
        Forms<Schedule> forms = forms(optimizer.hasFixedRate() ? 0 : optimizer.rate());
        Choice choice = node == null ? null : node.choice("schedule", forms.names(form -> true));
        if (choice == null || node == null) {
            return Schedule.CONSTANT;
        }
        if (optimizer.hasFixedRate()) {
            node.problem("ftrl has one rate (alpha) for all updates: leave the schedule out");
            return Schedule.CONSTANT;
        }
        int before = node.problems();
        Schedule read = forms.named(choice.kind()).read(choice.value());
        return read == null || node.problems() > before ? Schedule.CONSTANT : read;
    }
}
