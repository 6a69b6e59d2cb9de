package io.tidegrad.cli.quickstart;

import io.tidegrad.cli.CommandException;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.streams.Flight;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.schemas.ConfluentAvroSerializer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.jspecify.annotations.Nullable;

/// Sends a stream at its pace from a thread of its own, like any producer: idempotent, Avro with the registry, to one
/// partition. It sends ticks before the first event and one after the last, and remembers when the broker appended each
/// event.
final class EventProducer implements AutoCloseable {
    // It sends in bursts of a fortieth of a second, because waking up for an event costs more than sending it.
    private static final long BURST_NANOS = 25_000_000;

    private final Producer<byte[], @Nullable GenericContainer> producer;
    private final String topic;
    private final Schema schema;
    private final List<? extends StreamEvent> events;
    private final Pace pace;

    // One time for each event, epoch ms. Written by the producer's thread and read once all events are sent.
    private final long[] appendedAt;
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile long firstOffset;
    private volatile long endOffset;
    private volatile long startNanos;
    private volatile long lastAcknowledgedNanos;
    private volatile boolean finished;
    private volatile boolean closed;

    EventProducer(KafkaProvider stack, String topic, ShippedStream stream, List<? extends StreamEvent> events,
            Pace pace) {
        this.topic = topic;
        this.schema = stream.schema();
        this.events = events;
        this.pace = pace;
        appendedAt = new long[events.size()];
        producer = new KafkaProducer<>(Map.of(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, stack.bootstrapServers(),
                ProducerConfig.CLIENT_ID_CONFIG, "quickstart-producer", ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
                ByteArraySerializer.class.getName(), ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
                ConfluentAvroSerializer.class.getName(), "schema.registry.url", stack.registryUrl(),
                ProducerConfig.ACKS_CONFIG, "all", ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "true",
                ProducerConfig.LINGER_MS_CONFIG, "10", ProducerConfig.BATCH_SIZE_CONFIG, "131072"));
        thread = Thread.ofPlatform().daemon().name("quickstart-producer").unstarted(this::send);
    }

    /// Sends a tick before the events and returns when the broker has it.
    void tick() {
        producer.send(tick(new byte[0]), this::tickAcknowledged);
        producer.flush();
    }

    /// Starts sending events.
    void start() {
        firstOffset = endOffset;
        thread.start();
    }

    private void send() {
        try {
            long start = System.nanoTime();
            startNanos = start;
            lastAcknowledgedNanos = start;
            int sent = 0;
            while (sent < events.size() && !closed) {
                long elapsed = System.nanoTime() - start;
                long due = pace.due(elapsed, events.size());
                for (; sent < due && !closed; sent++) {
                    sendEvent(sent);
                }
                if (sent < events.size()) {
                    long wait = pace.dueAt(sent) - elapsed;
                    LockSupport.parkNanos(Math.max(wait, BURST_NANOS));
                }
            }
            if (!closed) {
                // The tick ends the open mini-batch.
                producer.send(tick(timeOfLast()), this::tickAcknowledged);
                producer.flush();
                finished = true;
            }
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
        }
    }

    private void sendEvent(int index) {
        producer.send(new ProducerRecord<>(topic, 0, null, events.get(index).toAvro(schema)),
                (metadata, e) -> eventAcknowledged(index, metadata, e));
    }

    private ProducerRecord<byte[], @Nullable GenericContainer> tick(byte[] time) {
        ProducerRecord<byte[], @Nullable GenericContainer> tick = new ProducerRecord<>(topic, 0, null, null);
        tick.headers().add(Tick.HEADER, time);
        return tick;
    }

    private byte[] timeOfLast() {
        return events.getLast() instanceof Flight flight ? Tick.headerValue(flight.departed()) : new byte[0];
    }

    private void eventAcknowledged(int index, RecordMetadata metadata, @Nullable Exception e) {
        if (e != null) {
            failure.compareAndSet(null, e);
            return;
        }
        if (metadata.offset() != firstOffset + index) {
            failure.compareAndSet(null, new IllegalStateException("event " + index + " is at offset "
                    + metadata.offset() + " of " + topic + ": another producer writes there too"));
            return;
        }
        appendedAt[index] = metadata.timestamp();
        lastAcknowledgedNanos = System.nanoTime();
        acknowledged.incrementAndGet();
    }

    private void tickAcknowledged(RecordMetadata metadata, @Nullable Exception e) {
        if (e != null) {
            failure.compareAndSet(null, e);
            return;
        }
        endOffset = metadata.offset() + 1;
    }

    /// Returns how many events the broker has acknowledged.
    long acknowledged() {
        return acknowledged.get();
    }

    /// Returns the mean rate from the first event to the newest acknowledgement.
    double eventsPerSecond() {
        long nanos = lastAcknowledgedNanos - startNanos;
        return nanos <= 0 ? 0 : acknowledged() / (nanos * 1e-9);
    }

    /// Returns whether all events and the last tick are in the topic.
    boolean finished() {
        return finished && acknowledged() == events.size();
    }

    /// @throws CommandException if an event could not be written
    void requireHealthy() {
        Exception e = failure.get();
        if (e != null) {
            throw new CommandException("can't write to the topic " + topic + ": " + e, e);
        }
    }

    /// Returns the offset of the first event, after the start. The others follow without a gap.
    long firstOffset() {
        return firstOffset;
    }

    /// Returns the offset after the newest tick, which is the end of the topic before the first event and after the last.
    long endOffset() {
        return endOffset;
    }

    /// Returns when the broker appended each event, epoch ms. Only valid once `finished`.
    long[] appendedAt() {
        return appendedAt.clone();
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
        producer.close(java.time.Duration.ofSeconds(1));
    }
}
