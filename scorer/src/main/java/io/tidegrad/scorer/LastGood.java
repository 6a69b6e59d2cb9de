package io.tidegrad.scorer;

import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.SnapshotFile;
import io.tidegrad.model.snapshot.SnapshotFormatException;
import io.tidegrad.model.snapshot.SnapshotManifest;
import io.tidegrad.model.snapshot.Verification;
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

/// Stores the served version in a file, and serves the file's version at a start at which Kafka gives none. Both happen
/// on a thread of its own, so neither scoring nor following waits for a disk.
///
/// The file is read once: if nothing serves within `PATIENCE`, or earlier if Kafka returns an error or has no topic of
/// snapshots. Its version passes the same checks as one from the topic and never replaces another version. From then on
/// it counts like a version that this process admitted: only a higher one may follow.
final class LastGood implements AutoCloseable {
    /// A start from Kafka usually takes a tenth of this.
    static final Duration PATIENCE = Duration.ofSeconds(3);

    /// The served version changes about every 0.5 s, but a file that is 30 s old is good enough: writing more often
    /// would only load the disk.
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

    // Only used by our thread:
    private @Nullable Offer kept;

    /// A served version. The reference is weak, so that a version that waits to be written is not kept in memory.
    ///
    /// @param resume offset after its manifest in the snapshots topic; -1 if unknown
    private record Offer(long resume, WeakReference<ServedVersion> served) {
    }

    /// @param signed whether snapshots must be signed
    /// @param allowed whether the control records that were read so far allow a version
    /// @param admissions returns the admission for the model with the given name
    /// @param patience how long a start waits for Kafka before it reads the file
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

    /// Kafka returned an error, or the control topic was read and there is no topic of snapshots: the start need not wait
    /// any longer before it reads the file.
    void kafkaHasNone() {
        needed.countDown();
    }

    /// Returns whether the file's version serves or may still come to serve.
    boolean mayServe() {
        return mayServe;
    }

    /// Takes the served version and the offset at which its topic continues. Cheap enough to be called for every
    /// version.
    void offer(ServedVersion served, long resume) {
        Offer known = newest;
        if (known == null || known.served.get() != served) {
            newest = new Offer(resume, new WeakReference<>(served));
        }
    }

    /// Deletes the file, because its version must not be served any more.
    void forget(String why) {
        mayServe = false;
        forgotten.incrementAndGet();
        newest = null;
        try {
            boolean there = file.exists();
            file.delete();
            if (there) {
                log.info("model {}: {} is deleted: {}", name, file.path(), why);
            }
        } catch (IOException e) {
            log.error("model {}: {} can't be deleted ({}): {}", name, file.path(), why, e.toString());
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
            // Kafka may still bring a version.
        }
        return closing.getCount() > 0 && current.get() == null && mayServe && readAndServe();
    }

    private boolean readAndServe() {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file.path()))) {
            SnapshotFile read = SnapshotFile.read(in);
            SnapshotManifest manifest = read.head().manifest();
            if (!read.head().name().equals(name)) {
                return refused(new Verification.Refused(manifest, RefusalReason.WRONG_MODEL,
                        "expected the version that served as '" + name + "', found the one that served as '"
                                + read.head().name() + "'"));
            }
            if (!allowed.test(manifest)) {
                return refused(new Verification.Refused(manifest, RefusalReason.OLD_EPOCH,
                        "a later decision no longer allows epoch " + manifest.epoch() + " of " + manifest.model()));
            }
            return switch (admissions.apply(manifest.model()).admitIfNone(read)) {
                case null -> false;
                case Verification.Admitted admitted -> {
                    log.warn("Kafka gave no version of model {}: serving version {}.{} from {} until it does",
                            manifest.model(), manifest.epoch(), manifest.version(), file.path());
                    yield true;
                }
                case Verification.Refused refused -> refused(refused);
            };
        } catch (SnapshotFormatException e) {
            return refused(new Verification.Refused(0, 0, RefusalReason.UNREADABLE, String.valueOf(e.getMessage())));
        } catch (IOException e) {
            return refused(new Verification.Refused(0, 0, RefusalReason.UNREADABLE, "it can't be read: " + e));
        }
    }

    private boolean refused(Verification.Refused refused) {
        counters.refused(refused);
        log.error("model {}: {} is not served: {}: {}", name, file.path(), refused.reason().code(), refused.detail());
        return false;
    }

    /// Returns true if it wrote the file or tried to.
    private boolean keep() {
        int known = forgotten.get();
        Offer offer = newest;
        if (offer == null || offer == kept) {
            return false;
        }
        ServedVersion served = offer.served.get();
        if (served == null) {
            return false; // replaced in the meantime; its successor was offered too
        }
        kept = offer;
        try {
            if (signed && served.isBroughtBack()) {
                // No signature covers it under its new epoch, and its old epoch has ended.
                file.delete();
                return true;
            }
            file.write(new SnapshotFile.Head(name, served.manifest(), served.spec().yaml(), offer.resume,
                    served.isBroughtBack()), served.parameters(), () -> forgotten.get() == known);
        } catch (IOException e) {
            log.error("model {}: {} can't be written, version {}.{} is not kept: {}", name, file.path(), served.epoch(),
                    served.version(), e.toString());
        }
        return true;
    }

    /// Writes the served version, unless the file has it already, and stops.
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
