package io.tidegrad.proof;

import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/// Tests one reader with damaged inputs: each must be accepted or refused with one of the reader's own exceptions,
/// never with another exception or error, and take at most `CPU_MAX`.
///
/// A run prints its seed; `-Dseed=…` repeats it, `-Dmutations=…` makes more or fewer inputs.
public final class Fuzz {
    private static final Duration CPU_MAX = Duration.ofSeconds(5);

    private final String what;
    private final String rerun;
    private final List<byte[]> good;
    private Mutations mutations;
    private BiFunction<byte[], SplittableRandom, byte[]> repair = (bytes, random) -> bytes;
    private final long seed = Long.getLong("seed", System.nanoTime());

    /// @param what name of the input, for the report
    /// @param test test class, with its module for the line that repeats a run
    /// @param good inputs that the reader accepts
    public Fuzz(String what, Class<?> test, String module, List<byte[]> good) {
        this.what = what;
        rerun = "seed " + seed + " · rerun: mvn -pl " + module
                + " -am test -Dsurefire.failIfNoSpecifiedTests=false -Dtest=" + test.getSimpleName() + " -Dseed="
                + seed;
        this.good = List.copyOf(good);
        mutations = new Mutations(seed);
    }

    /// Adds bytes to insert that are likely to break readers of this format.
    public Fuzz inserting(byte[]... insertions) {
        mutations = new Mutations(seed, insertions);
        return this;
    }

    /// Passes half of the damaged inputs through `repair`, which corrects checksums as an attacker would: otherwise the
    /// code after the checksum would never be reached.
    public Fuzz repaired(BiFunction<byte[], SplittableRandom, byte[]> repair) {
        this.repair = repair;
        return this;
    }

    /// @param reader the reader, which throws one of `refusals` for inputs that it refuses
    public void run(int inputs, Consumer<byte[]> reader, Class<?>... refusals) {
        System.out.println(what + ": " + rerun);
        SplittableRandom random = new SplittableRandom(seed);
        int count = Integer.getInteger("mutations", inputs);
        int taken = 0;
        try (CpuWatchdog watchdog = new CpuWatchdog(CPU_MAX, i -> "input " + i + " · " + rerun)) {
            for (int i = 0; i < count; i++) {
                byte[] input = mutations.of(good.get(i % good.size()));
                if (random.nextBoolean()) {
                    input = repair.apply(input, random);
                }
                watchdog.begin(i);
                try {
                    reader.accept(input);
                    taken++;
                } catch (Throwable thrown) {
                    check(thrown, i, input, refusals);
                }
            }
        }
        System.out.printf("%s: %,d inputs, %,d taken, the others refused%n", what, count, taken);
    }

    private void check(Throwable thrown, int i, byte[] input, Class<?>[] refusals) {
        for (Class<?> refusal : refusals) {
            if (refusal.isInstance(thrown)) {
                return;
            }
        }
        throw new AssertionError(what + ": expected a typed refusal, found " + thrown + " for input " + i + " · "
                + rerun + " · " + HexFormat.of().formatHex(input, 0, Math.min(input.length, 2_000)), thrown);
    }
}
