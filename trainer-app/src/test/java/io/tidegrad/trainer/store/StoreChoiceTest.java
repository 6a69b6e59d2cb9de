package io.tidegrad.trainer.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.control.Lineage;
import io.tidegrad.control.Retention;
import java.time.Duration;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StoreChoiceTest {
    private static final long GIB = 1L << 30;
    private static final double MB = 1e6;
    private static final Retention FOR_EVER = Retention.FOR_EVER;

    private static StoreChoice choice(long modelBytes, @Nullable StoreKind forced, @Nullable StoreKind before,
            double changedBytesPerSecond, Retention retention) {
        return StoreChoice.of(new Lineage(MemoryChangelog.SPEC, 1, new TopicPartition("t", 0), Uuid.ZERO_UUID, 0),
                new StoreSettings(forced, modelBytes, 20_000_000, Duration.ofSeconds(30), Duration.ofSeconds(10),
                        Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofMillis(2_500), retention),
                before, changedBytesPerSecond);
    }

    @Test
    void aModelThatFitsACommitIsAPageLogWhateverItChanges() {
        StoreChoice choice = choice(50_000_000, null, null, 1_000 * MB, FOR_EVER);
        assertThat(choice.kind()).isEqualTo(StoreKind.PAGE_LOG);
        assertThat(choice.reason()).contains("50 MB", "fits a commit");
    }

    @Test
    void aNewLargeModelBeginsWithImagesAndARestartedOneGoesOnAsItWas() {
        assertThat(choice(GIB, null, null, Double.NaN, FOR_EVER).kind()).isEqualTo(StoreKind.IMAGE_AND_REDO);
        for (StoreKind before : StoreKind.values()) {
            assertThat(choice(GIB, null, before, Double.NaN, FOR_EVER).kind()).isEqualTo(before);
        }
    }

    @Test
    void whatLearningChangesDecidesAndBetweenHalfAndAllOfTheBudgetNothingChanges() {
        for (StoreKind before : StoreKind.values()) {
            assertThat(choice(GIB, null, before, 20.1 * MB, FOR_EVER).kind()).isEqualTo(StoreKind.IMAGE_AND_REDO);
            assertThat(choice(GIB, null, before, 19.9 * MB, FOR_EVER).kind()).isEqualTo(before);
            assertThat(choice(GIB, null, before, 10.1 * MB, FOR_EVER).kind()).isEqualTo(before);
            assertThat(choice(GIB, null, before, 9.9 * MB, FOR_EVER).kind()).isEqualTo(StoreKind.PAGE_LOG);
        }
    }

    @Test
    void theOperatorsChoiceCounts() {
        for (StoreKind forced : StoreKind.values()) {
            assertThat(choice(GIB, forced, null, 5 * MB, FOR_EVER).kind()).isEqualTo(forced);
            assertThat(choice(1_000, forced, null, 5 * MB, FOR_EVER).kind()).isEqualTo(forced);
        }
    }

    /// A gigabyte takes 54 s at 20 MB/s; two images are 107 s.
    @Test
    void aLogThatForgetsBeforeTwoImagesAreWrittenIsRefusedUnlessThePagesCanBeLogged() {
        Retention enough = new Retention(108_000, -1);
        Retention tooShort = new Retention(107_000, -1);
        assertThat(choice(GIB, null, null, Double.NaN, enough).kind()).isEqualTo(StoreKind.IMAGE_AND_REDO);
        assertThatThrownBy(() -> choice(GIB, null, null, Double.NaN, tooShort))
                .hasMessageContaining("expected t to keep events for at least 107374 ms")
                .hasMessageContaining("found retention.ms=107000").hasMessageContaining("Raise retention.ms");
        assertThatThrownBy(() -> choice(GIB, StoreKind.IMAGE_AND_REDO, null, Double.NaN, tooShort))
                .hasMessageContaining("--store page-log");
        assertThat(choice(GIB, null, StoreKind.PAGE_LOG, 5 * MB, tooShort).kind()).isEqualTo(StoreKind.PAGE_LOG);
        assertThatThrownBy(() -> choice(GIB, null, StoreKind.PAGE_LOG, 25 * MB, tooShort))
                .hasMessageContaining("retention.ms");
    }
}
