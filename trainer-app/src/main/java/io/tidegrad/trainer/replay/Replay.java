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
import io.tidegrad.trainer.ModelCatalog;
import io.tidegrad.trainer.exit.ExitCode;
import io.tidegrad.trainer.exit.TrainerException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;

/// Learns a model again from its log of record and its registered spec, and from nothing else: no changelog, no group,
/// no snapshot. The same hashes as the trainer's at the same offset prove that its weights are those events' and no
/// others'.
public final class Replay {
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
        try (LogReader reader = new LogReader(options.kafka(), model.getInputTopic())) {
            return fold(spec, model, decoder, reader, options);
        }
    }

    private static ReplayResult fold(
            ModelSpec spec,
            ModelRecord registered,
            ValueDecoder decoder,
            LogReader reader,
            ReplayOptions options) {
        long end = options.toOffset() == ReplayOptions.TO_END ? reader.end() : options.toOffset();
        OnlineModel model = OnlineModel.initial(spec, options.kernels());
        Tally tally = new Tally(new EventFold(spec, model, decoder), registered.getStartOffset());
        long start = System.nanoTime();
        try {
            reader.read(registered.getStartOffset(), end, tally::take);
        } catch (OffsetOutOfRangeException e) {
            throw new TrainerException(
                    ExitCode.STATE_VIOLATION,
                    "model "
                            + options.model()
                            + ": expected "
                            + reader.log()
                            + " from offset "
                            + registered.getStartOffset()
                            + " on, found that it begins later: retention has deleted events, so the whole log can't be"
                            + " replayed any more",
                    e);
        }
        return new ReplayResult(
                tally.accepted + tally.deadLetters,
                model.parameters().examples(),
                model.pending(),
                tally.deadLetters,
                tally.ticks,
                model.parameters().updates(),
                tally.nextOffset,
                model.weightsHash(),
                model.stateHash(),
                model.evaluation(),
                System.nanoTime() - start);
    }

    /// Folds records and counts what became of them.
    private static final class Tally {
        private final EventFold fold;
        private long nextOffset;
        private long accepted;
        private long deadLetters;
        private long ticks;

        Tally(EventFold fold, long nextOffset) {
            this.fold = fold;
            this.nextOffset = nextOffset;
        }

        /// Never enough.
        boolean take(ConsumerRecord<byte[], byte[]> record) {
            switch (fold.fold(record.value(), record.headers())) {
                case EventFold.Outcome.Accepted() -> accepted++;
                case EventFold.Outcome.Ticked() -> ticks++;
                case EventFold.Outcome.Rejected(var rejection, var schemaId) -> deadLetters++;
            }
            nextOffset = record.offset() + 1;
            return true;
        }
    }
}
