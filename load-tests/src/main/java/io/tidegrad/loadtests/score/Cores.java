package io.tidegrad.loadtests.score;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;

/// The cores that a thread may run on, by `sched_setaffinity(2)` of Linux. Threads that it starts inherit them.
final class Cores {
    private static final int MASK_BYTES = 128; // of 1,024 cores, as glibc's cpu_set_t

    private Cores() {}

    /// Those of the calling thread; none where they can't be told.
    static BitSet allowed() {
        if (!System.getProperty("os.name").equals("Linux")) {
            return new BitSet();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES);
            return call("sched_getaffinity", mask) < 0
                    ? new BitSet()
                    : BitSet.valueOf(mask.asByteBuffer());
        }
    }

    /// Returns whether the calling thread now keeps to them.
    static boolean keepTo(BitSet cores) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES);
            byte[] bits = cores.toByteArray();
            MemorySegment.copy(bits, 0, mask, ValueLayout.JAVA_BYTE, 0, bits.length);
            return call("sched_setaffinity", mask) == 0;
        }
    }

    @SuppressWarnings("restricted") // calls into native code, which the launcher allows
    private static int call(String name, MemorySegment mask) {
        Linker linker = Linker.nativeLinker();
        MethodHandle function =
                linker.downcallHandle(
                        linker.defaultLookup().findOrThrow(name),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.JAVA_INT, // 0: the calling thread
                                ValueLayout.JAVA_LONG,
                                ValueLayout.ADDRESS));
        try {
            return (int) function.invokeExact(0, (long) MASK_BYTES, mask);
        } catch (Throwable neverThrown) {
            throw new IllegalStateException(neverThrown);
        }
    }
}
