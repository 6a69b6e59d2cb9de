package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.LoadTestException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;

/// The cores that a process's threads may run on, by `sched_setaffinity(2)` of Linux. Threads that one starts inherit its.
final class Cores {
    private static final int MASK_BYTES = 128; // of 1,024 cores, as glibc's cpu_set_t

    private static final int CALLER = 0;

    private Cores() {}

    /// Those of the calling thread; none where they can't be told.
    static BitSet allowed() {
        if (!System.getProperty("os.name").equals("Linux")) {
            return new BitSet();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES);
            return call(Native.GET, CALLER, mask)
                    ? BitSet.valueOf(mask.asByteBuffer())
                    : new BitSet();
        }
    }

    /// Keeps the calling thread to some cores, all others of this process to others.
    ///
    /// @throws LoadTestException Linux does not let it
    static void keep(BitSet calling, BitSet others) {
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (Path thread : threads) {
                // One that has ended meanwhile needs no core.
                keep(Integer.parseInt(thread.getFileName().toString()), others);
            }
        } catch (IOException e) {
            throw new LoadTestException("can't list the threads of this process: " + e, e);
        }
        if (!keep(CALLER, calling)) {
            throw new LoadTestException("can't keep a thread to the cores " + calling);
        }
    }

    private static boolean keep(int thread, BitSet cores) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES);
            byte[] bits = cores.toByteArray();
            MemorySegment.copy(bits, 0, mask, ValueLayout.JAVA_BYTE, 0, bits.length);
            return call(Native.SET, thread, mask);
        }
    }

    /// Only where there is Linux.
    private static final class Native {
        static final MethodHandle GET = function("sched_getaffinity");
        static final MethodHandle SET = function("sched_setaffinity");

        @SuppressWarnings("restricted") // calls into native code, which the launcher allows
        private static MethodHandle function(String name) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow(name),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG,
                            ValueLayout.ADDRESS));
        }
    }

    private static boolean call(MethodHandle function, int thread, MemorySegment mask) {
        try {
            return (int) function.invokeExact(thread, (long) MASK_BYTES, mask) >= 0;
        } catch (Throwable neverThrown) {
            throw new IllegalStateException(neverThrown);
        }
    }
}
