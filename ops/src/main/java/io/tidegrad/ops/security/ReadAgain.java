package io.tidegrad.ops.security;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What is read from files, and again when one of them has changed; what can't be used then is told once, and what was
/// read before stays.
final class ReadAgain<T> {
    private static final Logger log = LoggerFactory.getLogger(ReadAgain.class);

    /// Requests ask far more often than files change.
    private static final long LOOK_NANOS = Duration.ofSeconds(1).toNanos();

    private final List<Path> files;
    private final Supplier<T> reader;
    private final LongSupplier nanoTime;
    private final AtomicLong looked;
    private List<Stamp> stamps;
    private volatile T value;

    /// @param reader throws an `IllegalArgumentException` that says what was expected and found
    /// @param nanoTime monotonic
    ReadAgain(List<Path> files, Supplier<T> reader, LongSupplier nanoTime) {
        this.files = List.copyOf(files);
        this.reader = reader;
        this.nanoTime = nanoTime;
        looked = new AtomicLong(nanoTime.getAsLong());
        // Before they are read: a change meanwhile is seen at the next look.
        stamps = stamps();
        value = reader.get();
    }

    /// A file that is replaced has another key, one that is written another time or size.
    private record Stamp(@Nullable Object key, @Nullable FileTime modified, long size) {
        static Stamp of(Path file) {
            try {
                BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
                return new Stamp(attributes.fileKey(), attributes.lastModifiedTime(), attributes.size());
            } catch (IOException gone) {
                return new Stamp(null, null, -1);
            }
        }
    }

    private List<Stamp> stamps() {
        List<Stamp> now = new ArrayList<>();
        files.forEach(file -> now.add(Stamp.of(file)));
        return now;
    }

    /// Looks at the files at most once a second.
    T get() {
        long now = nanoTime.getAsLong();
        long last = looked.get();
        if (now - last >= LOOK_NANOS && looked.compareAndSet(last, now)) {
            look();
        }
        return value;
    }

    private synchronized void look() {
        List<Stamp> now = stamps();
        if (now.equals(stamps)) {
            return;
        }
        stamps = now;
        try {
            value = reader.get();
            log.info("changed, and read again: {}", files);
        } catch (IllegalArgumentException e) {
            log.warn("changed, and what was read before stays in use: {}", e.getMessage());
        }
    }
}
