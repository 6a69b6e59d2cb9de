package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.tidegrad.localstack.RegistryOptions;
import io.tidegrad.localstack.RegistryProcess;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.replay.Replay;
import io.tidegrad.replay.ReplayOptions;
import io.tidegrad.schemas.Progress;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.settings.RegistrySettings;
import io.tidegrad.trainer.SwitchableRegistry.Fault;
import io.tidegrad.trainer.store.CommittedState;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.assertj.core.api.ThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A registry that is not well while a trainer needs a schema it has not seen: no event is lost, none becomes a dead
/// letter for the registry's fault, and a trainer that is started again goes on where it was.
class RegistryFaultTest extends TrainerFixture {
    /// Half of it is the patience with a registry.
    private static final int TRANSACTION_TIMEOUT_MILLIS = 4_000;

    private static final Schema PROGRESS = Progress.getClassSchema();

    RegistryFaultTest() {
        super(8);
    }

    @Test
    void aRegistryThatIsNotWellStopsTheTrainerForALaterStart() throws Exception {
        assertStopsForALaterStart(Fault.ANSWERS_500);
    }

    @LongProof("two lives of a trainer for each fault of a registry")
    @ParameterizedTest
    @EnumSource(names = {"NONE", "ANSWERS_500"}, mode = EnumSource.Mode.EXCLUDE)
    void howeverARegistryIsNotWellTheTrainerStopsForALaterStart(Fault fault) throws Exception {
        assertStopsForALaterStart(fault);
    }

    private void assertStopsForALaterStart(Fault fault) throws Exception {
        try (SwitchableRegistry registry = new SwitchableRegistry(log.kafka.registryUrl())) {
            String[] options = options(registry.url());
            log.send(0, 50);
            try (TrainerApp trainer = TrainerApp.start(log.config(options))) {
                awaitSettled(trainer, 50);
                registry.fault(fault);
                log.send(50, 60); // a schema that is known needs no registry
                awaitSettled(trainer, 60);
                sendByANewSchema();
                log.send(60, 100);
                StopException why = stopped(trainer);
                assertThat(why).hasMessageContaining(registry.url());
            }
            registry.fault(Fault.NONE);
            assertGoesOn(options);
        }
    }

