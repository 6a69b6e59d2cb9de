package io.tidegrad.joiner.topology;

import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.Breaker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;
import org.jspecify.annotations.Nullable;

/// The clients of a joiner, with one of the mistakes of `Breaker`. A mistake that shows only in a process which ends between
/// two steps has one that ends there, once in the life of its state directory, and is then started again.
public final class BrokenClients implements KafkaClientSupplier {
    /// Of a transaction in whose middle the process ends: so many that some are events with a label.
    private static final long RECORDS_MIN = 10;

    private static final Duration OFTEN = Duration.ofMillis(5);

    private final Breaker breaker;
    private final Path stateDir;
    private final JoinerTopology.Parts parts;
    private final AlignedClients standard;

    /// Of the thread of Streams that has them.
    private final ThreadLocal<Consumer<byte[], byte[]>> consumers = new ThreadLocal<>();

    public BrokenClients(Breaker breaker, Path stateDir, JoinerTopology.Parts parts) {
        this.breaker = breaker;
        this.stateDir = stateDir;
        this.parts = parts;
        standard = new AlignedClients(parts);
        if (breaker == Breaker.EXPIRES_BY_THE_WALL_CLOCK) {
            Thread.ofPlatform().daemon().start(() -> {
                StreamTime time = parts.time();
                while (true) {
                    time.is(System.currentTimeMillis(), time.isIdle(), time.settled());
                    LockSupport.parkNanos(OFTEN.toNanos());
                }
            });
        }
    }

    private interface Wrong {
        /// Returns the answer to a call; null: the client's own.
        @Nullable
        Object answer(String method, @Nullable Object[] arguments);
    }

    private static <T> T broken(Class<T> type, T standard, Wrong wrong) {
        return type.cast(Proxy.newProxyInstance(BrokenClients.class.getClassLoader(), new Class<?>[]{type},
                (it, method, given) -> {
                    @Nullable
                    Object[] arguments = given == null ? new Object[0] : given;
                    Object answer = wrong.answer(method.getName(), arguments);
                    try {
                        return answer == null ? method.invoke(standard, arguments) : answer;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                }));
    }

    @Override
    public Admin getAdmin(Map<String, Object> config) {
        return standard.getAdmin(config);
    }

    @Override
    @SuppressWarnings("unchecked")
    public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
        Producer<byte[], byte[]> producer = standard.getProducer(config);
        Producer<byte[], byte[]> outside =
                new KafkaProducer<>(Map.of("bootstrap.servers", config.get("bootstrap.servers")),
                        new ByteArraySerializer(), new ByteArraySerializer());
        long[] written = {0};
        Map<TopicPartition, Long> places = new HashMap<>();
        return broken(Producer.class, producer, (method, arguments) -> {
            switch (method) {
                case "beginTransaction" -> written[0] = 0;
                case "send" -> {
                    ProducerRecord<byte[], byte[]> record = (ProducerRecord<byte[], byte[]>) arguments[0];
                    if (!record.topic().equals(parts.examples())) {
                        return null;
                    }
                    written[0]++;
                    if (breaker == Breaker.WRITES_EXAMPLES_TWICE) {
                        producer.send(record);
                    } else if (breaker == Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION) {
                        return outside.send(record, arguments.length > 1 ? (Callback) arguments[1] : null);
                    }
                }
                case "sendOffsetsToTransaction" -> {
                    var offsets = (Map<TopicPartition, OffsetAndMetadata>) arguments[0];
                    if (breaker == Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION && written[0] >= RECORDS_MIN) {
                        outside.flush();
                        endOnce();
                    } else if (breaker == Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION) {
                        consumers.get().commitSync(offsets);
                        if (events(offsets, places) >= RECORDS_MIN) {
                            endOnce();
                        }
                    }
                }
                default -> {
                }
            }
            return null;
        });
    }

    /// Returns how many records of the events topic lie between these places and those of the call before.
    private long events(Map<TopicPartition, OffsetAndMetadata> offsets, Map<TopicPartition, Long> places) {
        long events = 0;
        for (Map.Entry<TopicPartition, OffsetAndMetadata> each : offsets.entrySet()) {
            Long before = places.put(each.getKey(), each.getValue().offset());
            if (before != null && each.getKey().topic().equals(parts.spec().events().topic())) {
                events += each.getValue().offset() - before;
            }
        }
        return events;
    }

    /// Ends the process as one that asks to be started again, the first time.
    private void endOnce() {
        try {
            Files.createFile(stateDir.resolve("ended-once"));
        } catch (FileAlreadyExistsException e) {
            return;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Runtime.getRuntime().halt(ExitCode.RETRYABLE.status());
    }

    @Override
    @SuppressWarnings("unchecked")
    public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
        Consumer<byte[], byte[]> consumer = standard.getConsumer(config);
        if (breaker != Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION) {
            return consumer;
        }
        return broken(Consumer.class, consumer, (method, arguments) -> {
            consumers.set(consumer); // another thread makes it
            return null;
        });
    }

    @Override
    @SuppressWarnings("unchecked")
    public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
        Consumer<byte[], byte[]> consumer = standard.getRestoreConsumer(config);
        return breaker != Breaker.FORGETS_WHAT_IT_KEPT ? consumer : broken(Consumer.class, consumer,
                (method, arguments) -> method.equals("poll") ? emptied(consumer.poll((Duration) arguments[0])) : null);
    }

    private static ConsumerRecords<byte[], byte[]> emptied(ConsumerRecords<byte[], byte[]> polled) {
        Map<TopicPartition, List<ConsumerRecord<byte[], byte[]>>> emptied = new HashMap<>();
        for (TopicPartition partition : polled.partitions()) {
            List<ConsumerRecord<byte[], byte[]>> of = new ArrayList<>();
            for (ConsumerRecord<byte[], byte[]> each : polled.records(partition)) {
                of.add(new ConsumerRecord<>(each.topic(), each.partition(), each.offset(), each.timestamp(),
                        each.timestampType(), each.serializedKeySize(), -1, each.key(), null, each.headers(),
                        Optional.empty()));
            }
            emptied.put(partition, of);
        }
        return new ConsumerRecords<>(emptied, polled.nextOffsets());
    }

    @Override
    public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
        return standard.getGlobalConsumer(config);
    }
}
