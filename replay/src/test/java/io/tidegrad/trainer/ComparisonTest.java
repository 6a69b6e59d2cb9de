package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.evaluation.LossComparison;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.model.learn.ValueDecoder;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.trainer.relearn.ReplayProgress;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;

/// Two models on one log, compared event by event.
class ComparisonTest extends TrainerFixture {
    private static final int EVENTS = 4_000;

    ComparisonTest() {
        super(8);
    }

    /// Some events are none of its rows.
    @Override
    TestLog newLog() {
        return new TestLog(directory, 8, SharedStack.get().registryUrl(), "quarantine: { loss: 1.5 }\n");
    }

    /// By offset, what a model loses at each event that it has learned.
    private SortedMap<Long, Double> losses(ModelSpec spec) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        EventFold fold = new EventFold(spec, model, ValueDecoder.avro(spec, new AvroCodec(log.registry)));
        List<Double> inOrder = new ArrayList<>();
        model.watch((predictions, at, labels, labelAt, loss, weight) -> {
            double p = predictions[at];
            inOrder.add(-Math.log(labels[labelAt] == 1 ? p : 1 - p));
        });
        Queue<Long> accepted = new ArrayDeque<>();
        for (ConsumerRecord<byte[], byte[]> record : log.visible(log.topic)) {
            if (fold.fold(record.value(), record.headers()) instanceof EventFold.Outcome.Accepted) {
                accepted.add(record.offset());
            }
        }
        SortedMap<Long, Double> losses = new TreeMap<>();
        inOrder.forEach(loss -> losses.put(accepted.remove(), loss));
        return losses;
    }

    private LossComparison.Result expected(ModelSpec spec, ModelSpec other, long from) {
        SortedMap<Long, Double> mine = losses(spec);
        SortedMap<Long, Double> theirs = losses(other);
        assertThat(mine.keySet()).isNotEqualTo(theirs.keySet());
        LossComparison comparison = new LossComparison();
        mine.tailMap(from).forEach((offset, loss) -> {
            Double otherLoss = theirs.get(offset);
            if (otherLoss != null) {
                comparison.add(loss, otherLoss);
            }
        });
        return comparison.result();
    }

    private static void assertSame(ReplayResult result, LossComparison.Result expected) {
        LossComparison.Result found = Objects.requireNonNull(Objects.requireNonNull(result.compared()).losses());
        assertThat(found.examples()).isEqualTo(expected.examples()).isGreaterThan(1_000);
        assertThat(found.verdict()).isEqualTo(expected.verdict());
        assertThat(found).usingRecursiveComparison()
                .withComparatorForType((a, b) -> Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b)) ? 0 : 1,
                        Double.class)
                .ignoringFields("more").isEqualTo(expected);
    }

    @Test
    @LongProof("several replays")
    void lossesAreComparedAtTheSameEventsWhateverTheMiniBatches() {
        log.send(0, EVENTS);
        log.send(log.tick());
        log.send(EVENTS, EVENTS + 3);
        ModelSpec poor =
                ModelSpec.parse(
                        log.spec().yaml().replace("model: " + log.model(), "model: " + log.model() + "-poor")
                                .replace("  - number: { field: a, scale: standard }\n", "")
                                .replace("size: 8", "size: 3").replaceAll("quarantine.*\n", ""),
                        "a spec that knows less");
        Path file = log.write("poor.yaml", poor.yaml());
        List<String> arguments = new ArrayList<>(log.arguments());
        arguments.addAll(List.of("--spec", file.toString()));
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()))) {
            for (ModelTrainer model : trainer.models()) {
                var unused = awaitSettled(trainer, model, EVENTS + 4);
            }
        }
        LossComparison.Result worse = expected(poor, log.spec(), 0);
        assertThat(worse.verdict()).isEqualTo(LossComparison.Verdict.WORSE);
        assertSame(compare(poor.model(), log.model(), new LogPosition.Begin()), worse);
        assertSame(compare(log.model(), poor.model(), new LogPosition.Begin()), expected(log.spec(), poor, 0));
        // Both learn from the beginning; what comes before is not counted.
        assertSame(compare(poor.model(), log.model(), new LogPosition.Offset(1_001)),
                expected(poor, log.spec(), 1_001));
        ReplayResult replay =
                Replay.run(options(poor.model(), log.model(), new LogPosition.Begin()), ReplayProgress.Listener.NONE);
        assertSame(replay, worse);
    }

    private ReplayResult compare(String model, String with, LogPosition from) {
        return Replay.compare(options(model, with, from), ReplayProgress.Listener.NONE);
    }

    private ReplayOptions options(String model, String with, LogPosition from) {
        return new ReplayOptions(kafka(), registry(), log.prefix, model, from, new LogPosition.End(), null, null, false,
                with, Kernels.active(), 2);
    }
}
