package io.tidegrad.trainer.simulation;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.EventPreparation;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.Tick;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.model.stream.Example;
import io.tidegrad.model.stream.Served;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.UndecodableException;
import io.tidegrad.trainer.TestLog;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.jspecify.annotations.Nullable;

/// Small models, and the events that simulated producers write: of today, late, from the future, again, poison, ticks,
/// now and then inside a transaction of which nobody knows yet how it ends.
final class Readings {
    static final Kernels KERNELS = new ScalarKernels();

    /// A few pages of weights and optimizer state, so that a commit can be torn. The spec's publishing interval is in
    /// the simulation's own time.
    private static final String SPEC = """
            model: m
            input: { topic: readings, event-time: at }
            label: { field: over }
            features:
              - number: { field: a, scale: standard }
              - number: { field: b }
              - category: { field: place, buckets: 700, dimension: 2 }
            network: [ dense: 2, relu, dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { adam: { rate: 0.05 } }
            mini-batch: { BATCH }
            publish: { every: PT1S }
            seed: 7
            """;

    /// The second learns a stream's examples, and counts what it has served; the third quarantines what surprises it;
    /// the fourth learns what its classes are, of which there are more than it has room for.
    static final List<ModelSpec> SPECS = List.of(spec("size: 1"),
            ModelSpec
                    .parse(SPEC.replace("{ topic: readings, event-time: at }", "{ stream: readings }")
                            .replace("label: { field: over }\n", "").replace("BATCH", "size: 3"), "the stream's spec")
                    .onTopic("readings"),
            spec("size: 4, window: PT10S }\nquarantine: { loss: 0.8, gradient: 1.5"),
            ModelSpec.parse(SPEC.replace("field: over", "field: place, classes: auto")
                    .replace("field: place, b", "field: over, b").replace("binary", "categorical")
                    .replace("dense: 1 ]", "dense: 16 ]").replace("BATCH", "size: 3"), "the spec of classes"));

    /// Its weights are beyond all floats after a dozen updates.
    static final ModelSpec DIVERGING = ModelSpec.parse(
            SPEC.replace("network: [ dense: 2, relu, dense: 1 ]", "network: [ dense: 1 ]")
                    .replace("binary-cross-entropy", "mean-squared-error")
                    .replace("adam: { rate: 0.05 }", "sgd: { rate: 1000 }").replace("BATCH", "size: 1"),
            "a spec that diverges");

    private static final SchemaRegistry REGISTRY =
            SchemaRegistry.connect(Map.of("schema.registry.url", "mock://simulation"));
    private static final ThreadLocal<AvroCodec> CODEC = ThreadLocal.withInitial(() -> new AvroCodec(REGISTRY));
    private static final int SCHEMA_ID = REGISTRY.register("readings-value", TestLog.EVENT);

    /// No Avro, and worse: the trainer that decodes it ends.
    static final byte[] FATAL = "an event that nobody foresaw".getBytes(StandardCharsets.US_ASCII);

    private final SplittableRandom random;
    private final SimulatedKafka kafka;
    private final @Nullable SplittableRandom fatal; // where such events come
    private int fatalEvents;
    private @Nullable Transaction open;
    private long second;
    private byte[] newest;

    /// @param fatal null where no event ends a trainer
    Readings(SplittableRandom random, SimulatedKafka kafka, @Nullable SplittableRandom fatal) {
        this.fatal = fatal;
        this.random = random;
        this.kafka = kafka;
        newest = event(0);
    }

    private static ModelSpec spec(String batch) {
        return ModelSpec.parse(SPEC.replace("BATCH", batch), "the simulation's spec");
    }

    /// The oracles', to whom an event that ends trainers is one that is refused like others.
    static EventFold fold(ModelSpec spec, OnlineModel model) {
        return new EventFold(spec, model, ValueDecoder.avro(spec, CODEC.get()));
    }

    /// A trainer's, which some events end.
    ///
    /// @param undecodable runs before an event is refused that is no Avro
    static EventFold foldOfATrainer(ModelSpec spec, OnlineModel model, Runnable undecodable) {
        return new EventFold(spec, model, decoder(spec, CODEC.get(), undecodable));
    }

