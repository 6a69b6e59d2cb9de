package io.tidegrad.localstack;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;

/// Ends a child JVM when its parent ends in any way. The parent holds the other end of the child's standard input and
/// never writes to it. When the parent ends, even by SIGKILL, the kernel closes it, and the child reads the end of the
/// stream. No process id is looked up, so a reused one can't mislead.
///
/// As a main class it runs another main class under watch: `ParentWatch <main class> <arguments>`. It only depends on
/// `java.base`, so that it can be on the class path of any program.
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

    /// Starts the watch. Call it once, first thing in the child.
    static void start() {
        Thread.ofPlatform().daemon().name("parent-watch").start(ParentWatch::haltAtEndOfInput);
    }

    private static void haltAtEndOfInput() {
        try {
            while (System.in.read() >= 0) {
                // The parent writes nothing; only the end of the stream matters.
            }
        } catch (IOException endedBadly) {
            // If the pipe can't be read, the parent is gone.
        }
        // Halts without shutdown hooks, which could wait for something that ended with the parent. Kafka's log and the
        // registry's database survive being killed.
        Runtime.getRuntime().halt(PARENT_GONE);
    }
}
