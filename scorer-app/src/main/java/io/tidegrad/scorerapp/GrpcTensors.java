package io.tidegrad.scorerapp;

import com.google.protobuf.ByteString;
import io.tidegrad.scorer.Predictions;
import io.tidegrad.scorerapp.inference.InferParameter;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferInputTensor;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferRequestedOutputTensor;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferResponse.InferOutputTensor;
import io.tidegrad.scorerapp.inference.ModelInferResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Converts between gRPC's messages and the inference requests and responses that all protocols share. Data comes
/// either in the list of its datatype or raw: little-endian, row-major, each element of `BYTES` after 4 bytes with its
/// length.
final class GrpcTensors {
    private GrpcTensors() {}

    static boolean isRaw(ModelInferRequest message) {
        return message.getRawInputContentsCount() > 0;
    }

    /// @throws HttpProblem `not-a-request`, `bad-tensor`
    static InferRequest read(ModelInferRequest message) {
        int inputs = message.getInputsCount();
        if (inputs == 0) {
            throw HttpProblem.notARequest("inputs: expected at least one tensor, found none");
        }
        boolean raw = isRaw(message);
        if (raw && message.getRawInputContentsCount() != inputs) {
            throw HttpProblem.notARequest("raw_input_contents: expected one for each of " + inputs + " inputs, found "
                    + message.getRawInputContentsCount());
        }
        List<Tensor> tensors = new ArrayList<>(inputs);
        for (int i = 0; i < inputs; i++) {
            InferInputTensor input = message.getInputs(i);
            TensorType type = TensorType.of(input.getName(), input.getDatatype());
            Tensor.Shape shape = Tensor.Shape.of(input.getName(), input.getShapeList());
            Data data = new Data(input.getName(), type, shape);
            if (raw && input.hasContents()) {
                throw data.problem("expected no contents beside raw_input_contents");
            }
            tensors.add(new Tensor(input.getName(), type, shape,
                    raw ? data.raw(message.getRawInputContents(i)) : data.typed(input.getContents())));
        }
        return new InferRequest(message.getId().isEmpty() ? null : message.getId(),
                parameter(message, InferRequest.KEY), parameter(message, InferRequest.IDS), tensors,
                message.getOutputsList().stream().map(InferRequestedOutputTensor::getName).toList());
    }

    private static @Nullable String parameter(ModelInferRequest message, String name) {
        InferParameter parameter = message.getParametersMap().get(name);
        if (parameter == null) {
            return null;
        }
        if (!parameter.hasStringParam()) {
            throw HttpProblem.notARequest("parameters." + name + ": expected a string_param");
        }
        return parameter.getStringParam();
    }

    private record Data(String tensor, TensorType type, Tensor.Shape shape) {
        HttpProblem problem(String message) {
            return Tensor.problem(tensor, message);
        }

        List<Object> typed(InferTensorContents contents) {
            List<?> data = switch (type) {
                case BOOL -> contents.getBoolContentsList();
                case INT8, INT16, INT32 -> contents.getIntContentsList();
                case INT64 -> contents.getInt64ContentsList();
                case UINT8, UINT16, UINT32 -> contents.getUintContentsList();
                case UINT64 -> contents.getUint64ContentsList();
                case FP32 -> contents.getFp32ContentsList();
                case FP64 -> contents.getFp64ContentsList();
                case BYTES -> contents.getBytesContentsList();
                case FP16 -> throw problem("expected FP16 in raw_input_contents, for contents have no list of it");
            };
            if (count(contents) != data.size() || data.size() != shape.elements()) {
                throw problem("contents: expected " + shape.elements() + " elements of " + type + ", as shape " + shape
                        + " says, found " + data.size() + " and " + (count(contents) - data.size()) + " of others");
            }
            List<Object> values = new ArrayList<>(data.size());
            for (Object element : data) {
                values.add(switch (element) {
                    case Integer bits ->
                        whole(type == TensorType.INT32 || type == TensorType.INT16 || type == TensorType.INT8 ? bits
                                : Integer.toUnsignedLong(bits), values.size());
                    case Long bits when type == TensorType.UINT64 -> TensorType.unsigned(bits);
                    case ByteString bytes -> bytes.toByteArray();
                    default -> element;
                });
            }
            return values;
        }

