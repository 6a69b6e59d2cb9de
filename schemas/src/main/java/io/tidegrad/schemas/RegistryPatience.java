package io.tidegrad.schemas;

import java.time.Duration;

/// Of a caller whose own time is bounded: how long the registry may be waited for, and when the waiting begins and
/// ends. All of it is called on the caller's thread.
@FunctionalInterface
public interface RegistryPatience {
    /// Without a bound of its own.
    RegistryPatience UNBOUNDED = () -> RegistryConfig.UNBOUNDED;

    /// How long the next question may take, at most; asked before each.
    Duration left();

    /// From here on the thread only waits for an answer.
    default void begins() {}

    /// The answer came, or will not come.
    default void ends() {}
}
