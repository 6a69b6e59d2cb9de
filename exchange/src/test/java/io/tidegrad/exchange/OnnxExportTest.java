package io.tidegrad.exchange;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.tidegrad.engine.kernel.ScalarKernels;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Learner;
import io.tidegrad.engine.model.NetworkSpec;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.Predictor;
import io.tidegrad.engine.model.RowShape;
import io.tidegrad.engine.testing.DoubleNetwork;
import io.tidegrad.engine.testing.RandomNetworks;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// ONNX Runtime is the judge.
class OnnxExportTest {
    private static final OrtEnvironment RUNTIME = OrtEnvironment.getEnvironment();
    private static final int NETWORKS = 300;

    /// Of the largest prediction of the batch: ONNX Runtime sums in other orders, with its own exponentials.
    private static final double TOLERANCE = 1e-5;

    /// Where a network magnifies rounding (a standardise of near equal values), the engine's own distance from the
    /// truth says how much.
    private static final double ENGINE_ERRORS = 4;

    static List<Integer> seeds() {
        return RandomNetworks.seeds(NETWORKS).boxed().toList();
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void onnxRuntimeAnswersAsThePredictorDoes(int seed) throws OrtException {
        RandomNetworks random = new RandomNetworks(seed);
        NetworkSpec spec = random.spec();
        Parameters parameters = learned(random, spec);
        Batch batch = random.batch(spec, random.between(1, 9));
        float[] found = answers(OnnxExport.of("model", parameters, Map.of()), batch);
        assertThat(differences(found, parameters, batch)).as("seed %s: %s", seed, spec.network()).isEmpty();
    }

    /// A layer that no seed draws would be exported unseen.
    @Test
    void everyLayerIsSeen() {
        Set<Class<?>> seen = new HashSet<>();
        for (int seed : seeds()) {
            RandomNetworks.layers(new RandomNetworks(seed).spec().network())
                    .forEach(layer -> seen.add(layer.getClass()));
        }
        assertThat(seen).containsExactlyInAnyOrder(Layer.class.getPermittedSubclasses());
    }

    @Test
    void theFileSaysWhoseWeightsItHolds() throws OrtException {
        NetworkSpec spec = new RandomNetworks(1).spec();
        byte[] file = OnnxExport.of("flights", Parameters.initial(Plan.of(spec)), Map.of("version", "1.7"));
        try (OrtSession session = RUNTIME.createSession(file)) {
            assertThat(session.getMetadata().getGraphName()).isEqualTo("flights");
            assertThat(session.getMetadata().getProducerName()).isEqualTo("tidegrad");
            assertThat(session.getMetadata().getCustomMetadata()).containsEntry("version", "1.7");
        }
    }

    /// With statistics of a few batches, and weights that are no longer those of the seed.
    private static Parameters learned(RandomNetworks random, NetworkSpec spec) {
        Parameters parameters = Parameters.initial(Plan.of(spec));
        Learner learner = new Learner(parameters, new ScalarKernels(), 8);
        for (int step = random.between(0, 4); step > 0; step--) {
            learner.learn(random.batch(spec, 8));
        }
        return parameters;
    }

    private static float[] predictions(Parameters parameters, Batch batch) {
        float[] out = new float[batch.size() * parameters.plan().outputs()];
        new Predictor(parameters.plan(), new ScalarKernels(), batch.size()).predict(parameters, batch, out);
        return out;
    }

    private static float[] answers(byte[] file, Batch batch) throws OrtException {
        RowShape row = batch.row();
        int rows = batch.size();
        Map<String, OnnxTensor> inputs = new HashMap<>();
        try (OrtSession session = RUNTIME.createSession(file)) {
            if (row.numbers() > 0) {
                inputs.put("numbers", OnnxTensor.createTensor(RUNTIME, FloatBuffer.wrap(batch.numbers),
                        new long[]{rows, row.numbers()}));
            }
            if (row.ids() > 0) {
                long[] ids = Arrays.stream(batch.ids).asLongStream().toArray();
                inputs.put("ids", OnnxTensor.createTensor(RUNTIME, LongBuffer.wrap(ids), new long[]{rows, row.ids()}));
            }
            assertThat(session.getInputNames()).isEqualTo(inputs.keySet());
            try (OrtSession.Result result = session.run(inputs)) {
                OnnxTensor answer = (OnnxTensor) result.get(0);
                assertThat(answer.getInfo().getShape()).hasSize(2).startsWith(rows);
                return floats(answer.getFloatBuffer());
            }
        } finally {
            inputs.values().forEach(OnnxTensor::close);
        }
    }

    private static float[] floats(FloatBuffer buffer) {
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    /// Numbers that are further from the engine's than rounding explains.
    private static List<String> differences(float[] found, Parameters parameters, Batch batch) {
        float[] expected = predictions(parameters, batch);
        double[] exact =
                Arrays.stream(new DoubleNetwork(parameters, batch).predict()).flatMapToDouble(Arrays::stream).toArray();
        assertThat(found).hasSameSizeAs(expected);
        double largest = 0;
        double error = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            error = Math.max(error, Math.abs(expected[i] - exact[i]));
        }
        double allowed = Math.max(TOLERANCE * Math.max(largest, 1e-3), ENGINE_ERRORS * error);
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < found.length; i++) {
            if (!(Math.abs(found[i] - expected[i]) <= allowed)) {
                wrong.add(i + ": expected " + expected[i] + " ± " + allowed + ", found " + found[i]);
            }
        }
        return wrong;
    }
}
