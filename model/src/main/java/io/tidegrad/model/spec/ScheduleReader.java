package io.tidegrad.model.spec;

import io.tidegrad.engine.optim.Optimizer;
import io.tidegrad.engine.optim.Schedule;
import io.tidegrad.model.spec.SpecNode.Choice;
import io.tidegrad.model.spec.SpecNode.Mapping;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The `schedule` of a spec.
final class ScheduleReader {
    private static final long STEPS_MAX = 1_000_000_000_000L;

    private ScheduleReader() {}

    static Schedule read(@Nullable SpecNode node, Optimizer optimizer) {
        Choice choice = node == null ? null : node.choice("schedule", "step", "exponential", "linear-warmup",
                "inverse-sqrt", "cosine", "warmup-cosine", "one-cycle", "warm-restarts");
        if (choice == null || node == null) {
            return Schedule.CONSTANT;
        }
        if (optimizer.hasFixedRate()) {
            node.problem("ftrl has one rate (alpha) for all updates: leave the schedule out");
            return Schedule.CONSTANT;
        }
        int before = node.problems();
        Supplier<Schedule> schedule = schedule(choice, optimizer.rate());
        if (node.problems() > before) {
            return Schedule.CONSTANT;
        }
        try {
            return schedule.get();
        } catch (IllegalArgumentException valuesDontFitTogether) {
            choice.value().problem(String.valueOf(valuesDontFitTogether.getMessage()));
            return Schedule.CONSTANT;
        }
    }

    /// What the values make, if none of them is a mistake.
    private static Supplier<Schedule> schedule(Choice choice, double baseRate) {
        SpecNode node = choice.value();
        return switch (choice.kind()) {
            case "step" -> {
                Mapping keys = node.mapping("step-size", "gamma");
                long size = steps(keys.required("step-size", "the updates of a step"));
                double gamma = gamma(keys);
                yield () -> new Schedule.Step(size, gamma);
            }
            case "exponential" -> {
                double gamma = gamma(node.mapping("gamma"));
                yield () -> new Schedule.Exponential(gamma);
            }
            case "linear-warmup" -> {
                Mapping keys = node.mapping("start-factor", "warmup-steps");
                double start = keys.required("start-factor", "the first update's share of the rate")
                        .decimal("a number from 0 to 1", value -> value >= 0 && value <= 1);
                long warmup = warmupSteps(keys);
                yield () -> new Schedule.LinearWarmup(start, warmup);
            }
            case "inverse-sqrt" -> {
                long warmup = warmupSteps(node.mapping("warmup-steps"));
                yield () -> new Schedule.InverseSqrt(warmup);
            }
            case "cosine" -> {
                Mapping keys = node.mapping("total-steps", "min-rate");
                long total = totalSteps(keys);
                double min = minRate(keys, baseRate);
                yield () -> new Schedule.Cosine(total, min);
            }
            case "warmup-cosine" -> {
                Mapping keys = node.mapping("warmup-steps", "total-steps", "min-rate");
                long warmup = warmupSteps(keys);
                long total = totalSteps(keys);
                double min = minRate(keys, baseRate);
                yield () -> new Schedule.WarmupCosine(warmup, total, min);
            }
            case "one-cycle" -> oneCycle(node);
            default -> {
                Mapping keys = node.mapping("period", "period-factor", "min-rate");
                long period = steps(keys.required("period", "the updates before a restart"));
                SpecNode factorNode = keys.optional("period-factor");
                long factor = factorNode == null ? 1 : factorNode.integer(1, 1_000);
                double min = minRate(keys, baseRate);
                yield () -> new Schedule.WarmRestarts(period, factor, min);
            }
        };
    }

    private static Supplier<Schedule> oneCycle(SpecNode node) {
        Mapping keys = node.mapping("total-steps", "pct-start", "div-factor", "final-div-factor");
        Schedule.OneCycle byDefault = ModelSpec.ONE_CYCLE;
        long total = totalSteps(keys);
        double start = OptimizerReader.fraction(keys.optional("pct-start"), byDefault.pctStart());
        double div = divisor(keys.optional("div-factor"), byDefault.divFactor());
        double finalDiv = divisor(keys.optional("final-div-factor"), byDefault.finalDivFactor());
        return () -> new Schedule.OneCycle(total, start, div, finalDiv);
    }

    private static long steps(SpecNode node) {
        return node.integer(1, STEPS_MAX);
    }

    private static long warmupSteps(Mapping keys) {
        return steps(keys.required("warmup-steps", "the updates until the rate is reached"));
    }

    private static long totalSteps(Mapping keys) {
        return steps(keys.required("total-steps", "the updates until the last rate is reached"));
    }

    private static double gamma(Mapping keys) {
        return keys.required("gamma", "the factor between two rates").decimal(
                "a number above 0 and at most 1: a rate that grows for ever ends in infinity",
                value -> (float) value > 0 && value <= 1);
    }

    private static double minRate(Mapping keys, double baseRate) {
        SpecNode node = keys.optional("min-rate");
        return node == null ? 0 : node.decimal("a number from 0 to the optimizer's rate, " + baseRate,
                value -> value >= 0 && value <= baseRate);
    }

    private static double divisor(@Nullable SpecNode node, double byDefault) {
        return node == null ? byDefault
                : node.decimal("a number from 1 to 1000000000", value -> value >= 1 && value <= 1e9);
    }
}