        private static int count(InferTensorContents contents) {
            return contents.getBoolContentsCount() + contents.getIntContentsCount() + contents.getInt64ContentsCount()
                    + contents.getUintContentsCount() + contents.getUint64ContentsCount()
                    + contents.getFp32ContentsCount() + contents.getFp64ContentsCount()
                    + contents.getBytesContentsCount();
        }

        private Long whole(long value, int index) {
            if (!type.holds(value)) {
                throw problem("contents[" + index + "]: expected " + type.described() + ", found " + value);
            }
            return value;
        }

        List<Object> raw(ByteString contents) {
            ByteBuffer data = contents.asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
            if (type != TensorType.BYTES && data.remaining() != (long) shape.elements() * type.bytes()) {
                throw misfit((long) shape.elements() * type.bytes() + " bytes", data.remaining());
            }
            List<Object> values = new ArrayList<>();
            while (data.hasRemaining() && values.size() < shape.elements()) {
                values.add(switch (type) {
                    case BOOL -> data.get() != 0;
                    case INT8 -> (long) data.get();
                    case INT16 -> (long) data.getShort();
                    case INT32 -> (long) data.getInt();
                    case INT64 -> data.getLong();
                    case UINT8 -> (long) Byte.toUnsignedInt(data.get());
                    case UINT16 -> (long) Short.toUnsignedInt(data.getShort());
                    case UINT32 -> Integer.toUnsignedLong(data.getInt());
                    case UINT64 -> TensorType.unsigned(data.getLong());
                    case FP16 -> Float.float16ToFloat(data.getShort());
                    case FP32 -> data.getFloat();
                    case FP64 -> data.getDouble();
                    case BYTES -> element(data);
                });
            }
            if (values.size() < shape.elements() || data.hasRemaining()) {
                throw misfit(shape.elements() + " elements and no byte behind them",
                        values.size() + " and " + data.remaining());
            }
            return values;
        }

        private byte[] element(ByteBuffer data) {
            int length = data.remaining() < Integer.BYTES ? -1 : data.getInt();
            if (length < 0 || length > data.remaining()) {
                throw misfit("four bytes of length before each element", "an end before its end");
            }
            byte[] element = new byte[length];
            data.get(element);
            return element;
        }

        private HttpProblem misfit(String expected, Object found) {
            return problem("raw_input_contents: expected " + expected + ", as " + type + " of shape " + shape
                    + " has, found " + found);
        }
    }

    /// @param raw whether the request was raw
    static ModelInferResponse answer(OpenInference.Answer answer, boolean raw) {
        Predictions predictions = answer.predictions();
        TensorInfo answered = answer.answered();
        InferOutputTensor.Builder output =
                InferOutputTensor.newBuilder().setName(answered.name()).setDatatype(answered.type().name())
                        .addAllShape(answered.shape().stream().map(Integer::longValue).toList());
        ModelInferResponse.Builder response = ModelInferResponse.newBuilder().setModelName(answer.name())
                .setModelVersion(answer.version()).setId(answer.id() == null ? "" : answer.id())
                .putParameters("model", InferParameter.newBuilder().setStringParam(predictions.model()).build())
                .putParameters("epoch", number(predictions.epoch()))
                .putParameters("version", number(predictions.version()))
                .putParameters("offset", number(predictions.offset()));
        if (predictions.freshnessMs() >= 0) {
            response.putParameters("freshness_ms", number(predictions.freshnessMs()));
        }
        if (!answer.ids().isEmpty()) {
            response.putParameters(InferRequest.IDS,
                    InferParameter.newBuilder().setStringParam(answer.encodedIds()).build());
        }
        float[] values = predictions.probabilities();
        if (raw) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(values);
            return response.addOutputs(output).addRawOutputContents(ByteString.copyFrom(bytes)).build();
        }
        InferTensorContents.Builder contents = InferTensorContents.newBuilder();
        for (float value : values) {
            contents.addFp32Contents(value);
        }
        return response.addOutputs(output.setContents(contents)).build();
    }

    private static InferParameter number(long value) {
        return InferParameter.newBuilder().setInt64Param(value).build();
    }
}
