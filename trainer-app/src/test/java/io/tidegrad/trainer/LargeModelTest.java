package io.tidegrad.trainer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import io.tidegrad.schemas.Topics;
import io.tidegrad.trainer.store.BreakableParts.KillPoint;
import io.tidegrad.trainer.store.BreakableParts.KillPoint.Moment;
import io.tidegrad.trainer.store.CommittedState;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

/// Image and redo on a real broker. The model is small and the budget tiny, so that an image takes several commits, as
/// a gigabyte does at 20 MB/s.
class LargeModelTest extends TrainerFixture {
    /// Two or three of the 15 pages a commit.
    private static final String BUDGET = "300000";

    private static final String[] IMAGES =
            {"--store", "image-and-redo", "--store-bytes-per-second", BUDGET, "--redo-seconds", "0"};

    /// One image at the beginning, and no other.
    private static final String[] ONE_IMAGE =
            {"--store", "image-and-redo", "--store-bytes-per-second", BUDGET, "--redo-seconds", "86400"};

    /// The same so slowly that no commit writes more than 6 of its pages, however long it comes after the one before.
    private static final String[] ONE_SLOW_IMAGE =
            {"--store", "image-and-redo", "--store-bytes-per-second", "20000", "--redo-seconds", "86400"};

    private static final String[] PAGES = {"--store", "page-log", "--store-bytes-per-second", BUDGET};

    private static final int RANDOM_KILLS = 4;

    private static final List<KillPoint> FIXED = List.of(new KillPoint(Moment.IMAGE_PAGE_LOGGED, 4), // of the first image
            new KillPoint(Moment.IMAGE_PAGE_LOGGED, 40), // of the third, some committed
            new KillPoint(Moment.IMAGE_WHOLE, 2), new KillPoint(Moment.EVENT_LEARNED_AGAIN, 3),
            new KillPoint(Moment.BEFORE_MANIFEST, 9), new KillPoint(Moment.FLUSHED_NOT_COMMITTED, 7));

    LargeModelTest() {
        super(4);
    }

