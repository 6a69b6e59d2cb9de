package io.tidegrad.scorer;

/// What became of one snapshot.
public sealed interface Admission {
    /// Serving from now on.
    record Admitted(ServedVersion model) implements Admission {
    }

    /// The model served before keeps serving.
    ///
    /// @param detail for a person: what was expected, what was found
    record Refused(int epoch, long version, RefusalReason reason, String detail) implements Admission {
    }
}
