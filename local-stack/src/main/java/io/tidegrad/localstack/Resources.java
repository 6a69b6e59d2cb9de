package io.tidegrad.localstack;

import java.util.ArrayDeque;
import java.util.Deque;

/// What is open, closed in reverse order: at the end, or by a shutdown hook at Ctrl-C, whichever comes first.
public final class Resources implements AutoCloseable {
    private final Deque<AutoCloseable> open = new ArrayDeque<>();
    private boolean closed;

    /// @throws LocalStackException it is too late: everything is being closed, and so is this
    public synchronized <T extends AutoCloseable> T add(T resource) {
        open.push(resource);
        if (closed) {
            close();
            throw new LocalStackException("stopped");
        }
        return resource;
    }

    /// Keeps the logs of the run, if there are any yet.
    ///
    /// @return where they are, or nothing
    public synchronized String keepLogs() {
        for (AutoCloseable resource : open) {
            if (resource instanceof RunDirectory directory) {
                directory.keepLogs();
                return directory.logs().toString();
            }
        }
        return "";
    }

    /// One that can't be closed is no reason to leave the others open: it is told on standard error.
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

    /// Unless the JVM is ending already: then the hook runs, and finds nothing left to do.
    public static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException shuttingDown) {
            // As said above.
        }
    }
}
