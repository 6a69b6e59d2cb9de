package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.tidegrad.cli.AlarmedPrometheus.Alarm;
import io.tidegrad.proof.LongProof;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Each alarm of `docker/monitoring/alerts.yml` is fired once by a real fault: a real Prometheus with that file scrapes
/// trainers, joiners, scorers and a console that learn, join, serve and show on a real broker, and then something goes
/// wrong with each of them. What the dashboards ask is asked of it, too. Only the times of the file are shorter, a second
/// for each minute. They run in this process, but for a scorer that is killed, each with a server of its own, and no series
/// is made up. One fault is not the thing itself: no clock is set back, but an event comes from a clock that is ahead.
class AlarmsTest {
    /// Generous, because it bounds liveness and not speed.
    private static final Duration PATIENCE = Duration.ofMinutes(3);

    private static final Pattern OF_NO_MODEL = Pattern.compile("tidegrad_(build|console|scorer_requests_topic)_");

    @TempDir
    private Path directory;

    /// What goes wrong, and what it must fire. The models, streams and scorers are those of [FaultyWorld].
    private enum Fault {
        PROCESS_IS_KILLED("a scorer is killed", FaultyWorld::killScorer,
                new Alarm("TidegradProcessAway", "instance", FaultyWorld.KILLED)),

        EVENTS_ARE_BROKEN("of 1,300 events 1,000 can't be read", world -> world.sendBroken("broken", 1_000),
                world -> world.send("broken", 120_000), new Alarm("TidegradDeadLetters", "model", "broken"),
                new Alarm("TidegradModelDegraded", "model", "broken", "reason", "dead-letters")),

        TOPIC_IS_DELETED("the topic of events is deleted", world -> world.deleteTopic("lost"),
                new Alarm("TidegradModelNotLearning", "model", "lost"),
                new Alarm("TidegradModelDegraded", "model", "lost", "reason", "failed")),

        LABELS_ARE_FALSE("the source of labels dies: all are false", world -> world.sendFalse("changed", 6_000),
                new Alarm("TidegradChanged", "model", "changed", "signal", "label"),
                new Alarm("TidegradModelDegraded", "model", "changed", "reason", "held")),

        LABELS_ARE_FLIPPED("labels say the opposite", world -> world.sendFlipped("flipped", 2_000),
                new Alarm("TidegradWorseThanPrior", "model", "flipped")),

        NUMBERS_ARE_SHUFFLED("labels that are numbers are those of other events",
                world -> world.sendShuffled("numbers", 2_000), new Alarm("TidegradWorseThanPrior", "model", "numbers")),

        SOME_LABELS_ARE_FLIPPED("of twenty labels one says the opposite, for a while", FaultyWorld::sendSomeFlipped,
                world -> world.endSending("bounded"), new Alarm("TidegradQuarantine", "model", "bounded")),

        UNIT_CHANGES("for six events the unit is ten thousand times smaller", FaultyWorld::sendInAnotherUnit,
                new Alarm("TidegradDeadUnits", "model", "dying")),

        EVENT_IS_FATAL("an event ends each trainer that reads it", FaultyWorld::sendFatalAndRestart,
                new Alarm("TidegradEventSetAside", "model", "fatal"),
                new Alarm("TidegradModelDegraded", "model", "fatal", "reason", "event-set-aside")),

        RETENTION_IS_SHORT("somebody sets the topic's retention to half an hour", FaultyWorld::shortenRetention,
                FaultyWorld::lengthenRetention, new Alarm("TidegradRetentionNear", "model", "retained")),

        KAFKA_IS_FAR("the way to Kafka takes 500 ms", FaultyWorld::delayTrainer, FaultyWorld::healTrainer,
                new Alarm("TidegradSlowCommits", "model", "delayed")),

        NETWORK_IS_NARROW("more events come than the trainer's network carries", FaultyWorld::narrowTrainer,
                FaultyWorld::widenTrainer, new Alarm("TidegradLag", "model", "narrow")),

        STREAMS_TOPIC_IS_DELETED("the topic of a stream's events is deleted", world -> world.deleteTopic("lost-stream"),
                new Alarm("TidegradStreamNotJoined", "stream", "lost-stream"),
                new Alarm("TidegradStreamDegraded", "stream", "lost-stream", "reason", "failed")),

        EVENT_HAS_NO_KEY("an event of a stream has no key", FaultyWorld::sendWithoutKey,
                new Alarm("TidegradJoinerDeadLetters", "stream", "joined")),

        JOINERS_NETWORK_IS_NARROW("more events come than the joiner's network carries", FaultyWorld::narrowJoiner,
                FaultyWorld::widenJoiner, new Alarm("TidegradJoinerLag", "stream", "narrow-stream", "side", "events")),

        SCORER_IS_CUT_OFF("a scorer's network to Kafka falls silent", FaultyWorld::cutScorer, FaultyWorld::healScorer,
                new Alarm("TidegradTrainerAway", "instance", FaultyWorld.CUT),
                new Alarm("TidegradStale", "instance", FaultyWorld.CUT),
                new Alarm("TidegradScorerNotReady", "instance", FaultyWorld.CUT)),

        CLOCKS_DIFFER("the clock of an event's producer is 30 s ahead of the scorer's", FaultyWorld::sendFromTheFuture,
                new Alarm("TidegradClockBehind", "model", "ahead")),

        SNAPSHOT_IS_DAMAGED("a bit of a snapshot is flipped", FaultyWorld::publishDamaged,
                new Alarm("TidegradSnapshotRefused", "model", "ahead", "reason", "unreadable")),

