package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.TrainerObserver;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.store.CommittedState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// One trainer of many models. Each kind of trouble is given to one of them, which learns from a topic of its own;
/// after each all that have none yet learn on, and their hashes are those of folds. Prints a table.
/// `-Dtroubles.models=30` has thirty; by default there is one bystander beside those that get into trouble.
@LongProof("every trouble that a model can have, beside models that have none")
class TroublesTest extends TrainerFixture {
    private static final int MODELS = Integer.getInteger("troubles.models", Trouble.values().length + 1);
    private static final int EVENTS = 20; // between two troubles, on each topic
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    /// @see #make
    private enum Trouble {
        DIVERGES("its weights are not finite any more", "failed", 4),
        TOPIC_DELETED("its topic is deleted", "failed", 3),
        TOPIC_MADE_ANEW("its topic is deleted and created again", "failed", 3),
        PARTITION_ADDED("its topic gets a second partition", "failed", 2),
        CHANGELOG_DELETED("its changelog is deleted", "failed", 3),
        CHANGELOG_DAMAGED("its changelog is damaged while it is paused", "failed", 3),
        RETENTION_OVERTAKES("retention deletes what it has not learned, while it is paused", "failed", 3),
        OFFSETS_ALTERED("its group's offset is altered while it is paused", "failed", 3),
        POISON("nothing but broken events come", "dead-letters", 0),
        SNAPSHOTS_DELETED("its snapshots topic is deleted", "", 0),
        SPEC_CHANGED("the trainer is started with another spec of it", "failed", 2);

        private final String words;
        private final String reason;
        private final int exitCode;

        /// @param reason that health tells then; empty for none
        Trouble(String words, String reason, int exitCode) {
            this.words = words;
            this.reason = reason;
            this.exitCode = exitCode;
        }
    }

    private final Map<Trouble, TestLog> logs = new EnumMap<>(Trouble.class);
    private final Map<String, TestLog> sound = new TreeMap<>(); // by model
    private final Map<String, ModelSpec> specs = new TreeMap<>();
    private final List<String> table = new ArrayList<>();

    TroublesTest() {
        super(1);
    }

    /// `log` is the bystanders', whose prefix all have.
    @Override
    @BeforeEach
    void open() {
        super.open();
        for (int i = 0; i < Math.max(1, MODELS - Trouble.values().length); i++) {
            add(log, log.spec().yaml().replace(log.model(), log.model() + "-" + i));
        }
        for (Trouble trouble : Trouble.values()) {
            TestLog own = newLog().created();
            logs.put(trouble, own);
            add(own, trouble == Trouble.DIVERGES
                    ? own.spec().yaml().replace("adam: { rate: 0.01 }", "sgd: { rate: 1000 }") : own.spec().yaml());
        }
    }

    private void add(TestLog from, String yaml) {
        ModelSpec spec = ModelSpec.parse(yaml, "test spec");
        specs.put(spec.model(), spec);
        sound.put(spec.model(), from);
    }

    @Override
    @AfterEach
    void close() {
        logs.values().forEach(TestLog::close);
        super.close();
    }

    @Test
    void whateverHappensToOneModelTheOthersLearnOn() {
        try (TrainerApp trainer = TrainerApp.start(config())) {
            learn(trainer, Trouble.DIVERGES);
            for (Trouble trouble : Trouble.values()) {
                if (trouble != Trouble.SPEC_CHANGED) {
                    long begin = System.nanoTime();
                    make(trouble);
                    judge(trainer, trouble, begin);
                }
            }
            assertThat(trainer.ended()).isNotDone();
        }
        long begin = System.nanoTime();
        make(Trouble.SPEC_CHANGED);
        try (TrainerApp trainer = TrainerApp.start(config())) {
            judge(trainer, Trouble.SPEC_CHANGED, begin);
            // What has stopped stays so, each with its reason, and what was healed learns.
            for (Trouble trouble : Trouble.values()) {
                awaitReason(trainer, trouble);
            }
        }
        System.out.println("| of %d models, to one | after | health says of it | the others, hashes equal, after |"
                .formatted(specs.size()));
        System.out.println("|---|---|---|---|");
        table.forEach(System.out::println);
    }

    private TrainerConfig config() {
        List<String> files = new ArrayList<>();
        specs.forEach((model, spec) -> files.add(log.write(model + ".yaml", spec.yaml()).toString()));
        return TrainerConfig.parse(log.arguments("--spec", String.join(",", files)), Map.of());
    }

    // ---- trouble ----

