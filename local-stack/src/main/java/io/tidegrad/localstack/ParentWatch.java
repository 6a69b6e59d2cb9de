package io.tidegrad.localstack;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/// Ends a child JVM when its parent ends, however that ends. The parent holds the other end of the child's standard
/// input and never writes to it; the kernel closes it with the parent, also at SIGKILL, and the child reads the end of
/// the stream. No process id is looked up, so none can be reused.
///
/// As a main class it runs another main class under watch: `ParentWatch <main class> <arguments>`. It knows nothing
/// but `java.base`, so that it can stand on the class path of a foreign program.
public final class ParentWatch {
    /// Exit status of a child whose parent is gone.
    public static final int PARENT_GONE = 79;

    private ParentWatch() {}

    public static void main(String[] args) throws Throwable {
        if (args.length == 0) {
            throw new IllegalArgumentException("expected: ParentWatch <main class> <arguments>");
        }
        start();
        var main = Class.forName(args[0]).getMethod("main", String[].class);
        try {
            main.invoke(null, (Object) Arrays.copyOfRange(args, 1, args.length));
        } catch (InvocationTargetException thrownByMain) {
            throw thrownByMain.getCause() == null ? thrownByMain : thrownByMain.getCause();
        }
    }

    /// Starts the watch; to be called once, first thing in the child.
    static void start() {
        Thread.ofPlatform().daemon().name("parent-watch").start(ParentWatch::haltAtEndOfInput);
    }

    private static void haltAtEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // The parent has nothing to say; only the end of the stream counts.
            }
        } catch (IOException endedBadly) {
            // A pipe that can't be read is a parent that is gone.
        }
        // No orderly exit: its hooks could wait for something that left together with the parent.
        // Kafka's log and
        // the registry's database are both made to be killed.
        Runtime.getRuntime().halt(PARENT_GONE);
    }
}
