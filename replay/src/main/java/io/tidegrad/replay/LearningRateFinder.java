package io.tidegrad.replay;

import io.tidegrad.control.BootstrapServers;
import io.tidegrad.control.ControlLog;
import io.tidegrad.control.EventSchemas;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.TopicReader;
import io.tidegrad.control.suggestion.SpecSuggestion;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.LearningRateSweep;
import io.tidegrad.model.learn.RateCurve;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.schemas.settings.RegistrySettings;
import java.util.function.LongFunction;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/// Runs a [LearningRateSweep] on a model's log of record, from its beginning. The model need not be registered, and
/// nothing is written.
public final class LearningRateFinder {
    private LearningRateFinder() {}

    /// @param topics with the prefix of the decisions that say where a stream's examples lie
    /// @param range returns which rates to try, for the number of events that the log holds
    /// @throws StopException if the log can't be read, or no model can learn from it, or no schema of its events has a
    ///     field of the spec
    /// @throws IllegalArgumentException as [LearningRateSweep]
    public static RateCurve run(KafkaSettings kafka, RegistrySettings registrySettings, Topics topics, ModelSpec given,
            LongFunction<LearningRateSweep.Range> range, Kernels kernels) {
        try (SchemaRegistry registry = SchemaRegistry.connect(registrySettings.client())) {
            BootstrapServers.requireOne(kafka.bootstrapServers());
            ModelSpec spec = known(given, kafka, registrySettings, topics, registry);
            KafkaTopics.Log log;
            try (Admin admin = Admin.create(kafka.client())) {
                log = new KafkaTopics(admin, (short) -1).log(spec);
            }
            LearningRateSweep sweep = new LearningRateSweep(spec, ValueDecoder.avro(spec, new AvroCodec(registry)),
                    kernels, range.apply(log.end() - log.begin()));
            try (TopicReader reader = new TopicReader(kafka, spec.inputTopic())) {
                reader.read(log.begin(), reader.end(), record -> fold(sweep, record));
            }
            return sweep.curve();
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw StopException.from(e, registrySettings.shownUrl());
        } catch (IllegalArgumentException e) {
            throw e;
        } catch (RuntimeException e) {
            throw StopException.from(e);
        }
    }

    /// Returns the spec with its topic, as if it were registered now.
    private static ModelSpec known(ModelSpec given, KafkaSettings kafka, RegistrySettings settings, Topics topics,
            SchemaRegistry registry) {
        if (given.stream() == null) {
            return EventSchemas.known(SpecSuggestion.complete(given, null, kafka, settings), registry);
        }
        ControlLog.View view = new ControlLog(kafka, topics).read();
        ModelSpec placed = view.placed(given, topics);
        return EventSchemas.known(SpecSuggestion.complete(placed, view, kafka, settings), view, registry);
    }

    private static boolean fold(LearningRateSweep sweep, ConsumerRecord<byte[], byte[]> record) {
        try {
            return sweep.fold(record.value(), record.headers());
        } catch (SchemaRegistry.RegistryUnavailableException e) {
            throw e;
        } catch (RuntimeException | Error e) {
            throw new StopException(ExitCode.INTERNAL, record.topic() + "-" + record.partition() + " offset "
                    + record.offset() + ": expected an event that can be learned or refused, found " + e, e);
        }
    }
}