    @LongProof("kills of real processes")
    @Test
    void everyEventChangesTheWeightsOnceWhateverDiesWhenAndHoweverTheModelIsKept() {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println("seed " + seed + " · rerun with -Dtest=LargeModelTest -Dseed=" + seed);
        SplittableRandom random = new SplittableRandom(seed);
        Map<Long, String> hashes = new LinkedHashMap<>(); // watermark → what a trainer said of it
        try (Traffic traffic = new Traffic(log, seed)) {
            for (int life = 0; life < FIXED.size() + RANDOM_KILLS; life++) {
                boolean fixed = life < FIXED.size();
                KillPoint point = fixed ? FIXED.get(life) : KillPoint.NEVER;
                String[] kind = fixed || random.nextBoolean() ? IMAGES : PAGES;
                if (point.moment() == Moment.EVENT_LEARNED_AGAIN) {
                    leaveSomethingToLearnAgain();
                }
                try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, point, kind)) {
                    int port = Integer.parseInt(trainer.await("READY"));
                    if (fixed) {
                        trainer.await("AT");
                    } else {
                        trainer.await("LEARNED");
                        LockSupport.parkNanos(random.nextLong(1_500_000_000L)); // the input
                        JsonNode report = TrainerProcess.awaitHealth(port).path("report");
                        if (report.has("state_hash")) {
                            hashes.put(report.path("watermark").asLong(), report.path("state_hash").asText());
                        }
                    }
                    trainer.kill();
                }
            }
            assertThat(traffic.committed()).isPositive();
        }
        TestLog.Fold fold = log.fold();
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER, IMAGES)) {
            int port = Integer.parseInt(trainer.await("READY"));
            JsonNode health = TrainerProcess.awaitReport(port, fold.nextOffset());
            assertThat(health.path("report").path("state_hash").asText()).isEqualTo(fold.stateHash());
            assertThat(health.path("pending").asInt()).isEqualTo(fold.pending());
            assertThat(health.path("dead_letters").asLong()).isEqualTo(fold.rejected().size());
            assertThat(health.path("ticks").asLong()).isEqualTo(fold.ticks());
            assertThat(health.path("learned").asLong()).isEqualTo(fold.learned());
            assertThat(trainer.stop()).isEqualTo(ExitCode.OK.status());
        }
        assertThat(log.deadLetterOffsets()).isNotEmpty().isEqualTo(fold.rejected());
        assertThat(hashes).isNotEmpty();
        List<ConsumerRecord<byte[], byte[]>> events = log.visible(log.topic);
        hashes.forEach((watermark, hash) -> assertThat(hash).as("state at %d", watermark)
                .isEqualTo(log.fold(events, offset -> offset < watermark).stateHash()));
        System.out.println(fold.visible() + " visible records, checked at " + hashes.keySet() + " and the end");
    }

    /// An image may have become whole with the last commit before a kill: then the next life learns nothing again.
    private void leaveSomethingToLearnAgain() {
        try (TrainerProcess trainer = TrainerProcess.start(log, Breaker.NONE, KillPoint.NEVER, ONE_IMAGE)) {
            int port = Integer.parseInt(trainer.await("READY"));
            TrainerProcess.awaitHealth(port, health -> health.path("image").path("redo_events").asLong() >= 100);
            trainer.kill();
        }
    }

    /// Also when the trainer is asked to stop amid an image: the log of record is emptied between the two lives.
    @LongProof("images of many commits; SimulationTest has the same stores in memory")
    @Test
    void aCleanStopLeavesAWholeImageAndARestartReadsNothingOfTheLog() {
        TrainerApp trainer = TrainerApp.start(log.config(IMAGES));
        try (Traffic traffic = new Traffic(log, 1)) {
            await().atMost(PATIENCE).until(() -> amidAnImage(trainer));
            trainer.close();
            assertThat(traffic.committed()).isPositive();
        }
        CommittedState stopped = Objects.requireNonNull(trainer.models().getFirst().committed());
        assertThat(trainer.ended()).isNotDone();
        assertThat(stopped.store().imageOffset()).isEqualTo(stopped.nextOffset());
        assertThat(stopped.settled()).isTrue();
        TestLog.Fold fold = log.fold();
        String hash = log.fold(offset -> offset < stopped.nextOffset()).stateHash();
        assertThat(Objects.requireNonNull(stopped.report()).stateHash()).isEqualTo(hash);
        forget(stopped.nextOffset());
        try (TrainerApp again = TrainerApp.start(log.config(IMAGES))) {
            assertEqual(awaitSettled(again, fold.nextOffset()), fold);
        }
    }

    private static boolean amidAnImage(TrainerApp trainer) {
        CommittedState state = trainer.models().getFirst().committed();
        return state != null && state.store().image() > 1 && state.store().imagePages() > 2;
    }

    @LongProof("a model of many pages")
    @Test
    void anIdleModelIsWrittenToTheEndOfItsImageAndThenCostsNoTransaction() {
        log.send(0, 500);
        // With the default budget: Streams looks after the commits of such a small model.
        String[] settings = {"--store", "image-and-redo", "--redo-seconds", "0"};
        try (TrainerApp trainer = TrainerApp.start(log.config(settings))) {
            await().atMost(PATIENCE).until(() -> {
                CommittedState state = trainer.models().getFirst().committed();
                return state != null && state.nextOffset() == 500 && state.settled() && state.isWhole();
            });
            JsonNode health = TrainerProcess.awaitHealth(trainer.httpPort());
            assertThat(health.path("store").asText()).isEqualTo("image-and-redo");
            assertThat(health.path("store_reason").asText()).isEqualTo("set by --store");
            assertThat(health.path("image").path("watermark").asLong()).isEqualTo(500);
            assertThat(health.path("image").path("redo_events").asLong()).isZero();
            assertThat(health.path("image").path("number").asLong()).isPositive();
            int heard = log.heartbeats().size();
            awaitHeartbeats(heard + 1);
            int records = log.records(Topics.changelog(log.group()), "read_uncommitted").size();
            awaitHeartbeats(heard + 3);
            assertThat(log.records(Topics.changelog(log.group()), "read_uncommitted")).hasSize(records);
        }
    }

    private void awaitHeartbeats(int count) {
        await().atMost(PATIENCE).until(() -> log.heartbeats().size() >= count);
    }

    @LongProof("a model of many pages")
    @Test
    void aRestartWhoseEventsRetentionHasDeletedIsRefusedWithTheirRange() {
        long image = killedAfterAnImage(Breaker.NONE);
        forget(image + 5);
        assertThatThrownBy(() -> startAndEnd(log.config(IMAGES)))
                .isInstanceOfSatisfying(StopException.class,
                        why -> assertThat(why.exitCode()).isEqualTo(ExitCode.STATE_VIOLATION))
                .hasMessageContaining("from offset " + image + " on").hasMessageContaining("begins at " + (image + 5))
                .hasMessageContaining("deleted offsets " + image + " to " + (image + 4))
                .hasMessageContaining("raise the topic's retention");
    }

    @LongProof("a model of many pages")
    @Test
    void aDamagedPageOfTheImageIsNamedWithItsOffset() {
        // The next trainer waits for the end of the transaction that the killed one left open.
        List<String> settings = new ArrayList<>(List.of(ONE_IMAGE));
        settings.addAll(List.of("--kafka.transaction.timeout.ms", "4000"));
        killedAfterAnImage(Breaker.NONE, settings.toArray(String[]::new));
        String topic = Topics.changelog(log.group());
        List<ConsumerRecord<byte[], byte[]>> records = log.visible(topic);
        ConsumerRecord<byte[], byte[]> page = records.stream().filter(r -> r.key()[0] == 'P').findFirst().orElseThrow();
        byte[] flipped = page.value().clone();
        flipped[flipped.length / 2] ^= 0x10;
        log.send(new ProducerRecord<>(topic, 0, page.key(), flipped));
        assertThatThrownBy(() -> startAndEnd(log.config(IMAGES))).hasMessageContaining(topic + " at offset ")
                .hasMessageContaining("expected checksum").hasMessageContaining("under page")
                .hasMessageContaining("Restore the topic");
    }

    @LongProof("two starts with a model of many pages")
    @Test
    void anEventWithoutASchemaStaysADeadLetterWhenTheSchemaIsRegisteredBeforeARestart() throws Exception {
        try (SwitchableRegistry registry = new SwitchableRegistry(log.kafka.registryUrl());
                TestLog mine = new TestLog(directory, 4, registry.url()).created()) {
            byte[] event = mine.event(1);
            byte[] unknown = event.clone();
            unknown[1] = 0x7f; // another schema id
            mine.send(0, 10);
            mine.send(mine.event(unknown));
            mine.send(10, 20);
            TestLog.Fold fold = mine.fold();
            assertThat(fold.rejected()).containsExactly(10L);
            String[] noImage = {"--store", "image-and-redo", "--store-bytes-per-second", "1000"};
            try (TrainerProcess trainer = TrainerProcess.start(mine, Breaker.NONE, KillPoint.NEVER, noImage)) {
                int port = Integer.parseInt(trainer.await("READY"));
                JsonNode health = TrainerProcess.awaitReport(port, 21);
                assertThat(health.path("image").path("redo_events").asLong()).isEqualTo(21);
                trainer.kill();
            }
            registry.answerWith(idOf(unknown),
                    new ObjectMapper().writeValueAsString(Map.of("schema", TestLog.EVENT.toString())));
            try (TrainerApp again = TrainerApp.start(mine.config(noImage))) {
                CommittedState state = awaitSettled(again, 21);
                assertEqual(state, fold);
                assertThat(state.accounts().deadLetters()).isEqualTo(1);
            }
            assertThat(mine.deadLetterOffsets()).containsExactly(10L);
        }
    }

    private static int idOf(byte[] event) {
        return java.nio.ByteBuffer.wrap(event).getInt(1);
    }

    @ProvesOracle(Breaker.WRITES_LIVE_PAGES)
    @Test
    void anImageOfPagesAsTheyAreByThenIsCaughtBeforeItIsCommitted() {
        // While events come, pages change between an image's beginning and its end: a fast trainer
        // would have learned a
        // fixed number of them before its first commit, and its image of pages as they are would be
        // the right one.
        try (Traffic traffic = new Traffic(log, 1)) {
            assertEnds(Breaker.WRITES_LIVE_PAGES, "INTERNAL", "it changed before it was copied");
            assertThat(traffic.committed()).isPositive();
        }
    }

    @ProvesOracle(Breaker.COMPLETES_AN_IMAGE_EARLY)
    @Test
    void anImageThatIsCompletedTooEarlyIsCaughtAtTheRestart() {
        killedAfterAnImage(Breaker.COMPLETES_AN_IMAGE_EARLY, ONE_SLOW_IMAGE);
        assertEnds(Breaker.NONE, "STATE_VIOLATION", "pages");
    }

    @ProvesOracle(Breaker.LEARNS_ONE_LESS_AGAIN)
    @Test
    void anEventLeftOutWhenLearningAgainIsCaughtAtOnce() {
        killedAfterAnImage(Breaker.NONE);
        assertEnds(Breaker.LEARNS_ONE_LESS_AGAIN, "STATE_VIOLATION", "after learning " + log.topic);
    }

    private void assertEnds(Breaker breaker, String... said) {
        try (TrainerProcess trainer = TrainerProcess.start(log, breaker, KillPoint.NEVER, IMAGES)) {
            assertThat(trainer.await("ENDED")).contains(said);
        }
    }

    /// 2,000 events: the first image is whole, and some hundred events at least came after it. Returns the image's
    /// watermark.
    private long killedAfterAnImage(Breaker breaker) {
        return killedAfterAnImage(breaker, ONE_IMAGE);
    }

    private long killedAfterAnImage(Breaker breaker, String[] settings) {
        log.send(0, 500);
        try (TrainerProcess trainer = TrainerProcess.start(log, breaker, KillPoint.NEVER, settings)) {
            int port = Integer.parseInt(trainer.await("READY"));
            TrainerProcess.awaitHealth(port, health -> health.path("image").path("number").asLong() == 1);
            log.send(500, 2_000);
            JsonNode image = TrainerProcess.awaitReport(port, 2_000).path("image");
            trainer.kill();
            assertThat(image.path("number").asLong()).isEqualTo(1);
            long watermark = image.path("watermark").asLong();
            assertThat(image.path("redo_events").asLong()).isEqualTo(2_000 - watermark);
            return watermark;
        }
    }

    /// As retention does.
    private void forget(long before) {
        TestLog.await(log.admin.deleteRecords(Map.of(log.partition(), RecordsToDelete.beforeOffset(before))).all());
    }

    private static void startAndEnd(TrainerConfig config) throws Exception {
        try (TrainerApp trainer = TrainerApp.start(config)) {
            throw trainer.ended().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
    }
}
