package io.tidegrad.loadtests.bench;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.loadtests.bench.Measurement.Metric;
import io.tidegrad.localstack.streams.ShippedStream;
import io.tidegrad.localstack.streams.StreamEvent;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/// A linear model learns the shipped flights from their bytes in a topic as a trainer does on its own thread: decode, row,
/// step, evaluation, alarms. No broker, so no poll and no commit.
final class LinearBench {
    /// What `VowpalWabbit` reads, too. A value of a category adds one number, because tables are one column wide, and large
    /// enough that nearly every value has a row of its own. The rate is that of the flights that ship.
    private static final String SPEC = """
            model: flights-linear
            input: { topic: flights, event-time: departed }
            label: { field: late }
            features:
              - number:    { field: distance, scale: standard }
              - time-part: { field: departed, parts: [hour, weekday], dimension: 1 }
              - category:  { field: origin, buckets: 4096, dimension: 1 }
              - category:  { field: destination, buckets: 4096, dimension: 1 }
            """;

    private static final String PAIRS = """
              - crosses:
                  { fields: [origin, destination, { hour: departed }, { weekday: departed }], buckets: 32768, dimension: 1 }
            """;

    private static final String NETWORK = """
            network: [ dense: 1 ]
            loss: binary-cross-entropy
            optimizer: { sgd: { rate: 0.03 } }
            """;

    private static final Headers NO_HEADERS = new RecordHeaders();

    private final Workload.Linear workload;
    private final int batch;
    private final byte[][] events;
    private final OnlineModel model;
    private final EventFold fold;
    private long learned;
    private double loss; // of the stream once
    private String hash = ""; // of the weights then

    LinearBench(Workload.Linear workload, int batch) {
        this.workload = workload;
        this.batch = batch;
        String text = SPEC + (workload.pairs() ? PAIRS : "") + NETWORK + "mini-batch: { size: " + batch + " }\nseed: "
                + Workload.SEED + "\n";
        ModelSpec spec = ModelSpec.parse(text, workload.name());
        SchemaRegistry registry = new InMemorySchemaRegistry();
        AvroCodec codec = new AvroCodec(registry);
        events = events(codec, registry);
        model = OnlineModel.initial(spec, Kernels.active());
        fold = new EventFold(spec, model, ValueDecoder.avro(spec, codec));
    }

    private static byte[][] events(AvroCodec codec, SchemaRegistry registry) {
        ShippedStream stream = ShippedStream.FLIGHTS;
        Schema schema = stream.schema();
        int id = registry.register(stream.label() + "-value", schema);
        List<StreamEvent> read = stream.read();
        return read.stream().map(event -> codec.encode(id, event.toAvro(schema))).toArray(byte[][]::new);
    }

    List<Measurement> run(double seconds) {
        Meter.Window window = new Meter().measure(this::learn, batch, false, seconds);
        while (learned < events.length) {
            learn(1);
        }
        return window.to(new Measurement.Lines(workload.name(), batch, 1, Kernels.active().name(), hash))
                .add(Metric.LOG_LOSS, loss).all();
    }

    private void learn(int steps) {
        for (long end = learned + (long) steps * batch; learned < end;) {
            EventFold.Outcome outcome = fold.fold(events[(int) (learned % events.length)], NO_HEADERS);
            if (!(outcome instanceof EventFold.Outcome.Accepted)) {
                throw new LoadTestException("expected events that can be learned, found " + outcome);
            }
            if (++learned == events.length) {
                model.tick(); // where the last mini-batch is not full
                loss = model.evaluation().logLoss();
                hash = model.weightsHash();
            }
        }
    }
}
