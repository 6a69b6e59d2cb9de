package io.tidegrad.model.learn;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.EagerWorkers;
import io.tidegrad.engine.layer.Workers;
import io.tidegrad.engine.model.PageSet;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.model.Specs;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.model.spec.ModelSpec;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The members of a recipe learn side by side, the smallest ones too: the workers here share whatever can be shared.
class MembersOnCoresTest {
    private static final int ROWS = 3_000;
    private static final long WARM_UP_NANOS = 200_000_000;

    private static ModelSpec spec(int miniBatch, String label, String loss, String more) {
        return ModelSpec.parse(
                Specs.FLIGHTS.replaceAll("(network|optimizer|loss): .*\n", "").replace("size: 1", "size: " + miniBatch)
                        .replace("field: late", "field: " + label) + "recipe: auto\nloss: " + loss + "\n" + more,
                "recipe.yaml");
    }

    private static Event flight(int index) {
        Map<String, Object> fields = new HashMap<>();
        fields.putAll(((MapEvent) Specs.flight(index)).fields());
        boolean late = Boolean.valueOf(index < ROWS / 2).equals(fields.get("late"));
        fields.put("late", late);
        fields.put("minutes", late ? 15 + index % 7 : -5);
        return new MapEvent(fields);
    }

    /// Learns flights whose labels change sides half-way, so that a member starts again.
    private static OnlineModel learned(ModelSpec spec, @Nullable Workers workers, boolean hot,
            Map<Integer, byte[]> old) {
        OnlineModel model = OnlineModel.initial(spec, Kernels.active());
        if (workers != null) {
            model.shareAmong(workers);
        }
        if (hot) {
            model.learner().warmUp(WARM_UP_NANOS);
        }
        Featurizer featurizer = new Featurizer(spec);
        Parameters parameters = model.parameters();
        for (int i = 0; i < ROWS; i++) {
            if (i == ROWS - 64) {
                parameters.dirty().clear();
                parameters.changes().clear();
                keep(parameters, old);
            }
            assertThat(model.accept(Specs.row(featurizer, flight(i)))).isNull();
        }
        return model;
    }

    /// Copies each page when it is told that it will change, as an image store does.
    private static void keep(Parameters parameters, Map<Integer, byte[]> old) {
        PageSet all = new PageSet(parameters.pages());
        all.markRange(0, parameters.pages() - 1);
        parameters.watch(all, page -> {
            byte[] bytes = new byte[Parameters.PAGE_BYTES];
            parameters.readPage(page, bytes, 0);
            old.put(page, bytes);
        });
    }

    private static StringBuilder changes(OnlineModel model) {
        StringBuilder changes = new StringBuilder();
        model.parameters().changes()
                .forEachRun((at, bytes) -> changes.append(at).append('+').append(bytes).append(' '));
        for (int page = model.parameters().dirty().next(0); page >= 0; page =
                model.parameters().dirty().next(page + 1)) {
            changes.append(page).append(' ');
        }
        return changes;
    }

    @ParameterizedTest
    @CsvSource({"1, false, 2", "1, true, 2", "32, false, 2", "32, true, 2", "1, true, 5", "32, true, 5"})
    void anyNumberOfWorkersLearnsTheSameBits(int miniBatch, boolean hot, int count) {
        for (String more : new String[]{"", "gradient-clipping: { global-norm: 0.5 }\n"}) {
            for (ModelSpec spec : List.of(spec(miniBatch, "late", "binary-cross-entropy", more),
                    spec(miniBatch, "minutes", "mean-squared-error", more))) {
                Map<Integer, byte[]> oldAlone = new HashMap<>();
                Map<Integer, byte[]> old = new HashMap<>();
                OnlineModel alone = learned(spec, null, false, oldAlone);
                try (Workers workers = EagerWorkers.of(count)) {
                    OnlineModel shared = learned(spec, workers, hot, old);
                    assertThat(shared.weightsHash()).isEqualTo(alone.weightsHash());
                    assertThat(shared.stateHash()).isEqualTo(alone.stateHash());
                    assertThat(shared.carry()).isEqualTo(alone.carry());
                    assertThat(changes(shared)).hasToString(changes(alone).toString());
                    assertThat(old.keySet()).isEqualTo(oldAlone.keySet());
                    old.forEach((page, bytes) -> assertThat(Arrays.equals(bytes, oldAlone.get(page))).isTrue());
                }
            }
        }
    }
}
