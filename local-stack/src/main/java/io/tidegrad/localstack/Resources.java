package io.tidegrad.localstack;

import java.util.ArrayDeque;
import java.util.Deque;

/// Open resources, which are closed in reverse order at the end or by a shutdown hook at Ctrl-C, whichever comes first.
public final class Resources implements AutoCloseable {
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private boolean closed;

    /// @throws LocalStackException the resources are already being closed; `resource` is closed too
    public synchronized <T extends AutoCloseable> T add(T resource) {
        open.push(resource);
        if (closed) {
            close();
            throw new LocalStackException("stopped");
        }
        return resource;
    }

    /// Keeps the logs of the run, if it has any.
    ///
    /// @return text that says where they are; empty if there are none
    public synchronized String keepLogs() {
        for (AutoCloseable resource : open) {
            if (resource instanceof RunDirectory directory) {
                directory.keepLogs();
                return directory.logs().toString();
            }
        }
        return "";
    }

    /// Closes all resources. If one can't be closed, reports it on standard error and goes on with the others.
    @Override
    public synchronized void close() {
        closed = true;
        while (!open.isEmpty()) {
            AutoCloseable resource = open.pop();
            try {
                resource.close();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (Exception e) {
                System.err.println("could not close " + resource.getClass().getSimpleName() + ": " + e);
            }
        }
    }

    /// Removes the hook, unless the JVM is already shutting down; then the hook runs and finds nothing to do.
    public static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // The JVM is shutting down: see above.
        }
    }
}
