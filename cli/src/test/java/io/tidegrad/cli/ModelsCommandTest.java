package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.control.PublishedManifests;
import io.tidegrad.proof.LongProof;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// Decisions about models as they are typed, beside a trainer that learns whatever is registered.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ModelsCommandTest {
    private final Readings readings = new Readings();
    private final String id = readings.id;
    private final String topic = readings.topic;
    private TrainerApp trainer;

    @TempDir
    Path directory;

    @BeforeAll
    void start(@TempDir Path state) {
        readings.send(300);
        trainer = readings.trainer(state, "--all-models");
    }

    @AfterAll
    void stop() {
        trainer.close();
        readings.close();
    }

    private Path spec(String model) {
        return readings.spec(directory, model);
    }

    /// With the trainer's prefix.
    private int run(String... words) {
        return readings.models("p" + id, words);
    }

    private String out() {
        return readings.out();
    }

    private String err() {
        return readings.err();
    }

    private JsonNode json() {
        return readings.json();
    }

    private CommittedState awaitLearned(String model, int epoch, long nextOffset) {
        return Readings.awaitLearned(trainer, model, epoch, nextOffset);
    }

    @Test
    void aModelIsCreatedPausedResumedAndDeletedByItsName() throws Exception {
        String model = "life-" + id;
        assertThat(run("create", "--spec", spec(model).toString(), "--json")).as(err()).isZero();
        assertThat(json().path("epoch").asInt()).isEqualTo(1);
        assertThat(json().path("stage").asText()).isEqualTo("live");
        assertThat(json().path("kept_versions").asText()).isEqualTo("5 newest, 24 hourly, 31 daily");
        long bytes = json().path("version_bytes").asLong();
        assertThat(json().path("kept_bytes_max").asLong()).isEqualTo((5 + 1 + 24 + 31) * bytes);
        assertThat(json().path("trainer").asText()).startsWith("learns from version ");
        CommittedState learned = awaitLearned(model, 1, readings.end());
        assertThat(PublishedManifests.read(KafkaSettings.of(readings.bootstrap), new Topics("p" + id), model).getLast()
                .servedBytes()).isEqualTo(bytes);

        assertThat(run("pause", model, "--reason", "the source is wrong")).isZero();
        assertThat(out()).contains("model         " + model + ": pause at ", ": the source is wrong",
                "stage         live -> paused (live)", "trainer       stopped learning after ");
        assertThat(run("list", "--json", "--model", model)).isZero();
        assertThat(json().path("stage").asText()).isEqualTo("paused (live)");
        assertThat(json().path("version").asLong()).isEqualTo(learned.version());
        assertThat(json().path("lag").asLong()).isZero();
        assertThat(json().path("topic").asText()).isEqualTo(topic);

        assertThat(run("resume", model)).isZero();
        assertThat(out()).contains("stage         paused (live) -> live", "learns from version ");
        assertThat(run("show", model)).isZero();
        assertThat(out()).contains("model         " + model + ", live, epoch 1 since ",
                "create    epoch 1 from offset 0 of " + topic, "pause     ", "the source is wrong", "resume    ");

        assertThat(run("list")).as(err()).isZero();
        assertThat(out()).containsPattern("\\n" + model + "  live +1 +[0-9,]+ +[0-9,]+ +0 .* " + topic);

        assertThat(run("delete", model)).isZero();
        String changelog = "p" + id + "-" + model + "-1-model-changelog";
        assertThat(out()).contains("stage         live -> none", "p" + id + ".snapshots." + model, changelog);
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> !readings.topics().contains(changelog));
        assertThat(run("show", model)).isEqualTo(2);
        assertThat(err()).contains("expected one that was not deleted");
        assertThat(run("resume", model)).isEqualTo(2);
        assertThat(err()).contains("deleted it at", "tidegrad models create");
    }

    @LongProof("a trainer that learns, is rolled back and learns on")
    @Test
    void aRollbackSaysWhatIsLeftOutAndTheTrainerLearnsOn() throws Exception {
        String model = "back-" + id;
        assertThat(run("create", "--spec", spec(model).toString())).isZero();
        CommittedState base = awaitLearned(model, 1, readings.end());
        readings.send(50);
        awaitLearned(model, 1, readings.end());
        assertThat(run("rollback", model, "--version", "" + base.version(), "--reason", "drift", "--json")).as(err())
                .isZero();
        assertThat(json().path("epoch").asInt()).isEqualTo(2);
        assertThat(json().path("base").asText()).isEqualTo("1." + base.version());
        assertThat(json().path("skipped").asLong()).isEqualTo(50);
        assertThat(json().path("resume_offset").asLong()).isEqualTo(readings.end());
        assertThat(json().path("trainer").asText())
                .startsWith("learns from version " + "%,d".formatted(base.version()));
        CommittedState back = awaitLearned(model, 2, readings.end());
        assertThat(back.version()).isEqualTo(base.version());
        readings.send(10);
        assertThat(awaitLearned(model, 2, readings.end()).version()).isEqualTo(base.version() + 10);
        assertThat(run("show", model)).isZero();
        assertThat(out())
                .contains("rolled back   epoch 2 goes on from version 1." + base.version() + ", 50 offsets from ");
        assertThat(run("rollback", model, "--version", "7")).isEqualTo(2);
        assertThat(err()).contains("expected version 7 among the published ones");
    }

    @LongProof("a model that has to diverge, and be tried again")
    @Test
    void theListTellsWhyAModelHasStoppedAndHowWellTheOthersDo() throws Exception {
        try (Readings own = new Readings()) { // what is sent to it is broken, and others are not to see it
            own.send(300);
            theListTellsWhyAModelHasStopped(own);
        }
    }

    private void theListTellsWhyAModelHasStopped(Readings own) throws Exception {
        String sound = "good-" + id;
        String bad = "ill-" + id;
        assertThat(run("create", "--spec", own.spec(directory, sound).toString())).isZero();
        Path diverges = own.spec(directory, bad, 64, "sgd: { rate: 1000 }");
        // A batch of several rows has no single event to blame for what is not finite.
        Files.writeString(diverges, "mini-batch: { size: 4 }\n", StandardOpenOption.APPEND);
        assertThat(run("create", "--spec", diverges.toString(), "--timeout", "0")).isZero();
        Awaitility.await().atMost(Readings.PATIENCE).untilAsserted(() -> {
            assertThat(run("list", "--model", bad, "--json")).as(err()).isZero();
            assertThat(json().path("trainer").asText()).isEqualTo("failed");
        });
        assertThat(json().path("exit_code").asInt()).isEqualTo(4);
        assertThat(json().path("reasons").get(0).path("message").asText()).contains("diverged");

        // Nothing but broken events for a while.
        awaitLearned(sound, 1, own.end());
        own.sendBroken(400);
        awaitLearned(sound, 1, own.end());
        Awaitility.await().atMost(Readings.PATIENCE).untilAsserted(() -> {
            assertThat(run("list", "--model", sound, "--json")).as(err()).isZero();
            assertThat(json().path("dead_letters").asLong()).isEqualTo(400);
        });
        assertThat(json().path("dead_letter_share").asDouble()).isGreaterThan(0.5);
        assertThat(json().path("loss").asDouble()).isPositive().isLessThan(json().path("prior_loss").asDouble() + 0.1);
        assertThat(json().path("auc").asDouble()).isBetween(0.5, 1.0);
        assertThat(run("list")).isZero();
        assertThat(out()).containsPattern("\\n" + bad + " +live, failed +1 ")
                .containsPattern("\\n" + sound + " +live, degraded +1 .* 400 +[0-9.]+ % +0[.]")
                .containsPattern("\\n" + bad + ": failed since .*: .*diverged at update")
                .contains("tidegrad models resume " + bad + " tries again");
        assertThat(run("show", bad)).isZero();
        assertThat(out()).containsPattern("trouble +failed since ");

        // It is tried again, and can't: said anew.
        String since = since(bad);
        assertThat(run("resume", bad, "--timeout", "0")).as(err()).isZero();
        Awaitility.await().atMost(Readings.PATIENCE).until(() -> !since.equals(since(bad)));
        assertThat(run("resume", sound)).isEqualTo(2);
        assertThat(err()).contains("expected one that is paused or has stopped");
        assertThat(run("delete", bad)).as(err()).isZero();
        assertThat(run("delete", sound)).as(err()).isZero();
    }

    private String since(String model) throws Exception {
        assertThat(run("list", "--model", model, "--json")).isZero();
        return json().path("reasons").path(0).path("since").asText();
    }

    @Test
    void aDecisionStandsWithoutATrainerThatFollows() throws Exception {
        String prefix = "q" + id;
        String model = "lonely-" + id;
        assertThat(readings.models(prefix, "list")).as(err()).isZero();
        assertThat(out()).startsWith("no models; register one: tidegrad models create");
        String[] create = {"create", "--spec", spec(model).toString(), "--timeout", "3"};
        assertThat(readings.models(prefix, create)).as(err()).isZero();
        assertThat(out()).contains("none has begun within 3 s; start one with --model " + model);
        assertThat(err()).contains("waiting up to 3 s for a trainer that learns " + model);
        assertThat(readings.models(prefix, "pause", model)).isZero();
        assertThat(out()).contains("trainer       no trainer runs this model");
        assertThat(readings.models(prefix, "list")).isZero();
        assertThat(out().lines().toList()).hasSize(2).first().asString().startsWith("model ");
        assertThat(out()).contains("paused (live)", topic);
        assertThat(readings.models(prefix, create)).isEqualTo(2);
        assertThat(err()).contains("expected a name that no model has");
    }

    @Test
    void whatIsMissingIsToldBeforeAnythingIsAsked() {
        assertThat(run("pause")).isEqualTo(2);
        assertThat(err()).contains("--model");
        assertThat(run("rollback", "any")).isEqualTo(2);
        assertThat(err()).contains("--version");
        assertThat(run("rollback", "any", "--version", "1", "--offset", "2", "--exact")).isEqualTo(2);
        assertThat(err()).contains("found --version, --offset", "--exact: expected --offset or --time beside it");
        assertThat(run("pause", "any", "--reason", "x".repeat(1_025))).isEqualTo(2);
        assertThat(err()).contains("--reason: expected at most 1024 bytes, found 1025");
        assertThat(run("pause", "nobody-" + id)).isEqualTo(2);
        assertThat(err()).contains("model nobody-" + id + ": expected a registered model");
    }
}
