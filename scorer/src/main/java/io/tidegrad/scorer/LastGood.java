package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotManifest;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps the version that serves in a file, and serves the file's at a start that Kafka does not answer. A thread of
/// its own does both: neither who scores nor who follows waits for a disk.
///
/// The file is read once, when nothing serves for `PATIENCE` or Kafka gives an error before, is checked as what comes
/// from the topic, and never takes the place of anything. From then on it is as if this process had admitted that
/// version itself: what follows it is above it.
final class LastGood implements AutoCloseable {
    /// What a start from Kafka takes as a rule is a tenth of it.
    static final Duration PATIENCE = Duration.ofSeconds(3);

    /// A version is replaced in half a second, and worth keeping after much more: the disk is not asked for more than
    /// this.
    private static final Duration WRITES_APART = Duration.ofSeconds(30);

    private static final Duration LOOK = Duration.ofMillis(20);
    private static final Duration LOOK_FOR_NEWER = Duration.ofMillis(500);
    private static final Logger log = LoggerFactory.getLogger(LastGood.class);

    private final String name;
    private final LastGoodFile file;
    private final CurrentModel current;
    private final SnapshotCounters counters;
    private final boolean signed;
    private final Predicate<SnapshotManifest> allowed;
    private final Duration patience;
    private final Function<String, SnapshotAdmission> admissions;
    private final CountDownLatch needed = new CountDownLatch(1);
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Thread thread;
    private volatile boolean mayServe;
    private volatile @Nullable Offer newest;
    private final AtomicInteger forgotten = new AtomicInteger(); // times

    // On our thread:
    private @Nullable Offer kept;

    /// A version that serves. Weak: what waits for its turn to be written keeps no memory.
    ///
    /// @param resume next offset of the snapshots topic after its manifest; -1 when that is not known
    private record Offer(long resume, WeakReference<ServedVersion> served) {
    }

    /// @param signed whether snapshots must be
    /// @param allowed what control records that were read meanwhile have against a version
    /// @param admissions by the name of the model that the file is of
    /// @param patience with Kafka, at a start
    LastGood(String name, LastGoodFile file, CurrentModel current, SnapshotCounters counters, boolean signed,
            Predicate<SnapshotManifest> allowed, Function<String, SnapshotAdmission> admissions, Duration patience) {
        this.name = name;
        this.file = file;
        this.current = current;
        this.counters = counters;
        this.signed = signed;
        this.allowed = allowed;
        this.admissions = admissions;
        this.patience = patience;
        file.makeDirectory();
        mayServe = file.exists();
        thread = Thread.ofPlatform().name("tidegrad-last-good-" + name).daemon().unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /// Kafka gave an error: no reason to wait any longer.
    void kafkaIsAway() {
        needed.countDown();
    }

    /// Whether the file's version may still come to serve, or does.
    boolean mayServe() {
        return mayServe;
    }

    /// What serves, and where its topic goes on after it. Cheap: called for each.
    void offer(ServedVersion served, long resume) {
        Offer known = newest;
        if (known == null || known.served.get() != served) {
            newest = new Offer(resume, new WeakReference<>(served));
        }
    }

    /// What was kept may not be served any more.
    void forget(String why) {
        mayServe = false;
        forgotten.incrementAndGet();
        newest = null;
        try {
            boolean there = file.exists();
            file.delete();
            if (there) {
                log.info("{}: {} is deleted: {}", name, file.path(), why);
            }
        } catch (IOException e) {
            log.error("{}: {} can't be deleted ({}): {}", name, file.path(), why, e.toString());
        }
    }

    private void run() {
        try {
            if (mayServe) {
                mayServe = serve();
            }
            while (!closing.await(LOOK_FOR_NEWER.toMillis(), TimeUnit.MILLISECONDS)) {
                if (keep()) {
                    closing.await(WRITES_APART.toMillis(), TimeUnit.MILLISECONDS);
                }
            }
            keep();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean serve() throws InterruptedException {
        long start = System.nanoTime();
        while (System.nanoTime() - start < patience.toNanos() && current.get() == null
                && !needed.await(LOOK.toMillis(), TimeUnit.MILLISECONDS)) {
            // Something may come yet.
        }
        return closing.getCount() > 0 && current.get() == null && mayServe && readAndServe();
    }

    private boolean readAndServe() {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file.path()))) {
            SnapshotFile read = SnapshotFile.read(in);
            SnapshotManifest manifest = read.head().manifest();
            if (!read.head().name().equals(name)) {
                return refused(new Admission.Refused(manifest.epoch(), manifest.version(), RefusalReason.WRONG_MODEL,
                        "expected what served as '" + name + "', found what served as '" + read.head().name() + "'"));
            }
            if (!allowed.test(manifest)) {
                return refused(new Admission.Refused(manifest.epoch(), manifest.version(), RefusalReason.OLD_EPOCH,
                        "what was decided since then leaves nothing of epoch " + manifest.epoch() + " of "
                                + manifest.model()));
            }
            return switch (admissions.apply(manifest.model()).admitIfNone(read)) {
                case null -> false;
                case Admission.Admitted(ServedVersion served) -> {
                    log.warn("nothing came from Kafka: serving {} from {} until something does", served.name(),
                            file.path());
                    yield true;
                }
                case Admission.Refused refused -> refused(refused);
            };
        } catch (SnapshotFormatException e) {
            return refused(new Admission.Refused(0, 0, RefusalReason.UNREADABLE, String.valueOf(e.getMessage())));
        } catch (IOException e) {
            return refused(new Admission.Refused(0, 0, RefusalReason.UNREADABLE, "it can't be read: " + e));
        }
    }

    private boolean refused(Admission.Refused refused) {
        counters.refused(refused);
        log.error("{}: {} is not served: {}: {}", name, file.path(), refused.reason().code(), refused.detail());
        return false;
    }

    /// True when something was written, or tried.
    private boolean keep() {
        int known = forgotten.get();
        Offer offer = newest;
        if (offer == null || offer == kept) {
            return false;
        }
        ServedVersion served = offer.served.get();
        if (served == null) {
            return false; // replaced meanwhile; what replaced it is offered
        }
        kept = offer;
        try {
            if (signed && served.isBroughtBack()) {
                // Nobody has signed it under its new epoch, and the one before is over.
                file.delete();
                return true;
            }
            file.write(new SnapshotFile.Head(name, served.manifest(), served.spec().yaml(), offer.resume,
                    served.isBroughtBack()), served.parameters(), () -> forgotten.get() == known);
        } catch (IOException e) {
            log.error("{}: {} can't be written, {} is not kept: {}", name, file.path(), served.name(), e.toString());
        }
        return true;
    }

    /// Writes what serves, unless it is there.
    @Override
    public void close() {
        needed.countDown();
        closing.countDown();
        try {
            thread.join(Duration.ofSeconds(10));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
