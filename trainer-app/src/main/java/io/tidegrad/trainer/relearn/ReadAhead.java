package io.tidegrad.trainer.relearn;

import io.tidegrad.control.TopicReader;
import io.tidegrad.model.learn.PreparedEvent;
import io.tidegrad.trainer.store.RunningHash;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;

/// Reads, decodes and featurises a stretch of the log on a thread of its own, ahead of the thread that learns it.
final class ReadAhead implements AutoCloseable {
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

    private final List<RelearnedModel> models;
    private final ChunksAhead<Chunk> ahead;
    private @Nullable Chunk filling; // the reading thread's

    /// Begins to read at once.
    ///
    /// @param models the models for which to prepare
    /// @param end exclusive
    ReadAhead(TopicReader reader, List<RelearnedModel> models, long from, long end) {
        this.models = List.copyOf(models);
        int records = ChunksAhead.rows(models.stream().mapToLong(RelearnedModel::rowBytes).sum());
        ahead = new ChunksAhead<>("read-ahead-" + reader.log(), () -> new Chunk(records, this.models), chunks -> {
            reader.read(from, end, record -> add(record, chunks));
            Chunk last = filling;
            if (last != null) {
                chunks.put(last);
            }
        });
    }

    private boolean add(ConsumerRecord<byte[], byte[]> record, ChunksAhead<Chunk> chunks) {
        Chunk chunk = filling;
        if (chunk == null) {
            chunk = chunks.take();
            chunk.size = 0;
            filling = chunk;
        }
        int at = chunk.size++;
        chunk.offsets[at] = record.offset();
        chunk.timestamps[at] = record.timestamp();
        for (int i = 0; i < models.size(); i++) {
            models.get(i).prepare(record, chunk.events[at][i], chunk.hashes[at][i]);
        }
        if (chunk.size == chunk.offsets.length) {
            chunks.put(chunk);
            filling = null;
        }
        return true;
    }

    /// See `ChunksAhead.next`.
    @Nullable
    Chunk next() {
        return ahead.next();
    }

    /// Stops reading and waits until it has stopped, so that the reader may be used again.
    @Override
    public void close() {
        ahead.close();
    }
}
