package io.tidegrad.loadtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class CombinationTest {
    private final Combination combination = new Combination(
            new EventLog(TrainStream.FLIGHTS, new TopicPartition("flights", 0), 1_000, false, 1_001, 50_000), 8);

    private void add(Subject subject, double seconds, String hash) {
        combination.add(subject, new Measurement(1_000, seconds, 0.5, 0.25, 25_000, 20_000, hash, hash));
    }

    /// In the first repetition the consumer is the slower part, in the second the engine.
    @Test
    void eachRepetitionIsComparedWithTheSlowerPartOfItsOwn() {
        add(Subject.TRAINER, 10, "a");
        add(Subject.CONSUMER, 4, "");
        add(Subject.ENGINE, 2, "a");
        add(Subject.TRAINER, 10, "a");
        add(Subject.CONSUMER, 1, "");
        add(Subject.ENGINE, 5, "a");
        assertThat(combination.shares()).containsExactly(0.4, 0.5);
    }

    @Test
    void aReplayIsComparedWithTheEngineOfItsOwnRepetition() {
        add(Subject.REPLAY, 4, "a");
        add(Subject.ENGINE, 2, "a");
        add(Subject.REPLAY, 5, "a");
        add(Subject.ENGINE, 4, "a");
        assertThat(combination.replayShares()).containsExactly(0.5, 0.8);
    }

    @Test
    void otherBitsThanTheEnginesAreRefused() {
        add(Subject.TRAINER, 1, "abc");
        add(Subject.ENGINE, 1, "abc");
        add(Subject.REPLAY, 1, "abc");
        assertThatCode(combination::requireEqualBits).doesNotThrowAnyException();
        add(Subject.ENGINE, 1, "abd");
        assertThatThrownBy(combination::requireEqualBits).isInstanceOf(LoadTestException.class)
                .hasMessageContaining("flights, mini-batch 8: expected the engine's state-hash abd")
                .hasMessageContaining("of the trainer, found abc");
        add(Subject.TRAINER, 1, "abd");
        assertThatThrownBy(combination::requireEqualBits).hasMessageContaining("of the replay, found abc");
    }

    @Test
    void theMedianOfAnEvenNumberLiesBetweenTheMiddleTwo() {
        assertThat(Spread.of(4, 1, 3, 2)).isEqualTo(new Spread(2.5, 1, 4));
        assertThat(Spread.of(9, 1, 3)).isEqualTo(new Spread(3, 1, 9));
    }
}
