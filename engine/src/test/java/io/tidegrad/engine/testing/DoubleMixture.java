package io.tidegrad.engine.testing;

import io.tidegrad.engine.layer.Mixture;
import io.tidegrad.engine.layer.RunningScale;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// `RunningScale` and `Mixture` again, in doubles with `Math`, straight from their formulas.
public final class DoubleMixture {
    private DoubleMixture() {}

    /// The numbers of one row as members read them.
    public static double[] scaled(double[] state, RunningScale scale, double[] row) {
        List<Integer> flags = scale.flags();
        double clip = scale.clip();
        double[] y = row.clone();
        for (int i = 0; i < flags.size(); i++) {
            double[] s = Arrays.copyOfRange(state, 8 * i, 8 * i + 8);
            boolean missing = flags.get(i) >= 0 && row[flags.get(i)] != 0;
            double deviation = Math.sqrt(s[2]);
            if (missing || s[0] < 2 || deviation == 0) {
                y[i] = 0;
            } else if (scale.heavyTails() && s[3] < deviation / 2 && s[7] > 0) {
                y[i] = Math.clamp((bent(row[i], s[5]) - s[6]) / Math.sqrt(s[7]), -clip, clip);
            } else {
                y[i] = Math.clamp((row[i] - s[1]) / deviation, -clip, clip);
            }
        }
        return y;
    }

    private static double bent(double x, double g) {
        return Math.signum(x) * Math.log1p(Math.abs(x) / Math.exp(g));
    }

    /// What a value adds to the statistics.
    public static void learn(double[] s, int at, double value, double forget) {
        double n = s[at];
        double a = Math.max(1 / (n + 1), forget);
        double x = n >= 2 && s[at + 2] > 0
                ? Math.clamp(value, s[at + 1] - 20 * Math.sqrt(s[at + 2]), s[at + 1] + 20 * Math.sqrt(s[at + 2]))
                : value;
        double e = n == 0 ? 0 : x - s[at + 1];
        s[at + 1] = n == 0 ? x : s[at + 1] + a * e;
        s[at + 2] = (1 - a) * (s[at + 2] + a * e * e);
        s[at + 3] += a * (Math.abs(e) - s[at + 3]);
        if (x != 0) {
            s[at + 4]++;
            s[at + 5] += Math.max(1 / s[at + 4], forget) * (Math.log(Math.abs(x)) - s[at + 5]);
        }
        double q = x == 0 ? 0 : bent(x, s[at + 5]);
        double d = n == 0 ? 0 : q - s[at + 6];
        s[at + 6] = n == 0 ? q : s[at + 6] + a * d;
        s[at + 7] = (1 - a) * (s[at + 7] + a * d * d);
        s[at]++;
    }

    /// The output of the mixture: logits of the mixed prediction, or the number.
    static double[][] mixed(Mixture.Target target, double[] state, List<double[][]> members) {
        double[][] y = new double[members.getFirst().length][];
        for (int row = 0; row < y.length; row++) {
            List<double[]> z = new ArrayList<>();
            for (double[][] member : members) {
                z.add(member[row]);
            }
            y[row] = target == Mixture.Target.NUMBER ? new double[]{number(state, z)}
                    : logits(probabilities(state, z), target);
        }
        return y;
    }

    private static double number(double[] state, List<double[]> z) {
        double sum = 0;
        for (int m = 0; m < z.size(); m++) {
            sum += (state[0] == 0 ? 1.0 / z.size() : state[1 + m]) * z.get(m)[0];
        }
        return state[1 + z.size()] + Math.sqrt(state[2 + z.size()]) * sum;
    }

    private static double[] logits(double[] p, Mixture.Target target) {
        return target == Mixture.Target.YES_NO ? new double[]{Math.log(p[1] / p[0])}
                : Arrays.stream(p).map(Math::log).toArray();
    }

    /// What a member gives the classes; of one logit z, no and yes.
    public static double[] ofMember(double[] z) {
        return DoubleNetwork.softmax(z.length == 1 ? new double[]{0, z[0]} : z);
    }

    /// ln p, at least ln 1e-6, less their mean.
    public static double[] centred(double[] p) {
        double[] l = Arrays.stream(p).map(each -> Math.log(Math.max(each, 1e-6))).toArray();
        double mean = Arrays.stream(l).average().orElseThrow();
        return Arrays.stream(l).map(each -> each - mean).toArray();
    }

    /// What stacking gives the classes.
    public static double[] stacked(double[] state, List<double[]> z) {
        int count = z.size();
        double[] sums = new double[Math.max(2, z.getFirst().length)];
        for (int m = 0; m < count; m++) {
            double[] l = centred(ofMember(z.get(m)));
            for (int k = 0; k < sums.length; k++) {
                sums[k] += (state[0] == 0 ? 1.0 / count : state[1 + m]) * l[k];
            }
        }
        return DoubleNetwork.softmax(sums);
    }

    public static double[] probabilities(double[] state, List<double[]> z) {
        int count = z.size();
        double[] q = stacked(state, z);
        double[] p = new double[q.length];
        for (int m = 0; m <= count; m++) {
            double[] of = m == count ? q : ofMember(z.get(m));
            for (int k = 0; k < p.length; k++) {
                p[k] += (state[0] == 0 ? 1.0 / (count + 1) : state[1 + count + m]) * of[k];
            }
        }
        return p;
    }
}
