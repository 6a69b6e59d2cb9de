package io.tidegrad.trainer.relearn;

import io.tidegrad.control.ControlException;
import io.tidegrad.control.TopicReader;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.process.StopException;
import java.util.List;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.jspecify.annotations.Nullable;

/// Lets models learn a stretch of the log again, as fast as the engine goes: one thread learns, another one prepares
/// ahead of it. It can stop at any offset to look at the models.
public final class Relearning implements AutoCloseable {
    private static final long TELL_EVERY_NANOS = 200_000_000;

    private final TopicReader reader;
    private final List<RelearnedModel> models;
    private final ReplayProgress.Listener listener;
    private final Workers workers;
    private final long start;
    private final long startNanos = System.nanoTime();
    private ReadAhead ahead;
    private long end;
    private ReadAhead.@Nullable Chunk chunk;
    private int next; // record of the chunk
    private long records;
    private long position;
    private long toldAt = startNanos;

    /// @param end exclusive; nothing beyond it is read
    /// @param workers how many threads share each step, the learning one included; 0: as each model's spec says
    public Relearning(TopicReader reader, List<RelearnedModel> models, long end, ReplayProgress.Listener listener,
            int workers) {
        this.reader = reader;
        this.models = List.copyOf(models);
        this.listener = listener;
        this.end = end;
        start = models.stream().mapToLong(RelearnedModel::from).min().orElseThrow();
        position = start;
        ahead = new ReadAhead(reader, this.models, start, end);
        this.workers = new Workers(models.stream().mapToInt(each -> each.spec().workers(workers)).max().orElseThrow());
        models.stream().filter(each -> each.spec().workers(workers) > 1)
                .forEach(each -> each.model().shareAmong(this.workers));
    }

    /// Learns every visible record before offset `until`, which is at most the end.
    ///
    /// @throws StopException if that fails
    /// @throws ControlException if the log begins later
    public void advance(long until) {
        if (until > end) {
            throw new IllegalArgumentException("the end is " + end + ", asked for " + until);
        }
        try {
            learn(until);
        } catch (OffsetOutOfRangeException e) {
            throw reader.beginsLater(models.getFirst().spec().model(), position, e);
        }
    }

    private void learn(long until) {
        while (true) {
            ReadAhead.Chunk at = chunk;
            if (at == null || next == at.size) {
                tell(false);
                at = ahead.next();
                chunk = at;
                next = 0;
                if (at == null) {
                    position = Math.max(position, Math.min(until, end));
                    break;
                }
            }
            while (next < at.size && at.offsets[next] < until) {
                for (int i = 0; i < models.size(); i++) {
                    models.get(i).learn(at.events[next][i], at.offsets[next], at.timestamps[next], at.hashes[next][i]);
                }
                next++;
                records++;
            }
            if (next > 0) {
                position = at.offsets[next - 1] + 1;
            }
            if (next < at.size) {
                break;
            }
        }
        if (until == end) {
            tell(true);
        }
    }

    private void tell(boolean last) {
        long now = System.nanoTime();
        if (last || now - toldAt >= TELL_EVERY_NANOS) {
            toldAt = now;
            listener.at(new ReplayProgress(start, position, end, records, now - startNanos));
        }
    }

    /// Goes on to a later end, once everything before the present one has been learned.
    public void extend(long end) {
        ahead.close();
        long from = this.end;
        this.end = end;
        chunk = null;
        next = 0;
        ahead = new ReadAhead(reader, models, from, end);
    }

    /// Returns how many visible records were read since the start.
    public long records() {
        return records;
    }

    public long nanos() {
        return System.nanoTime() - startNanos;
    }

    public RelearnedModel first() {
        return models.getFirst();
    }

    public long end() {
        return end;
    }

    @Override
    public void close() {
        ahead.close();
        workers.close();
    }
}
