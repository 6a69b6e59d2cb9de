package io.tidegrad.loadtests.rivals;

import io.tidegrad.engine.layer.Concat;
import io.tidegrad.engine.layer.Dense;
import io.tidegrad.engine.layer.Embedding;
import io.tidegrad.engine.layer.Layer;
import io.tidegrad.engine.layer.Numbers;
import io.tidegrad.engine.layer.Relu;
import io.tidegrad.engine.layer.Sequence;
import io.tidegrad.engine.layer.Sigmoid;
import io.tidegrad.engine.layer.Softmax;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/// A network with its weights as an ONNX model for batches of one size (opset 13): inputs `numbers` (batch, numbers)
/// and `ids` (batch, ids), where a row has them; output `y`.
///
/// Field numbers from onnx.proto3.
final class OnnxModel {
    private static final int FLOAT = 1;
    private static final int INT32 = 6;
    private static final int INT64 = 7;
    private static final int OPSET = 13;
    private static final int IR_VERSION = 8;

    private final Parameters parameters;
    private final Plan plan;
    private final int batch;
    private final Protobuf graph = new Protobuf();
    private int tensor; // the next one of the plan
    private int values;

    private OnnxModel(Parameters parameters, int batch) {
        this.parameters = parameters;
        this.batch = batch;
        plan = parameters.plan();
    }

    static byte[] of(Parameters parameters, int batch) {
        return new OnnxModel(parameters, batch).model();
    }

    private byte[] model() {
        String y = add(plan.spec().network(), "numbers");
        node("Identity", List.of(y), "y");
        graph.text(2, "network");
        RowShape row = plan.spec().row();
        if (row.numbers() > 0) {
            graph.message(11, valueInfo("numbers", FLOAT, row.numbers()));
        }
        if (row.ids() > 0) {
            graph.message(11, valueInfo("ids", INT32, row.ids()));
        }
        graph.message(12, valueInfo("y", FLOAT, plan.outputs()));
        return new Protobuf().number(1, IR_VERSION).message(8, new Protobuf().text(1, "").number(2, OPSET))
                .message(7, graph).toBytes();
    }

    /// Returns the name of what comes out.
    private String add(Layer layer, String x) {
        return switch (layer) {
            case Sequence(List<Layer> layers) -> {
                String y = x;
                for (Layer each : layers) {
                    y = add(each, y);
                }
                yield y;
            }
            case Concat(List<Layer> layers) -> {
                List<String> parts = layers.stream().map(each -> add(each, x)).toList();
                yield node("Concat", parts, value(), attribute("axis", 1));
            }
            case Numbers(int from, int count) -> {
                if (from != 0 || count != plan.spec().row().numbers()) {
                    throw new RivalException("expected all numbers of a row, found " + layer);
                }
                yield "numbers";
            }
            case Embedding embedding -> {
                if (embedding.from() != 0 || embedding.columns() != plan.spec().row().ids()) {
                    throw new RivalException("expected all ids of a row, found " + layer);
                }
                String table = weights(embedding.rows(), embedding.dimension());
                String rows = node("Gather", List.of(table, "ids"), value());
                long width = (long) embedding.columns() * embedding.dimension();
                yield node("Reshape", List.of(rows, shape(batch, width)), value());
            }
            case Dense dense -> {
                String w = weights(plan.tensors().get(tensor).rows(), dense.outputs());
                yield dense.bias() ? node("Gemm", List.of(x, w, weights(dense.outputs())), value())
                        : node("MatMul", List.of(x, w), value());
            }
            case Relu relu -> node("Relu", List.of(x), value());
            case Sigmoid sigmoid -> node("Sigmoid", List.of(x), value());
            case Softmax softmax -> node("Softmax", List.of(x), value(), attribute("axis", 1));
            default -> throw new RivalException("ONNX has no " + layer + " here yet");
        };
    }

    private String value() {
        return "v" + values++;
    }

    private String node(String type, List<String> inputs, String output, Protobuf... attributes) {
        Protobuf node = new Protobuf();
        inputs.forEach(input -> node.text(1, input));
        node.text(2, output).text(4, type);
        for (Protobuf attribute : attributes) {
            node.message(5, attribute);
        }
        graph.message(1, node);
        return output;
    }

    private static Protobuf attribute(String name, int value) {
        int typeOfInts = 2;
        return new Protobuf().text(1, name).number(3, value).number(20, typeOfInts);
    }

    /// The plan's next tensor, as an initializer; returns its name.
    private String weights(long... shape) {
        String name = plan.tensors().get(tensor++).name();
        float[] floats = parameters.weights(name);
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * floats.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(floats);
        return initializer(name, FLOAT, bytes.array(), shape);
    }

    private String shape(long... sizes) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * sizes.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(sizes);
        return initializer(value(), INT64, bytes.array(), sizes.length);
    }

    private String initializer(String name, int type, byte[] data, long... shape) {
        Protobuf initializer = new Protobuf();
        for (long size : shape) {
            initializer.number(1, size);
        }
        graph.message(5, initializer.number(2, type).text(8, name).bytes(9, data));
        return name;
    }

    private Protobuf valueInfo(String name, int type, int width) {
        Protobuf shape = new Protobuf();
        for (long size : new long[]{batch, width}) {
            shape.message(1, new Protobuf().number(1, size));
        }
        Protobuf tensorType = new Protobuf().number(1, type).message(2, shape);
        return new Protobuf().text(1, name).message(2, new Protobuf().message(1, tensorType));
    }
}
