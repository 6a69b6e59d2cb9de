package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.LoadTestException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;
import java.util.List;
import java.util.function.Predicate;

/// Tells Linux's scheduler where and when threads run. New threads inherit it from the thread that starts them.
final class LinuxScheduler {
    private static final int MASK_BYTES = 128; // of 1,024 cores, as glibc's cpu_set_t
    private static final int SCHED_IDLE = 5;
    private static final int CALLER = 0;

    private LinuxScheduler() {}

    /// The cores that the calling thread may run on (`sched_getaffinity(2)`); none where they can't be told.
    static BitSet allowedCores() {
        if (!LinuxThread.areTold()) {
            return new BitSet();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES);
            return affinity(Native.GET_AFFINITY, CALLER, mask) ? BitSet.valueOf(mask.asByteBuffer()) : new BitSet();
        }
    }

    /// Keeps the calling thread to some cores, all others of this process to others (`sched_setaffinity(2)`).
    ///
    /// @throws LoadTestException Linux does not let it
    static void keep(BitSet calling, BitSet others) {
        if (!keep(ProcessHandle.current().pid(), others) || !keep(CALLER, calling)) {
            throw new LoadTestException("can't keep a thread to the cores " + calling);
        }
    }

    /// Keeps all threads of a process to some cores; one that has ended meanwhile needs none. Returns whether Linux
    /// lets the first of them.
    static boolean keep(long pid, BitSet cores) {
        LinuxThread.of(pid).forEach(thread -> keep(thread.id(), cores));
        return LinuxThread.areTold() && keep((int) pid, cores);
    }

    private static boolean keep(int thread, BitSet cores) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES);
            byte[] bits = cores.toByteArray();
            MemorySegment.copy(bits, 0, mask, ValueLayout.JAVA_BYTE, 0, bits.length);
            return affinity(Native.SET_AFFINITY, thread, mask);
        }
    }

    /// Puts the calling thread into the class that only gets idle time (`SCHED_IDLE`, `sched_setscheduler(2)`), which it can
    /// leave only with privileges. Returns whether the system allows it.
    static boolean idle() {
        return LinuxThread.areTold() && idle(CALLER);
    }

    /// As `idle`, all threads of a process whose names, as Linux cuts them, are wanted. Returns whether one was there
    /// and the system lets all of them.
    static boolean idle(long pid, Predicate<String> names) {
        List<LinuxThread> wanted = LinuxThread.of(pid).stream().filter(thread -> names.test(thread.name())).toList();
        boolean all = !wanted.isEmpty();
        for (LinuxThread thread : wanted) {
            all &= idle(thread.id());
        }
        return all;
    }

    private static boolean idle(int thread) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment priority = arena.allocate(ValueLayout.JAVA_INT); // 0
            return (int) Native.SET_SCHEDULER.invokeExact(thread, SCHED_IDLE, priority) == 0;
        } catch (Throwable neverThrown) {
            throw new IllegalStateException(neverThrown);
        }
    }

    private static boolean affinity(MethodHandle function, int thread, MemorySegment mask) {
        try {
            return (int) function.invokeExact(thread, (long) MASK_BYTES, mask) >= 0;
        } catch (Throwable neverThrown) {
            throw new IllegalStateException(neverThrown);
        }
    }

    /// Only where there is Linux.
    private static final class Native {
        static final MethodHandle GET_AFFINITY = function("sched_getaffinity", ValueLayout.JAVA_LONG);
        static final MethodHandle SET_AFFINITY = function("sched_setaffinity", ValueLayout.JAVA_LONG);
        static final MethodHandle SET_SCHEDULER = function("sched_setscheduler", ValueLayout.JAVA_INT);

        /// All of them take a thread, a number and an address.
        @SuppressWarnings("restricted") // calls into native code, which the launcher allows
        private static MethodHandle function(String name, MemoryLayout number) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(name),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, number, ValueLayout.ADDRESS));
        }
    }
}
