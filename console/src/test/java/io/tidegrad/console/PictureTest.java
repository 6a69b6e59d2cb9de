package io.tidegrad.console;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.control.ControlAction;
import io.tidegrad.control.ControlRecord;
import io.tidegrad.control.ProcessStatus;
import io.tidegrad.control.RunStatus;
import io.tidegrad.model.snapshot.TrainerStatus;
import io.tidegrad.schemas.ChangeAlarm;
import io.tidegrad.schemas.FieldSignal;
import io.tidegrad.schemas.InMemorySchemaRegistry;
import io.tidegrad.schemas.SchemaRegistry;
import io.tidegrad.schemas.Slice;
import io.tidegrad.schemas.Topics;
import io.tidegrad.schemas.WatchedField;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

class PictureTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final SchemaRegistry registry = new InMemorySchemaRegistry();
    private final Topic topic = new Topic(Topics.DEFAULT, registry);
    private final Picture picture = new Picture(List.of());
    private final RecordIntake intake = new RecordIntake(Topics.DEFAULT, registry, picture);
    private long seen;
    private long points;

    @SafeVarargs
    private void take(ConsumerRecord<byte[], byte[]>... records) {
        for (ConsumerRecord<byte[], byte[]> record : records) {
            intake.take(record);
        }
    }

    /// Returns what has changed since the last call, as a page reads it.
    private JsonNode news(String model) throws Exception {
        Picture.Change change = picture.await(seen, model, points, 0);
        if (change == null) {
            return JSON.nullNode();
        }
        seen = change.revision();
        points = change.points();
        return JSON.readTree(JSON.writeValueAsString(change.said()));
    }

    @Test
    void aModelIsShownAsTheTopicsTellOfIt() throws Exception {
        take(topic.registered("fraud"), topic.progress(Topic.report("fraud", 1_000).build()),
                topic.part("fraud", 1_000), topic.published("fraud", 1_000), topic.published("fraud", 1_500),
                topic.heartbeat("fraud", 1_600, false),
                topic.decision(new ControlRecord("fraud", new ControlAction.Pause(), Topic.NOW, "ann@ops", "audit")),
                topic.trainer("fraud",
                        new TrainerStatus(1, Topic.NOW, TrainerStatus.RETRYING, 75, 1_000, 2, Double.NaN,
                                List.of(new TrainerStatus.Reason("retrying", "no broker", Topic.NOW)), List.of())),
                topic.status(new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, "host:8080",
                        List.of(new ProcessStatus.Served("fraud", "fraud", 1, 1_000, true, false, "")))),
                topic.deadLetter("fraud", "unknown-schema", "id 9", "{\"a\":1}".getBytes(StandardCharsets.UTF_8)));
        picture.logsEnd(Map.of("events", 1_700L), Topic.NOW);

        JsonNode model = news("fraud").path("model");

        assertThat(model.path("state").asText()).isEqualTo("retrying");
        assertThat(model.path("learned").asLong()).isEqualTo(1_000);
        assertThat(model.path("dead_letters").asLong()).isEqualTo(2);
        assertThat(model.path("version").asLong()).isEqualTo(1_600);
        assertThat(model.path("lag").asLong()).isEqualTo(1_700 - (7 + 1_600 + 2));
        assertThat(model.at("/registered/input_topic").asText()).isEqualTo("events");
        assertThat(model.at("/progress/window/linear_log_loss").asDouble()).isEqualTo(0.45);
        assertThat(model.at("/trainer/recent_dead_letter_share").isNull()).isTrue();
        assertThat(model.at("/trainer/reasons/0/message").asText()).isEqualTo("no broker");
        assertThat(model.at("/serving/0/published_ms").asLong()).isEqualTo(Topic.NOW);
        assertThat(model.at("/versions/0/version").asLong()).isEqualTo(1_500);
        assertThat(model.at("/versions/0/weights_hash").asText()).isEqualTo(Topic.HASH);
        assertThat(model.at("/decisions/0/action").asText()).isEqualTo("pause");
        assertThat(model.at("/decisions/0/author").asText()).isEqualTo("ann@ops");
        assertThat(model.at("/serving/0/address").asText()).isEqualTo("host:8080");
        assertThat(model.at("/dead_letters_newest/0/reason").asText()).isEqualTo("unknown-schema");
        assertThat(model.at("/dead_letters_newest/0/value").asText()).isEqualTo("{\"a\":1}");
        assertThat(model.at("/columns/11").asText()).isEqualTo("window_linear_loss");
        assertThat(model.at("/points/0/11").asDouble()).isEqualTo(0.45);
        assertThat(model.at("/columns/13").asText()).isEqualTo("window_linear_auc");
        assertThat(model.at("/points/0/13").asDouble()).isEqualTo(0.74);
    }

    private static RunStatus.Run run(String name, RunStatus.State state) {
        return new RunStatus.Run(name, 1, state, "", 12, List.of(new RunStatus.Read("events", 0, 1_000, 1_012)));
    }

    private static ProcessStatus scorer(String process, boolean stopped) {
        return new ProcessStatus(process, stopped, Topic.NOW, "host:8080",
                List.of(new ProcessStatus.Served("fraud", "fraud", 1, 1_000, true, false, "")));
    }

    /// Nothing else tells a process that is down from one that has nothing to do.
    @Test
    void aProcessThatFallsSilentStaysWithTheTimeOfItsLastWordForAnHour() throws Exception {
        RunStatus trainer = Topic.running(RunStatus.Role.TRAINER, "a", false, run("fraud", RunStatus.State.RUNNING));
        RunStatus other = Topic.running(RunStatus.Role.TRAINER, "b", false, run("other", RunStatus.State.RUNNING));
        take(topic.registered("fraud"), topic.status(trainer, Topic.NOW),
                topic.status(scorer("host:8080-1", false), Topic.NOW));
        JsonNode told = news("fraud").path("processes");
        assertThat(told).hasSize(2);
        assertThat(told.at("/0/host").asText()).isEqualTo("machine-7");
        assertThat(told.at("/0/runs/0/state").asText()).isEqualTo("RUNNING");
        assertThat(told.at("/0/runs/0/reads/0/next").asLong()).isEqualTo(1_000);
        assertThat(told.at("/0/heap_max").asLong()).isEqualTo(1_500_000_000);
        assertThat(told.at("/1/serves").asBoolean()).isTrue();

        long later = Topic.NOW + Picture.FORGOTTEN_MILLIS;
        take(topic.status(other, later), topic.registered("fraud"));
        picture.forget(later);
        JsonNode news = news("fraud");
        assertThat(news.path("all_processes").asBoolean()).isFalse();
        assertThat(news.path("processes")).hasSize(1);
        assertThat(news.at("/processes/0/runs")).as("of another model").isEmpty();
        assertThat(news.at("/model/serving")).as("a silent scorer").isEmpty();

        seen = 0;
        JsonNode all = news("fraud").path("processes");
        assertThat(all.findValuesAsText("process")).containsExactly("trainer/a", "trainer/b", "host:8080-1");
        assertThat(all.at("/0/seen_ms").asLong()).isEqualTo(Topic.NOW);

        picture.forget(later + 1);
        JsonNode forgotten = news("fraud");
        assertThat(forgotten.path("all_processes").asBoolean()).isTrue();
        assertThat(forgotten.path("processes").findValuesAsText("process")).containsExactly("trainer/b");
    }

    @Test
    void aProcessThatStopsOrBeginsAgainIsNotTakenForASilentOne() throws Exception {
        RunStatus.Run run = run("fraud", RunStatus.State.RUNNING);
        take(topic.registered("fraud"), topic.status(Topic.running(RunStatus.Role.TRAINER, "a", true, run), Topic.NOW),
                topic.status(scorer("host:8080-1", false), Topic.NOW),
                topic.status(scorer("host:8080-2", false), Topic.NOW + 60_000)); // the first was killed
        JsonNode told = news("fraud").path("processes");
        assertThat(told.findValuesAsText("process")).containsExactly("trainer/a", "host:8080-2");
        assertThat(told.at("/0/stopped").asBoolean()).isTrue();

        take(topic.status(scorer("host:8080-2", true), Topic.NOW + 70_000));
        JsonNode news = news("fraud");
        assertThat(news.path("all_processes").asBoolean()).isTrue();
        assertThat(news.path("processes").findValuesAsText("process")).containsExactly("trainer/a");
    }

    @Test
    void aJoinerIsShownWithTheModelThatLearnsWhatItJoins() throws Exception {
        RunStatus.Run run = run("card", RunStatus.State.STALLED);
        take(topic.registeredOn("fraud", "tidegrad.examples.card.1"), topic.registered("other"),
                topic.status(Topic.running(RunStatus.Role.JOINER, "j", false, run), Topic.NOW));
        assertThat(news("fraud").at("/processes/0/runs/0/state").asText()).isEqualTo("STALLED");
        seen = 0;
        assertThat(news("other").at("/processes/0/runs")).isEmpty();
    }

    @Test
    void howLabelsComeAndTheMeasuresOfSlicesAreThoseOfTheReport() throws Exception {
        take(topic.progress(Topic.report("fraud", 1_000)
                .setLabelArrival(Map.of("delay_p50", 3_600.0, "labelled", 0.9, "answered", 0.8))
                .setSlices(List.of(
                        Slice.newBuilder().setField("country").setValue("CH").setLabels(400).setMissed(5)
                                .setAll(Map.of("log_loss", 0.5))
                                .setRecent(Map.of("labels", 300.0, "log_loss", 0.4, "prior_log_loss", 0.6, "accuracy",
                                        0.9))
                                .build(),
                        Slice.newBuilder().setField("country").setValue(null).setLabels(9).setMissed(0)
                                .setAll(Map.of("mean_squared_error", 2.5)).setRecent(Map.of()).build()))
                .build()));

        JsonNode progress = news("fraud").at("/model/progress");

        assertThat(progress.at("/label_arrival/delay_p50").asDouble()).isEqualTo(3_600);
        assertThat(progress.at("/label_arrival/answered").asDouble()).isEqualTo(0.8);
        JsonNode swiss = progress.at("/slices/0");
        assertThat(swiss.path("value").asText()).isEqualTo("CH");
        assertThat(swiss.path("labels_of_all").asLong()).isEqualTo(400);
        assertThat(swiss.path("missed").asLong()).isEqualTo(5);
        assertThat(swiss.path("labels").asDouble()).isEqualTo(300);
        assertThat(swiss.path("loss").asDouble()).isEqualTo(0.4);
        assertThat(swiss.path("prior_loss").asDouble()).isEqualTo(0.6);
        assertThat(swiss.path("loss_of_all").asDouble()).isEqualTo(0.5);
        assertThat(progress.at("/slices/1/value").isNull()).isTrue();
        assertThat(progress.at("/slices/1/loss").isNull()).isTrue();
        assertThat(progress.at("/slices/1/loss_of_all").asDouble()).isEqualTo(2.5);
    }

    @Test
    void modelsThatAreTriedUnderANameAreShownWithWhatScorersCompareUntilTheyAreWithdrawn() throws Exception {
        take(topic.registered("fraud"), topic.compared("fraud", "wide"),
                topic.decision(decision(new ControlAction.Shadow("wide", 1))),
                topic.decision(decision(new ControlAction.Challenge("deep", 1, 500))));

        JsonNode candidates = news("fraud").at("/model/candidates");

        assertThat(candidates).hasSize(2);
        assertThat(candidates.at("/0/model").asText()).isEqualTo("wide");
        assertThat(candidates.at("/0/role").asText()).isEqualTo("shadow");
        assertThat(candidates.at("/0/agreed").asLong()).isEqualTo(190);
        assertThat(candidates.at("/0/its_mean_prediction").asDouble()).isEqualTo(0.24);
        assertThat(candidates.at("/1/share").asText()).isEqualTo("5 %");
        assertThat(candidates.at("/1").has("records")).isFalse();

        take(topic.decision(decision(new ControlAction.Withdraw("wide"))));
        assertThat(news("fraud").at("/model/candidates")).hasSize(1);
    }

    @Test
    void theNewestVerdictAboutEachPairIsShownBesideItAndNotAmongProofs() throws Exception {
        take(topic.registered("fraud"), topic.decision(decision(new ControlAction.Shadow("wide", 1))),
                topic.decision(decision(new ControlAction.Shadow("deep", 1))));
        assertThat(news("fraud").at("/model/candidates/0/verdict").isNull()).isTrue();

        take(topic.told(Topic.pair("fraud", "wide", "", "-0.1 to +0.1").build()),
                topic.told(Topic.pair("fraud", "deep", "fraud", "+0.1 to +0.2").build()),
                topic.told(Topic.pair("fraud", "wide", "wide", "+0.2 to +0.3").build()));
        JsonNode model = news("fraud").path("model");

        assertThat(model.at("/candidates/0/verdict/better").asText()).isEqualTo("wide");
        assertThat(model.at("/candidates/0/verdict/detail").asText()).isEqualTo("+0.2 to +0.3");
        assertThat(model.at("/candidates/1/verdict/better").asText()).isEqualTo("fraud");
        assertThat(model.path("verdicts")).isEmpty();
    }

    @Test
    void howLongEventsTakeFromTheLogToAScorerIsToldByWhatTheTopicsSay() throws Exception {
        ProcessStatus.Served served = new ProcessStatus.Served("fraud", "fraud", 1, 1_000, true, false, "");
        take(topic.registered("fraud"), topic.published("fraud", 1_000), topic.heartbeat("fraud", 1_000, true));
        picture.take(new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, "host:8080", List.of(served)),
                Topic.NOW + 300);
        picture.take(new ProcessStatus("host:1-abcdefgh", false, Topic.NOW, "host:8080", List.of(served)),
                Topic.NOW + 10_300);
        picture.logsEnd(Map.of("events", 1_009L), Topic.NOW);
        picture.logsEnd(Map.of("events", 1_029L), Topic.NOW + 2_000);

        JsonNode model = news("fraud").path("model");

        assertThat(model.at("/versions/0/appended_ms").asLong()).isEqualTo(Topic.NOW);
        assertThat(model.at("/versions/0/event_time_ms").isNull()).isTrue();
        assertThat(model.at("/serving/0/since_ms").asLong()).isEqualTo(Topic.NOW + 300);
        assertThat(model.at("/serving/0/seen_ms").asLong()).isEqualTo(Topic.NOW + 10_300);
        assertThat(model.at("/log/rate").asDouble()).isEqualTo(10);
        assertThat(model.at("/learning/offset").asLong()).isEqualTo(1_009);
        assertThat(model.at("/learning/moved_ms").asLong()).isEqualTo(Topic.NOW);
    }

    @Test
    void whatAGateHeldIsToldAmongTheDecisions() throws Exception {
        take(topic.registered("fraud"), topic.decision(decision(new ControlAction.Hold(1, 900, 800, 950, 940))));

        JsonNode decision = news("fraud").at("/model/decisions/0");

        assertThat(decision.path("action").asText()).isEqualTo("hold");
        assertThat(decision.path("what").asText()).isEqualTo("version 900 at offset 950");
    }

    private static ControlRecord decision(ControlAction action) {
        return new ControlRecord("fraud", action, Topic.NOW, "ann@ops", "");
    }

    @Test
    void onlyWhatHasChangedIsToldAgain() throws Exception {
        take(topic.registered("fraud"), topic.registered("churn"), topic.progress(Topic.report("fraud", 1_000).build()),
                topic.published("fraud", 1_000));
        assertThat(news("fraud").path("models")).hasSize(2);
        assertThat(news("fraud").isNull()).isTrue();

        take(topic.progress(Topic.report("fraud", 2_000)
                .setAlarms(List.of(new ChangeAlarm("missing", "amount", 48L, 0.01, 0.02, 0.3, "amount is missing")))
                .build()));

        JsonNode news = news("fraud");
        assertThat(news.path("models")).hasSize(1);
        assertThat(news.at("/models/0/alarms").asInt()).isEqualTo(1);
        assertThat(news.at("/models/0/rate").asDouble()).isEqualTo(1_000);
        assertThat(news.at("/model/progress/changes/0/field").asText()).isEqualTo("amount");
        assertThat(news.at("/model/points")).hasSize(1);
        assertThat(news.path("model").has("versions")).isFalse();
        assertThat(news.path("model").has("registered")).isFalse();
    }

    @Test
    void watchedFieldsAreToldAlarmOrNoneAndNoMoreThanThePageHasRoomFor() throws Exception {
        take(topic.registered("fraud"), topic.progress(Topic.report("fraud", 1_000).build()));
        assertThat(news("fraud").at("/model/progress/fields")).as("of an earlier trainer").isEmpty();

        List<WatchedField> fields = new ArrayList<>(Topic.fields("amount"));
        fields.add(WatchedField.newBuilder().setField("odd").setMissing(new FieldSignal(Float.NaN, 0f, 1f, 0L))
                .setContribution(Float.POSITIVE_INFINITY).build());
        for (int i = 0; i < 40; i++) {
            fields.add(WatchedField.newBuilder().setField("more" + i).build());
        }
        take(topic.progress(Topic.report("fraud", 2_000).setFields(fields).build()));

        JsonNode told = news("fraud").at("/model/progress/fields");
        assertThat(told).hasSize(32);
        assertThat(told.at("/0/field").asText()).isEqualTo("amount");
        assertThat(told.at("/0/missing/now").floatValue()).isEqualTo(0.34f);
        assertThat(told.at("/0/missing/most").floatValue()).isEqualTo(0.01f);
        assertThat(told.at("/0/missing/lasted").asLong()).isEqualTo(900);
        assertThat(told.at("/0/out_of_range/most").isNull()).isTrue();
        assertThat(told.at("/0/unseen").isNull()).isTrue();
        assertThat(told.at("/0/median_before").asDouble()).isEqualTo(4.25);
        assertThat(told.at("/1/contribution").asDouble()).isEqualTo(0.03125);
        assertThat(told.at("/2/missing/now").isNull()).isTrue();
        assertThat(told.at("/2/contribution").isNull()).isTrue();
    }

    @Test
    void modelsBeyondTheBoundAreCountedUntilTheyAreDeletedAndPeopleLearnHowToChoose() throws Exception {
        for (int i = 0; i < Picture.MODELS_MAX + 2; i++) {
            take(topic.registered("model-" + i));
        }
        take(topic.progress(Topic.report("model-1001", 1_000).build()), topic.registered("last"));
        JsonNode status = news("").path("status");
        assertThat(status.path("models").asInt()).isEqualTo(1_000);
        assertThat(status.path("left_out").asInt()).isEqualTo(3);
        assertThat(status.path("left_out_message").asText()).startsWith("3 models are left out")
                .contains("--model-prefix");

        take(topic.deleted("last"));
        assertThat(news("").at("/status/left_out").asInt()).isEqualTo(2);
    }

    @Test
    void onlyChosenModelsAreShownAndTheOthersTakeNoRoom() {
        Picture chosen = new Picture(List.of("fraud-", "churn"));
        RecordIntake into = new RecordIntake(Topics.DEFAULT, registry, chosen);
        for (int i = 0; i < Picture.MODELS_MAX + 2; i++) {
            into.take(topic.registered("model-" + i));
        }
        into.take(topic.registered("fraud-eu"));
        into.take(topic.registered("churn"));
        assertThat(chosen.registered()).containsExactly("churn", "fraud-eu");
        assertThat(chosen.status().leftOutMessage()).isEmpty();
    }

    @Test
    void aModelThatIsDeletedGoesFromTheList() throws Exception {
        take(topic.registered("fraud"));
        assertThat(news("").path("models")).hasSize(1);
        take(topic.deleted("fraud"));
        JsonNode news = news("");
        assertThat(news.path("models")).isEmpty();
        assertThat(news.at("/gone/0").asText()).isEqualTo("fraud");
    }

    @Test
    void oldReportsOfAModelWhoseDeletionWasDecidedDontListIt() throws Exception {
        take(topic.decision(new ControlRecord("fraud", new ControlAction.Delete(), Topic.NOW, "ann@ops", "")),
                topic.progress(Topic.report("fraud", 1_000).build()));
        assertThat(news("").path("models")).isEmpty();
    }

    @Test
    void aRecordThatCantBeReadIsCountedAndPassedOver() throws Exception {
        byte[] key = "fraud".getBytes(StandardCharsets.UTF_8);
        byte[] noise = {0, 0, 0, 0, 99, 1, 2, 3};
        for (String each : List.of(Topics.DEFAULT.models(), Topics.DEFAULT.control(), Topics.DEFAULT.status(),
                Topics.DEFAULT.progress(), Topics.DEFAULT.snapshots("fraud"))) {
            take(Topic.record(each, key, noise, new RecordHeaders()),
                    Topic.record(each, null, null, new RecordHeaders()));
        }
        take(topic.registered("fraud"));
        assertThat(picture.status().unreadable()).isEqualTo(10);
        assertThat(news("").at("/models/0/name").asText()).isEqualTo("fraud");
    }

    @Test
    void bytesThatAreNoTextAreShownAsHexadecimalDigits() throws Exception {
        take(topic.deadLetter("fraud", "undecodable", "", new byte[]{0, 0, 0, 0, 99, 1, (byte) 0xff}));
        assertThat(news("fraud").at("/model/dead_letters_newest/0/value").asText()).isEqualTo("00 00 00 00 63 01 ff");
    }

    @Property(tries = 40)
    void aCourseOfAnyLengthHasFewPointsEvenlySpreadAndTheNewest(@ForAll @IntRange(min = 1, max = 20_000) int length) {
        Course course = new Course();
        for (int i = 0; i < length; i++) {
            double[] point = new double[Course.COLUMNS.size()];
            point[0] = i;
            course.add(point);
        }
        List<double[]> kept = course.since(0);
        assertThat(kept).hasSizeBetween(Math.min(length, Course.POINTS_MAX / 2), Course.POINTS_MAX);
        assertThat(kept.getFirst()[0]).isZero();
        assertThat(kept.getLast()[0]).isEqualTo(length - 1);
        double apart = kept.size() < 2 ? 0 : kept.get(1)[0];
        for (int i = 1; i < kept.size() - 1; i++) {
            assertThat(kept.get(i)[0] - kept.get(i - 1)[0]).isEqualTo(apart);
        }
    }
}
