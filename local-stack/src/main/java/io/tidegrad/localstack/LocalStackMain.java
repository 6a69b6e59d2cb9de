package io.tidegrad.localstack;

import java.io.PrintStream;
import java.util.concurrent.CompletableFuture;

/// Runs Kafka and the schema registry in the foreground, for real clients: `tidegrad local-stack`.
public final class LocalStackMain {
    private LocalStackMain() {}

    /// Starts the stack, prints one line when it is ready, and runs until SIGTERM or SIGINT, then stops both in order,
    /// or until the registry ends by itself.
    ///
    /// @return the exit status: 0 after a signal, 1 if the registry ended
    /// @throws LocalStackException the stack can't start; the message is for the user
    public static int run(LocalStackOptions options, PrintStream out) {
        LocalStack stack = LocalStack.start(options);
        CompletableFuture<Integer> status = new CompletableFuture<>();
        // The hook delays the JVM's exit until the stack is down; meanwhile the caller can return.
        Thread hook = new Thread(() -> {
            status.complete(0);
            stack.close();
        }, "stop-local-stack");
        Runtime.getRuntime().addShutdownHook(hook);
        stack.registry().onExit().thenRun(() -> status.complete(1));
        out.println("local-stack is ready: bootstrap.servers=" + stack.bootstrapServers() + " schema.registry.url="
                + stack.registryUrl() + " (Ctrl-C ends it)");
        out.flush();
        int result = status.join();
        if (result != 0) {
            out.println("the schema registry ended by itself; local-stack stops");
            Runtime.getRuntime().removeShutdownHook(hook);
            stack.close();
        }
        return result;
    }
}
