package io.tidegrad.loadtests;

import io.tidegrad.model.stream.Example;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/// What a Kafka Streams program without a joiner costs, exactly once: a topology that writes the events of one
/// topic with the headers of an example, or joins them by id with the labels of another in a window of half an
/// hour, by the join that Kafka Streams has. It reads the id where it lies in the bytes and decodes nothing else,
/// and drops events without label. Polls, batches, commits and the number of threads are a joiner's.
///
/// Or what one without a trainer costs: a topology that only counts the events of a topic, and writes the count with each
/// commit. It ends when its parent ends it.
public final class KafkaStreamsProgram {
    /// The magic byte and the id of the schema lie before the first field, which is the id.
    private static final int ID_AT = 5;

    private static final Duration WINDOW = Duration.ofMinutes(30);
    private static final Duration COMMIT_EVERY = Duration.ofSeconds(1);
    private static final String COPY_OR_JOIN = "copy-or-join";
    private static final String COUNT = "count";

    private KafkaStreamsProgram() {}

    /// Main class and arguments.
    ///
    /// @param topics of events and, if they are to be joined, of labels by id
    static List<String> command(String bootstrapServers, String application, Path state, String log,
            List<String> topics) {
        return command(bootstrapServers, application, state, log, COPY_OR_JOIN, COMMIT_EVERY, topics);
    }

    /// Main class and arguments of the program that counts.
    static List<String> counting(String bootstrapServers, String application, Path state, String counts, String topic,
            Duration commitEvery) {
        return command(bootstrapServers, application, state, counts, COUNT, commitEvery, List.of(topic));
    }

    private static List<String> command(String bootstrapServers, String application, Path state, String log,
            String work, Duration commitEvery, List<String> topics) {
        return Processes.with(List.of(KafkaStreamsProgram.class.getName(), bootstrapServers, application,
                state.toString(), log, work, String.valueOf(commitEvery.toMillis())), topics);
    }

    /// @param arguments bootstrap servers, application id, state directory, topic to write, what to do, milliseconds
    ///     between commits, topics to read
    public static void main(String[] arguments) {
        Serde<byte[]> bytes = Serdes.ByteArray();
        StreamsBuilder builder = new StreamsBuilder();
        Consumed<byte[], byte[]> consumed = Consumed.with(bytes, bytes);
        KStream<byte[], byte[]> events = builder.stream(arguments[6], consumed);
        if (arguments[4].equals(COUNT)) {
            long every = Duration.ofMillis(Long.parseLong(arguments[5])).toNanos();
            events.processValues(() -> new Counter(every)).to(arguments[3], Produced.with(bytes, bytes));
        } else if (arguments.length > 7) {
            // The window stores of Kafka Streams look keys up by Bytes.
            Serde<Bytes> ids = Serdes.Bytes();
            KStream<Bytes, byte[]> labels = builder.stream(arguments[7], Consumed.with(ids, bytes));
            events.selectKey((key, event) -> id(event)).repartition(Repartitioned.with(ids, bytes))
                    .join(labels, (event, label) -> event, JoinWindows.ofTimeDifferenceAndGrace(WINDOW, WINDOW),
                            StreamJoined.with(ids, bytes, bytes))
                    .to(arguments[3], Produced.with(ids, bytes));
        } else {
            events.processValues(WithHeaders::new).to(arguments[3], Produced.with(bytes, bytes));
        }
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[2]);
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[5]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 1_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 128 << 10);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64 << 20);
        new KafkaStreams(builder.build(), settings).start();
    }

    /// Adds the headers that a joiner writes into the example of an event whose label is in it.
    private static final class WithHeaders extends ContextualFixedKeyProcessor<byte[], byte[], byte[]> {
        @Override
        public void process(FixedKeyRecord<byte[], byte[]> event) {
            RecordMetadata at = context().recordMetadata().orElseThrow();
            RecordHeaders headers = new RecordHeaders();
            new Example(Example.Kind.FINAL, "0", null, 1, new Example.Source(at.topic(), at.partition(), at.offset()),
                    event.timestamp(), null).writeTo(headers);
            context().forward(event.withHeaders(headers));
        }
    }

    /// Forwards the count with the first event after each interval.
    private static final class Counter extends ContextualFixedKeyProcessor<byte[], byte[], byte[]> {
        private final long every;
        private long counted;
        private long told = System.nanoTime();

        Counter(long every) {
            this.every = every;
        }

        @Override
        public void process(FixedKeyRecord<byte[], byte[]> event) {
            counted++;
            long now = System.nanoTime();
            if (now - told >= every) {
                told = now;
                context().forward(event.withValue(ByteBuffer.allocate(Long.BYTES).putLong(counted).array()));
            }
        }
    }

    private static Bytes id(byte[] event) {
        int at = ID_AT;
        int length = 0;
        for (int shift = 0;; shift += 7) {
            byte each = event[at++];
            length |= (each & 0x7f) << shift;
            if (each >= 0) {
                break;
            }
        }
        return Bytes.wrap(Arrays.copyOfRange(event, at, at + (length >>> 1)));
    }
}
