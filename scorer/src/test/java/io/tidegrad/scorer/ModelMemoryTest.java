package io.tidegrad.scorer;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.RefusalReason;
import io.tidegrad.model.snapshot.Verification;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// Models that share a heap.
class ModelMemoryTest {
    private final TestTrainer trainer = TestTrainer.of("flights").learn(5);
    private final PublishedSnapshot first = trainer.publishFull();
    private final long bytes = first.manifest().servedBytes();

    private static TestIntake intake(String model, ModelMemory memory) {
        return new TestIntake(model, 64 << 20, new ManualClock(1_700_000_100_000L), memory);
    }

    @Test
    void aModelThatComesLaterThanTheHeapHasRoomForIsRefusedWithNumbersAndTheLastGoodServes() {
        ModelMemory memory = new ModelMemory(2 * bytes);
        TestIntake flights = intake("flights", memory);
        flights.accept(first);
        assertThat(flights.servedVersion()).isEqualTo("1.5");
        // A full load beside what serves, which is all there is room for.
        flights.accept(trainer.learn(1).publishFull());
        assertThat(flights.servedVersion()).isEqualTo("1.6");
        TestIntake other = intake("other", memory);
        PublishedSnapshot theirs = TestTrainer.of("other", 1, 64).learn(5).publishFull();
        assertThat(other.accept(theirs)).singleElement().isInstanceOfSatisfying(Verification.Refused.class, refused -> {
            assertThat(refused.reason()).isEqualTo(RefusalReason.TOO_LARGE);
            assertThat(refused.detail()).contains("served flights ").contains("to load other ").contains("-Xmx33m");
        });
        flights.accept(trainer.learn(1).publishDelta());
        assertThat(flights.servedVersion()).isEqualTo("1.7");
        assertThat(other.servedVersion()).isEqualTo("none");
    }

    @Test
    void modelsLeaveAnEighthOfTheHeapAndNeverLessThan32MiB() {
        assertThat(ModelMemory.limit(1L << 30)).isEqualTo((1L << 30) / 8 * 7);
        assertThat(ModelMemory.limit(96L << 20)).isEqualTo(64L << 20);
        assertThat(ModelMemory.limit(24L << 20)).isZero();
    }

    @Test
    void earlierVersionsGiveWayToAnotherModel() {
        ModelMemory memory = new ModelMemory(3 * bytes);
        TestIntake flights = intake("flights", memory);
        flights.accept(first);
        flights.accept(trainer.learn(1).publishFull());
        flights.accept(trainer.learn(1).publishFull());
        assertThat(flights.current.previous()).isNotEmpty();
        TestIntake other = intake("other", memory);
        other.accept(TestTrainer.of("other").learn(5).publishFull());
        assertThat(other.servedVersion()).isEqualTo("1.5");
        assertThat(flights.current.previous()).isEmpty();
    }

    @Test
    void aLoadThatFitsWhenAnotherHasEndedWaitsForIt() throws Exception {
        ModelMemory memory = new ModelMemory(3 * bytes);
        CurrentModel one = intake("flights", memory).current;
        CurrentModel other = intake("other", memory).current;
        assertThat(one.reserve("flights", 2 * bytes, () -> false)).isNull();
        CompletableFuture<Boolean> waiting =
                CompletableFuture.supplyAsync(() -> other.reserve("other", 2 * bytes, () -> false) == null);
        assertThat(waiting.isDone()).isFalse();
        assertThat(other.isReserved()).isFalse();
        one.release();
        assertThat(waiting.get(30, TimeUnit.SECONDS)).isTrue();
        assertThat(one.reserve("flights", 2 * bytes, () -> true)).isNull();
        assertThat(one.isReserved()).as("it was not wanted any more").isFalse();
    }
}
