package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tidegrad.model.feature.Event;
import io.tidegrad.model.snapshot.PublishedSnapshot;
import io.tidegrad.model.snapshot.SnapshotEntry;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.ModelRouter;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorer.TraceContext;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ServedModelsTest {
    private final PublishedSnapshot snapshot = TestTrainer.of("flights").learn(20).publish();
    private final Scorer scorer = Scorer.of(snapshot.manifest(),
            snapshot.records().stream().limit(snapshot.records().size() - 1L).map(SnapshotEntry::value).toList(),
            InstantSource.system());
    private final ModelRouter asked = ModelRouter.of(scorer);
    private final Shadows shadows = new Shadows((pair, comparison) -> {
    });
    private final ServedModels models =
            new ServedModels(Map.of("flights", asked), new ScorerMetrics(List.of(scorer), InstantSource.system()),
                    shadows, 2, false, (topic, field) -> false, ServedLogs.NONE);

    @AfterEach
    void close() {
        shadows.close();
    }

    private int answers(int count) {
        List<Event> events = List.<Event>copyOf(LongStream.range(0, count).mapToObj(TestTrainer::event).toList());
        return models.score(asked, (String) null, new ServedModels.Records() {
            @Override
            public List<Event> read(ServedVersion by, ServedModels.Readers with) {
                return events;
            }

            @Override
            public int bytes() {
                return 0;
            }

            @Override
            public LoggedEvents events() {
                throw new AssertionError("no log");
            }

            @Override
            public @Nullable String ids() {
                return null;
            }

            @Override
            public @Nullable TraceContext trace() {
                return null;
            }
        }).predictions().size();
    }

    @Test
    void anAnswerHasABoundedNumberOfNumbers() {
        assertThat(answers(2)).isEqualTo(2);
        assertThatThrownBy(() -> answers(3))
                .isInstanceOfSatisfying(HttpProblem.class,
                        problem -> assertThat(problem.reason()).isEqualTo(ProblemReason.BODY_TOO_LARGE))
                .hasMessageContaining("at most 2 numbers in an answer, found 3 for 3 records");
    }
}
