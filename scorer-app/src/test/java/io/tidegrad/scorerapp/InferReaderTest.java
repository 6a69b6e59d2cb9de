package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.tidegrad.proof.Fuzz;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Requests as the specification writes them, and what is none.
class InferReaderTest {
    /// The example of the specification, but that its second tensor has as much data as its shape says.
    private static final String EXAMPLE = """
            {
              "id" : "42",
              "inputs" : [
                {
                  "name" : "input0",
                  "shape" : [ 2, 2 ],
                  "datatype" : "UINT32",
                  "data" : [ 1, 2, 3, 4 ]
                },
                {
                  "name" : "input1",
                  "shape" : [ 1 ],
                  "datatype" : "BOOL",
                  "data" : [ true ]
                }
              ],
              "outputs" : [
                {
                  "name" : "output0"
                }
              ]
            }
            """;

    private static final String EVERYTHING = """
            {"parameters": {"a": "b", "c": 1.5, "d": true, "e": null},
             "outputs": [{"parameters": {"binary_data": false}, "name": "probabilities"}],
             "inputs": [
               {"data": [[[1, 2], [3, 4]], [[5, 6], [7, 8.5]]], "parameters": {"content_type": "np"},
                "datatype": "FP64", "shape": [2, 2, 2], "name": "image"},
               {"name": "origin", "shape": [2, 1], "datatype": "BYTES", "data": [["SFO"], ["\\u00fc\\ud83d\\ude00"]]},
               {"name": "big", "shape": [2], "datatype": "UINT64", "data": [0, 18446744073709551615]}],
             "id": "the \\"second\\""}
            """;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static InferRequest read(String body) {
        return InferReader.read(bytes(body), false);
    }

    private static String input(String shape, String datatype, String data) {
        return "{\"inputs\": [{\"name\": \"x\", \"shape\": %s, \"datatype\": \"%s\", \"data\": %s}]}".formatted(shape,
                datatype, data);
    }

    private static List<Object> values(String shape, String datatype, String data) {
        return read(input(shape, datatype, data)).inputs().getFirst().values();
    }

    @Test
    void readsTheExampleOfTheSpecification() {
        InferRequest request = read(EXAMPLE);
        assertThat(request.id()).isEqualTo("42");
        assertThat(request.outputs()).containsExactly("output0");
        Tensor first = request.inputs().get(0);
        assertThat(first.name()).isEqualTo("input0");
        assertThat(first.type()).isEqualTo(TensorType.UINT32);
        assertThat(first.shape().dimensions()).containsExactly(2L, 2L);
        assertThat(first.values()).containsExactly(1L, 2L, 3L, 4L);
        assertThat(request.inputs().get(1).values()).containsExactly(true);
    }

    /// As it stands there, three elements are promised and one comes.
    @Test
    void refusesTheExampleWhoseShapeAndDataDisagree() {
        assertThatThrownBy(() -> read(EXAMPLE.replace("[ 1 ]", "[ 3 ]"))).hasMessageContaining("input 'input1'")
                .hasMessageContaining("expected 3 elements").hasMessageContaining("found 1");
    }

    @Test
    void membersComeInAnyOrderAndDataFlatOrNested() {
        InferRequest request = read(EVERYTHING);
        assertThat(request.id()).isEqualTo("the \"second\"");
        assertThat(request.outputs()).containsExactly("probabilities");
        assertThat(request.inputs().get(0).values()).containsExactly(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.5);
        assertThat(request.inputs().get(1).values()).containsExactly("SFO", "\u00fc\ud83d\ude00");
        assertThat(request.inputs().get(2).values()).containsExactly(0L, 0x1p64);
        assertThat(values("[2, 2, 2]", "FP64", "[1, 2, 3, 4, 5, 6, 7, 8.5]"))
                .isEqualTo(request.inputs().get(0).values());
    }

    @Test
    void anAbsentMemberMayBeNull() {
        InferRequest request = read("{\"id\": null, \"parameters\": null, \"outputs\": null, "
                + input("[1]", "BOOL", "[false]").substring(1));
        assertThat(request.id()).isNull();
        assertThat(request.outputs()).isEmpty();
    }

    @Test
    void aValueHasItsDatatype() {
        assertThat(values("[2]", "FP32", "[0.1, 16777217]")).containsExactly(0.1f, 16777216f);
        assertThat(values("[2]", "FP64", "[0.1, 1e999]")).containsExactly(0.1, Double.POSITIVE_INFINITY);
        assertThat(values("[1]", "FP16", "[0.1]")).containsExactly(0.099975586f);
        assertThat(values("[2]", "INT8", "[-128, 127]")).containsExactly(-128L, 127L);
        assertThat(values("[2]", "INT64", "[-9223372036854775808, 9223372036854775807]"))
                .containsExactly(Long.MIN_VALUE, Long.MAX_VALUE);
        assertThat(values("[2]", "UINT32", "[0, 4294967295]")).containsExactly(0L, 4294967295L);
    }

