package io.tidegrad.trainer.relearn;

import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Supplier;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;

/// Chunks of rows that a thread of its own fills, ahead of the thread that learns them. They go round between two bounded
/// queues and are used again, so that filling waits if learning is behind. One thread fills and one learns, in order, so
/// the result is that of a single thread.
///
/// @param <C> a chunk
public final class ChunksAhead<C> implements AutoCloseable {
    private static final int CHUNKS = 8;

    /// How many bytes of rows a chunk has. A hand-over takes microseconds, and a row of 100 bytes is learned in one.
    private static final int CHUNK_BYTES = 256 * 1024;

    private static final int CHUNK_ROWS_MIN = 16;
    private static final int CHUNK_ROWS_MAX = 256;

    /// Fills chunks, on the thread that this is for, until there is nothing more.
    @FunctionalInterface
    public interface Filler<C> {
        void fill(ChunksAhead<C> ahead);
    }

    private record Handed<C>(@Nullable C chunk) { // null: the end
    }

    private final BlockingQueue<C> free = new ArrayBlockingQueue<>(CHUNKS);
    private final BlockingQueue<Handed<C>> filled = new ArrayBlockingQueue<>(CHUNKS + 1); // and the end
    private final Thread thread;

    private @Nullable C learning; // the learning thread's
    private volatile @Nullable Throwable failure; // before the end

    /// Begins to fill at once.
    ///
    /// @param name of the thread
    public ChunksAhead(String name, Supplier<C> chunks, Filler<C> filler) {
        for (int i = 0; i < CHUNKS; i++) {
            free.add(chunks.get());
        }
        thread = Thread.ofPlatform().name(name).daemon().start(() -> run(filler));
    }

    /// How many rows a chunk has.
    ///
    /// @param rowBytes of a row
    public static int rows(long rowBytes) {
        return Math.clamp(CHUNK_BYTES / rowBytes, CHUNK_ROWS_MIN, CHUNK_ROWS_MAX);
    }

    private void run(Filler<C> filler) {
        try {
            filler.fill(this);
        } catch (RuntimeException | Error e) {
            failure = e; // without it the learning thread would take this for the end
        } finally {
            filled.add(new Handed<>(null)); // the queue has a place for each chunk and this one
        }
    }

    /// Returns a chunk to fill. For the filling thread.
    public C take() {
        return waited(free);
    }

    /// Hands over a filled chunk. For the filling thread.
    public void put(C chunk) {
        filled.add(new Handed<>(chunk));
    }

    private static <T> T waited(BlockingQueue<T> queue) {
        try {
            return queue.take();
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
    }

    /// Returns the next chunk, or null at the end. The chunk before is filled again. For the learning thread.
    ///
    /// @throws RuntimeException if filling has failed
    public @Nullable C next() {
        C done = learning;
        if (done != null) {
            learning = null;
            free.add(done);
        }
        Handed<C> handed = waited(filled);
        if (handed.chunk() == null) {
            filled.add(handed); // for another call
            Throwable why = failure;
            if (why instanceof Error error) {
                throw error;
            }
            if (why instanceof RuntimeException exception) {
                throw exception;
            }
        }
        learning = handed.chunk();
        return handed.chunk();
    }

    /// Stops filling and waits until it has stopped.
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
