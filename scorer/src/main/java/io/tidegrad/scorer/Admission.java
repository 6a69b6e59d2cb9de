package io.tidegrad.scorer;

/// The result for one snapshot.
public sealed interface Admission {
    /// The version serves from now on.
    record Admitted(ServedVersion model) implements Admission {
    }

    /// The version is refused, and the one before it still serves.
    ///
    /// @param detail what was expected and what was found, for people
    record Refused(int epoch, long version, RefusalReason reason, String detail) implements Admission {
    }
}
