package io.tidegrad.engine.optim;

/// Computes the rate of each update from the optimizer's base rate. It is a pure function of the update's number, in
/// doubles, with the same bits on every machine, so a restart changes nothing. Steps are updates, not rows.
public sealed interface Schedule {
    Schedule CONSTANT = new Constant();

    /// The rate of update `t`; the first one is 0. Allocates nothing.
    double rate(double base, long t);

    /// base
    record Constant() implements Schedule {
        @Override
        public double rate(double base, long t) {
            return base;
        }
    }

    /// base gamma^⌊t / stepSize⌋
    record Step(long stepSize, double gamma) implements Schedule {
        public Step {
            Require.atLeastOne("step", "a step size", stepSize);
            Require.aboveZero("step", "gamma", gamma);
        }

        @Override
        public double rate(double base, long t) {
            return base * Power.of(gamma, t / stepSize);
        }
    }

    /// base gamma^t. A gamma above 1 grows without bound and is meant for a range test, which stops.
    record Exponential(double gamma) implements Schedule {
        public Exponential {
            Require.aboveZero("exponential", "gamma", gamma);
        }

        @Override
        public double rate(double base, long t) {
            return base * Power.of(gamma, t);
        }
    }

    /// base (startFactor + (1 - startFactor) min(t, warmupSteps) / warmupSteps): Goyal et al. 2017, because gradients
    /// are largest at the start.
    record LinearWarmup(double startFactor, long warmupSteps) implements Schedule {
        public LinearWarmup {
            Require.atLeastZero("linear warmup", "a start factor", startFactor);
            Require.atLeastOne("linear warmup", "warmup steps", warmupSteps);
        }

        @Override
        public double rate(double base, long t) {
            double done = (double) Math.min(t, warmupSteps) / warmupSteps;
            return base * (startFactor + (1 - startFactor) * done);
        }
    }

    /// base min((t + 1) / warmupSteps, sqrt(warmupSteps / (t + 1))): Vaswani et al. 2017, with its maximum at base. It
    /// suits streams because it has no end.
    record InverseSqrt(long warmupSteps) implements Schedule {
        public InverseSqrt {
            Require.atLeastOne("inverse sqrt", "warmup steps", warmupSteps);
        }

        @Override
        public double rate(double base, long t) {
            double share = (t + 1.0) / warmupSteps;
            return base * Math.min(share, Math.sqrt(1 / share));
        }
    }

    /// Half a cosine from base to minRate in totalSteps, then minRate.
    record Cosine(long totalSteps, double minRate) implements Schedule {
        public Cosine {
            Require.atLeastOne("cosine", "total steps", totalSteps);
            Require.atLeastZero("cosine", "a min rate", minRate);
        }

        @Override
        public double rate(double base, long t) {
            return halfCosine(base, minRate, (double) Math.min(t, totalSteps) / totalSteps);
        }
    }

    /// base (t + 1) / warmupSteps for the first warmupSteps, then half a cosine from base to minRate until totalSteps,
    /// then minRate.
    record WarmupCosine(long warmupSteps, long totalSteps, double minRate) implements Schedule {
        public WarmupCosine {
            Require.atLeastZero("warmup cosine", "warmup steps", warmupSteps);
            Require.above("warmup cosine", "total steps", warmupSteps, totalSteps);
            Require.atLeastZero("warmup cosine", "a min rate", minRate);
        }

        @Override
        public double rate(double base, long t) {
            if (t < warmupSteps) {
                return base * (t + 1) / warmupSteps;
            }
            double done = (double) (t - warmupSteps) / (totalSteps - warmupSteps);
            return halfCosine(base, minRate, Math.min(1, done));
        }
    }

    /// Smith & Topin 2019, in PyTorch's form: half a cosine from base / divFactor up to base, which is reached at t =
    /// pctStart totalSteps - 1, then half a cosine down to base / divFactor / finalDivFactor at t = totalSteps - 1,
    /// where it stays.
    ///
    /// @param pctStart the share of the steps in which the rate rises; if that is less than one step, the first step is
    ///     at base or just below
    record OneCycle(long totalSteps, double pctStart, double divFactor, double finalDivFactor) implements Schedule {
        public OneCycle {
            Require.atLeastOne("one cycle", "total steps", totalSteps);
            Require.share("one cycle", "pct start", pctStart);
            Require.aboveZero("one cycle", "a div factor", divFactor);
            Require.aboveZero("one cycle", "a final div factor", finalDivFactor);
        }

        @Override
        public double rate(double base, long t) {
            double start = base / divFactor;
            double top = pctStart * totalSteps - 1;
            if (t <= top && top > 0) {
                return halfCosine(start, base, t / top);
            }
            double done = (t - top) / (totalSteps - 1 - top);
            return halfCosine(base, start / finalDivFactor, Math.min(1, done));
        }
    }

    /// SGDR, Loshchilov & Hutter 2017: half a cosine from base to minRate in `period` steps, then again from base, each
    /// period `periodFactor` times as long as the one before. The jumps help to leave plateaus and poor minima.
    record WarmRestarts(long period, long periodFactor, double minRate) implements Schedule {
        public WarmRestarts {
            Require.atLeastOne("warm restarts", "a period", period);
            Require.atLeastOne("warm restarts", "a period factor", periodFactor);
            Require.atLeastZero("warm restarts", "a min rate", minRate);
        }

        @Override
        public double rate(double base, long t) {
            if (periodFactor == 1) {
                return halfCosine(base, minRate, (double) (t % period) / period);
            }
            long since = t;
            long length = period;
            while (since >= length) {
                since -= length;
                // A period whose length does not fit a long has no end.
                length = length > Long.MAX_VALUE / periodFactor ? Long.MAX_VALUE : length * periodFactor;
            }
            return halfCosine(base, minRate, (double) since / length);
        }
    }

    /// Half a cosine from `from` at `done` = 0 to `to` at 1, with slope 0 at both ends.
    private static double halfCosine(double from, double to, double done) {
        return to + (from - to) * (1 + CosPi.of(done)) / 2;
    }
}
