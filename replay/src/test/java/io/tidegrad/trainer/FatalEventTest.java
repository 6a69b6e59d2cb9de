package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.LogPosition;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.replay.ReplayResult;
import io.tidegrad.replay.Verify;
import io.tidegrad.replay.VerifyOptions;
import io.tidegrad.schemas.RecordDecoder;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import io.tidegrad.trainer.store.BreakableParts.KillPoint.Moment;
import io.tidegrad.trainer.store.CommittedState;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// An event that nobody foresaw ends the trainer: twice, and no more. The oracle is a fold of all other events.
class FatalEventTest extends TrainerFixture {
    private static final long FATAL = 100; // its offset

    /// Restarts learn everything again from the first image.
    private static final List<String> REDO = List.of("--store", "image-and-redo", "--redo-seconds", "86400");

    FatalEventTest() {
        super(4);
    }

    private void sendAFatalEventAmongOthers() {
        log.send(0, (int) FATAL);
        log.send(log.event(log.encode(FatalDeserializer.PLACE, 0.5f, 0.5f, 1)));
        log.send((int) FATAL, 200);
    }

    private TestLog.Fold foldWithoutIt() {
        return log.fold(offset -> offset != FATAL);
    }

    @LongProof("three lives and all that learns again")
    @Test
    void anEventThatEndsTwoLivesInARowIsSetAsideByTheThirdAndEverythingThatLearnsAgainFollows() throws Exception {
        assertSetAside("page-log");
    }

    @LongProof("the same with the other store")
    @Test
    void anEventThatEndsTwoLivesInARowIsSetAsideWithImageAndRedoToo() throws Exception {
        assertSetAside("image-and-redo");
    }

    private void assertSetAside(String store) throws Exception {
        List<String> settings = new ArrayList<>(List.of(FatalDeserializer.SETTING, FatalDeserializer.class.getName()));
        settings.addAll(store.equals("page-log") ? List.of("--store", store) : REDO);
        TrainerConfig config = log.config(settings.toArray(String[]::new));
        sendAFatalEventAmongOthers();

        assertThat(end(config)).contains("If the event ends the next life too");
        assertThat(end(config)).contains("for the second life in a row");
        assertThat(log.visible(log.topics().deadLetters())).isEmpty();

        try (TrainerApp third = TrainerApp.start(config)) {
            CommittedState state = awaitSettled(third, 201);
            assertLearnedWithoutIt(state);
            assertThat(state.accounts().deadLetters()).isEqualTo(1);
            assertThat(third.models().getFirst().eventsSetAside()).isEqualTo(1);
            JsonNode health = TrainerProcess.awaitHealth(third.httpPort(), model -> !model.path("reasons").isEmpty());
            assertThat(health.path("reasons").path(0).path("reason").asText()).isEqualTo("event-set-aside");
            assertThat(health.path("events_set_aside").asInt()).isEqualTo(1);
        }
        assertOneLetter();

        // It stays a fact, whoever learns the event again: a later life, from an image before it;
        // replays; the past.
        log.send(200, 250);
        try (TrainerApp fourth = TrainerApp.start(config)) {
            assertLearnedWithoutIt(awaitSettled(fourth, 251));
            assertThat(fourth.models().getFirst().eventsSetAside()).isEqualTo(1);
        }
        assertOneLetter();
        for (boolean decodable : List.of(true, false)) {
            ReplayResult replay = Replay.run(replay(decodable, null), ReplayProgress.Listener.NONE);
            assertThat(replay.stateHash()).isEqualTo(foldWithoutIt().stateHash());
            assertThat(replay.deadLetters()).isEqualTo(1);
        }
        VerifyOptions verify = new VerifyOptions(kafka(), registry(true), log.prefix, log.model(), log.model(),
                OptionalLong.empty(), Kernels.active(), 1);
        assertThat(Verify.run(verify, VerifyTest.scorer(log, log.model()), ReplayProgress.Listener.NONE).difference())
                .isNull();
        TimeTravel.PastModel past = TimeTravel.to(new TimeTravel.Options(kafka(), registry(false), log.prefix,
                log.model(), new LogPosition.Offset(150), Kernels.active()), ReplayProgress.Listener.NONE);
        assertThat(past.model().stateHash()).isEqualTo(log.fold(offset -> offset != FATAL && offset < 150).stateHash());
        ModelSpec other = ModelSpec.parse(log.spec().yaml().replace("seed: 7", "seed: 8"), "another spec");
        assertThat(Replay.run(replay(false, other), ReplayProgress.Listener.NONE).deadLetters()).isEqualTo(1);
    }

