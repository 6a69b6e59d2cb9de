package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.Retention;
import io.tidegrad.model.learn.EventFold;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.process.StopException;
import io.tidegrad.proof.LongProof;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The store's writing and reading, crash by crash, against a fold that never fails. `LargeModelTest` shows the same on
/// a broker.
class StateWriterTest {
    private static final long MILLI = 1_000_000;

    /// A few pages a flush.
    private static final long SLOW = 200_000;

    /// From here on labels say the opposite.
    private static final LongPredicate REACTED_TO = offset -> new Random(offset).nextDouble() < 0.5 != offset >= 19_000;

    private final MemoryChangelog changelog = new MemoryChangelog();

    private static ModelSpec reactingSpec() {
        return ModelSpec
                .parse(MemoryChangelog.SPEC.yaml()
                        + "on-change: { raise-rate: { by: 3, for: 1500 }, reset-optimizer: true }\n", "test spec")
                .onTopic("t");
    }

    /// Pages are written only when the trainer stops.
    private StoreSettings pagesSeldom() {
        return changelog.settings(StoreKind.PAGE_LOG, 200_000_000, Retention.FOR_EVER, Duration.ofSeconds(30));
    }

    /// Before each kill half of a transaction is in the air.
    @ParameterizedTest
    @EnumSource(StoreKind.class)
    void whateverCommitATrainerDiesAfterItsStateIsThatOfTheFold(StoreKind kind) {
        dieAfterEachCommit(changelog.settings(kind, SLOW));
    }

    @LongProof("a death after every commit")
    @Test
    void whateverCommitATrainerDiesAfterThatWritesPagesSeldomItsStateIsThatOfTheFold() {
        dieAfterEachCommit(pagesSeldom());
    }

    /// Some pages in some commits: what changes in four or five of them is as much as one may write.
    @Test
    void whateverCommitATrainerDiesAfterThatWritesPagesNowAndThenItsStateIsThatOfTheFold() {
        dieAfterEachCommit(
                changelog.settings(StoreKind.PAGE_LOG, 3_000_000, Retention.FOR_EVER, Duration.ofSeconds(30)));
    }

    private void dieAfterEachCommit(StoreSettings settings) {
        for (int kill = 0; kill < 60; kill++) {
            MemoryChangelog.Life life = changelog.start(settings);
            assertThat(MemoryChangelog.stateOf(life.model)).isEqualTo(changelog.stateOfFold(life.nextOffset));
            for (int flush = 0; flush < kill % 7; flush++) {
                step(life);
            }
            life.learn(5);
            changelog.now += 100 * MILLI;
            life.flush();
            changelog.abort();
        }
    }

    /// Images are in progress all the time.
    @LongProof("a death after every commit")
    @ParameterizedTest
    @EnumSource(StoreKind.class)
    void whateverCommitATrainerDiesAfterItsModelHasReactedToAChangeAsTheFold(StoreKind kind) {
        ModelSpec spec = reactingSpec();
        MemoryChangelog reacting = new MemoryChangelog(spec, REACTED_TO);
        StoreSettings settings = reacting.settings(kind, 2_000_000); // an image takes some five flushes
        MemoryChangelog.Life steady = new MemoryChangelog(spec, REACTED_TO).start(settings);
        MemoryChangelog.Life life = reacting.start(settings);
        steady.learn(18_500);
        life.learn(18_500);
        int whileRaised = 0;
        for (int flush = 0; steady.model.reactions() == 0 || steady.model.raisedFor() > 0 || flush % 13 > 0; flush++) {
            steady.learn(7);
            life.learn(7);
            reacting.now += 100 * MILLI;
            life.flush();
            reacting.commit();
            if (flush % 13 == 0) {
                life.learn(5);
                life.flush();
                reacting.abort();
                life = reacting.start(settings);
                assertThat(MemoryChangelog.stateOf(life.model)).isEqualTo(MemoryChangelog.stateOf(steady.model));
                whileRaised += life.model.raisedFor() > 0 ? 1 : 0;
            }
            assertThat(flush).isLessThan(1_000);
        }
        assertThat(whileRaised).isGreaterThan(5);
    }

