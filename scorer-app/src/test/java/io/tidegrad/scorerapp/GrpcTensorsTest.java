package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.tidegrad.proof.Fuzz;
import io.tidegrad.scorerapp.inference.InferTensorContents;
import io.tidegrad.scorerapp.inference.ModelInferRequest;
import io.tidegrad.scorerapp.inference.ModelInferRequest.InferInputTensor;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// A tensor has the same values in JSON, in the list of its datatype and raw.
class GrpcTensorsTest {
    private static InferInputTensor.Builder input(String type, long... shape) {
        return InferInputTensor.newBuilder().setName("x").setDatatype(type)
                .addAllShape(Arrays.stream(shape).boxed().toList());
    }

    private static ModelInferRequest typed(String type, Consumer<InferTensorContents.Builder> fill, long... shape) {
        InferTensorContents.Builder contents = InferTensorContents.newBuilder();
        fill.accept(contents);
        return ModelInferRequest.newBuilder().addInputs(input(type, shape).setContents(contents)).build();
    }

    private static ModelInferRequest raw(String type, Consumer<ByteBuffer> fill, long... shape) {
        ByteBuffer bytes = ByteBuffer.allocate(1_000).order(ByteOrder.LITTLE_ENDIAN);
        fill.accept(bytes);
        return ModelInferRequest.newBuilder().addInputs(input(type, shape))
                .addRawInputContents(ByteString.copyFrom(bytes.flip())).build();
    }

    private static List<Object> read(ModelInferRequest request) {
        return GrpcTensors.read(request).inputs().getFirst().values();
    }

    private static List<Object> json(String type, String data, int count) {
        String body = "{\"inputs\": [{\"name\": \"x\", \"shape\": [%d], \"datatype\": \"%s\", \"data\": %s}]}"
                .formatted(count, type, data);
        return InferReader.read(body.getBytes(StandardCharsets.UTF_8), false).inputs().getFirst().values();
    }

