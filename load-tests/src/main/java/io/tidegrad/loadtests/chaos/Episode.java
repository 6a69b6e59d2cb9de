package io.tidegrad.loadtests.chaos;

import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.process.ExitCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/// One try of one fault: what it is tried on, its random choices, and its outcome.
///
/// @param killed trainers
record Episode(TestBed testBed, World world, SplittableRandom random, List<Double> recoverySeconds,
        List<Violation> violations, AtomicInteger killed) {
    Episode(TestBed testBed, World world, SplittableRandom random) {
        this(testBed, world, random, new ArrayList<>(), new ArrayList<>(), new AtomicInteger());
    }

    /// Waits for a random time.
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

    /// Starts a trainer, and waits until something beyond `watermark` is committed.
    void restarts(Trainer trainer, long watermark) throws InterruptedException {
        long since = System.nanoTime();
        trainer.start();
        recovers(since, watermark);
    }

    /// Likewise, from now on and beyond what is committed now.
    void recovers() throws InterruptedException {
        recovers(System.nanoTime(), world.watermark());
    }

    void recovers(World of, long since, long watermark) throws InterruptedException {
        of.awaitWatermark(watermark, World.RECOVERS_WITHIN);
        recoverySeconds.add(LoadTest.secondsSince(since));
    }

    /// Watches for so long, and notes the longest time without a commit as the recovery.
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

    /// Expects that a trainer refused to go on and said why.
    ///
    /// @param statuses one of which it must end with
    /// @param word that its message must have
    void expectEnd(String invariant, Supervised.Ended ended, Set<ExitCode> statuses, String word) {
        expect(invariant,
                statuses.stream().anyMatch(status -> status.status() == ended.status()) && ended.said().contains(word),
                "expected one of " + statuses + " and the word '" + word + "', found status " + ended.status() + ": "
                        + ended.lastLine());
    }

    void add(List<Violation> found) {
        violations.addAll(found);
    }
}