        DECISION_IS_GARBAGE("a record of the control topic is garbage", FaultyWorld::decideGarbage,
                new Alarm("TidegradDecisionNotFollowed", "model", "ahead")),

        LOG_IS_SHUT("the log of what is served takes no record of such a size any more", FaultyWorld::shutLog,
                new Alarm("TidegradAnswersNotLogged", "model", "ahead", "reason", "refused")),

        REQUEST_HAS_NO_MODEL("a request on the topic does not say which model is asked", FaultyWorld::requestNothing,
                new Alarm("TidegradRequestsTopic", "reason", "no-model-named"));

        private final String words;
        private final FaultyWorld.Action happen;
        private final FaultyWorld.@Nullable Action mend;
        private final List<Alarm> alarms;

        Fault(String words, FaultyWorld.Action happen, Alarm... alarms) {
            this(words, happen, null, alarms);
        }

        /// @param mend after it the alarms end soon; null: that takes too long here
        Fault(String words, FaultyWorld.Action happen, FaultyWorld.@Nullable Action mend, Alarm... alarms) {
            this.words = words;
            this.happen = happen;
            this.mend = mend;
            this.alarms = List.of(alarms);
        }
    }

    @Test
    void thereIsAFaultForEachAlarm() throws IOException {
        assertThat(Stream.of(Fault.values()).flatMap(fault -> fault.alarms.stream()).map(Alarm::name)
                .collect(Collectors.toSet())).isEqualTo(AlarmedPrometheus.names());
    }

    @Test
    void dashboardsAskByModelAndStream() throws IOException {
        List<Dashboard> dashboards = Dashboard.shipped();
        assertThat(dashboards).extracting(each -> each.json().path("uid").asText()).doesNotHaveDuplicates().hasSize(2);
        for (Dashboard dashboard : dashboards) {
            assertThat(dashboard.json().path("panels").findValuesAsText("id")).filteredOn(id -> id.matches("\\d+"))
                    .doesNotHaveDuplicates();
            for (String expression : dashboard.expressions()) {
                String chosen = !expression.contains("tidegrad_") || OF_NO_MODEL.matcher(expression).find() ? ""
                        : expression.contains("tidegrad_joiner_") ? "stream=~\"$stream" : "model=~\"$model";
                assertThat(expression).as(dashboard.title()).contains(chosen);
            }
        }
    }

    /// Each dashboard's questions get a number, after the faults, so that alarms that fire and reasons why models and
    /// streams are degraded are there, too.
    private static void assertThatDashboardsShowSomething(AlarmedPrometheus prometheus, FaultyWorld world)
            throws IOException {
        for (Dashboard dashboard : Dashboard.shipped()) {
            for (String question : dashboard.questions()) {
                await().atMost(PATIENCE).untilAsserted(() -> {
                    world.ask(); // a rate is of what happened within a minute
                    assertThat(prometheus.numbers(question)).as("%s: %s", dashboard.title(), question).isNotEmpty();
                });
            }
        }
        for (String job : List.of("trainer", "joiner", "scorer", "console")) {
            assertThat(prometheus.numbers("jvm_memory_used_bytes{area=\"heap\",job=\"" + job + "\"}")).as(job)
                    .isNotEmpty();
            assertThat(prometheus.numbers("tidegrad_build_info{job=\"" + job + "\"} == 1")).as(job).isNotEmpty();
        }
    }

    @LongProof("a broker, a Prometheus, four trainers, two joiners, three scorers and a console")
    @Test
    void eachAlarmIsSilentBeforeItsFaultAndFiresAfterIt() throws Exception {
        AlarmedPrometheus.requireProgram();
        try (FaultyWorld world = new FaultyWorld(directory);
                AlarmedPrometheus prometheus = AlarmedPrometheus.start(directory, world.instances())) {
            // The world has just begun, and on a busy machine a commit or a scrape was slow.
            await().atMost(PATIENCE).during(Duration.ofSeconds(3)).until(() -> Stream.of(Fault.values())
                    .flatMap(fault -> fault.alarms.stream()).noneMatch(prometheus::fires));
            world.pause();
            for (Fault fault : Fault.values()) {
                for (Alarm alarm : fault.alarms) {
                    assertThat(prometheus.fires(alarm)).as("%s, before %s", alarm, fault.words).isFalse();
                }
                fault.happen.to(world);
            }
            assertThatDashboardsShowSomething(prometheus, world);
            // Some faults go on for as long as they are not mended, and all of them at the same time.
            for (Fault fault : Fault.values()) {
                for (Alarm alarm : fault.alarms) {
                    await().atMost(PATIENCE).untilAsserted(() -> assertThat(prometheus.hasFired(alarm))
                            .as("%s, after %s; now fire %s", alarm, fault.words, prometheus.told()).isTrue());
                }
            }
            for (Fault fault : Fault.values()) {
                if (fault.mend != null) {
                    fault.mend.to(world);
                }
            }
            for (Fault fault : Fault.values()) {
                for (Alarm alarm : fault.mend == null ? List.<Alarm>of() : fault.alarms) {
                    await().atMost(PATIENCE).untilAsserted(
                            () -> assertThat(prometheus.fires(alarm)).as("%s, after %s", alarm, fault.words).isFalse());
                }
            }
            // The model that is well, and what somebody has paused. That this gets old is true, and that what cannot be
            // read may be a decision about it.
            for (String well : List.of("model=\"well\",job=\"trainer\"",
                    "model=\"paused\",alertname!~\"TidegradStale|TidegradDecisionNotFollowed\"",
                    "stream=\"paused-stream\"")) {
                assertThat(prometheus.everFiring(well)).isEmpty();
            }
        }
    }
}