    /// Events, a tenth of a second, and a commit of all that.
    private void step(MemoryChangelog.Life life) {
        life.learn(7);
        changelog.now += 100 * MILLI;
        life.flush();
        changelog.commit();
    }

    @LongProof("restarts of a large model")
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void goingFromOneKindToTheOtherAtARestartIsExactWhereverAnImageStands(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int life = 0; life < 40; life++) {
            StoreKind kind = StoreKind.values()[random.nextInt(2)];
            MemoryChangelog.Life now = changelog.start(changelog.settings(kind, SLOW));
            assertThat(MemoryChangelog.stateOf(now.model)).isEqualTo(changelog.stateOfFold(now.nextOffset));
            for (int flush = random.nextInt(12); flush > 0; flush--) {
                step(now);
                assertThat(now.status().kind()).isEqualTo(kind);
            }
        }
    }

    @Test
    void aFlushWritesNoMoreOfAnImageThanItsShareOfTheBudget() {
        MemoryChangelog.Life life = changelog.start(changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW));
        int images = 0;
        while (images < 3) {
            life.learn(7);
            changelog.now += 100 * MILLI;
            life.flush();
            // 20 kB and at most one page more; with an image's last pages its carry; the manifest.
            assertThat(changelog.openBytes()).isLessThan(20_000 + 8_200 + 10_000);
            images += changelog.openKeys().stream().anyMatch(key -> key.startsWith("carry")) ? 1 : 0;
            changelog.commit();
        }
        assertThat(life.status().image()).isEqualTo(3);
    }

    @Test
    void afterACommitThatTookTooLongTheNextWritesHalfAsMuchAndQuickOnesBringItBack() {
        MemoryChangelog.Life life = changelog.start(changelog.settings(StoreKind.IMAGE_AND_REDO, 800_000));
        changelog.stopping = true; // all that a flush may write: 2 MB, a whole image
        life.learn(300);
        life.flush();
        changelog.commit();
        assertThat(life.status().image()).isEqualTo(1);
        changelog.lastCommit = Duration.ofMillis(2_501); // a quarter of 10 s and a millisecond
        life.learn(300);
        for (long bytes = 1_000_000; bytes > 64 * 8_192; bytes /= 2) {
            life.flush();
            assertThat(changelog.openBytes()).isLessThan(bytes + 20_000);
            changelog.commit();
        }
        changelog.lastCommit = Duration.ofMillis(100);
        for (int flush = 0; flush < 20; flush++) {
            life.learn(300);
            life.flush();
            changelog.commit();
        }
        long image = life.status().image();
        life.learn(300);
        life.flush();
        changelog.commit();
        assertThat(life.status().image()).isEqualTo(image + 1);
    }

    // ---- when a page log writes its pages ----

    private boolean writesPages(MemoryChangelog.Life life) {
        life.flush();
        boolean pages = changelog.openKeys().stream().anyMatch(key -> key.startsWith("page"));
        assertThat(changelog.openKeys().stream().anyMatch(key -> key.startsWith("carry"))).isEqualTo(pages);
        assertThat(life.status().imageOffset() == life.nextOffset).isEqualTo(pages);
        changelog.commit();
        return pages;
    }

    /// A life whose first commit, with all pages, is behind it.
    private MemoryChangelog.Life begun(StoreSettings settings) {
        MemoryChangelog.Life life = changelog.start(settings);
        life.learn(3);
        assertThat(writesPages(life)).isTrue();
        life.learn(3);
        assertThat(writesPages(life)).isFalse();
        return life;
    }

    private StoreSettings pageLog(Retention retention) {
        return changelog.settings(StoreKind.PAGE_LOG, 200_000_000, retention, Duration.ofSeconds(30));
    }

    @Test
    void aCommitOfAPageLogIsAManifestUntilARestartWouldLearnAgainForASecond() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        for (int commit = 0; commit < 50; commit++) {
            life.learn(7);
            changelog.now += 100 * MILLI;
            life.flush();
            assertThat(changelog.openBytes()).isLessThan(2_500);
            changelog.commit();
        }
        life.writer.learned(1, 999_000_000 - life.status().redoMillis() * MILLI - MILLI, 10);
        assertThat(writesPages(life)).isFalse();
        life.writer.learned(1, 2 * MILLI, 10);
        assertThat(writesPages(life)).isTrue();
        assertThat(life.status().redoEvents()).isZero();
    }

    @Test
    void withoutRedoEachCommitOfAPageLogWritesPages() {
        MemoryChangelog.Life life = changelog.start(changelog.settings(StoreKind.PAGE_LOG, 200_000_000));
        for (int commit = 0; commit < 5; commit++) {
            life.learn(3);
            assertThat(writesPages(life)).isTrue();
        }
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
    }

    @Test
    void aPageLogWritesPagesOnceAsManyHaveChangedAsTheShortestIntervalMayWrite() {
        long pages = 40;
        MemoryChangelog.Life life = begun(
                changelog.settings(StoreKind.PAGE_LOG, 10 * pages * 8_192, Retention.FOR_EVER, Duration.ofSeconds(30)));
        boolean written = false;
        for (int commit = 0; commit < 100 && !written; commit++) {
            life.learn(1);
            changelog.now += 100 * MILLI;
            written = writesPages(life);
            // A step changes five pages at most.
            assertThat(changelog.openBytes()).isLessThan((pages + 10) * 8_192);
        }
        assertThat(written).isTrue();
    }

    @Test
    void aPageLogWhosePagesChangeFasterThanTheyMayBeWrittenStillCommitsAtItsShortestInterval() {
        long pagesASecond = 20;
        MemoryChangelog.Life life = begun(changelog.settings(StoreKind.PAGE_LOG, pagesASecond * 8_192,
                Retention.FOR_EVER, Duration.ofSeconds(30)));
        int withPages = 0;
        long bytes = 0;
        for (int commit = 0; commit < 100; commit++) {
            life.learn(1);
            changelog.now += 100 * MILLI;
            assertThat(life.status().commitIntervalMillis()).isEqualTo(100);
            if (writesPages(life)) {
                withPages++;
                bytes += changelog.openBytes();
            }
        }
        assertThat(withPages).isBetween(2, 40);
        // In ten seconds, and what one flush may have beside it.
        assertThat(bytes).isLessThan((10 * pagesASecond + 50) * 8_192);
    }

    @Test
    void aPageLogThatLearnsNothingForTenSecondsWritesItsPagesAndThenHasNothingToLookFor() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        assertThat(life.writer.lookEvery(life.nextOffset)).isEqualTo(Duration.ofSeconds(10));
        changelog.now += 9_999 * MILLI;
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
        changelog.now += MILLI;
        assertThat(life.writer.hasWork(life.nextOffset)).isTrue();
        assertThat(isCommitDue(life, false)).isTrue();
        assertThat(writesPages(life)).isTrue();
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
        assertThat(life.writer.lookEvery(life.nextOffset)).isNull();
        MemoryChangelog.Life next = changelog.start(pagesSeldom(), (fold, record, rejected) -> {
            throw new AssertionError("offset " + record.offset() + " is read");
        });
        assertThat(MemoryChangelog.stateOf(next.model)).isEqualTo(changelog.stateOfFold(next.nextOffset));
    }

    @Test
    void aPageLogWritesItsPagesWhenItStops() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        changelog.stopping = true;
        assertThat(life.writer.hasWork(life.nextOffset)).isTrue();
        assertThat(writesPages(life)).isTrue();
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
    }

    @Test
    void aPageLogWritesItsPagesBeforeItsRejectionsAreMostOfACommit() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        for (int rejected = 0; rejected < 2_100; rejected++) {
            life.learn(50); // of which one is rejected
        }
        assertThat(writesPages(life)).isFalse();
        assertThat(life.writer.hasWork(life.nextOffset)).isTrue();
        life.learn(1);
        assertThat(writesPages(life)).isTrue();
    }

    /// Append times are those of a producer, which may say anything.
    @Test
    void aPageLogWritesItsPagesWhenAQuarterOfTheRetentionIsOverByTheClock() {
        changelog.now = -9_999_000 * MILLI; // event 1 comes from a future
        MemoryChangelog.Life life = begun(pageLog(new Retention(400_000, -1)));
        for (int second = 0; second < 98; second += 7) {
            changelog.now += 7_000 * MILLI;
            life.learn(1);
            assertThat(writesPages(life)).as("after %d s", second + 7).isFalse();
        }
        changelog.now += 2_000 * MILLI;
        life.learn(1);
        assertThat(writesPages(life)).isTrue();
    }

    @Test
    void aPageLogWritesItsPagesInEachCommitWhileRetentionMayDeleteEventsAtOnce() {
        MemoryChangelog.Life life = changelog.start(pageLog(new Retention(1_000, -1)));
        changelog.now += 60_000 * MILLI; // events have append times of the first milliseconds
        for (int commit = 0; commit < 3; commit++) {
            life.learn(3);
            assertThat(writesPages(life)).isTrue();
        }
        assertThat(life.status().retainedUntilMillis()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void aRetentionThatIsShortenedWhileTheTrainerRunsIsToldByTheNextCommitAndDecidesWhenPagesAreWritten() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        life.learn(1);
        assertThat(writesPages(life)).isFalse();
        assertThat(life.status().retainedUntilMillis()).isEqualTo(Long.MAX_VALUE);
        changelog.logKeeps = new Retention(400_000, -1);
        life.learn(1);
        assertThat(writesPages(life)).isFalse();
        assertThat(life.status().retainedUntilMillis()).isBetween(400_000L, 401_000L); // event 1 came with the clock's 0
        changelog.now += 101_000 * MILLI;
        life.learn(1);
        assertThat(writesPages(life)).isTrue();
    }

    @Test
    void aPageLogWritesItsPagesWhenAQuarterOfTheRetainedBytesIsLearned() {
        MemoryChangelog.Life life = changelog.start(pageLog(new Retention(-1, 4_000_000)));
        changelog.now += 1_000 * MILLI;
        life.learn(3);
        assertThat(writesPages(life)).isTrue();
        life.learn(3);
        life.writer.learned(1, 1, 1_000_000 - 31);
        assertThat(writesPages(life)).isFalse();
        life.writer.learned(1, 1, 1);
        assertThat(writesPages(life)).isTrue();
    }

    @Test
    void whenEventsThatARestartNeedsAreDeletedByHandAPageLogWritesItsPagesAtOnce() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        changelog.logBegin = 3; // the first that a restart would learn again
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
        changelog.logBegin = 4;
        assertThat(life.writer.hasWork(life.nextOffset)).isTrue();
        assertThat(writesPages(life)).isTrue();
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
    }

    @Test
    void whenEventsThatARestartNeedsAreDeletedByHandAnImageBegins() {
        StoreSettings settings =
                changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW, Retention.FOR_EVER, Duration.ofSeconds(30));
        MemoryChangelog.Life life = changelog.start(settings);
        while (life.status().image() == 0) {
            step(life);
        }
        step(life);
        assertThat(life.writer.hasWork(life.nextOffset)).isFalse();
        changelog.logBegin = life.status().imageOffset() + 1;
        assertThat(life.writer.hasWork(life.nextOffset)).isTrue();
    }

    // ---- when a commit is due ----

    /// A trainer that has learned everything there is.
    private static boolean isCommitDue(MemoryChangelog.Life life, boolean publishes) {
        return life.writer.isCommitDue(publishes, () -> 0);
    }

    @Test
    void whileTheBacklogIsLongerThanWhatWasLearnedACommitWaitsAsLongAsFreshnessAllows() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        changelog.now += 100 * MILLI;
        life.learn(200);
        assertThat(life.writer.isCommitDue(true, () -> 201)).isFalse();
        assertThat(life.writer.isCommitDue(true, () -> 200)).as("as much was learned").isTrue();
        assertThat(life.writer.isCommitDue(true, () -> -1)).as("the backlog is not known").isTrue();
        changelog.now += 799 * MILLI;
        assertThat(life.writer.isCommitDue(true, () -> 201)).isFalse();
        changelog.now += MILLI;
        assertThat(life.writer.isCommitDue(true, () -> 201)).isTrue();
        assertThat(writesPages(life)).isFalse();
        life.learn(200);
        changelog.now += 100 * MILLI;
        assertThat(life.writer.isCommitDue(true, () -> 201)).isFalse();
        changelog.stopping = true;
        assertThat(life.writer.isCommitDue(true, () -> 201)).as("the trainer stops").isTrue();
    }

    @Test
    void fewEventsWaitAsLongAsFreshnessAllowsAndManyOnlyForTheShortestInterval() {
        MemoryChangelog.Life life = begun(pagesSeldom());
        changelog.now += 5_000 * MILLI;
        life.learn(1);
        assertThat(isCommitDue(life, false)).isFalse();
        assertThat(isCommitDue(life, true)).as("a snapshot is due").isTrue();
        changelog.now += 899 * MILLI;
        life.learn(98);
        assertThat(isCommitDue(life, false)).isFalse();
        // The next look, a shortest interval later, would be too late.
        changelog.now += MILLI;
        assertThat(isCommitDue(life, false)).isTrue();
        assertThat(writesPages(life)).isFalse();
        // Each commit begins anew.
        life.learn(99);
        changelog.now += 100 * MILLI;
        assertThat(isCommitDue(life, false)).isFalse();
        life.learn(1);
        assertThat(isCommitDue(life, false)).isTrue();
        assertThat(writesPages(life)).isFalse();
        life.learn(200);
        changelog.now += 99 * MILLI;
        assertThat(isCommitDue(life, false)).isFalse();
        changelog.now += MILLI;
        assertThat(isCommitDue(life, false)).isTrue();
        assertThat(writesPages(life)).isFalse();
        life.learn(1);
        changelog.now += 100 * MILLI;
        assertThat(isCommitDue(life, false)).isFalse();
        changelog.stopping = true;
        assertThat(isCommitDue(life, false)).isTrue();
    }

    /// Without a restart, and back.
    @Test
    void commitsComeFurtherApartOnceThereAreMoreModelsAndNeverFurtherThanATransactionAllows() {
        Duration[] shortest = {Duration.ofMillis(100)};
        MemoryChangelog.Life life = changelog
                .start(new StoreSettings(null, 1_000_000, 20_000_000, Duration.ofSeconds(30), Duration.ofSeconds(10),
                        () -> shortest[0], Duration.ofMillis(100), Duration.ofMillis(2_500), Retention.FOR_EVER));
        step(life);
        assertThat(life.status().commitIntervalMillis()).isEqualTo(100);
        changelog.now += 100 * MILLI;
        assertThat(isCommitDue(life, false)).isTrue();
        shortest[0] = Duration.ofMillis(2_000);
        assertThat(life.status().commitIntervalMillis()).isEqualTo(2_000);
        assertThat(isCommitDue(life, false)).isFalse();
        changelog.now += 1_900 * MILLI;
        assertThat(isCommitDue(life, false)).isTrue();
        // Streams commits by itself then.
        shortest[0] = Duration.ofMillis(9_000);
        assertThat(life.status().commitIntervalMillis()).isEqualTo(2_500);
        assertThat(isCommitDue(life, false)).isFalse();
        shortest[0] = Duration.ofMillis(100);
        assertThat(life.status().commitIntervalMillis()).isEqualTo(100);
        assertThat(isCommitDue(life, false)).isTrue();
    }

    @Test
    void aStopLeavesAnImageOfTheLastWatermarkAndARestartLearnsNothingAgain() {
        StoreSettings settings = changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW);
        MemoryChangelog.Life life = changelog.start(settings);
        for (int flush = 0; flush < 8; flush++) {
            step(life);
        }
        assertThat(life.status().imagePages()).isBetween(1, MemoryChangelog.pages() - 1);
        changelog.stopping = true;
        step(life); // what was read before is learned
        while (life.writer.hasWork(life.nextOffset)) {
            changelog.now += 100 * MILLI;
            life.flush();
            changelog.commit();
        }
        assertThat(life.status().imageOffset()).isEqualTo(life.nextOffset);
        changelog.stopping = false;
        MemoryChangelog.Life next = changelog.start(settings, (fold, record, rejected) -> {
            throw new AssertionError("offset " + record.offset() + " is read");
        });
        assertThat(MemoryChangelog.stateOf(next.model)).isEqualTo(changelog.stateOfFold(next.nextOffset));
    }

    /// The image in progress is moved on: pages that are written and have not changed since are not written again.
    @Test
    void aStopWritesOnlyWhatTheImageInProgressLacks() {
        MemoryChangelog.Life life = changelog.start(changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW));
        while (life.status().imagePages() < MemoryChangelog.pages() / 2) {
            life.learn(1);
            changelog.now += 100 * MILLI;
            life.flush();
            changelog.commit();
        }
        int written = life.status().imagePages();
        long number = life.status().image();
        changelog.stopping = true;
        life.learn(1);
        long pages = 0;
        while (life.status().image() == number) {
            life.flush();
            pages += changelog.openKeys().stream().filter(key -> key.startsWith("page")).count();
            changelog.commit();
        }
        assertThat(life.status().image()).isEqualTo(number + 1);
        assertThat(life.status().imageOffset()).isEqualTo(life.nextOffset);
        assertThat(pages).isLessThan(MemoryChangelog.pages() - written / 2);
        changelog.stopping = false;
        MemoryChangelog.Life next = changelog.start(changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW));
        assertThat(MemoryChangelog.stateOf(next.model)).isEqualTo(changelog.stateOfFold(next.nextOffset));
    }

    @Test
    void anEventThatTheRegistryRejectedStaysRejectedWhenTheRegistryHasLearnedItsSchema() {
        StoreSettings settings = changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW);
        MemoryChangelog.Life life = changelog.start(settings);
        for (int flush = 0; flush < 40; flush++) {
            step(life);
        }
        changelog.registryKnowsAll = true;
        MemoryChangelog.Life next = changelog.start(settings);
        assertThat(MemoryChangelog.stateOf(next.model)).isEqualTo(changelog.stateOfFold(life.nextOffset));
        // And in the life after, which knows of them only from the one before.
        changelog.registryKnowsAll = false;
        step(next);
        changelog.registryKnowsAll = true;
        MemoryChangelog.Life third = changelog.start(settings);
        assertThat(MemoryChangelog.stateOf(third.model)).isEqualTo(changelog.stateOfFold(third.nextOffset));
    }

    @Test
    void anEventLeftOutOrAnotherWhenLearningAgainIsNoticed() {
        StoreSettings settings = changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW);
        MemoryChangelog.Life life = changelog.start(settings);
        for (int flush = 0; flush < 12; flush++) {
            step(life);
        }
        long left = life.nextOffset - 4;
        assertThatThrownBy(() -> changelog.start(settings,
                (fold, record, rejected) -> record.offset() == left ? new EventFold.Outcome.Accepted()
                        : fold.fold(record, rejected)))
                .isInstanceOf(StopException.class).hasMessageContaining("after learning t-0 again from offset")
                .hasMessageContaining("to " + life.nextOffset);
    }

    @Test
    void whicheverPageOfTheWholeImageIsDamagedItIsNamedAndOneOfTheHalfWrittenImageTooButNotMissed() {
        StoreSettings settings = changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW);
        MemoryChangelog.Life life = changelog.start(settings);
        while (life.status().image() < 2 || life.status().imagePages() < 3) {
            step(life);
        }
        for (Map.Entry<ByteBuffer, byte[]> entry : changelog.committed().entrySet()) {
            byte[] key = entry.getKey().array();
            if (StoreRecords.kind(key) == StoreRecords.PAGE) {
                entry.getValue()[100] ^= 1;
                assertThatThrownBy(() -> changelog.start(settings)).hasMessageContaining("at offset")
                        .hasMessageContaining(StoreRecords.describe(key));
                entry.getValue()[100] ^= 1;
            }
        }
        // An older page in the place of the image's: every byte is right, and yet.
        List<ByteBuffer> pages =
                changelog.committed().keySet().stream().filter(key -> key.get(0) == StoreRecords.PAGE).toList();
        ByteBuffer one = pages.getFirst();
        ByteBuffer other = ByteBuffer.wrap(StoreRecords.key(StoreRecords.PAGE, 1, one.getInt(1)));
        byte[] kept = changelog.committed().get(one);
        byte[] older = changelog.committed().get(other);
        assertThat(older).isNotEqualTo(kept);
        int slot = restoredSlot();
        changelog.committed().put(slot == 0 ? one : other, slot == 0 ? older : kept);
        assertThatThrownBy(() -> changelog.start(settings)).hasMessageContaining("pages with digest");
    }

    private int restoredSlot() {
        byte[] manifest = changelog.committed().get(ByteBuffer.wrap(StoreRecords.MANIFEST_KEY));
        return StoreManifest.of(Objects.requireNonNull(manifest)).base().slot();
    }

    @Test
    void aLargeModelBecomesAPageLogWhenItsChangesFitAndAnImageAgainWhenTheyDoNot() {
        // 2.5 s of the budget hold less than the model, so size alone does not decide.
        long budget = MemoryChangelog.pages() * 8_192L * 8 / 25;
        MemoryChangelog.Life life = changelog.start(changelog.settings(null, budget));
        assertThat(life.status().kind()).isEqualTo(StoreKind.IMAGE_AND_REDO);
        assertThat(life.status().reason()).contains("does not fit a commit");
        learnFor(life, 60, 1);
        assertThat(life.status().kind()).as(life.status().reason()).isEqualTo(StoreKind.PAGE_LOG);
        assertThat(life.status().reason()).contains("less than half");
        MemoryChangelog.Life next = changelog.start(changelog.settings(null, budget));
        assertThat(MemoryChangelog.stateOf(next.model)).isEqualTo(changelog.stateOfFold(life.nextOffset));
        assertThat(next.status().kind()).isEqualTo(StoreKind.PAGE_LOG);
        learnFor(next, 120, 500);
        assertThat(next.status().kind()).as(next.status().reason()).isEqualTo(StoreKind.IMAGE_AND_REDO);
        MemoryChangelog.Life third = changelog.start(changelog.settings(null, budget));
        assertThat(MemoryChangelog.stateOf(third.model)).isEqualTo(changelog.stateOfFold(next.nextOffset));
    }

    /// As a large model's page log does when the model reacts to a change.
    @Test
    void aPageLogThatWouldHaveToWriteTheWholeOptimizerAtOnceGoesOnAsAnImage() {
        ModelSpec spec = reactingSpec();
        MemoryChangelog reacting = new MemoryChangelog(spec, REACTED_TO);
        StoreSettings settings = reacting.settings(null, MemoryChangelog.pages() * 8_192L / 10);
        MemoryChangelog.Life life = reacting.start(settings);
        life.learn(18_500);
        while (life.model.reactions() == 0) {
            life.learn(1);
            reacting.now += 1_000 * MILLI;
            life.flush();
            assertThat(reacting.openBytes()).isLessThan(2 * settings.flushBytesMax());
            reacting.commit();
            assertThat(life.nextOffset).isLessThan(22_000);
        }
        assertThat(life.status().kind()).as(life.status().reason()).isEqualTo(StoreKind.IMAGE_AND_REDO);
        assertThat(life.status().reason()).isEqualTo("more has changed at once than a commit may write");
        MemoryChangelog.Life next = reacting.start(settings);
        assertThat(MemoryChangelog.stateOf(next.model)).isEqualTo(reacting.stateOfFold(life.nextOffset));
    }

    private void learnFor(MemoryChangelog.Life life, int seconds, int eventsASecond) {
        for (int second = 0; second < seconds; second++) {
            life.learn(eventsASecond);
            changelog.now += 1_000 * MILLI;
            life.flush();
            changelog.commit();
        }
    }

    @Test
    void anImageThatWouldTakeThePageAsItIsByNowIsRefusedBeforeItIsWritten() {
        MemoryChangelog.Life life = changelog.start(changelog.settings(StoreKind.IMAGE_AND_REDO, SLOW));
        step(life);
        life.model.parameters().unwatch(); // what a forgotten copy would do
        assertThatThrownBy(() -> {
            for (int flush = 0; flush < 20; flush++) {
                step(life);
            }
        }).isInstanceOf(StopException.class).hasMessageContaining("it changed before it was copied");
    }
}