    /// One life; why it ended.
    private String end(TrainerConfig config) throws Exception {
        try (TrainerApp trainer = TrainerApp.start(config)) {
            StopException why = trainer.ended().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(why.exitCode()).isEqualTo(ExitCode.RETRYABLE);
            assertThat(why).hasMessageContaining("offset " + FATAL)
                    .hasMessageContaining("StackOverflowError: thrown on purpose");
            return String.valueOf(why.getMessage());
        }
    }

    private void assertLearnedWithoutIt(CommittedState state) {
        TestLog.Fold fold = foldWithoutIt();
        assertThat(Objects.requireNonNull(state.report()).stateHash()).isEqualTo(fold.stateHash());
        assertThat(state.pending()).isEqualTo(fold.pending());
        assertThat(state.accounts().accepted()).isEqualTo(fold.visible());
    }

    private void assertOneLetter() {
        List<ConsumerRecord<byte[], byte[]>> letters = log.visible(log.topics().deadLetters());
        assertThat(log.deadLetterOffsets()).containsExactly(FATAL);
        ConsumerRecord<byte[], byte[]> letter = letters.getFirst();
        assertThat(TestLog.header(letter, "tidegrad-reason")).isEqualTo("ended-the-trainer");
        assertThat(letter.value()).isEqualTo(log.visible(log.topic).get((int) FATAL).value());
        assertThat(TestLog.header(letter, "tidegrad-schema-id"))
                .isEqualTo(Integer.toString(ByteBuffer.wrap(letter.value()).getInt(1)));
    }

    /// @param decodable whether the event is, here
    private RegistrySettings registry(boolean decodable) {
        return new RegistrySettings(log.registryUrl,
                decodable ? Map.of() : Map.of(RecordDecoder.DESERIALIZER, FatalDeserializer.class.getName()));
    }

    private ReplayOptions replay(boolean decodable, @Nullable ModelSpec spec) {
        return new ReplayOptions(kafka(), registry(decodable), log.prefix, log.model(), new LogPosition.Begin(),
                new LogPosition.End(), spec, null, false, "", Kernels.active(), 1);
    }

    @Test
    void aReplayThatMeetsAnEventThatNobodySetAsideEndsAndNamesIt() {
        sendAFatalEventAmongOthers();
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 201); // here it can be learned
        }
        assertThatThrownBy(() -> Replay.run(replay(false, null), ReplayProgress.Listener.NONE))
                .isInstanceOfSatisfying(StopException.class, e -> assertThat(e.exitCode()).isEqualTo(ExitCode.INTERNAL))
                .hasMessageContaining("offset " + FATAL).hasMessageContaining("StackOverflowError")
                .hasMessageContaining("no trainer has set it aside");
    }

    @LongProof("kills of real processes")
    @Test
    void anEventInsideWhichTheProcessIsKilledTwiceIsSetAside() {
        sendAFatalEventAmongOthers();
        KillPoint inside = new KillPoint(Moment.FATAL_EVENT_DECODED, 1);
        for (int life = 0; life < 2; life++) {
            try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, inside)) {
                trainer.await("AT");
                trainer.kill();
            }
        }
        try (TrainerProcess third = TrainerProcess.start(log, Breaker.NONE, inside)) {
            int port = Integer.parseInt(third.await("READY"));
            JsonNode health = TrainerProcess.awaitReport(port, 201);
            assertThat(health.path("report").path("state_hash").asText()).isEqualTo(foldWithoutIt().stateHash());
            assertThat(third.stop()).isEqualTo(ExitCode.OK.status());
        }
        assertOneLetter();
    }

    @LongProof("kills of real processes")
    @Test
    void whoIsKilledWhileItWaitsForTheRegistryHasNotEndedInsideTheEvent() throws Exception {
        try (SwitchableRegistry registry = new SwitchableRegistry(log.registryUrl)) {
            log.send(0, (int) FATAL);
            byte[] value = log.byANewSchema();
            log.send(log.event(value));
            log.send((int) FATAL, 200);
            int schema = ByteBuffer.wrap(value).getInt(1);
            String[] options = {"--registry-url", registry.url(), "--kafka.transaction.timeout.ms", "60000"};
            registry.silentAbout(schema, true);
            for (int life = 0; life < 3; life++) {
                int before = registry.askedInVain();
                try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER, options)) {
                    await().atMost(PATIENCE).until(() -> registry.askedInVain() > before);
                    trainer.kill();
                }
            }
            registry.silentAbout(schema, false);
            try (TrainerApp trainer = TrainerApp.start(log.config(options))) {
                assertEqual(awaitSettled(trainer, 201), log.fold());
                assertThat(trainer.models().getFirst().eventsSetAside()).isZero();
            }
        }
        assertThat(log.visible(log.topics().deadLetters())).isEmpty();
    }
}
