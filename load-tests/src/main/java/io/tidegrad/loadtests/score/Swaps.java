package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.Await;
import io.tidegrad.loadtests.Background;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import java.util.ArrayDeque;
import java.util.Queue;

/// Publishes version after version at a pace while something else is done. What a version must answer is told before it
/// is published.
final class Swaps {
    private static final int EVENTS_A_VERSION = 5;

    /// One in so many versions is a full snapshot, the others are deltas.
    private static final int FULL_EVERY = 8;

    private final Versions versions;
    private final Expected expected;
    private final SnapshotTopic topic;
    private final SnapshotTopic unread;
    private final Queue<Versions.Version> ready = new ArrayDeque<>();
    private final Queue<PublishedSnapshot> last = new ArrayDeque<>();
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

    /// Publishes a version that was made before, or else a new one.
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

    /// Writes a recently published version once more, to the topic that nobody reads.
    private void publishUnread() {
        PublishedSnapshot next = last.remove();
        unread.write(next);
        last.add(next);
    }

    /// Gives publishing only idle time from now on. Returns whether the system allows it.
    boolean elsewhere() {
        elsewhere = LinuxScheduler.idle(ProcessHandle.current().pid(), SnapshotTopic::isSender);
        return elsewhere;
    }

    /// Returns what `work` does, done while versions are published.
    ///
    /// @throws LoadTestException publishing failed
    <T> T during(double perSecond, Await.Interruptible<T> work) throws InterruptedException {
        return during(perSecond, this::publish, work);
    }

    /// As `during`, but no scorer reads what is published: what it costs this machine to write them is no scorer's
    /// doing.
    <T> T duringUnread(double perSecond, Await.Interruptible<T> work) throws InterruptedException {
        return during(perSecond, this::publishUnread, work);
    }

    private <T> T during(double perSecond, Runnable publish, Await.Interruptible<T> work) throws InterruptedException {
        Background publishing = Background.start("publish", self -> publishAtPace(perSecond, publish, self));
        T done;
        try (publishing) {
            done = work.get();
        }
        publishing.requireHealthy("publishing failed");
        return done;
    }

    private void publishAtPace(double perSecond, Runnable publish, Background self) {
        if (elsewhere) {
            LinuxScheduler.idle();
        }
        long start = System.nanoTime();
        long count = 0;
        while (self.comes(start + Math.round(count * 1e9 / perSecond))) {
            publish.run();
            count++;
        }
    }

    /// The version published last; not while they are published.
    long newest() {
        return newest;
    }
}
