package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.control.ControlAction;
import io.tidegrad.control.Decisions;
import io.tidegrad.control.KafkaTopics;
import io.tidegrad.control.Lineage;
import io.tidegrad.control.TopicReader;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.model.Numerics;
import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.process.ExitCode;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.relearn.LogSearch;
import io.tidegrad.trainer.relearn.ReplayProgress;
import io.tidegrad.trainer.relearn.TimeTravel;
import io.tidegrad.trainer.store.CommittedState;
import io.tidegrad.trainer.store.StoredState;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A model that goes on in another cluster, on topics that were copied there. `SecondRegionTest` copies with MirrorMaker.
@LongProof("two brokers and two trainers")
class MoveTest {
    private final Readings here = new Readings();
    private final Topics topics = new Topics("p" + here.id);
    private final String model = "m-" + here.id;
    private final String changelog = Topics.changelog(topics.applicationId(model, 1));

    private static <T> T get(KafkaFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KafkaProducer<byte[], byte[]> producer(Readings there) {
        return new KafkaProducer<>(Map.of("bootstrap.servers", there.bootstrap), new ByteArraySerializer(),
                new ByteArraySerializer());
    }

    /// Creates a topic as it is here, with nothing in it.
    private void create(Readings there, String topic) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        Map<String, String> settings = new HashMap<>();
        try (Admin from = Admin.create(Map.of("bootstrap.servers", here.bootstrap));
                Admin to = Admin.create(Map.of("bootstrap.servers", there.bootstrap))) {
            Objects.requireNonNull(get(from.describeConfigs(List.of(resource)).all()).get(resource)).entries().stream()
                    .filter(each -> each.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
                    .forEach(each -> settings.put(each.name(), each.value()));
            get(to.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(settings))).all());
        }
    }

    private static void delete(Readings there, String topic) {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", there.bootstrap))) {
            get(admin.deleteTopics(List.of(topic)).all());
            await().atMost(Readings.PATIENCE).until(() -> !there.topics().contains(topic));
        }
    }

    private static void append(Readings there, List<ConsumerRecord<byte[], byte[]>> records) {
        try (KafkaProducer<byte[], byte[]> producer = producer(there)) {
            records.forEach(each -> producer.send(
                    new ProducerRecord<>(each.topic(), 0, each.timestamp(), each.key(), each.value(), each.headers())));
        }
    }

    private List<ConsumerRecord<byte[], byte[]>> records(String topic) {
        return here.committed(new TopicPartition(topic, 0));
    }

    private void refused(Readings there, ExitCode code, String... why) {
        assertThat(there.models(topics.prefix(), "adopt", model)).as(there.out()).isEqualTo(code.status());
        assertThat(there.err()).contains(why);
    }

    /// As `models adopt` decides, without the state with which it begins the epoch.
    private void decideOnly(Readings there) {
        KafkaSettings kafka = KafkaSettings.of(there.bootstrap);
        try (Admin admin = Admin.create(kafka.client()); TopicReader copy = new TopicReader(kafka, there.partition)) {
            Decisions decisions = new Decisions(kafka, topics, admin, (short) -1, new Decisions.By("", "a test"));
            Lineage left = decisions.lineage(model, OptionalInt.empty());
            TimeTravel.PastModel state = TimeTravel.left(kafka, topics, left, Kernels.active());
            LogSearch.Found place = LogSearch.in(copy, state, ReplayProgress.Listener.NONE);
            assertThat(place).isEqualTo(new LogSearch.Found(172, 256));
            ControlAction.Base base = new ControlAction.Base(left.epoch(), state.model().parameters().updates(),
                    state.weightsHash(), place.nextOffset());
            decisions.adopt(model, left.epoch(), base, Numerics.VERSION,
                    new ControlAction.Move(left.logTopicId().toString(), state.nextOffset(),
                            new KafkaTopics(admin, (short) -1).log(left.spec()).topicId().toString()));
        }
    }

    @Test
    void aModelGoesOnInACopyWhereTheHashesAgreeAndSaysWhereTheyDoNot(@TempDir Path directory) {
        here.sendKeyed(0, 150);
        here.sendAborted(30);
        here.sendBroken(2);
        here.sendKeyed(150, 200);
        Path spec = here.spec(directory, model);
        int early; // records of the changelog
        // With pages in every commit, so that the newest one that is there has a whole state.
        try (TrainerApp trainer =
                here.trainer(directory.resolve("here"), "--spec", spec.toString(), "--redo-seconds", "0")) {
            Readings.awaitLearned(trainer, model, 1, here.end());
            early = records(changelog).size();
            here.sendKeyed(200, 300);
            Readings.awaitLearned(trainer, model, 1, here.end());
        }
        long left = here.end();
        here.sendKeyed(300, 320);
        here.sendAborted(5);
        List<ConsumerRecord<byte[], byte[]>> events = records(here.topic);
        try (EmbeddedBroker second = EmbeddedBroker.start(BrokerOptions.temporary());
                Readings there = here
                        .on(new KafkaProvider.Elsewhere(second.bootstrapServers(), SharedStack.get().registryUrl()))) {
            for (String topic : List.of(topics.control(), topics.models(), topics.snapshots(model))) {
                create(there, topic);
                append(there, records(topic));
            }
            create(there, here.topic);
            append(there, events);
            refused(there, ExitCode.CONFIGURATION, "expected a whole state in " + changelog,
                    "found none; copy that topic too");

            create(there, changelog);
            List<ConsumerRecord<byte[], byte[]>> state = records(changelog);
            append(there, state);
            List<ConsumerRecord<byte[], byte[]>> lost = new ArrayList<>(events);
            lost.remove(200);
            there.createAgain();
            append(there, lost);
            refused(there, ExitCode.STATE_VIOLATION,
                    "that the hashes agree up to record 192, before offset 192, and do not at record 256");
            there.createAgain();
            append(there, events.subList(0, 180));
            refused(there, ExitCode.STATE_VIOLATION, "that the copy ends after record 180");
            assertThat(there.models(topics.prefix(), "show", model, "--json")).isZero();
            assertThat(there.json().path("epoch").asInt()).as("nothing was decided").isEqualTo(1);

            // Copying ended in the middle of the first commit after that: its manifest is not there.
            int middle = early + 1;
            while (!StoredState.endsCommit(state.get(middle)) || StoredState.endsCommit(state.get(middle - 1))) {
                middle++;
            }
            delete(there, changelog);
            create(there, changelog);
            append(there, state.subList(0, middle));
            there.createAgain();
            append(there, events);
            assertThat(there.models(topics.prefix(), "adopt", model, "--json")).as(there.err()).isZero();
            long before = there.json().path("learned").asLong();
            assertThat(before).as("as of the newest commit that is there").isEqualTo(202);
            assertThat(there.json().path("action").asText()).isEqualTo("adopt");
            assertThat(there.json().path("compared").asLong()).isEqualTo(before);
            assertThat(there.json().path("next_offset").asLong()).isEqualTo(before);
            assertThat(there.json().path("left_at").asLong()).isEqualTo(events.get((int) before - 1).offset() + 1)
                    .isNotEqualTo(before).isLessThan(left);
            long version = before - 2;
            assertThat(there.json().path("base").asText()).isEqualTo("1." + version);

            try (Scorer scorer = there.scorer(topics.prefix(), model)) {
                Readings.awaitServed(scorer, 2, version);
                try (TrainerApp trainer = there.trainer(directory.resolve("there"), "--model", model)) {
                    CommittedState last = Readings.awaitLearned(trainer, model, 2, there.end());
                    assertThat(Objects.requireNonNull(last.report()).stateHash())
                            .isEqualTo(here.fold(spec, offset -> true).stateHash());
                    assertThat(last.accounts().deadLetters()).isEqualTo(2);
                    Readings.awaitServed(scorer, 2, 320);
                }
            }
            refused(there, ExitCode.CONFIGURATION, "there is nothing to adopt, start a trainer");
            assertThat(there.run(topics.prefix(), List.of("verify", "--model", model))).as(there.err()).isZero();
            assertThat(there.out()).contains("went on at offset " + before + " of a copy of the log", "equal");
            assertThat(there.models(topics.prefix(), "show", model)).isZero();
            assertThat(there.out())
                    .contains("epoch 2 goes on from version 1." + version + " at offset " + before + " of a copy");
            assertThat(there.models(topics.prefix(), "rollback", model, "--version", "100")).isNotZero();
            assertThat(there.models(topics.prefix(), "rollback", model, "--offset", "100", "--exact")).isNotZero();

            // Once more, to a copy that begins later, by a command that dies after its decision.
            there.createAgain();
            append(there, events.subList(150, 322));
            decideOnly(there);
            assertThat(there.models(topics.prefix(), "upgrade", model)).isEqualTo(ExitCode.CONFIGURATION.status());
            assertThat(there.err()).contains("epoch 3: expected a state to take over, found that no trainer has begun");
            there.sendKeyed(320, 330);
            try (TrainerApp trainer = there.trainer(directory.resolve("again"), "--model", model)) {
                CommittedState last = Readings.awaitLearned(trainer, model, 3, 182);
                assertThat(last.accounts().total()).isEqualTo(332);
                List<ConsumerRecord<byte[], byte[]>> all = new ArrayList<>(events);
                all.addAll(there.committed(there.partition).subList(172, 182));
                assertThat(Objects.requireNonNull(last.report()).stateHash())
                        .isEqualTo(here.fold(spec, all).stateHash());
            }
            assertThat(there.models(topics.prefix(), "show", model)).isZero();
            assertThat(there.out()).contains("from offset 0 on of the log before");
            assertThat(there.models(topics.prefix(), "rollback", model, "--offset", "100", "--exact")).isNotZero();
            assertThat(there.models(topics.prefix(), "rollback", model, "--offset", "178", "--exact", "--json"))
                    .as(there.err()).isZero();
            assertThat(there.json().path("base").asText()).isEqualTo("3.326");
            there.createAgain();
            append(there, events);
            refused(there, ExitCode.STATE_VIOLATION, "nothing was learned since a rollback left something out");
        }
        here.close();
    }
}
