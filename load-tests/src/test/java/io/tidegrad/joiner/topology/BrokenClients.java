package io.tidegrad.joiner.topology;

import io.tidegrad.proof.Breaker;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
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

/// The clients of a joiner, with one of the mistakes of `Breaker`.
public final class BrokenClients implements KafkaClientSupplier {
    /// A process that commits its places too early is killed in this time, sooner or later.
    private static final Duration BETWEEN_THE_COMMITS = Duration.ofMillis(100);

    private static final Duration OFTEN = Duration.ofMillis(5);

    private final Breaker breaker;
    private final JoinerTopology.Parts parts;
    private final AlignedClients standard;

    /// Of the thread of Streams that has them.
    private final ThreadLocal<Consumer<byte[], byte[]>> consumers = new ThreadLocal<>();

    public BrokenClients(Breaker breaker, JoinerTopology.Parts parts) {
        this.breaker = breaker;
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
        return broken(Producer.class, producer, (method, arguments) -> {
            if (method.equals("send") && arguments[0] instanceof ProducerRecord<?, ?> record
                    && record.topic().equals(parts.examples())) {
                ProducerRecord<byte[], byte[]> example = (ProducerRecord<byte[], byte[]>) record;
                if (breaker == Breaker.WRITES_EXAMPLES_TWICE) {
                    producer.send(example);
                } else if (breaker == Breaker.WRITES_EXAMPLES_OUTSIDE_THE_TRANSACTION) {
                    return outside.send(example, arguments.length > 1 ? (Callback) arguments[1] : null);
                }
            } else if (method.equals("sendOffsetsToTransaction")
                    && breaker == Breaker.COMMITS_PLACES_OUTSIDE_THE_TRANSACTION) {
                consumers.get().commitSync((Map<TopicPartition, OffsetAndMetadata>) arguments[0]);
                LockSupport.parkNanos(BETWEEN_THE_COMMITS.toNanos());
            }
            return null;
        });
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
