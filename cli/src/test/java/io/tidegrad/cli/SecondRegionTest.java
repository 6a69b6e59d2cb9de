package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.mirror.MirrorMaker;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Two clusters, and Kafka's MirrorMaker that copies from one to the other as docs/operations/backup.md says; it is
/// killed in between.
@Tag("load")
@LongProof("two brokers, MirrorMaker started twice, four trainers")
class SecondRegionTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private final Readings here = new Readings();
    private final Topics topics = new Topics("p" + here.id);
    private final String model = "level-" + here.id;

    /// What the page says, with the names of this test, one replica, and new topics found sooner.
    private Path settings(Path directory, String there) throws IOException {
        String page = Files.readString(Path.of(System.getProperty("tidegrad.root"), "docs/operations/backup.md"));
        int begin = page.indexOf("```properties\n") + "```properties\n".length();
        String properties = page.substring(begin, page.indexOf("```", begin));
        assertThat(properties).contains("here.bootstrap.servers = kafka.here:9092",
                "there.bootstrap.servers = kafka.there:9092", "flights, tidegrad\\\\.control");
        return Files.writeString(directory.resolve("mirror.properties"),
                properties.replace("kafka.here:9092", here.bootstrap).replace("kafka.there:9092", there)
                        .replace("flights", here.topic).replace("tidegrad\\\\.", topics.prefix() + "\\\\.")
                        .replace("tidegrad-", topics.prefix() + "-") + """
                        refresh.topics.interval.seconds = 1
                        replication.factor = 1
                        offset-syncs.topic.replication.factor = 1
                        offset.storage.replication.factor = 1
                        config.storage.replication.factor = 1
                        status.storage.replication.factor = 1
                        """);
    }

    private static ChildJvm mirror(Path settings) {
        Path log = settings.resolveSibling("mirror.log");
        return ChildJvm.run("MirrorMaker", List.of("-Xmx256m"),
                List.of(MirrorMaker.class.getName(), settings.toString()), log, log);
    }

    private static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(each -> HexFormat.of().formatHex(each.value())).toList();
    }

    private void awaitCopied(Readings there, TopicPartition partition) {
        List<String> sent = values(here.committed(partition));
        await().atMost(PATIENCE).pollInterval(Duration.ofSeconds(1)).ignoreExceptions()
                .untilAsserted(() -> assertThat(values(there.committed(partition))).isEqualTo(sent));
    }

    private static String stateHash(CommittedState state) {
        return Objects.requireNonNull(state.report()).stateHash();
    }

    private CommittedState learned(TrainerApp trainer, String model, Readings cluster) {
        return learned(trainer, model, 1, cluster);
    }

    private CommittedState learned(TrainerApp trainer, String model, int epoch, Readings cluster) {
        long last = cluster.committed(cluster.partition).getLast().offset();
        return Readings.awaitLearned(trainer, model, epoch, at -> at.nextOffset() > last);
    }

    @Test
    void anotherRegionServesTheSameBitsLearnsTheSameModelAndTakesOver(@TempDir Path directory) throws Exception {
        here.send(200);
        here.sendAborted(30);
        here.send(100);
        Path spec = here.spec(directory, model);
        try (EmbeddedBroker second = EmbeddedBroker.start(BrokerOptions.temporary());
                Readings there = here
                        .on(new KafkaProvider.Elsewhere(second.bootstrapServers(), SharedStack.get().registryUrl()))) {
            Path settings = settings(directory, second.bootstrapServers());
            CommittedState left;
            try (TrainerApp trainer = here.trainer(directory.resolve("here"), "--spec", spec.toString());
                    Scorer served = here.scorer(topics.prefix(), model)) {
                long version = learned(trainer, model, here).version();
                Readings.awaitServed(served, 1, version);
                ChildJvm killed = mirror(settings);
                try (Scorer copy = there.scorer(topics.prefix(), model)) {
                    Readings.awaitServed(copy, 1, version);
                    assertThat(copy.weightsHash()).isEqualTo(served.weightsHash());
                    assertThat(Readings.answers(copy)).isEqualTo(Readings.answers(served));

                    here.send(5_000);
                    killed.kill();
                    here.send(100);
                    here.sendAborted(10);
                    try (ChildJvm again = mirror(settings)) {
                        awaitCopied(there, there.partition);
                        CommittedState first = learned(trainer, model, here);
                        Readings.awaitServed(served, 1, first.version());
                        Readings.awaitServed(copy, 1, first.version());
                        assertThat(Readings.answers(copy)).isEqualTo(Readings.answers(served));
                        // Its offsets are others, its weights are the same.
                        assertThat(there.end()).isNotEqualTo(here.end());
                        try (TrainerApp own = there.trainerOf("own" + here.id, directory.resolve("there"), "--spec",
                                spec.toString())) {
                            assertThat(stateHash(learned(own, model, there))).isEqualTo(stateHash(first));
                        }
                        assertThat(here.models(topics.prefix(), "rollback", model, "--version", "" + version))
                                .as(here.err()).isZero();
                        Readings.awaitServed(copy, 2, version);
                        here.sendKeyed(0, 100);
                        left = learned(trainer, model, 2, here);
                        awaitCopied(there, there.partition);
                        awaitCopied(there, new TopicPartition(Topics.changelog(topics.applicationId(model, 2)), 0));
                        again.requireAlive();
                    }
                }
            }
            takeOver(directory, there, spec);
            goOn(directory, there, left);
        }
        here.close();
    }

    /// The first region is gone.
    private void takeOver(Path directory, Readings there, Path spec) {
        try (TrainerApp copy = there.trainer(directory.resolve("copy"), "--spec", spec.toString())) {
            StopException why = copy.ended().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
            assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION);
            assertThat(why).hasMessageContaining("copied from another cluster");
        }
        String next = "next-" + here.id;
        try (TrainerApp trainer =
                there.trainer(directory.resolve("next"), "--spec", there.spec(directory, next).toString());
                Scorer scorer = there.scorer(topics.prefix(), model)) {
            CommittedState state = learned(trainer, next, there);
            assertThat(there.models(topics.prefix(), "promote", next, "--for", model)).as(there.err()).isZero();
            Readings.awaitServed(scorer, 1, state.version());
            assertThat(Objects.requireNonNull(scorer.current()).model()).isEqualTo(next);
            there.send(20);
            Readings.awaitServed(scorer, 1, state.version() + 20);
            assertThat(scorer.weightsHash())
                    .isEqualTo(there.fold(directory.resolve(next + ".yaml"), offset -> true).weightsHash());
        }
    }

    /// The model itself goes on with its exact state.
    private void goOn(Path directory, Readings there, CommittedState left) {
        assertThat(there.models(topics.prefix(), "promote", model)).as(there.err()).isZero();
        assertThat(there.models(topics.prefix(), "adopt", model, "--json")).as(there.err()).isZero();
        assertThat(there.json().path("base").asText()).isEqualTo("2." + left.version());
        assertThat(there.json().path("left_at").asLong()).isEqualTo(left.nextOffset());
        assertThat(there.json().path("compared").asLong()).isEqualTo(100);
        try (Scorer scorer = there.scorer(topics.prefix(), model)) {
            Readings.awaitServed(scorer, 3, left.version());
            assertThat(scorer.weightsHash()).isEqualTo(Objects.requireNonNull(left.report()).weightsHash());
        }
        assertThat(there.run(topics.prefix(), List.of("verify", "--model", model))).as(there.err()).isZero();
    }
}
