package io.tidegrad.scorerapp;

import io.tidegrad.loadtests.rivals.OnnxSession;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.Featurizer;
import io.tidegrad.model.feature.Rejection;
import io.tidegrad.model.feature.Row;
import io.tidegrad.model.spec.ModelSpec;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.scorer.ScorerOptions;
import io.tidegrad.scorer.ServedVersion;
import io.tidegrad.scorer.ModelRouter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;

/// The main class of a JVM that answers as the scorer does, by its server, its reading, its featurizer and its writing,
/// but predicts by ONNX Runtime: `OnnxScorer <file> <the scorer's arguments>`. In the server's own package, so that it
/// is the server itself that both sides are asked through.
public final class OnnxScorer {
    private OnnxScorer() {}

    public static void main(String[] args) throws IOException {
        byte[] onnx = Files.readAllBytes(Path.of(args[0]));
        ScorerConfig config = ScorerConfig.parse(Arrays.asList(args).subList(1, args.length), Map.of());
        String model = config.models().getFirst();
        ModelRouter router = ModelRouter.open(ScorerOptions.of(model, config.kafka().consumer()));
        InstantSource clock = InstantSource.system();
        ScorerMetrics metrics = new ScorerMetrics(List.of(router.live()), clock);
        ServedModels models = new Models(Map.of(model, router), metrics, config, onnx);
        RequestLimits limits = RequestLimits.of(config.server());
        new ScorerServer(config.server(), models, null, metrics, limits, () -> true);
    }

    private static final class Models extends ServedModels {
        /// One a thread that predicts: its row and the runtime's buffers.
        private final ConcurrentLinkedQueue<Desk> desks = new ConcurrentLinkedQueue<>();

        private final OnnxSession onnx;

        Models(Map<String, ModelRouter> routers, ScorerMetrics metrics, ScorerConfig config, byte[] onnx) {
            super(routers, metrics, new Shadows((pair, comparison) -> {
            }), config.server().maxBodyBytes(), config.server().ignoreUnknownFields(), (topic, field) -> false,
                    ServedLogs.NONE);
            this.onnx = new OnnxSession(onnx);
        }

        private final class Desk {
            final Featurizer featurizer;
            final Row row;
            final OnnxSession.Buffers buffers;

            Desk(ModelSpec spec, int outputs) {
                featurizer = new Featurizer(spec);
                row = featurizer.newRow();
                buffers = onnx.newBuffers(1, row.numbers.length, row.ids.length, outputs);
            }
        }

        @Override
        Predictions score(Scorer scorer, ServedVersion served, List<Event> events) {
            Desk desk = desks.poll();
            if (desk == null) {
                desk = new Desk(served.spec(), served.outputs());
            }
            int outputs = served.outputs();
            float[] predictions = new float[events.size() * outputs];
            for (int i = 0; i < events.size(); i++) {
                Rejection rejection = desk.featurizer.featurizeForScoring(events.get(i), desk.row);
                if (rejection != null) {
                    throw new HttpProblem(ProblemReason.of(rejection.reason()), i, rejection.detail());
                }
                desk.buffers.predict(desk.row.numbers, desk.row.ids, predictions, i * outputs);
            }
            desks.add(desk);
            int[] numbers = new int[events.size()];
            Arrays.fill(numbers, outputs);
            return new Predictions(served.model(), served.epoch(), served.version(), served.nextOffset(), 0, outputs,
                    numbers, predictions);
        }
    }
}
