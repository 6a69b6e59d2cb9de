package io.tidegrad.loadtests.rivals;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.tidegrad.loadtests.LoadTestException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.HashMap;
import java.util.Map;

/// A model that Tidegrad exported, in ONNX Runtime: all optimizations, one thread a call. Lives as long as the process.
public final class OnnxSession {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession session;

    /// @param file as `io.tidegrad.exchange.OnnxExport` writes it
    public OnnxSession(byte[] file) {
        try {
            OrtSession.SessionOptions options = new OrtSession.SessionOptions();
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            session = environment.createSession(file, options);
        } catch (OrtException e) {
            throw new LoadTestException("ONNX Runtime refuses the model: " + e.getMessage(), e);
        }
    }

    /// For one thread at a time.
    ///
    /// @param numbers of a row; ids and outputs likewise
    public Buffers newBuffers(int rows, int numbers, int ids, int outputs) {
        return new Buffers(rows, numbers, ids, outputs);
    }

    /// Inputs and output of some rows, pinned in direct buffers that are made once.
    public final class Buffers {
        private final FloatBuffer numbers;
        private final LongBuffer ids;
        private final FloatBuffer predictions;
        private final Map<String, OnnxTensor> inputs = new HashMap<>();
        private final Map<String, OnnxTensor> outputs = new HashMap<>();

        private Buffers(int rows, int numbers, int ids, int outputs) {
            this.numbers = direct(Float.BYTES * rows * numbers).asFloatBuffer();
            this.ids = direct(Long.BYTES * rows * ids).asLongBuffer();
            predictions = direct(Float.BYTES * rows * outputs).asFloatBuffer();
            try {
                if (numbers > 0) {
                    long[] shape = {rows, numbers};
                    inputs.put("numbers", OnnxTensor.createTensor(environment, this.numbers, shape));
                }
                if (ids > 0) {
                    long[] shape = {rows, ids};
                    inputs.put("ids", OnnxTensor.createTensor(environment, this.ids, shape));
                }
                long[] shape = {rows, outputs};
                this.outputs.put("predictions", OnnxTensor.createTensor(environment, predictions, shape));
            } catch (OrtException e) {
                throw new LoadTestException("ONNX Runtime failed: " + e.getMessage(), e);
            }
        }

        /// @param to filled from `at` on
        public void predict(float[] numbersOfRows, int[] idsOfRows, float[] to, int at) {
            numbers.put(0, numbersOfRows);
            for (int i = 0; i < idsOfRows.length; i++) {
                ids.put(i, idsOfRows[i]);
            }
            try (OrtSession.Result _ = session.run(inputs, outputs)) {
                predictions.get(0, to, at, predictions.capacity());
            } catch (OrtException e) {
                throw new LoadTestException("ONNX Runtime failed: " + e.getMessage(), e);
            }
        }
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
}
