package io.tidegrad.loadtests.rivals;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
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
            throw new RivalException("ONNX Runtime refuses the model: " + e.getMessage(), e);
        }
    }

    /// For one thread at a time.
    public Buffers newBuffers(int numbers, int ids, int outputs) {
        return new Buffers(numbers, ids, outputs);
    }

    /// Inputs and output of one row, pinned in direct buffers that are made once.
    public final class Buffers {
        private final FloatBuffer numbers;
        private final LongBuffer ids;
        private final FloatBuffer predictions;
        private final Map<String, OnnxTensor> inputs = new HashMap<>();
        private final Map<String, OnnxTensor> outputs = new HashMap<>();

        private Buffers(int numbers, int ids, int outputs) {
            this.numbers = direct(Float.BYTES * numbers).asFloatBuffer();
            this.ids = direct(Long.BYTES * ids).asLongBuffer();
            predictions = direct(Float.BYTES * outputs).asFloatBuffer();
            try {
                if (numbers > 0) {
                    long[] shape = {1, numbers};
                    inputs.put("numbers", OnnxTensor.createTensor(environment, this.numbers, shape));
                }
                if (ids > 0) {
                    long[] shape = {1, ids};
                    inputs.put("ids", OnnxTensor.createTensor(environment, this.ids, shape));
                }
                long[] shape = {1, outputs};
                this.outputs.put("predictions", OnnxTensor.createTensor(environment, predictions, shape));
            } catch (OrtException e) {
                throw new RivalException("ONNX Runtime failed: " + e.getMessage(), e);
            }
        }

        /// @param to filled from `at` on
        public void predict(float[] rowNumbers, int[] rowIds, float[] to, int at) {
            numbers.put(0, rowNumbers);
            for (int i = 0; i < rowIds.length; i++) {
                ids.put(i, rowIds[i]);
            }
            try (OrtSession.Result _ = session.run(inputs, outputs)) {
                predictions.get(0, to, at, predictions.capacity());
            } catch (OrtException e) {
                throw new RivalException("ONNX Runtime failed: " + e.getMessage(), e);
            }
        }
    }

    private static ByteBuffer direct(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
}