    private static ValueDecoder decoder(ModelSpec spec, AvroCodec codec, Runnable undecodable) {
        ValueDecoder decoder = ValueDecoder.avro(spec, codec);
        return value -> {
            if (Arrays.equals(value, FATAL)) {
                throw new FatalEventError();
            }
            try {
                return decoder.decode(value);
            } catch (UndecodableException e) {
                undecodable.run();
                throw e;
            }
        };
    }

    /// A trainer's, by which another thread prepares ahead.
    static EventPreparation preparationAhead(ModelSpec spec) {
        return new EventPreparation(spec, decoder(spec, new AvroCodec(REGISTRY), () -> {
        }));
    }

    /// What nobody foresaw.
    static final class FatalEventError extends Error {
        FatalEventError() {
            super("thrown on purpose", null, false, false);
        }
    }

    private byte[] event(long at) {
        GenericData.Record event = new GenericData.Record(TestLog.EVENT);
        event.put("at", TestLog.START + at * 1_000);
        event.put("place", "p" + random.nextInt(3_000));
        event.put("a", (float) random.nextDouble(-1, 1));
        event.put("b", (float) random.nextDouble(-1, 1));
        event.put("over", random.nextInt(2));
        return CODEC.get().encode(SCHEMA_ID, event);
    }

    /// As a joiner writes them, for an event that the model has served; a spec that names a topic reads none of it.
    private static Headers example(long at) {
        Headers headers = new RecordHeaders();
        String label = at % 2 == 0 ? "0" : "1";
        boolean corrects = at % 7 == 0;
        new Example(corrects ? Example.Kind.CORRECTION : Example.Kind.FINAL, label, corrects ? "0" : null, 1 + at % 3,
                new Example.Source("scored", 0, at), TestLog.START + at * 1_000, null).writeTo(headers);
        new Served("m", 1, at, at, TestLog.START, Served.Stage.LIVE, null, new float[]{at % 16 / 16f}).writeTo(headers);
        return headers;
    }

    /// One record, or the beginning or end of a transaction.
    void produce() {
        if (fatal != null && fatal.nextInt(25) == 0) {
            fatalEvents++;
            append(FATAL, example(second));
            return;
        }
        Headers headers = new RecordHeaders();
        switch (random.nextInt(16)) {
            case 0 -> {
                headers.add(Tick.HEADER, new byte[0]);
                append(null, headers);
            }
            case 1 -> {
                String time = Long.toString(TestLog.START + second * 1_000);
                headers.add(Tick.HEADER, time.getBytes(StandardCharsets.US_ASCII));
                append(null, headers);
            }
            case 2 -> append(poison(), example(second));
            case 3 -> append(newest, example(second)); // comes twice
            case 4 -> appendEvent(Math.max(0, second - random.nextInt(100))); // late
            case 5 -> appendEvent(second + 100_000_000L); // in the far future
            case 6, 7 -> beginOrEnd();
            default -> {
                second += random.nextInt(5);
                newest = event(second);
                append(newest, example(second));
            }
        }
    }

    private void appendEvent(long at) {
        append(event(at), example(at));
    }

    /// How many were written, in transactions that were aborted too.
    int fatalEvents() {
        return fatalEvents;
    }

    private byte @Nullable [] poison() {
        return switch (random.nextInt(4)) {
            case 0 -> null;
            case 1 -> new byte[]{0, 127, 1, 2, 3, 42};
            case 2 -> "no Avro".getBytes(StandardCharsets.US_ASCII);
            default -> {
                byte[] truncated = new byte[newest.length - 3];
                System.arraycopy(newest, 0, truncated, 0, truncated.length);
                yield truncated;
            }
        };
    }

    private void append(byte @Nullable [] value, Headers headers) {
        Transaction transaction = random.nextBoolean() ? open : null;
        byte[] key = random.nextInt(4) == 0 ? new byte[]{(byte) random.nextInt()} : null;
        kafka.input.append(transaction, key, value, headers);
    }

    private void beginOrEnd() {
        if (open == null) {
            open = new Transaction();
        } else {
            end();
        }
    }

    /// Nothing stays open.
    void end() {
        Transaction transaction = open;
        if (transaction != null) {
            open = null;
            kafka.decide(transaction, random.nextInt(3) == 0 ? Transaction.State.ABORTED : Transaction.State.COMMITTED);
            kafka.markAll(transaction);
        }
    }
}
