package io.tidegrad.engine.optim;

/// Checks hyperparameters. They are doubles, because 1 - 0.999 differs from 1 - 0.999f, but must not vanish or overflow
/// when rounded to floats.
final class Require {
    private Require() {}

    static void atLeastZero(String owner, String name, double found) {
        that(found >= 0 && found <= Float.MAX_VALUE, owner, name + " of at least 0", found);
    }

    static void aboveZero(String owner, String name, double found) {
        that((float) found > 0 && found <= Float.MAX_VALUE, owner, name + " above 0", found);
    }

    static void fraction(String owner, String name, double found) {
        that(found >= 0 && found < 1, owner, name + " in [0, 1)", found);
    }

    static void share(String owner, String name, double found) {
        that(found >= 0 && found <= 1, owner, name + " in [0, 1]", found);
    }

    static void atLeastOne(String owner, String name, long found) {
        that(found >= 1, owner, name + " of at least 1", found);
    }

    static void above(String owner, String name, long least, long found) {
        that(found > least, owner, name + " above " + least, found);
    }

    private static void that(boolean holds, String owner, String expected, Object found) {
        if (!holds) {
            throw new IllegalArgumentException(owner + ": expected " + expected + ", found " + found);
        }
    }
}