    static Stream<Arguments> everyDatatype() {
        return Stream.of(
                arguments("[true, false]", typed("BOOL", c -> c.addBoolContents(true).addBoolContents(false), 2),
                        raw("BOOL", b -> b.put((byte) 1).put((byte) 0), 2)),
                arguments("[-128, 127]", typed("INT8", c -> c.addIntContents(-128).addIntContents(127), 2),
                        raw("INT8", b -> b.put((byte) -128).put((byte) 127), 2)),
                arguments("[-32768, 32767]", typed("INT16", c -> c.addIntContents(-32768).addIntContents(32767), 2),
                        raw("INT16", b -> b.putShort((short) -32768).putShort((short) 32767), 2)),
                arguments("[-2147483648, 2147483647]",
                        typed("INT32", c -> c.addIntContents(Integer.MIN_VALUE).addIntContents(Integer.MAX_VALUE), 2),
                        raw("INT32", b -> b.putInt(Integer.MIN_VALUE).putInt(Integer.MAX_VALUE), 2)),
                arguments("[-9223372036854775808, 9007199254740993]",
                        typed("INT64", c -> c.addInt64Contents(Long.MIN_VALUE).addInt64Contents(9007199254740993L), 2),
                        raw("INT64", b -> b.putLong(Long.MIN_VALUE).putLong(9007199254740993L), 2)),
                arguments("[0, 255]", typed("UINT8", c -> c.addUintContents(0).addUintContents(255), 2),
                        raw("UINT8", b -> b.put((byte) 0).put((byte) -1), 2)),
                arguments("[0, 65535]", typed("UINT16", c -> c.addUintContents(0).addUintContents(65535), 2),
                        raw("UINT16", b -> b.putShort((short) 0).putShort((short) -1), 2)),
                arguments("[0, 4294967295]", typed("UINT32", c -> c.addUintContents(0).addUintContents(-1), 2),
                        raw("UINT32", b -> b.putInt(0).putInt(-1), 2)),
                arguments("[1, 18446744073709551615]",
                        typed("UINT64", c -> c.addUint64Contents(1).addUint64Contents(-1), 2),
                        raw("UINT64", b -> b.putLong(1).putLong(-1), 2)),
                arguments("[0.1, -1.5]", typed("FP32", c -> c.addFp32Contents(0.1f).addFp32Contents(-1.5f), 2),
                        raw("FP32", b -> b.putFloat(0.1f).putFloat(-1.5f), 2)),
                arguments("[0.1, -1e300]", typed("FP64", c -> c.addFp64Contents(0.1).addFp64Contents(-1e300), 2),
                        raw("FP64", b -> b.putDouble(0.1).putDouble(-1e300), 2)),
                arguments("[0.1, -1.5]", null, raw("FP16",
                        b -> b.putShort(Float.floatToFloat16(0.1f)).putShort(Float.floatToFloat16(-1.5f)), 2)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("everyDatatype")
    void aValueIsTheSameWhicheverWayItComes(String data, ModelInferRequest typed, ModelInferRequest raw) {
        List<Object> expected = json(raw.getInputs(0).getDatatype(), data, 2);
        assertThat(read(raw)).isEqualTo(expected);
        if (typed != null) {
            assertThat(read(typed)).isEqualTo(expected);
        }
    }

    @Test
    void bytesComeAsTheyAreOrBehindTheirLength() {
        byte[] text = "\u00fc".getBytes(StandardCharsets.UTF_8);
        List<Object> typed = read(typed("BYTES",
                c -> c.addBytesContents(ByteString.copyFrom(text)).addBytesContents(ByteString.EMPTY), 2));
        List<Object> raw = read(raw("BYTES", b -> b.putInt(2).put(text).putInt(0), 2));
        assertThat(typed).containsExactly(text, new byte[0]);
        assertThat(raw).containsExactly(text, new byte[0]);
    }

    static Stream<Arguments> mistakes() {
        ModelInferRequest bool = typed("BOOL", c -> c.addBoolContents(true), 1);
        return Stream.of(arguments("not-a-request", "at least one tensor", ModelInferRequest.getDefaultInstance()),
                arguments("not-a-request", "one for each of 1 inputs, found 2",
                        raw("BOOL", b -> b.put((byte) 1), 1).toBuilder().addRawInputContents(ByteString.EMPTY).build()),
                arguments("bad-tensor", "no contents beside raw_input_contents",
                        bool.toBuilder().addRawInputContents(ByteString.copyFrom(new byte[1])).build()),
                arguments("bad-tensor", "found ''", typed("", c -> c.addBoolContents(true), 1)),
                arguments("bad-tensor", "1 to 4 dimensions", typed("BOOL", c -> c.addBoolContents(true))),
                arguments("bad-tensor", "found -1", typed("BOOL", c -> c.addBoolContents(true), -1)),
                arguments("bad-tensor", "at most 2147483647",
                        typed("BOOL", c -> c.addBoolContents(true), 1L << 32, 1L << 32)),
                arguments("bad-tensor", "expected 2 elements of BOOL, as shape [2] says, found 1 and 0 of others",
                        typed("BOOL", c -> c.addBoolContents(true), 2)),
                arguments("bad-tensor", "found 1 and 1 of others",
                        typed("BOOL", c -> c.addBoolContents(true).addIntContents(1), 1)),
                arguments("bad-tensor", "found 0 and 1", typed("FP64", c -> c.addFp32Contents(1), 1)),
                arguments("bad-tensor", "raw_input_contents", typed("FP16", c -> c.addFp32Contents(1), 1)),
                arguments("bad-tensor", "contents[0]: expected INT8, a whole number from -128 to 127, found 128",
                        typed("INT8", c -> c.addIntContents(128), 1)),
                arguments("bad-tensor", "found 4294967295", typed("UINT16", c -> c.addUintContents(-1), 1)),
                arguments("bad-tensor", "expected 8 bytes", raw("FP64", b -> b.putInt(1), 1)),
                arguments("bad-tensor", "expected 2 bytes", raw("FP16", b -> b.putInt(1), 1)),
                arguments("bad-tensor", "expected 17179869176 bytes", raw("FP64", b -> b.putInt(1), Integer.MAX_VALUE)),
                arguments("bad-tensor", "expected 2 elements", raw("BYTES", b -> b.putInt(0), 2)),
                arguments("bad-tensor", "no byte behind", raw("BYTES", b -> b.putInt(0).put((byte) 1), 1)),
                arguments("bad-tensor", "an end before its end", raw("BYTES", b -> b.putInt(5).put((byte) 1), 1)),
                arguments("bad-tensor", "an end before its end", raw("BYTES", b -> b.putInt(-1), 1)),
                arguments("bad-tensor", "an end before its end", raw("BYTES", b -> b.putShort((short) 1), 1)));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("mistakes")
    void saysWhatDoesNotFit(String reason, String message, ModelInferRequest request) {
        assertThatThrownBy(() -> GrpcTensors.read(request)).isInstanceOfSatisfying(HttpProblem.class,
                problem -> assertThat(problem.reason().code()).isEqualTo(reason)).hasMessageContaining(message);
    }

    /// What a message has become, when it still is one.
    @Test
    void aDamagedMessageIsARequestOrATypedRefusal() {
        new Fuzz("inference messages", GrpcTensorsTest.class, "scorer-app",
                everyDatatype().flatMap(datatype -> Stream.of(datatype.get()[1], datatype.get()[2]))
                        .filter(ModelInferRequest.class::isInstance)
                        .map(message -> ((ModelInferRequest) message).toByteArray()).toList())
                .run(40_000, input -> {
                    try {
                        GrpcTensors.read(ModelInferRequest.parseFrom(input));
                    } catch (InvalidProtocolBufferException e) {
                        throw new UncheckedIOException(e);
                    }
                }, HttpProblem.class, UncheckedIOException.class);
    }
}
