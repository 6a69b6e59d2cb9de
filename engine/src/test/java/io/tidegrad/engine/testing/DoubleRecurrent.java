package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.Recurrent;
import java.util.Arrays;
import java.util.function.Function;

/// Recurrent layers in doubles, one row and one unit at a time.
///
/// @param parameters name (`weight_ih`) → its values, (inputs, gates · hidden)
record DoubleRecurrent(Recurrent layer, Function<String, double[]> parameters) {
    private record Product(double[] w, double[] b) {
        /// Column `column` of x W + b.
        double of(double[] x, int column) {
            double sum = b[column];
            for (int i = 0; i < x.length; i++) {
                sum += x[i] * w[i * b.length + column];
            }
            return sum;
        }
    }

    /// @param x (steps, width), row-major; only the first `length` steps count
    /// @param initial h of all directions, then c
    double[] run(double[] x, int steps, int length, double[] initial) {
        int hidden = layer.hidden();
        int directions = layer.bidirectional() ? 2 : 1;
        int width = x.length / steps;
        double[] sequence = new double[steps * directions * hidden];
        double[] state = initial.clone();
        for (int d = 0; d < directions; d++) {
            Product ofInputs = product(d == 0 ? "ih" : "ih_reverse");
            Product ofStates = product(d == 0 ? "hh" : "hh_reverse");
            int hAt = d * hidden;
            int cAt = (directions + d) * hidden;
            double[] h = Arrays.copyOfRange(state, hAt, hAt + hidden);
            double[] c = new double[hidden];
            if (layer.cell() == Recurrent.Cell.LSTM) {
                c = Arrays.copyOfRange(state, cAt, cAt + hidden);
            }
            for (int k = 0; k < length; k++) {
                int t = d == 0 ? k : length - 1 - k;
                double[] xt = Arrays.copyOfRange(x, t * width, (t + 1) * width);
                h = step(ofInputs, ofStates, xt, h, c);
                System.arraycopy(h, 0, sequence, (t * directions + d) * hidden, hidden);
            }
            System.arraycopy(h, 0, state, hAt, hidden);
            if (layer.cell() == Recurrent.Cell.LSTM) {
                System.arraycopy(c, 0, state, cAt, hidden);
            }
        }
        return switch (layer.output()) {
            case SEQUENCE -> sequence;
            case LAST -> Arrays.copyOf(state, directions * hidden);
            case STATE -> state;
        };
    }

    private Product product(String matrix) {
        return new Product(parameters.apply("weight_" + matrix), parameters.apply("bias_" + matrix));
    }

    /// The next h; `c` becomes the next c.
    private double[] step(Product ofInputs, Product ofStates, double[] x, double[] h, double[] c) {
        double[] next = new double[h.length];
        for (int j = 0; j < h.length; j++) {
            int unit = j;
            Gate ofX = gate -> ofInputs.of(x, gate * h.length + unit);
            Gate ofH = gate -> ofStates.of(h, gate * h.length + unit);
            Gate both = gate -> ofX.at(gate) + ofH.at(gate);
            next[j] = switch (layer.cell()) {
                case RNN -> Math.tanh(both.at(0));
                case GRU -> {
                    double r = DoubleNetwork.sigmoid(both.at(0));
                    double z = DoubleNetwork.sigmoid(both.at(1));
                    double n = Math.tanh(ofX.at(2) + r * ofH.at(2));
                    yield (1 - z) * n + z * h[j];
                }
                case LSTM -> {
                    double i = DoubleNetwork.sigmoid(both.at(0));
                    double f = DoubleNetwork.sigmoid(both.at(1));
                    c[j] = f * c[j] + i * Math.tanh(both.at(2));
                    yield DoubleNetwork.sigmoid(both.at(3)) * Math.tanh(c[j]);
                }
            };
        }
        return next;
    }

    @FunctionalInterface
    private interface Gate {
        double at(int gate);
    }
}
