package io.tidegrad.loadtests.score;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Predicate;

/// Threads that get what all others leave of the cores, and give it back at once: Linux's `SCHED_IDLE`
/// (`sched_setscheduler(2)`). Threads that one starts inherit it. Nobody without privileges gets out of it again.
final class IdleClass {
    private static final int SCHED_IDLE = 5;
    private static final int CALLER = 0;

    private IdleClass() {}

    /// The calling thread. Returns whether it is in the class.
    static boolean enter() {
        return isLinux() && enter(CALLER);
    }

    /// All threads of a process whose names are wanted; Linux cuts a name after 15 characters. Returns whether one was there
    /// and all of them are in the class.
    static boolean enter(long pid, Predicate<String> names) {
        if (!isLinux()) {
            return false;
        }
        int count = 0;
        boolean all = true;
        try (DirectoryStream<Path> threads =
                Files.newDirectoryStream(Path.of("/proc", String.valueOf(pid), "task"))) {
            for (Path thread : threads) {
                if (names.test(name(thread))) {
                    all &= enter(Integer.parseInt(thread.getFileName().toString()));
                    count++;
                }
            }
        } catch (IOException e) {
            return false;
        }
        return all && count > 0;
    }

    /// Empty when it has ended.
    private static String name(Path thread) throws IOException {
        try {
            return Files.readString(thread.resolve("comm")).strip();
        } catch (NoSuchFileException ended) {
            return "";
        }
    }

    private static boolean isLinux() {
        return System.getProperty("os.name").equals("Linux");
    }

    private static boolean enter(int thread) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment priority = arena.allocate(ValueLayout.JAVA_INT); // 0
            return (int) Native.SET.invokeExact(thread, SCHED_IDLE, priority) == 0;
        } catch (Throwable neverThrown) {
            throw new IllegalStateException(neverThrown);
        }
    }

    /// Only where there is Linux.
    private static final class Native {
        static final MethodHandle SET = function();

        @SuppressWarnings("restricted") // calls into native code, which the launcher allows
        private static MethodHandle function() {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("sched_setscheduler"),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.ADDRESS));
        }
    }
}
