package io.tidegrad.trainer.relearn;

import io.tidegrad.control.TopicReader;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.trainer.store.RunningHash;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;

/// Reads, decodes and featurises a stretch of the log on a thread of its own, ahead of the thread that learns it.
/// Chunks of rows go round between two bounded queues and are used again, so that reading waits if learning is behind.
/// One thread reads and one learns, in order, so the result is that of a single thread.
final class ReadAhead implements AutoCloseable {
    private static final int CHUNKS = 8;

    /// How many bytes of rows a chunk has. A hand-over takes microseconds, and a row of 100 bytes is learned in one.
    private static final int CHUNK_BYTES = 256 * 1024;

    private static final int CHUNK_RECORDS_MIN = 16;
    private static final int CHUNK_RECORDS_MAX = 256;

    /// Consecutive records, each prepared for every model.
    static final class Chunk {
        final long[] offsets;
        final long[] timestamps;
        final PreparedEvent[][] events; // (record, model)
        final RunningHash.Mark[][] hashes; // likewise
        int size;

        Chunk(int records, List<RelearnedModel> models) {
            offsets = new long[records];
            timestamps = new long[records];
            events = new PreparedEvent[records][models.size()];
            hashes = new RunningHash.Mark[records][models.size()];
            for (int at = 0; at < records; at++) {
                for (int i = 0; i < models.size(); i++) {
                    events[at][i] = models.get(i).newEvent();
                    hashes[at][i] = new RunningHash.Mark();
                }
            }
        }
    }

    private static final Chunk END = new Chunk(0, List.of());

    private final TopicReader reader;
    private final List<RelearnedModel> models;
    private final int records;
    private final BlockingQueue<Chunk> free = new ArrayBlockingQueue<>(CHUNKS);
    private final BlockingQueue<Chunk> filled = new ArrayBlockingQueue<>(CHUNKS + 1); // and END
    private final Thread thread;

    private @Nullable Chunk filling; // the reading thread's
    private @Nullable Chunk learning; // the learning thread's
    private volatile @Nullable Throwable failure; // before END

    /// Begins to read at once.
    ///
    /// @param models the models for which to prepare
    /// @param end exclusive
    ReadAhead(TopicReader reader, List<RelearnedModel> models, long from, long end) {
        this.reader = reader;
        this.models = List.copyOf(models);
        long rowBytes = models.stream().mapToLong(RelearnedModel::rowBytes).sum();
        records = Math.clamp(CHUNK_BYTES / rowBytes, CHUNK_RECORDS_MIN, CHUNK_RECORDS_MAX);
        List<Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < CHUNKS; i++) {
            chunks.add(new Chunk(records, this.models));
        }
        free.addAll(chunks);
        thread = Thread.ofPlatform().name("read-ahead-" + reader.log()).daemon().start(() -> run(from, end));
    }

    private void run(long from, long end) {
        try {
            Predicate<ConsumerRecord<byte[], byte[]>> add = this::add;
            reader.read(from, end, add);
            Chunk last = filling;
            if (last != null) {
                filled.add(last);
            }
        } catch (RuntimeException | Error e) {
            failure = e; // without it the learning thread would take this for the end of the log
        } finally {
            filled.add(END); // the queue has a place for each chunk and this one
        }
    }

    private boolean add(ConsumerRecord<byte[], byte[]> record) {
        Chunk chunk = filling;
        if (chunk == null) {
            try {
                chunk = free.take();
            } catch (InterruptedException closed) {
                throw new InterruptException(closed);
            }
            chunk.size = 0;
            filling = chunk;
        }
        int at = chunk.size++;
        chunk.offsets[at] = record.offset();
        chunk.timestamps[at] = record.timestamp();
        for (int i = 0; i < models.size(); i++) {
            models.get(i).prepare(record, chunk.events[at][i], chunk.hashes[at][i]);
        }
        if (chunk.size == records) {
            filled.add(chunk);
            filling = null;
        }
        return true;
    }

    /// Returns the next chunk, or null at the end. The chunk before is filled again.
    ///
    /// @throws RuntimeException if reading or preparing has failed
    @Nullable
    Chunk next() {
        Chunk done = learning;
        if (done != null) {
            learning = null;
            free.add(done);
        }
        Chunk chunk;
        try {
            chunk = filled.take();
        } catch (InterruptedException e) {
            throw new InterruptException(e);
        }
        if (chunk == END) {
            filled.add(END); // for another call
            Throwable why = failure;
            if (why instanceof Error error) {
                throw error;
            }
            if (why instanceof RuntimeException exception) {
                throw exception;
            }
            return null;
        }
        learning = chunk;
        return chunk;
    }

    /// Stops reading and waits until it has stopped, so that the reader may be used again.
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
