package io.tidegrad.trainer.replay;

import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.safetensors.InitialWeightsException;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.ModelRecord;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.ModelCatalog;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import io.tidegrad.trainer.store.ReadCommitted;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/// Learns a model again from its log of record and its registered spec, and from nothing else: no changelog, no group,
/// no snapshot. The same hashes as the trainer's at the same offset prove that its weights are those events' and no
/// others'.
public final class Replay {
    private static final int POLL_RECORDS_MAX = 10_000;

    private Replay() {}

    /// @throws TrainerException the model is not registered, or its log is not what it was registered with,
    ///     or the weights that it starts from are not there
    public static ReplayResult run(ReplayOptions options) {
        try (SchemaRegistry registry = SchemaRegistry.connect(options.registry().client())) {
            return run(options, registry);
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw TrainerException.from(e, options.registry().shownUrl());
        } catch (KafkaException | InitialWeightsException e) {
            throw TrainerException.from(e);
        }
    }

    private static ReplayResult run(ReplayOptions options, SchemaRegistry registry) {
        ModelCatalog catalog =
                new ModelCatalog(
                        new Topics(options.prefix()).models(), options.kafka().client(), registry);
        ModelRecord model = catalog.find(options.model());
        if (model == null) {
            throw new TrainerException(
                    ExitCode.CONFIGURATION,
                    "model " + options.model() + ": expected a registered model, found none");
        }
        ModelSpec spec =
                ModelSpec.parse(model.getSpec(), "the registered spec of " + options.model());
        ValueDecoder decoder = ValueDecoder.avro(new AvroCodec(registry));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(options.kafka())) {
            return fold(spec, model, decoder, consumer, options);
        }
    }

    private static ReplayResult fold(
            ModelSpec spec,
            ModelRecord registered,
            ValueDecoder decoder,
            KafkaConsumer<byte[], byte[]> consumer,
            ReplayOptions options) {
        TopicPartition log = new TopicPartition(registered.getInputTopic(), 0);
        consumer.assign(List.of(log));
        long end =
                options.toOffset() == ReplayOptions.TO_END
                        ? ReadCommitted.end(consumer, log)
                        : options.toOffset();
        consumer.seek(log, registered.getStartOffset());
        OnlineModel model = OnlineModel.initial(spec, options.kernels());
        EventFold fold = new EventFold(spec, model, decoder);
        long accepted = 0;
        long deadLetters = 0;
        long ticks = 0;
        long nextOffset = registered.getStartOffset();
        long start = System.nanoTime();
        try {
            while (consumer.position(log) < end) {
                for (ConsumerRecord<byte[], byte[]> record :
                        consumer.poll(Duration.ofMillis(500))) {
                    if (record.offset() >= end) {
                        break;
                    }
                    switch (fold.fold(record.value(), record.headers())) {
                        case EventFold.Outcome.Accepted() -> accepted++;
                        case EventFold.Outcome.Ticked() -> ticks++;
                        case EventFold.Outcome.Rejected(var rejection, var schemaId) ->
                                deadLetters++;
                    }
                    nextOffset = record.offset() + 1;
                }
            }
        } catch (OffsetOutOfRangeException e) {
            throw new TrainerException(
                    ExitCode.STATE_VIOLATION,
                    "model "
                            + options.model()
                            + ": expected "
                            + log
                            + " from offset "
                            + registered.getStartOffset()
                            + " on, found that it begins later: retention has deleted events, so the whole log can't be"
                            + " replayed any more",
                    e);
        }
        return new ReplayResult(
                accepted + deadLetters,
                model.parameters().examples(),
                model.pending(),
                deadLetters,
                ticks,
                model.parameters().updates(),
                nextOffset,
                model.weightsHash(),
                model.stateHash(),
                model.evaluation(),
                System.nanoTime() - start);
    }

    private static KafkaConsumer<byte[], byte[]> consumer(KafkaSettings kafka) {
        Map<String, Object> settings = new HashMap<>(kafka.client());
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
        settings.put(ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG, false);
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLL_RECORDS_MAX);
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, 8 * 1024 * 1024);
        return new KafkaConsumer<>(
                settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
