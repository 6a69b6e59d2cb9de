package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.evaluation.ChangeAlarm;
import io.tidegrad.model.evaluation.Signal;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Progress;
import io.tidegrad.trainer.store.CommittedState;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

/// A model of which a challenger begins when its error is not what it has been.
class ChallengerTest extends TrainerFixture {
    private static final int FLIP = 20_000;
    private static final int ALARM = 20_200; // the alarm is on there, and ends before the end
    private static final int END = 23_000;

    private final SplittableRandom random = new SplittableRandom(3);

    ChallengerTest() {
        super(1);
    }

    @Override
    TestLog newLog() {
        return new TestLog(directory, 1, SharedStack.get().registryUrl(),
                "on-change: { challenger: true, raise-rate: { by: 2, for: 100000 } }");
    }

    private void send(int from, int to) {
        List<ProducerRecord<byte[], byte[]>> events = new ArrayList<>();
        for (int i = from; i < to; i++) {
            float a = random.nextInt(1_000) / 1_000f;
            boolean over = a > 0.5f != i >= FLIP != (random.nextInt(20) == 0);
            events.add(log.event(log.encode("p" + random.nextInt(50), a, 0, over ? 1 : 0)));
        }
        log.send(events);
    }

    @LongProof("two models that learn until one wins")
    @Test
    void atAnAlarmOfTheErrorAModelFromScratchBeginsToLearnTheSameEventsFromThereOn() {
        String name = log.model() + "-challenger-1";
        List<String> arguments = new ArrayList<>(log.arguments());
        arguments.add("--all-models");
        send(0, FLIP);
        try (TrainerApp trainer = TrainerApp.start(TrainerConfig.parse(arguments, Map.of()))) {
            awaitSettled(trainer, FLIP);
            send(FLIP, ALARM);
            await().atMost(PATIENCE).until(() -> read().models().containsKey(name));
            ControlRecord record = read().records(name).getFirst();
            assertThat(record.author()).isEqualTo("on-change");
            assertThat(record.reason()).contains(log.model() + ": mean error is ");
            long start = ((ControlAction.Create) record.action()).startOffset();
            assertThat(start).isBetween((long) FLIP, (long) ALARM);
            send(ALARM, END);
            await().atMost(PATIENCE)
                    .until(() -> trainer.models().stream().anyMatch(each -> each.lineage().model().equals(name)));
            ModelTrainer challenger = trainer.models().stream().filter(each -> each.lineage().model().equals(name))
                    .findFirst().orElseThrow();
            CommittedState learned = awaitSettled(trainer, challenger, END);
            reactionsAreInHealthMetricsAndProgressAlike(trainer);
            assertEqual(learned,
                    log.fold(challenger.lineage().spec(), log.visible(log.topic), offset -> offset >= start));
        }
        assertThat(read().models().keySet()).containsExactlyInAnyOrder(log.model(), name);
    }

    private void reactionsAreInHealthMetricsAndProgressAlike(TrainerApp trainer) {
        assertEqual(awaitSettled(trainer, END), log.fold());
        Progress progress = await().atMost(PATIENCE).until(this::newestProgress,
                newest -> newest != null && newest.getNextOffset() == END);
        assertThat(progress.getReactions()).isEqualTo(1);
        long left = progress.getRateRaisedFor();
        assertThat(left).isBetween(100_000L - (END - FLIP), 99_999L);
        JsonNode report = health(trainer, log.model()).path("report");
        assertThat(report.path("reactions").asLong()).isEqualTo(1);
        assertThat(report.path("rate_raised_for").asLong()).isEqualTo(left);
        String model = "{model=\"" + log.model() + "\"} ";
        assertThat(get(trainer, "/metrics").body()).contains("tidegrad_reactions_total" + model + "1.0\n",
                "tidegrad_rate_raised_examples" + model + (double) left + "\n");
    }

    @Test
    void anAlarmThatHasEndedBeforeTheNextLookIsAnswered() {
        Challengers.Seen before = new Challengers.Seen(1, 1, 5_000, false);
        assertThat(Challengers.start(before, error(false, 0, 1), 9_000)).isEqualTo(-1);
        assertThat(Challengers.start(before, error(true, 700, 2), 9_000)).isEqualTo(8_300);
        assertThat(Challengers.start(before, error(false, 0, 2), 9_000)).isEqualTo(5_000);
        Challengers.Seen answered = new Challengers.Seen(1, 2, 9_000, false);
        assertThat(Challengers.start(answered, error(true, 1_000, 2), 9_300)).isEqualTo(-1);
    }

    @Test
    void theFirstLookAnswersAnAlarmThatIsOnAlsoIfItHasToTryAgain() {
        ChangeAlarm.Reading on = error(true, 700, 3);
        Challengers.Seen first = Challengers.first(1, on, 9_000);
        assertThat(first.maybeOld()).isTrue();
        assertThat(Challengers.start(first, on, 9_000)).isEqualTo(8_300);
        assertThat(Challengers.start(first, error(false, 0, 3), 9_900)).isEqualTo(8_300);
        ChangeAlarm.Reading ended = error(false, 0, 3);
        assertThat(Challengers.start(Challengers.first(1, ended, 9_000), ended, 9_000)).isEqualTo(-1);
    }

    private static ChangeAlarm.Reading error(boolean isOn, long lasted, long raised) {
        return new ChangeAlarm.Reading(new Signal(Signal.Kind.ERROR, ""), isOn, lasted, 0.1, 0.2, 0.4, raised);
    }

    @Test
    void aModelHasOneChallengerAtATimeAndAChallengerHasNone() {
        assertThat(Challengers.name("m", List.of("m"), List.of("m"))).isEqualTo("m-challenger-1");
        assertThat(Challengers.name("m", List.of("m", "m-challenger-1"), List.of("m", "m-challenger-1"))).isNull();
        assertThat(Challengers.name("m", List.of("m", "m-challenger-1"), List.of("m"))).isEqualTo("m-challenger-2");
        assertThat(Challengers.name("m", List.of("m"), List.of("m", "mm-challenger-1"))).isEqualTo("m-challenger-1");
        assertThat(Challengers.name("m-challenger-2", List.of(), List.of())).isNull();
    }
}
