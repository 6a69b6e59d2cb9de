package io.tidegrad.loadtests;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.loadtests.bench.Rows;
import io.tidegrad.localstack.Json;
import io.tidegrad.model.feature.AvroEvent;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongFunction;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;

/// Measures one part of the trainer's work in a JVM of its own with the trainer's flags, and writes a `Measurement` as
/// JSON. As for the trainer, the window contains compilation, except for that of the kernels, but not the JVM's start.
public final class Alone {
    private static final Duration WARM_UP_MAX = Duration.ofSeconds(10);
    private static final Duration SILENCE_MAX = Duration.ofSeconds(60);

    private Alone() {}

    /// @param arguments subject, stream, events, spec file, bootstrap servers, registry URL, file of the result
    public static void main(String[] arguments) throws IOException {
        TrainStream stream = TrainStream.valueOf(arguments[1]);
        long events = Long.parseLong(arguments[2]);
        Path specFile = Path.of(arguments[3]);
        ModelSpec spec = ModelSpec.parse(Files.readString(specFile), specFile.toString());
        Measurement measurement = switch (Subject.valueOf(arguments[0])) {
            case CONSUMER -> consume(spec, events, arguments[4], arguments[5]);
            case ENGINE -> learn(stream, spec, events);
            case REPLAY -> replay(spec, events, arguments[4], arguments[5]);
            case TRAINER -> throw new IllegalArgumentException("a trainer is a TrainerRun");
        };
        Files.writeString(Path.of(arguments[6]), Json.write(measurement));
    }

    /// From the first record that is polled to the last that is decoded.
    private static Measurement consume(ModelSpec spec, long events, String bootstrapServers, String registryUrl) {
        TopicPartition log = new TopicPartition(spec.inputTopic(), 0);
        String label = Objects.requireNonNull(spec.label().field());
        try (SchemaRegistry registry = SchemaRegistry.connect(Map.of("schema.registry.url", registryUrl));
                KafkaConsumer<byte[], byte[]> consumer = KafkaClients.reader(bootstrapServers,
                        // The same settings as the replay's, which suit a bare consumer.
                        Map.of("max.poll.records", 10_000, "max.partition.fetch.bytes", 8 * 1024 * 1024),
                        List.of(log))) {
            ValueDecoder decoder = ValueDecoder.avro(spec, new AvroCodec(registry));
            long decoded = 0;
            long begin = 0;
            double cpu = 0;
            long lastRecord = System.nanoTime();
            while (decoded < events) {
                var records = consumer.poll(Duration.ofMillis(500));
                long now = System.nanoTime();
                if (records.isEmpty()) {
                    requireNotSilent(now - lastRecord, decoded, events, log);
                    continue;
                }
                lastRecord = now;
                if (begin == 0) {
                    begin = now;
                    cpu = ProcessFigures.ownCpuSeconds();
                }
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    if (record.headers().lastHeader(Tick.HEADER) == null
                            && decoder.decode(record.value()).get(label) != null) {
                        decoded++;
                    }
                }
            }
            return measurement(decoded, begin, cpu, "", "");
        }
    }

    private static void requireNotSilent(long nanos, long decoded, long events, TopicPartition log) {
        if (nanos > SILENCE_MAX.toNanos()) {
            throw new LoadTestException("expected " + events + " events of " + log + ", found nothing more after "
                    + decoded + " for " + SILENCE_MAX.toSeconds() + " s");
        }
    }

    /// From the first step to the last, on mini-batches that were made before.
    private static Measurement learn(TrainStream stream, ModelSpec spec, long events) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        Learner learner = model.learner();
        List<Batch> batches = batches(stream, spec, events);
        learner.warmUp(WARM_UP_MAX.toNanos());
        double cpu = ProcessFigures.ownCpuSeconds();
        long begin = System.nanoTime();
        long learned = 0;
        for (int next = 0; learned < events; next = next + 1 == batches.size() ? 0 : next + 1) {
            Batch batch = batches.get(next);
            batch.resize((int) Math.min(batch.capacity(), events - learned));
            learner.learn(batch);
            learned += batch.size();
        }
        return measurement(learned, begin, cpu, model.weightsHash(), model.stateHash());
    }

    /// From the first poll to the last step, as the command. The tick after the last event is part of it.
    private static Measurement replay(ModelSpec spec, long events, String bootstrapServers, String registryUrl) {
        OnlineModel.blank(spec, Kernels.active()).learner().warmUp(WARM_UP_MAX.toNanos());
        double cpu = ProcessFigures.ownCpuSeconds();
        ReplayResult result =
                Replay.of(spec, KafkaSettings.of(bootstrapServers), RegistrySettings.of(registryUrl), Kernels.active());
        if (result.learned() != events) {
            throw new LoadTestException("expected " + events + " events learned, found " + result.learned());
        }
        return new Measurement(events, result.nanos() * 1e-9, ProcessFigures.ownCpuSeconds() - cpu, 0, 0, 0,
                result.weightsHash(), result.stateHash());
    }

    /// Mini-batches up to a place where the stream and a mini-batch end together; from there on they repeat.
    private static List<Batch> batches(TrainStream stream, ModelSpec spec, long events) {
        LongFunction<GenericRecord> made = stream.events();
        int repeatsAfter = stream.rows();
        int size = spec.miniBatch();
        Featurizer featurizer = new Featurizer(spec);
        Row row = featurizer.newRow();
        AvroEvent event = new AvroEvent();
        List<Batch> batches = new ArrayList<>();
        long rows = 0;
        while (rows < events && (rows == 0 || rows % repeatsAfter != 0)) {
            Batch batch = new Batch(spec.network().row(), size);
            for (int i = 0; i < size; i++, rows++) {
                Rejection rejection = featurizer.featurize(event.of(made.apply(rows)), row);
                if (rejection != null) {
                    throw new LoadTestException(stream.label() + ", event " + rows + ": " + rejection);
                }
                Rows.put(row, batch, i);
            }
            batches.add(batch);
        }
        return batches;
    }

    private static Measurement measurement(long events, long beginNanos, double beginCpu, String weightsHash,
            String stateHash) {
        return new Measurement(events, (System.nanoTime() - beginNanos) * 1e-9,
                ProcessFigures.ownCpuSeconds() - beginCpu, 0, 0, 0, weightsHash, stateHash);
    }
}
