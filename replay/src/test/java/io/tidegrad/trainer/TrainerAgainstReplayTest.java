package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.tidegrad.control.LogPosition;
import io.tidegrad.control.RegisteredModel;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.learn.LabelDelay;
import io.tidegrad.model.learn.LearningRateSweep;
import io.tidegrad.model.learn.RateCurve;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.LearningRateFinder;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.replay.backtest.Backtest;
import io.tidegrad.replay.backtest.BacktestResult;
import io.tidegrad.schemas.AvroCodec;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/// What a trainer has learned, held against a replay of the same log.
@Execution(ExecutionMode.CONCURRENT)
class TrainerAgainstReplayTest extends TrainerFixture {

    TrainerAgainstReplayTest() {
        super(8);
    }

    @Test
    void whatIsLearnedIsWhatAFoldOfTheLogLearnsAndAReplayToo() {
        log.send(0, 3_000);
        log.send(log.tick());
        log.send(3_000, 3_004);
        TestLog.Fold fold = log.fold();
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, fold.nextOffset());
            assertEqual(state, fold);
            assertThat(state.pending()).isEqualTo(4);

            ReplayResult replay = replay(new LogPosition.End());
            assertThat(replay.weightsHash()).isEqualTo(fold.weightsHash());
            assertThat(replay.stateHash()).isEqualTo(fold.stateHash());
            assertThat(replay.events()).isEqualTo(3_004);
            assertThat(replay.learned() + replay.pending() + replay.deadLetters()).isEqualTo(3_004);
            assertThat(replay.ticks()).isEqualTo(1);
            assertThat(replay.nextOffset()).isEqualTo(fold.nextOffset());
        }
        assertThat(replay(new LogPosition.Offset(1_000)).learned()).isEqualTo(1_000);
    }

    @LongProof("a trainer and a backtest; a replay of the same log is compared in the quick tests")
    @Test
    void aBacktestOfTheSameEventsInAFileGivesTheTrainersHashes() throws IOException {
        log.send(0, 1_003);
        StringBuilder lines = new StringBuilder();
        AvroCodec codec = new AvroCodec(log.registry);
        for (int i = 0; i < 1_003; i++) {
            lines.append(codec.decode(log.event(i))).append('\n');
        }
        Path file = log.write("events.jsonl", lines.toString());
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, 1_003);
            ModelSpec registered = RegisteredModel.find(kafka(), log.topics(), log.model()).lineage().spec();
            BacktestResult backtest =
                    new Backtest(file, List.of(new Backtest.Trial("", registered)), LabelDelay.Length.NONE, 1,
                            Long.MAX_VALUE, Kernels.active(), 1).run(Backtest.Listener.NONE).getFirst();
            assertThat(backtest.pending()).isEqualTo(3);
            assertThat(backtest.weightsHash()).isEqualTo(Objects.requireNonNull(state.report()).weightsHash());
            assertThat(backtest.stateHash()).isEqualTo(Objects.requireNonNull(state.report()).stateHash());
        }
    }

    private ReplayResult replay(LogPosition until) {
        return replay(log.model(), until);
    }

    private ReplayResult replay(String model, LogPosition until) {
        return Replay.run(Replays.until(kafka(), registry(), log.prefix, model, until));
    }

    @LongProof("a replay for each rate; LrFindCommandTest and StreamsCommandTest find a rate, too")
    @Test
    void aSweepOfLearningRatesReadsTheLogFromItsBeginningAndLeavesNothingBehind() throws Exception {
        log.send(0, 3_000);
        Set<String> topics = topics();
        RateCurve curve = LearningRateFinder.run(kafka(), registry(), log.topics(), log.spec(),
                held -> new LearningRateSweep.Range(1e-6, 1e-2, held), Kernels.active());
        assertThat(curve.events()).isEqualTo(3_000);
        assertThat(curve.deadLetters()).isZero();
        assertThat(curve.end()).isEqualTo(RateCurve.End.AT_THE_LAST_RATE);
        assertThat(curve.points().getLast().rate()).isCloseTo(1e-2, within(1e-6));
        assertThat(topics()).isEqualTo(topics);
    }

    /// Those of this test and those with the default prefix; other tests have prefixes of their own.
    private Set<String> topics() throws Exception {
        return log.admin.listTopics().names().get().stream().filter(
                topic -> topic.contains(log.prefix) || topic.contains(log.topic) || topic.startsWith("tidegrad"))
                .collect(Collectors.toSet());
    }

    @LongProof("two models, each learned again")
    @Test
    void twoModelsLearnSideBySideFromOneLog() {
        learnsBeside("wide", log.spec().yaml().replace("dense: 8", "dense: 16"));
    }

    /// Its state is that of a network and its optimizer, and so are its snapshots.
    @Test
    @LongProof("a recipe learns thrice")
    void aRecipeLearnsFromATopicWhatAReplayOfItDoes() {
        learnsBeside("recipe",
                log.spec().yaml().replaceFirst("network:.*", "recipe: rich").replaceFirst("optimizer:.*", ""));
    }

    private void learnsBeside(String name, String yaml) {
        log.send(0, 500);
        String other = log.model() + "-" + name;
        String spec = yaml.replace("model: " + log.model(), "model: " + other);
        List<String> arguments = new ArrayList<>(log.arguments());
        arguments.addAll(List.of("--spec", log.write("wide.yaml", spec).toString()));
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()))) {
            assertEqual(awaitSettled(trainer, 500), log.fold());
            CommittedState wide = awaitSettled(trainer, trainer.models().getLast(), 500);
            assertThat(Objects.requireNonNull(wide.report()).stateHash())
                    .isEqualTo(replay(other, new LogPosition.End()).stateHash());
        }
    }
}
