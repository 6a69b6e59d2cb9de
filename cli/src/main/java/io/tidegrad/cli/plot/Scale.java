package io.tidegrad.cli.plot;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;

/// Maps values to places along one axis.
///
/// @param low value at `start`, on a logarithmic axis its logarithm; `high` is the one at `end`
/// @param start place in units of the drawing; `end` may be smaller
record Scale(Panel.Axis axis, double low, double high, double start, double end) implements DoubleUnaryOperator {
    private static final int TICKS_MAX = 7;

    record Tick(double place, String text) {
    }

    /// @param room share of the range that stays free at both ends
    static Scale of(Panel.Axis axis, double min, double max, double room, double start, double end) {
        boolean zero = axis.fromZero() && !axis.logarithmic();
        double low = axis.position(zero ? Math.min(0, min) : min);
        double high = axis.position(zero ? Math.max(0, max) : max);
        double spare = high > low ? room * (high - low) : 0.5;
        return new Scale(axis, low - spare, high + spare, start, end);
    }

    @Override
    public double applyAsDouble(double value) {
        return start + (axis.position(value) - low) / (high - low) * (end - start);
    }

    /// Returns ticks at powers of ten, or at multiples of 1, 2 or 5 times a power of ten.
    List<Tick> ticks() {
        double step = step();
        List<Tick> ticks = new ArrayList<>();
        for (long i = (long) Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
            double position = i * step;
            ticks.add(new Tick(start + (position - low) / (high - low) * (end - start),
                    axis.logarithmic() ? power(Math.round(position)) : text(position, step)));
        }
        return ticks;
    }

    private double step() {
        double least = (high - low) / TICKS_MAX;
        double power = StrictMath.pow(10, Math.floor(StrictMath.log10(least)));
        double step = power;
        for (double factor : new double[]{1, 2, 5, 10}) {
            step = factor * power;
            if (step >= least) {
                break;
            }
        }
        return axis.logarithmic() ? Math.max(1, Math.ceil(step - 1e-9)) : step;
    }

    private static String power(long exponent) {
        return exponent >= -3 && exponent <= 3
                ? text(StrictMath.pow(10, exponent), StrictMath.pow(10, Math.min(0, exponent))) : "1e" + exponent;
    }

    private static String text(double value, double step) {
        int decimals = (int) Math.max(0, Math.ceil(-StrictMath.log10(step) - 1e-9));
        return String.format(Locale.ROOT, "%,." + decimals + "f", value + 0.0);
    }
}