    /// A decimal just above the middle of two floats, whose nearest double is that middle: rounded twice, it would come
    /// out below.
    @Test
    void aDecimalIsRoundedOnce() {
        String decimal = "1.00000005960464477540";
        assertThat((float) Double.parseDouble(decimal)).isEqualTo(1f);
        assertThat(values("[1]", "FP32", "[" + decimal + "]")).containsExactly(Math.nextUp(1f));
    }

    @Test
    void passesOverWhatTheProtocolDoesNotKnowWhenToldTo() {
        byte[] body = bytes("{\"model\": {\"deep\": [1]}, " + input("[1]", "BOOL", "[true]").substring(1));
        assertThat(InferReader.read(body, true).inputs()).hasSize(1);
    }

    static Stream<Arguments> mistakes() {
        String ones = "[1, 1, 1, 1]";
        return Stream.of(
                // JSON.
                arguments("", "not-a-request", "found nothing"),
                arguments("[]", "not-a-request", "the request: expected an object, found an array"),
                arguments("{", "bad-json", "not JSON"), arguments(EXAMPLE + "x", "bad-json", "not JSON"),
                arguments("{\"id\": \"1\", \"id\": \"2\"}", "bad-json", "Duplicate"),
                arguments(input("[1]", "FP64", "[NaN]"), "bad-json", "NaN"),
                arguments(input("[1]", "FP64", "[1"), "bad-json", "not JSON"),
                arguments("{\"inputs\": [{\"data\": " + "[".repeat(100), "bad-json", "limit"),
                arguments(input("[1]", "FP64", "[".repeat(30)), "bad-tensor", "found an array"),
                arguments(input("[1]", "FP64", "[" + "1".repeat(65) + "]"), "bad-json", "limit"),
                arguments(input("[1]", "BYTES", "[\"\\ud800\"]"), "bad-json", "half a character"),
                // The request.
                arguments("{}", "not-a-request", "at least one tensor"),
                arguments("{\"inputs\": []}", "not-a-request", "at least one tensor"),
                arguments("{\"inputs\": null}", "not-a-request", "at least one tensor"),
                arguments("{\"inputs\": {}}", "not-a-request", "inputs: expected an array"),
                arguments("{\"inputs\": [1]}", "not-a-request", "inputs[0]: expected an object"),
                arguments("{\"input\": []}", "not-a-request", "did you mean 'inputs'?"),
                arguments("{\"id\": 42}", "not-a-request", "id: expected a string, found a number"),
                arguments("{\"parameters\": []}", "not-a-request", "parameters: expected an object"),
                arguments("{\"parameters\": {\"a\": [1]}}", "not-a-request",
                        "expected strings, numbers and booleans, found an array"),
                arguments("{\"outputs\": [{\"parameters\": {}}]}", "not-a-request",
                        "outputs[0]: expected a member 'name'"),
                arguments("{\"outputs\": [\"x\"]}", "not-a-request", "outputs[0]: expected an object"),
                // A tensor's members.
                arguments("{\"inputs\": [{\"shape\": [1], \"datatype\": \"BOOL\", \"data\": [true]}]}", "not-a-request",
                        "inputs[0]: expected a member 'name'"),
                arguments("{\"inputs\": [{\"name\": \"x\", \"datatype\": \"BOOL\", \"data\": [true]}]}",
                        "not-a-request", "a member 'shape'"),
                arguments("{\"inputs\": [{\"name\": \"x\", \"shape\": [1], \"data\": [true]}]}", "not-a-request",
                        "a member 'datatype'"),
                arguments("{\"inputs\": [{\"name\": \"x\", \"shape\": [1], \"datatype\": \"BOOL\"}]}", "not-a-request",
                        "a member 'data'"),
                arguments(input("[1]", "FLOAT", "[1]"), "bad-tensor", "found 'FLOAT'"),
                arguments(input("[1]", "fp32", "[1]"), "bad-tensor", "found 'fp32'"),
                // Shapes.
                arguments(input("[]", "FP64", "[1]"), "bad-tensor", "1 to 4 dimensions"),
                arguments(input("[1,1,1,1,1]", "FP64", "[1]"), "bad-tensor", "found 5"),
                arguments(input("[0]", "FP64", "[]"), "bad-tensor", "at least 1, found 0"),
                arguments(input("[1000000000, 0]", "FP64", "[]"), "bad-tensor", "found 0"),
                arguments(input("[-1]", "FP64", "[1]"), "bad-tensor", "found -1"),
                arguments(input("[1.0]", "FP64", "[1]"), "not-a-request", "whole numbers"),
                arguments(input("[\"1\"]", "FP64", "[1]"), "not-a-request", "found a string"),
                arguments(input("1", "FP64", "[1]"), "not-a-request", "expected an array"),
                arguments(input("[[1]]", "FP64", "[1]"), "not-a-request", "found an array"),
                arguments(input("[65536, 65536]", "FP64", "[1]"), "bad-tensor", "at most 2147483647"),
                arguments(input("[4294967296, 4294967296]", "FP64", "[]"), "bad-tensor", "at most 2147483647"),
                arguments(input("[18446744073709551615]", "FP64", "[1]"), "bad-tensor", "at most 2147483647"),
                arguments(input("[-99999999999999999999]", "FP64", "[1]"), "bad-tensor", "at least 1"),
                // Data and shape.
                arguments(input("[2]", "FP64", "[1]"), "bad-tensor", "2 elements"),
                arguments(input("[2]", "FP64", "[1, 2, 3]"), "bad-tensor", "found more"),
                arguments(input("[2147483647]", "FP64", "[1]"), "bad-tensor", "found 1"),
                arguments(input("[2]", "FP64", "[]"), "bad-tensor", "found 0"),
                arguments(input("[2]", "FP64", "1"), "not-a-request", "data: expected an array"),
                arguments(input("[2, 2]", "FP64", "[[1, 1], [1]]"), "bad-tensor", "found 1"),
                arguments(input("[2, 2]", "FP64", "[[1, 1, 1], [1]]"), "bad-tensor", "more"),
                arguments(input("[2, 2]", "FP64", "[[1, 1]]"), "bad-tensor", "found 1"),
                arguments(input("[2, 2]", "FP64", "[[1, 1], 1, 1]"), "bad-tensor", "an array"),
                arguments(input("[2, 2]", "FP64", "[1, 1, [1, 1]]"), "bad-tensor", "found an array"),
                arguments(input("[2, 2]", "FP64", "[[[1], [1]], 1]"), "bad-tensor", "an array"),
                arguments(input("[4]", "FP64", "[" + ones + "]"), "bad-tensor", "found an array"),
                // Data and datatype.
                arguments(input("[1]", "FP64", "[null]"), "bad-tensor", "found null"),
                arguments(input("[1]", "FP64", "[\"1\"]"), "bad-tensor", "found a string"),
                arguments(input("[1]", "FP64", "[true]"), "bad-tensor", "found a boolean"),
                arguments(input("[1]", "BOOL", "[1]"), "bad-tensor", "true or false, found a number 1"),
                arguments(input("[1]", "BYTES", "[1]"), "bad-tensor", "BYTES, a string"),
                arguments(input("[1]", "INT32", "[1.5]"), "bad-tensor", "a whole number"),
                arguments(input("[1]", "INT32", "[1.0]"), "bad-tensor", "a whole number"),
                arguments(input("[1]", "UINT8", "[256]"), "bad-tensor", "0 to 255, found a number 256"),
                arguments(input("[1]", "UINT8", "[-1]"), "bad-tensor", "found a number -1"),
                arguments(input("[2]", "INT8", "[1, 128]"), "bad-tensor", "data[1]"),
                arguments(input("[1]", "INT64", "[9223372036854775808]"), "bad-tensor", "INT64"),
                arguments(input("[1]", "UINT64", "[18446744073709551616]"), "bad-tensor", "0 to 18446744073709551615"),
                arguments(input("[1]", "UINT64", "[-9223372036854775809]"), "bad-tensor", "UINT64"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void saysWhatIsWrongAndWhere(String body, String reason, String message) {
        assertThatThrownBy(() -> read(body)).isInstanceOfSatisfying(HttpProblem.class, problem -> {
            assertThat(problem.reason().status().code()).isEqualTo(400);
            assertThat(problem.reason().code()).as(problem.message()).isEqualTo(reason);
            assertThat(problem.message()).contains(message).doesNotContain("\n", "com.fasterxml", "Exception");
        });
    }

    @Test
    void aDamagedRequestIsARequestOrATypedRefusal() {
        new Fuzz("inference requests", InferReaderTest.class, "scorer-app", List.of(bytes(EXAMPLE), bytes(EVERYTHING)))
                .inserting(bytes("["), bytes("]"), bytes("{"), bytes("["), bytes("[".repeat(1_000)), bytes(","),
                        bytes("null"), bytes("true"), bytes("0"), bytes("-1"), bytes("1e999"), bytes("2147483648"),
                        bytes("99999999999999999999"), bytes("\"data\": [1], "),
                        bytes("\"shape\": [4294967296, 4294967296], "), bytes("\\ud800"), bytes("\u0000"))
                .run(40_000, input -> InferReader.read(input, false), HttpProblem.class);
    }
}
