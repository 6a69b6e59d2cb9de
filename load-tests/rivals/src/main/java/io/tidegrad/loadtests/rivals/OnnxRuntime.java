package io.tidegrad.loadtests.rivals;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.tidegrad.engine.model.Batch;
import io.tidegrad.engine.model.Parameters;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.util.HashMap;
import java.util.Map;

/// A model's predictions by ONNX Runtime: one thread, all optimizations, inputs and output pinned in direct buffers
/// that are made once.
final class OnnxRuntime implements AutoCloseable {
    private final Batch batch;
    private final float[] predictions;
    private final OrtSession.SessionOptions options;
    private final OrtSession session;
    private final FloatBuffer numbers;
    private final IntBuffer ids;
    private final FloatBuffer y;
    private final Map<String, OnnxTensor> inputs = new HashMap<>();
    private final Map<String, OnnxTensor> outputs = new HashMap<>();

    /// @param batch filled before each prediction
    /// @param predictions shape (batch.capacity, outputs)
    OnnxRuntime(Parameters parameters, Batch batch, float[] predictions) {
        this.batch = batch;
        this.predictions = predictions;
        numbers = direct(batch.numbers.length).asFloatBuffer();
        ids = direct(batch.ids.length).asIntBuffer();
        y = direct(predictions.length).asFloatBuffer();
        long rows = batch.capacity();
        try {
            OrtEnvironment environment = OrtEnvironment.getEnvironment();
            options = new OrtSession.SessionOptions();
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            session = environment.createSession(OnnxModel.of(parameters, batch.capacity()), options);
            if (batch.row().numbers() > 0) {
                long[] shape = {rows, batch.row().numbers()};
                inputs.put("numbers", OnnxTensor.createTensor(environment, numbers, shape));
            }
            if (batch.row().ids() > 0) {
                long[] shape = {rows, batch.row().ids()};
                inputs.put("ids", OnnxTensor.createTensor(environment, ids, shape));
            }
            long[] shape = {rows, parameters.plan().outputs()};
            outputs.put("y", OnnxTensor.createTensor(environment, y, shape));
        } catch (OrtException e) {
            throw new RivalException("ONNX Runtime refuses the model: " + e.getMessage(), e);
        }
    }

    void predict() {
        numbers.put(0, batch.numbers);
        ids.put(0, batch.ids);
        try (OrtSession.Result _ = session.run(inputs, outputs)) {
            y.get(0, predictions);
        } catch (OrtException e) {
            throw new RivalException("ONNX Runtime failed: " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        try {
            inputs.values().forEach(OnnxTensor::close);
            outputs.values().forEach(OnnxTensor::close);
            session.close();
            options.close();
        } catch (OrtException e) {
            throw new RivalException("ONNX Runtime failed: " + e.getMessage(), e);
        }
    }

    private static ByteBuffer direct(int floats) {
        return ByteBuffer.allocateDirect(Float.BYTES * floats).order(ByteOrder.nativeOrder());
    }
}
