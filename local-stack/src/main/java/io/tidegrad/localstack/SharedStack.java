package io.tidegrad.localstack;

/// One [LocalStack] for all tests of a JVM, started when first asked for and stopped when the JVM ends. Tests share it,
/// so each takes topics, groups and subjects of its own.
public final class SharedStack {
    private SharedStack() {}

    public static KafkaProvider get() {
        return Holder.STACK;
    }

    private static final class Holder {
        static final LocalStack STACK = start();

        private static LocalStack start() {
            LocalStack stack = LocalStack.start(LocalStackOptions.temporary());
            Runtime.getRuntime().addShutdownHook(new Thread(stack::close, "stop-shared-stack"));
            return stack;
        }
    }
}
