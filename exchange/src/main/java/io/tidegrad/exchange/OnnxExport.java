package io.tidegrad.exchange;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import io.tidegrad.engine.layer.Shape;
import io.tidegrad.engine.loss.Link;
import io.tidegrad.engine.model.Parameters;
import io.tidegrad.engine.model.Plan;
import io.tidegrad.engine.model.RowShape;
import java.util.List;
import java.util.Map;

/// Exports a model as an ONNX file. Its predictions equal those of `Predictor`, except for the rounding of another
/// runtime's sums.
///
/// Inputs: `numbers` (batch, row's numbers), float; `ids` (batch, row's ids), int64; an input without columns is left
/// out. Output: `predictions` (batch, outputs), float: probabilities or values. The spec's features define the columns
/// of the inputs.
public final class OnnxExport {
    /// Version of ONNX's default operator set. PyTorch's exporter writes no newer one by default, so common runtimes
    /// read it.
    public static final int OPSET = 17;

    /// The version of the ONNX format that belongs to this operator set.
    private static final int IR_VERSION = 8;

    private static final String PREDICTIONS = "predictions";

    private OnnxExport() {}

    /// @param name the graph's name
    /// @param metadata written to the file unchanged
    /// @throws NotExpressibleException a limit of ONNX files is exceeded; the message names it
    public static byte[] of(String name, Parameters parameters, Map<String, String> metadata) {
        Plan plan = parameters.plan();
        RowShape row = plan.spec().row();
        OnnxGraph graph = new OnnxGraph();
        if (row.numbers() > 0) {
            graph.input(LayerNodes.NUMBERS, TensorProto.DataType.FLOAT, row.numbers());
        }
        if (row.ids() > 0) {
            graph.input(LayerNodes.IDS, TensorProto.DataType.INT64, row.ids());
        }
        LayerNodes layers = new LayerNodes(graph, parameters);
        LayerNodes.Value y =
                layers.of(plan.beforeLoss(), "", new LayerNodes.Value("", new Shape.Row(row.numbers(), row.ids())));
        String predictions = predictions(plan.spec().loss().link(), y.name(), graph, layers);
        graph.named(graph.node("", "Flatten", List.of(predictions)), PREDICTIONS);
        graph.output(PREDICTIONS, TensorProto.DataType.FLOAT, plan.outputs());
        ModelProto.Builder model = ModelProto.newBuilder().setIrVersion(IR_VERSION).setProducerName("tidegrad")
                .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET)).setGraph(graph.build(name));
        metadata.forEach((key, value) -> model
                .addMetadataProps(StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
        return model.build().toByteArray();
    }

    private static String predictions(Link link, String y, OnnxGraph graph, LayerNodes layers) {
        return switch (link) {
            case IDENTITY -> y;
            case LOG -> graph.node("", "Exp", List.of(y));
            case LOGIT -> graph.node("", "Sigmoid", List.of(y));
            case MULTINOMIAL_LOGIT -> layers.softmax("", y);
        };
    }
}
