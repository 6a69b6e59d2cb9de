package io.tidegrad.cli.golden;

import java.util.List;

/// Compares what the engine gives with what a case expects; the first difference ends the case.
///
/// @param rtol a number passes if |got - want| ≤ atol + rtol |want|; what is not finite never does
record Comparison(double rtol, double atol) {
    static final class DifferenceException extends RuntimeException {
        DifferenceException(String difference) {
            super(difference);
        }
    }

    static Comparison of(Fields golden) {
        Fields tolerance = golden.object("tolerance");
        Comparison comparison = new Comparison(tolerance.number("rtol"), tolerance.number("atol"));
        tolerance.requireAllRead();
        return comparison;
    }

    /// @param shape of `got`, in the case's layout
    void tensor(String what, List<Integer> shape, float[] got, Tensor want) {
        equal(what + ", shape", shape, want.shape());
        for (int i = 0; i < want.values().length; i++) {
            number(what, Tensor.place(shape, i), got[i], want.values()[i]);
        }
    }

    void number(String what, double got, double want) {
        number(what, "", got, want);
    }

    /// @param what of each, before its index
    void series(String what, double[] got, double[] want) {
        equal(what + ", count", got.length, want.length);
        for (int i = 0; i < got.length; i++) {
            number(what + " " + i, got[i], want[i]);
        }
    }

    private void number(String what, String place, double got, double want) {
        double allowed = atol + rtol * Math.abs(want);
        if (!Double.isFinite(got) || !(Math.abs(got - want) <= allowed)) {
            throw new DifferenceException("%s, got %s, want %s ± %.2g%s".formatted(what, got, want, allowed,
                    place.isEmpty() ? "" : ", at " + place));
        }
    }

    static void equal(String what, Object got, Object want) {
        if (!got.equals(want)) {
            throw new DifferenceException(what + ", got " + got + ", want " + want);
        }
    }
}
