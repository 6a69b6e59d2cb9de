package io.tidegrad.trainer.relearn;

import io.tidegrad.control.TopicReader;
import io.tidegrad.model.learn.PreparedEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;

/// A stretch of the log, read, decoded and featurised on a thread of its own, ahead of who learns it. Chunks of rows go
/// round between two bounded queues and are used again and again: reading waits when learning is behind. One reader and
/// one learner, in order, so that what is learned is what one thread would have learned.
final class ReadAhead implements AutoCloseable {
    private static final int CHUNKS = 8;

    /// Of rows in a chunk: a hand-over costs microseconds, a row of 100 bytes is learned in one.
    private static final int CHUNK_BYTES = 256 * 1024;

    private static final int CHUNK_RECORDS_MIN = 16;
    private static final int CHUNK_RECORDS_MAX = 256;

    /// Records in a row, each prepared for every model.
    static final class Chunk {
        final long[] offsets;
        final long[] timestamps;
        final PreparedEvent[][] events; // (record, model)
        int size;

        Chunk(int records, List<RelearnedModel> models) {
            offsets = new long[records];
            timestamps = new long[records];
            events = new PreparedEvent[records][models.size()];
            for (PreparedEvent[] each : events) {
                for (int i = 0; i < each.length; i++) {
                    each[i] = models.get(i).newEvent();
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

    /// Begins at once.
    ///
    /// @param models for which to prepare
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
            failure = e; // an error that was lost here would be taken for the end of the log
        } finally {
            filled.add(END); // there is room: a place for each chunk, and this one
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
            models.get(i).prepare(record, chunk.events[at][i]);
        }
        if (chunk.size == records) {
            filled.add(chunk);
            filling = null;
        }
        return true;
    }

    /// The next chunk, null at the end; the one before goes back to be filled again.
    ///
    /// @throws RuntimeException why reading or preparing came to a stop
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
            filled.add(END); // whoever asks again is told the same
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

    /// Stops reading, and waits until it has stopped: the reader may be used again.
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
