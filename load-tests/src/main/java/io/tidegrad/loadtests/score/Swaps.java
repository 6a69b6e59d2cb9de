package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;

/// Publishes version after version at a pace while something else is done. What a version answers is told before
/// anybody can have it.
final class Swaps {
    private static final int EVENTS_A_VERSION = 5;

    /// Of so many versions one is whole, the others say what changed.
    private static final int FULL_EVERY = 8;

    private final Versions versions;
    private final Expected expected;
    private final SnapshotTopic topic;
    private final SnapshotTopic unread;
    private final Queue<Versions.Version> ready = new ArrayDeque<>();
    private final Queue<PublishedSnapshot> last = new ArrayDeque<>();
    private volatile boolean ending;
    private boolean elsewhere;
    private long made;
    private long newest;

    /// @param unread another topic, which no scorer reads
    Swaps(Versions versions, Expected expected, SnapshotTopic topic, SnapshotTopic unread) {
        this.versions = versions;
        this.expected = expected;
        this.topic = topic;
        this.unread = unread;
    }

    /// Makes versions to be published: a trainer is another machine's process, whose work is not the scorer's.
    void make(int count) {
        for (int i = 0; i < count; i++) {
            ready.add(next());
        }
    }

    private Versions.Version next() {
        return versions.next(EVENTS_A_VERSION, made++ % FULL_EVERY == 0);
    }

    /// One that is made, or else a new one.
    void publish() {
        Versions.Version version = ready.isEmpty() ? next() : ready.remove();
        expected.tell(version);
        topic.write(version.snapshot());
        newest = version.number();
        last.add(version.snapshot());
        if (last.size() > FULL_EVERY) {
            last.remove();
        }
    }

    /// Writes what was published lately once more, one after the other, where nobody reads it.
    private void publishUnread() {
        PublishedSnapshot next = last.remove();
        unread.write(next);
        last.add(next);
    }

    /// From now on whoever publishes takes what all others leave of the cores. Returns whether the system lets it.
    boolean elsewhere() {
        elsewhere = LinuxScheduler.idle(ProcessHandle.current().pid(), SnapshotTopic::isSender);
        return elsewhere;
    }

    /// Returns what `work` does, done while versions are published.
    ///
    /// @throws LoadTestException publishing failed
    <T> T during(double perSecond, Callable<T> work) throws Exception {
        return during(perSecond, this::publish, work);
    }

    /// As `during`, but no scorer reads what is published: what it costs this machine to write them is no scorer's
    /// doing.
    <T> T duringUnread(double perSecond, Callable<T> work) throws Exception {
        return during(perSecond, this::publishUnread, work);
    }

    private <T> T during(double perSecond, Runnable publish, Callable<T> work) throws Exception {
        ending = false;
        FutureTask<Void> publishing = new FutureTask<>(() -> publishAtPace(perSecond, publish), null);
        Thread thread = Thread.ofPlatform().daemon().name("publish").start(publishing);
        T done;
        try {
            done = work.call();
        } finally {
            ending = true;
            LockSupport.unpark(thread);
            thread.join();
        }
        try {
            publishing.get();
        } catch (ExecutionException e) {
            throw new LoadTestException("publishing failed: " + e.getCause(), e.getCause());
        }
        return done;
    }

    private void publishAtPace(double perSecond, Runnable publish) {
        if (elsewhere) {
            LinuxScheduler.idle();
        }
        long start = System.nanoTime();
        long count = 0;
        while (!ending) {
            long due = start + Math.round(count * 1e9 / perSecond);
            long now = System.nanoTime();
            if (now < due) {
                LockSupport.parkNanos(due - now);
            } else {
                publish.run();
                count++;
            }
        }
    }

    /// The version published last; not while they are published.
    long newest() {
        return newest;
    }
}
