package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.TestTrainer;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ServedModelsTest {
    private final PublishedSnapshot snapshot = TestTrainer.of("flights").learn(20).publish();
    private final Scorer scorer =
            Scorer.of(
                    snapshot.manifest(),
                    snapshot.records().stream()
                            .limit(snapshot.records().size() - 1L)
                            .map(SnapshotEntry::value)
                            .toList(),
                    InstantSource.system());
    private final ServedModels models =
            new ServedModels(
                    Map.of("flights", scorer),
                    new ScorerMetrics(List.of(scorer), InstantSource.system()),
                    2,
                    false);

    private static List<Event> events(int count) {
        return List.<Event>copyOf(LongStream.range(0, count).mapToObj(TestTrainer::event).toList());
    }

    @Test
    void anAnswerHasABoundedNumberOfNumbers() {
        assertThat(models.score(scorer, models.current(scorer), events(2)).size()).isEqualTo(2);
        assertThatThrownBy(() -> models.score(scorer, models.current(scorer), events(3)))
                .isInstanceOfSatisfying(
                        HttpProblem.class,
                        problem ->
                                assertThat(problem.reason())
                                        .isEqualTo(ProblemReason.BODY_TOO_LARGE))
                .hasMessageContaining("at most 2 numbers in an answer, found 3 records of 1");
    }
}