    /// It would answer each question about an event, with no schema or with a wrong one.
    @Test
    void aRegistryThatLostItsSchemasOrIsAnotherEnvironmentsIsRefusedBeforeAnythingIsLearned() {
        log.send(0, 50);
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            awaitSettled(trainer, 50);
        }
        log.send(50, 100);
        String url = "mock://lost-" + log.model();
        refusesTheRegistry(url, "found no schema");
        try (SchemaRegistry other = SchemaRegistry.connect(Map.of("schema.registry.url", url))) {
            int progress = log.registry.register(log.topics().progress() + "-value", PROGRESS);
            for (int i = 0; i <= progress; i++) { // the ids begin at 1
                other.register("s" + i, SchemaBuilder.record("Other" + i).fields().endRecord());
            }
            refusesTheRegistry(url, "found Other");
            StopException replay = refusal(() -> Replay.run(replay(url)));
            assertThat(replay.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
        }
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            CommittedState state = awaitSettled(trainer, 100);
            assertThat(state.accounts().deadLetters()).isZero();
            assertEqual(state, log.fold());
        }
    }

    private ReplayOptions replay(String registryUrl) {
        return Replays.of(kafka(), RegistrySettings.of(registryUrl), log.topics().prefix(), log.model());
    }

    private void refusesTheRegistry(String url, String found) {
        StopException why = refusal(() -> TrainerApp.start(log.config("--registry-url", url)).close());
        assertThat(why.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(why).hasMessageContainingAll("the schema registry " + url,
                "by which the record at " + log.topics().progress() + "-0 offset ", found, "Correct --registry-url");
    }

    /// What a registry did not know once stands in the dead letters only, and they are not kept for ever.
    @LongProof("several lives of a trainer")
    @Test
    void deadLettersThatRetentionHasDeletedAreToldByWhoeverLearnsAgain() throws Exception {
        log.send(0, 50);
        log.send(log.event(new byte[]{1, 2, 3}));
        log.send(log.event(new byte[]{0, 0x7d, 0, 0, 1, 2}));
        log.send(50, 60);
        CommittedState state;
        try (TrainerApp trainer = TrainerApp.start(log.config())) {
            state = awaitSettled(trainer, 62);
        }
        assertThat(state.accounts().deadLetters()).isEqualTo(2);
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, log.topics().deadLetters());
        Map<ConfigResource, Config> configs = log.admin.describeConfigs(List.of(topic)).all().get();
        assertThat(Objects.requireNonNull(configs.get(topic)).get("retention.ms").value())
                .isEqualTo("" + Duration.ofDays(30).toMillis());
        assertThat(Replay.run(replay(log.registryUrl)).version()).isEqualTo(state.version());

        TopicPartition letters = new TopicPartition(log.topics().deadLetters(), 0);
        log.admin.deleteRecords(Map.of(letters, RecordsToDelete.beforeOffset(-1))).all().get();
        StopException why = refusal(() -> Replay.run(replay(log.registryUrl)));
        assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
        assertThat(why).hasMessageContainingAll("offset 51 was learned (there is no dead letter of it)",
                "2 of its 2 dead letters are not on " + log.topics().deadLetters()
                        + " any more, where retention deletes them");
    }

    private static StopException refusal(ThrowableAssert.ThrowingCallable run) {
        return assertThatExceptionOfType(StopException.class).isThrownBy(run).actual();
    }

    private static String[] options(String registryUrl) {
        return new String[]{"--registry-url", registryUrl, "--kafka.transaction.timeout.ms",
            Integer.toString(TRANSACTION_TIMEOUT_MILLIS)};
    }

    /// The real one's process is gone, and comes back on the same port.
    @LongProof("waits until a trainer gives up")
    @Test
    void aRegistryThatWasStoppedIsWaitedForAndThenLearnedOn() throws Exception {
        Path schemas = directory.resolve("registry");
        RegistryProcess first = RegistryProcess.start(RegistryOptions.in(schemas));
        int port = URI.create(first.url()).getPort();
        String[] options = options(first.url());
        try (TestLog own = new TestLog(directory, 8, first.url()).created()) {
            own.send(0, 50);
            try (TrainerApp trainer = TrainerApp.start(own.config(options))) {
                awaitSettled(trainer, 50);
                byte[] value = own.byANewSchema();
                first.close();
                own.send(own.event(value));
                own.send(50, 100);
                stopped(trainer);
            }
            try (RegistryProcess second = RegistryProcess.start(RegistryOptions.in(schemas).withPort(port));
                    TrainerApp trainer = TrainerApp.start(own.config(options))) {
                CommittedState state = awaitSettled(trainer, 101);
                assertThat(second.url()).isEqualTo(first.url());
                assertThat(state.accounts().deadLetters()).isZero();
                assertEqual(state, own.fold());
            }
        }
    }

    /// A real registry that says so: these are the events' fault, and no reason to stop.
    @Test
    void whatTheRegistryKnowsToBeNoRecordsSchemaMakesDeadLetters() throws Exception {
        try (SwitchableRegistry registry = new SwitchableRegistry(log.kafka.registryUrl())) {
            log.send(0, 50);
            try (TrainerApp trainer = TrainerApp.start(log.config("--registry-url", registry.url()))) {
                awaitSettled(trainer, 50);
                int id = 0x7d00_0000;
                for (String answer : List.of("{\"schemaType\":\"PROTOBUF\",\"schema\":\"message M {}\"}",
                        "{\"schema\":\"\\\"string\\\"\"}", "{\"schema\":\"{\\\"type\\\":\\\"recrod\\\"}\"}",
                        "{\"schema\":\"{}\",\"references\":[{\"name\":\"a\",\"subject\":\"s\",\"version\":1}]}")) {
                    registry.answerWith(id, answer);
                    log.send(log.event(withSchema(log.event(0), id++)));
                }
                log.send(50, 60);
                CommittedState state = awaitSettled(trainer, 64);
                assertThat(state.accounts().deadLetters()).isEqualTo(4);
            }
        }
        assertThat(log.deadLetterOffsets()).containsExactly(50L, 51L, 52L, 53L);
        for (ConsumerRecord<byte[], byte[]> letter : log.visible(log.topics().deadLetters())) {
            assertThat(TestLog.header(letter, "tidegrad-reason")).isEqualTo("not-avro");
        }
    }

    private static byte[] withSchema(byte[] value, int id) {
        return ByteBuffer.wrap(value.clone()).putInt(1, id).array();
    }

    private void sendByANewSchema() {
        log.send(log.event(log.byANewSchema()));
    }

    private static StopException stopped(TrainerApp trainer) throws Exception {
        long begin = System.nanoTime();
        StopException why = trainer.ended().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        System.out.printf("after %d ms: %s%n", (System.nanoTime() - begin) / 1_000_000, why.getMessage());
        assertThat(why.exitCode()).isEqualTo(ExitCode.RETRYABLE);
        assertThat(why).hasMessageContaining("schema registry within " + TRANSACTION_TIMEOUT_MILLIS / 2 + " ms")
                .hasMessageContaining("nothing is lost");
        return why;
    }

    private void assertGoesOn(String... options) {
        try (TrainerApp trainer = TrainerApp.start(log.config(options))) {
            CommittedState state = awaitSettled(trainer, 101);
            assertThat(state.accounts().deadLetters()).isZero();
            assertThat(state.accounts().accepted()).isEqualTo(101);
            assertEqual(state, log.fold());
        }
        assertThat(log.visible(log.topics().deadLetters())).isEmpty();
    }
}
