package io.tidegrad.cli.golden;

import java.util.function.Supplier;

/// Something of a case that the engine can't express yet: the case is skipped.
final class UnsupportedException extends RuntimeException {
    UnsupportedException(String what) {
        super(what);
    }

    /// What the engine refuses (an epsilon of 0, say) is what it can't express.
    static <T> T unlessAccepted(Supplier<T> setting) {
        try {
            return setting.get();
        } catch (IllegalArgumentException e) {
            throw new UnsupportedException(String.valueOf(e.getMessage()));
        }
    }
}
