package io.tidegrad.proof;

import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/// Damaged inputs for one reader: each is taken, or refused in the reader's own words; nothing else ever comes out, no
/// error of the machine either, and none takes more than `CPU_MAX`.
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

    /// @param what is read, for the report
    /// @param test class, and its module, for the line that repeats a run
    /// @param good inputs that the reader takes
    public Fuzz(String what, Class<?> test, String module, List<byte[]> good) {
        this.what = what;
        rerun = "seed " + seed + " · rerun: mvn -pl " + module
                + " -am test -Dsurefire.failIfNoSpecifiedTests=false -Dtest=" + test.getSimpleName() + " -Dseed="
                + seed;
        this.good = List.copyOf(good);
        mutations = new Mutations(seed);
    }

    /// What this reader's format stumbles over.
    public Fuzz inserting(byte[]... insertions) {
        mutations = new Mutations(seed, insertions);
        return this;
    }

    /// Half of the damaged inputs go through here, as through a forger's hands who makes checksums right: else nothing
    /// behind the checksum would ever be reached.
    public Fuzz repaired(BiFunction<byte[], SplittableRandom, byte[]> repair) {
        this.repair = repair;
        return this;
    }

    /// @param reader throws one of `refusals` for what it does not take
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
