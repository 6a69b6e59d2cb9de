package io.tidegrad.exchange;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Builds a graph. Nodes and constants get unique names that start with the place of their layer; constants that are no weights
/// and equal are one, named by the first layer that reads it.
final class OnnxGraph {
    /// The first axis of inputs and outputs, whose size the caller chooses.
    static final String BATCH = "batch";

    /// The most bytes of constants. A protobuf message has at most 2 GiB, of which names and nodes need a part.
    private static final long CONSTANT_BYTES_MAX = Integer.MAX_VALUE - (16L << 20);

    private final GraphProto.Builder graph = GraphProto.newBuilder();
    private final Map<String, Integer> names = new HashMap<>();
    private final Map<Constant, String> shared = new HashMap<>(); // by name
    private final long constantBytesMax;
    private long constantBytes;

    /// A constant that is no weight. Values of a vocabulary and bounds of quantiles are the same for each cross that reads
    /// them, and values also for each member of a recipe.
    private record Constant(TensorProto.DataType type, List<Long> shape, ByteString bytes) {
    }

    OnnxGraph() {
        this(CONSTANT_BYTES_MAX);
    }

    /// @param constantBytesMax the most bytes of constants, each shared one counted once
    OnnxGraph(long constantBytesMax) {
        this.constantBytesMax = constantBytesMax;
    }

    GraphProto build(String name) {
        return graph.setName(name).build();
    }

    void input(String name, TensorProto.DataType type, long width) {
        graph.addInput(value(name, type, width));
    }

    void output(String name, TensorProto.DataType type, long width) {
        graph.addOutput(value(name, type, width));
    }

    private static ValueInfoProto value(String name, TensorProto.DataType type, long width) {
        TensorShapeProto shape =
                TensorShapeProto.newBuilder().addDim(TensorShapeProto.Dimension.newBuilder().setDimParam(BATCH))
                        .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(width)).build();
        return ValueInfoProto.newBuilder().setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(shape)))
                .build();
    }

    /// Adds a node with one output. Returns the output's name.
    ///
    /// @param path place of the layer; the node's name is `path/operator`
    String node(String path, String operator, List<String> inputs, AttributeProto... attributes) {
        String output = unique(path + "/" + operator);
        add(operator, inputs, List.of(output), attributes);
        return output;
    }

    /// Adds a node with several outputs. Returns their names.
    List<String> nodes(String path, String operator, int outputs, List<String> inputs, AttributeProto... attributes) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            names.add(unique(path + "/" + operator));
        }
        add(operator, inputs, names, attributes);
        return names;
    }

    /// Makes a value one of the graph's outputs under this name.
    void named(String value, String name) {
        add("Identity", List.of(value), List.of(name));
    }

    private void add(String operator, List<String> inputs, List<String> outputs, AttributeProto... attributes) {
        graph.addNode(NodeProto.newBuilder().setName(outputs.getFirst()).setOpType(operator).addAllInput(inputs)
                .addAllOutput(outputs).addAllAttribute(Arrays.asList(attributes)));
    }

    /// Adds a constant of floats in row-major order.
    String floats(String name, float[] values, long... shape) {
        // Weights are never shared, so before a copy is made of what could be gigabytes.
        requireRoom(name, (long) values.length * Float.BYTES);
        ByteBuffer bytes = buffer((long) values.length * Float.BYTES);
        bytes.asFloatBuffer().put(values);
        return constant(name, TensorProto.DataType.FLOAT, ByteString.copyFrom(bytes.array()), shape);
    }

    String doubles(String name, double[] values, long... shape) {
        ByteBuffer bytes = buffer((long) values.length * Double.BYTES);
        bytes.asDoubleBuffer().put(values);
        return shared(name, TensorProto.DataType.DOUBLE, bytes, shape);
    }

    /// Adds a constant vector of whole numbers: axes, sizes or starts.
    String longs(String name, long... values) {
        ByteBuffer bytes = buffer((long) values.length * Long.BYTES);
        bytes.asLongBuffer().put(values);
        return shared(name, TensorProto.DataType.INT64, bytes, values.length);
    }

    /// Like `longs`, for operators that require 32 bits.
    String ints(String name, int... values) {
        ByteBuffer bytes = buffer((long) values.length * Integer.BYTES);
        bytes.asIntBuffer().put(values);
        return shared(name, TensorProto.DataType.INT32, bytes, values.length);
    }

    private static ByteBuffer buffer(long bytes) {
        return ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void requireRoom(String name, long bytes) {
        if (constantBytes + bytes > constantBytesMax) {
            throw new NotExpressibleException(
                    "an ONNX file holds at most 2 GiB, and with " + name + " the weights come to "
                            + (constantBytes + bytes) + " bytes; export to .safetensors, which has no limit");
        }
    }

    /// Adds a constant unless there is one of the same type, shape and bytes. Returns its name.
    private String shared(String name, TensorProto.DataType type, ByteBuffer buffer, long... shape) {
        ByteString bytes = ByteString.copyFrom(buffer.array());
        return shared.computeIfAbsent(new Constant(type, Arrays.stream(shape).boxed().toList(), bytes), absent -> {
            requireRoom(name, bytes.size());
            return constant(name, type, bytes, shape);
        });
    }

    private String constant(String name, TensorProto.DataType type, ByteString bytes, long... shape) {
        constantBytes += bytes.size();
        TensorProto.Builder tensor =
                TensorProto.newBuilder().setName(unique(name)).setDataType(type.getNumber()).setRawData(bytes);
        for (long axis : shape) {
            tensor.addDims(axis);
        }
        graph.addInitializer(tensor);
        return tensor.getName();
    }

    private String unique(String name) {
        int before = names.merge(name, 1, Integer::sum) - 1;
        return before == 0 ? name : name + "." + before;
    }

    static AttributeProto attribute(String name, long value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INT).setI(value).build();
    }

    static AttributeProto attribute(String name, float value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.FLOAT).setF(value)
                .build();
    }

    static AttributeProto attribute(String name, String value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.STRING)
                .setS(ByteString.copyFromUtf8(value)).build();
    }

    static AttributeProto attribute(String name, long... values) {
        AttributeProto.Builder attribute =
                AttributeProto.newBuilder().setName(name).setType(AttributeProto.AttributeType.INTS);
        for (long value : values) {
            attribute.addInts(value);
        }
        return attribute.build();
    }
}