    private void make(Trouble trouble) {
        TestLog own = Objects.requireNonNull(logs.get(trouble));
        String model = own.model();
        String group = log.topics().applicationId(model, 1);
        String changelog = Topics.changelog(group);
        if (trouble != Trouble.SNAPSHOTS_DELETED) {
            sound.remove(model);
        }
        switch (trouble) {
            case DIVERGES -> own.send(0, 200);
            case TOPIC_DELETED -> delete(own.topic);
            case TOPIC_MADE_ANEW -> {
                delete(own.topic);
                await().atMost(PATIENCE).ignoreExceptions() // a deletion takes a moment
                        .until(() -> own.created() != null);
            }
            case PARTITION_ADDED ->
                TestLog.await(log.admin.createPartitions(Map.of(own.topic, NewPartitions.increaseTo(2))).all());
            case CHANGELOG_DELETED -> delete(changelog);
            case CHANGELOG_DAMAGED -> whilePaused(model, () -> log.send(new ProducerRecord<>(changelog, 0,
                    "a key of theirs".getBytes(StandardCharsets.UTF_8), "theirs".getBytes(StandardCharsets.UTF_8))));
            case RETENTION_OVERTAKES -> whilePaused(model, () -> {
                own.send(0, 100);
                long end = end(own);
                TestLog.await(
                        log.admin.deleteRecords(Map.of(own.partition(), RecordsToDelete.beforeOffset(end - 10))).all());
            });
            case OFFSETS_ALTERED -> whilePaused(model, () -> TestLog.await(log.admin
                    .alterConsumerGroupOffsets(group, Map.of(own.partition(), new OffsetAndMetadata(3, ""))).all()));
            case POISON -> IntStream.range(0, 200).forEach(i -> own.send(own.event(new byte[]{1, 2, 3})));
            case SNAPSHOTS_DELETED -> delete(log.topics().snapshots(model));
            case SPEC_CHANGED ->
                specs.put(model, ModelSpec.parse(own.spec().yaml().replace("rate: 0.01", "rate: 0.02"), "test spec"));
        }
    }

    private void delete(String topic) {
        TestLog.await(log.admin.deleteTopics(List.of(topic)).all());
    }

    private void whilePaused(String model, Runnable action) {
        decisions().pause(model);
        TrainerObserver side =
                new TrainerObserver(KafkaSettings.of(log.kafka.bootstrapServers()), log.topics(), log.admin);
        assertThat(side.awaitStopped(model, 1, PATIENCE)).isTrue();
        action.run();
        decisions().resume(model);
    }

    private static long end(TestLog of) {
        List<ConsumerRecord<byte[], byte[]>> records = of.visible(of.topic);
        return records.isEmpty() ? 0 : records.getLast().offset() + 1;
    }

    // ---- what becomes of all ----

    private void judge(TrainerApp trainer, Trouble trouble, long begin) {
        JsonNode told = awaitReason(trainer, trouble);
        double noticed = seconds(begin);
        long after = System.nanoTime();
        learn(trainer, trouble);
        table.add("| %s | %.1f s | %s | %.1f s |".formatted(trouble.words, noticed,
                told.path("reasons").isEmpty() ? told.path("state").asText()
                        : told.path("reasons").get(0).path("reason").asText()
                                + (told.has("exit_code") ? ", " + told.path("exit_code").asInt() : ""),
                seconds(after)));
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) * 1e-9;
    }

    private JsonNode awaitReason(TrainerApp trainer, Trouble trouble) {
        String model = Objects.requireNonNull(logs.get(trouble)).model();
        return await("what health says of " + trouble).atMost(PATIENCE).until(() -> health(trainer, model), told -> {
            JsonNode reasons = told.path("reasons");
            return trouble.reason.isEmpty() ? reasons.isEmpty() && told.path("state").asText().equals("running")
                    : trouble.reason.equals(reasons.path(0).path("reason").asText())
                            && told.path("exit_code").asInt() == trouble.exitCode;
        });
    }

    /// More events for all that have had no trouble, which makes of them what a fold makes.
    private void learn(TrainerApp trainer, Trouble after) {
        List<TestLog> own = sound.values().stream().distinct().filter(each -> !isDiverging(each)).toList();
        int from = EVENTS * (after.ordinal() + 1);
        own.forEach(each -> each.send(from, from + EVENTS));
        Map<TestLog, List<ConsumerRecord<byte[], byte[]>>> visible = new HashMap<>();
        own.forEach(each -> visible.put(each, each.visible(each.topic)));
        sound.forEach((model, of) -> {
            if (isDiverging(of)) {
                return;
            }
            TestLog.Fold fold = of.fold(Objects.requireNonNull(specs.get(model)),
                    Objects.requireNonNull(visible.get(of)), offset -> true);
            CommittedState state =
                    await(model + " after " + after).atMost(PATIENCE).until(() -> committed(trainer, model),
                            found -> found != null && found.settled() && found.nextOffset() == fold.nextOffset());
            assertThat(Objects.requireNonNull(state.report()).stateHash()).as("%s after %s", model, after)
                    .isEqualTo(fold.stateHash());
        });
    }

    /// Until its trouble begins, it gets no events.
    private boolean isDiverging(TestLog of) {
        return of == logs.get(Trouble.DIVERGES);
    }

    private static @Nullable CommittedState committed(TrainerApp trainer, String model) {
        return trainer.models().stream().filter(each -> each.lineage().model().equals(model))
                .map(ModelTrainer::committed).findFirst().orElse(null);
    }
}
