package io.tidegrad.localstack;

import org.jspecify.annotations.Nullable;

/// One [LocalStack] for all tests of a JVM, started when first asked for and stopped when the JVM ends. Tests share it,
/// so each must use its own topics, groups and subjects.
public final class SharedStack {
    private static @Nullable LocalStack stack;

    private SharedStack() {}

    /// @throws LocalStackException the stack can't start; the next call tries again
    public static synchronized KafkaProvider get() {
        LocalStack running = stack;
        if (running == null) {
            running = LocalStack.start(LocalStackOptions.temporary());
            Runtime.getRuntime().addShutdownHook(new Thread(running::close, "stop-shared-stack"));
            stack = running;
        }
        return running;
    }
}
