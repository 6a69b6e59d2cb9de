package io.tidegrad.engine.testing;

import io.tidegrad.engine.optim.Schedule;

/// The schedules again, straight from the papers and PyTorch's documentation: an oracle, without a line in common with
/// the engine.
public final class DoubleSchedule {
    private DoubleSchedule() {}

    /// The rate of update `t`, 0 for the first.
    public static double rate(Schedule schedule, double base, long t) {
        return switch (schedule) {
            case Schedule.Constant() -> base;
            case Schedule.Step(long size, double gamma) -> {
                double rate = base;
                for (long step = size; step <= t; step += size) {
                    rate *= gamma;
                }
                yield rate;
            }
            case Schedule.Exponential(double gamma) -> base * Math.exp(t * Math.log(gamma));
            case Schedule.LinearWarmup(double start, long warmup) ->
                t >= warmup ? base : base * (start + t * (1 - start) / warmup);
            // Vaswani et al. 2017, (3), scaled so that the peak is base.
            case Schedule.InverseSqrt(long warmup) ->
                base * Math.sqrt(warmup) * Math.min(Math.pow(t + 1, -0.5), (t + 1) * Math.pow(warmup, -1.5));
            case Schedule.Cosine(long total, double min) -> t >= total ? min : annealed(base, min, t, total);
            case Schedule.WarmupCosine(long warmup, long total, double min) -> {
                if (t < warmup) {
                    yield base / warmup * (t + 1);
                }
                yield t >= total ? min : annealed(base, min, t - warmup, total - warmup);
            }
            case Schedule.OneCycle(long total, double share, double div, double finalDiv) -> {
                double up = share * total - 1;
                if (t <= up) {
                    yield annealed(base / div, base, t, up);
                }
                yield t >= total - 1 ? base / div / finalDiv
                        : annealed(base, base / div / finalDiv, t - up, total - 1 - up);
            }
            case Schedule.WarmRestarts(long period, long factor, double min) -> {
                long start = 0;
                long length = period;
                while (start + length <= t) {
                    start += length;
                    length *= factor;
                }
                yield annealed(base, min, t - start, length);
            }
        };
    }

    /// sin² instead of (1 + cos) / 2.
    private static double annealed(double from, double to, double done, double of) {
        double sine = Math.sin(Math.PI / 2 * done / of);
        return from + (to - from) * sine * sine;
    }
}
