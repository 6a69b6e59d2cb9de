package io.tidegrad.loadtests.chaos;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/// One fault that is tried: on whom, what chance decides, and what came of it.
///
/// @param killed trainers
record Episode(Stage stage, World world, SplittableRandom random, List<Double> recoverySeconds,
        List<Violation> violations, AtomicInteger killed) {
    Episode(Stage stage, World world, SplittableRandom random) {
        this(stage, world, random, new ArrayList<>(), new ArrayList<>(), new AtomicInteger());
    }

    /// Lets time pass, as much as chance says.
    void pass(Duration least, Duration most) throws InterruptedException {
        Thread.sleep(random.nextLong(least.toMillis(), most.toMillis() + 1));
    }

    /// SIGKILL.
    void kill(Trainer trainer) {
        trainer.kill();
        killed.incrementAndGet();
    }

    /// Waits until something beyond `watermark` is committed, and notes how long that took.
    ///
    /// @param since `System.nanoTime` of the kill, or of the healing
    void recovers(long since, long watermark) throws InterruptedException {
        recovers(world, since, watermark);
    }

    void recovers(World of, long since, long watermark) throws InterruptedException {
        of.awaitWatermark(watermark, World.RECOVERS_WITHIN);
        recoverySeconds.add((System.nanoTime() - since) * 1e-9);
    }

    /// Looks on for so long, and notes the longest time without a commit as the recovery.
    void longestPause(Duration watch) throws InterruptedException {
        long began = System.nanoTime();
        long committedAt = began;
        long longest = 0;
        long last = world.watermark();
        for (long now = began; now - began < watch.toNanos(); now = System.nanoTime()) {
            world.requireAlive();
            longest = Math.max(longest, now - committedAt);
            long watermark = world.watermark();
            if (watermark > last) {
                last = watermark;
                committedAt = now;
            }
            Thread.sleep(10);
        }
        recoverySeconds.add(longest * 1e-9);
    }

    void expect(String invariant, boolean holds, String expectedAndFound) {
        if (!holds) {
            violations.add(new Violation(invariant, expectedAndFound));
        }
    }

    void add(List<Violation> found) {
        violations.addAll(found);
    }
}
