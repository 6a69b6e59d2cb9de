package io.tidegrad.loadtests;

import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/// Sends a stream at an even pace from a thread of its own. It is an open loop: when an event is due does not depend on
/// the events before. The producer waits for no batch, but sends together what comes while a request is under way.
final class PacedEvents implements AutoCloseable {
    private final Producer<byte[], byte @Nullable []> producer;
    private final Malformed.Encoder encoder;
    private final String topic;
    private final ShippedStream stream;
    private final Schema schema;
    private final List<StreamEvent> shipped;
    private final double nanosBetween;
    private final long[] appendedMillis;
    private final Background thread;
    private volatile long startNanos;
    private volatile long latestNanos; // that an event was sent after it was due

    /// @param count of events, which come to lie at the offsets from 0
    PacedEvents(Lab lab, String topic, ShippedStream stream, List<StreamEvent> shipped, double eventsPerSecond,
            int count) {
        this.topic = topic;
        this.stream = stream;
        this.shipped = shipped;
        schema = stream.schema();
        nanosBetween = 1e9 / eventsPerSecond;
        appendedMillis = new long[count];
        encoder = new Malformed.Encoder(lab.registryUrl(), topic, TrainStream.of(stream));
        producer = lab.writer(Map.of("acks", "all", "linger.ms", 0));
        thread = Background.unstarted("paced-events", this::send);
    }

    void start() {
        startNanos = System.nanoTime();
        thread.start();
    }

    private void send(Background self) {
        long latest = 0;
        for (int event = 0; event < appendedMillis.length && self.comes(dueNanos(event)); event++) {
            latest = Math.max(latest, System.nanoTime() - dueNanos(event));
            latestNanos = latest;
            int index = event;
            producer.send(
                    new ProducerRecord<>(topic, 0, null, encoder.good(stream.repeated(shipped, event).toAvro(schema))),
                    (metadata, e) -> {
                        if (e != null || metadata.offset() != index) {
                            self.fail(e != null ? e : new IllegalStateException(
                                    "event " + index + " lies at offset " + metadata.offset()));
                        } else {
                            appendedMillis[index] = metadata.timestamp();
                        }
                    });
        }
        producer.flush();
    }

    /// When an event is due, in the terms of `System.nanoTime`; it may be sent later.
    long dueNanos(int event) {
        return startNanos + (long) (event * nanosBetween);
    }

    boolean isDone() {
        return thread.isDone();
    }

    /// When the broker appended each event, in epoch milliseconds; call it when the thread is done.
    long[] appendedMillis() {
        return Arrays.copyOf(appendedMillis, appendedMillis.length);
    }

    /// The longest time that an event was sent after it was due.
    long latestNanos() {
        return latestNanos;
    }

    /// @throws LoadTestException an event could not be written, or lies elsewhere than it should
    void requireHealthy() {
        thread.requireHealthy("can't write to the topic " + topic);
    }

    @Override
    public void close() {
        thread.close();
        producer.close();
        encoder.close();
    }
}
