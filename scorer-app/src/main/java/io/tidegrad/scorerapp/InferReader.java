package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.schemas.settings.NearestName;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads the body of `POST /v2/…/infer`. Members may come in any order, and null means that a member is left out. Data
/// must be flat or nested exactly as the shape says. All parameters must be well-formed, but only the request's `key` and
/// `ids` have a meaning here.
///
/// @param ignoreUnknown whether members that the protocol does not know are ignored instead of refused
record InferReader(byte[] body, boolean ignoreUnknown) {
    private static final List<String> REQUEST = List.of("id", "parameters", "inputs", "outputs");
    private static final List<String> INPUT = List.of("name", "shape", "datatype", "parameters", "data");
    private static final List<String> OUTPUT = List.of("name", "parameters");

    /// @throws HttpProblem 400: `bad-json`, `not-a-request`, `bad-tensor`
    static InferRequest read(byte[] body, boolean ignoreUnknown) {
        return StrictJson.read(body, body.length, new InferReader(body, ignoreUnknown)::request);
    }

    private InferRequest request(JsonParser parser) throws IOException {
        Request request = new Request();
        members(parser, "the request", REQUEST, request);
        if (request.inputs.isEmpty()) {
            throw HttpProblem.notARequest("inputs: expected at least one tensor, found none");
        }
        return new InferRequest(request.id, request.parameters.key, request.parameters.ids, request.inputs,
                request.outputs);
    }

    /// Reads a member whose value is the parser's current token and not null.
    @FunctionalInterface
    private interface Members {
        void take(String name, JsonParser parser) throws IOException;
    }

    private void members(JsonParser parser, String of, List<String> known, Members members) throws IOException {
        expect(parser, of, JsonToken.START_OBJECT);
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            JsonToken value = parser.nextToken();
            if (known.contains(name)) {
                if (value != JsonToken.VALUE_NULL) {
                    members.take(name, parser);
                }
            } else if (ignoreUnknown) {
                parser.skipChildren();
            } else {
                throw HttpProblem.notARequest(of + ": no member '" + StrictJson.printable(name) + "' in the protocol"
                        + NearestName.hint(name, known));
            }
        }
    }

    private final class Request implements Members {
        private Parameters parameters = Parameters.NONE;
        private @Nullable String id;
        private final List<Tensor> inputs = new ArrayList<>();
        private final List<String> outputs = new ArrayList<>();

        @Override
        public void take(String name, JsonParser parser) throws IOException {
            switch (name) {
                case "id" -> id = text(parser, "id");
                case "parameters" -> parameters = parameters(parser, "parameters");
                case "inputs" -> {
                    expect(parser, name, JsonToken.START_ARRAY);
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        Input input = new Input("inputs[" + inputs.size() + "]");
                        members(parser, input.place, INPUT, input);
                        inputs.add(input.tensor());
                    }
                }
                default -> {
                    expect(parser, name, JsonToken.START_ARRAY);
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        Output output = new Output("outputs[" + outputs.size() + "]");
                        members(parser, output.place, OUTPUT, output);
                        outputs.add(present(output.name, output.place, "name"));
                    }
                }
            }
        }
    }

    private static final class Output implements Members {
        private final String place;
        private @Nullable String name;

        Output(String place) {
            this.place = place;
        }

        @Override
        public void take(String member, JsonParser parser) throws IOException {
            if (member.equals("name")) {
                name = text(parser, place + ".name");
            } else {
                parameters(parser, place + ".parameters");
            }
        }
    }

    private final class Input implements Members {
        private final String place;
        private @Nullable String name;
        private @Nullable String datatype;
        private @Nullable List<Long> shape;

        private @Nullable Tensor read;

        /// Position of the first byte of data that came before its datatype and shape.
        private long dataAt = -1;

        Input(String place) {
            this.place = place;
        }

        @Override
        public void take(String member, JsonParser parser) throws IOException {
            switch (member) {
                case "name" -> name = text(parser, place + ".name");
                case "datatype" -> datatype = text(parser, place + ".datatype");
                case "shape" -> shape = dimensions(parser, place + ".shape");
                case "parameters" -> parameters(parser, place + ".parameters");
                default -> {
                    expect(parser, place + ".data", JsonToken.START_ARRAY);
                    if (name != null && datatype != null && shape != null) {
                        read = tensor(parser);
                    } else {
                        dataAt = parser.currentTokenLocation().getByteOffset();
                        parser.skipChildren();
                    }
                }
            }
        }

        Tensor tensor() throws IOException {
            if (read != null) {
                return read;
            }
            if (dataAt < 0) {
                throw HttpProblem.notARequest(place + ": expected a member 'data', found none");
            }
            try (JsonParser parser = StrictJson.parser(body, (int) dataAt, body.length)) {
                parser.nextToken();
                return tensor(parser);
            }
        }

        /// Reads from the array that begins here to its end.
        private Tensor tensor(JsonParser parser) throws IOException {
            String named = present(name, place, "name");
            TensorType type = TensorType.of(named, present(datatype, place, "datatype"));
            Tensor.Shape dimensions = Tensor.Shape.of(named, present(shape, place, "shape"));
            return new Tensor(named, type, dimensions, new Data(named, type, dimensions).read(parser));
        }
    }

    /// Reads integers. One beyond a long becomes the largest long, which no request can have as a dimension either.
    private static List<Long> dimensions(JsonParser parser, String place) throws IOException {
        expect(parser, place, JsonToken.START_ARRAY);
        List<Long> dimensions = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw HttpProblem.notARequest(place + ": expected whole numbers, found "
                        + StrictJson.describe(parser.currentToken()) + StrictJson.at(parser));
            }
            if (dimensions.size() > Tensor.RANK_MAX) {
                continue; // refused in any case
            }
            dimensions.add(parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                    ? parser.getBigIntegerValue().signum() * Long.MAX_VALUE : parser.getLongValue());
        }
        return dimensions;
    }

    /// Reads a tensor's data as its datatype and shape say.
    private record Data(String tensor, TensorType type, Tensor.Shape shape) {
        /// Reads from the array that begins here to its end.
        List<Object> read(JsonParser parser) throws IOException {
            List<Object> values = new ArrayList<>();
            boolean nested = parser.nextToken() == JsonToken.START_ARRAY;
            add(parser, nested ? shape.dimensions() : List.of((long) shape.elements()), 0, values);
            return values;
        }

        /// Reads the elements of an array whose first token is the parser's current one.
        private void add(JsonParser parser, List<Long> dimensions, int axis, List<Object> values) throws IOException {
            long expected = dimensions.get(axis);
            long found = 0;
            for (; parser.currentToken() != JsonToken.END_ARRAY; parser.nextToken()) {
                if (++found > expected) {
                    throw misfit(expected, "more");
                }
                if (axis == dimensions.size() - 1) {
                    values.add(value(parser, values.size()));
                } else if (parser.currentToken() == JsonToken.START_ARRAY) {
                    parser.nextToken();
                    add(parser, dimensions, axis + 1, values);
                } else {
                    throw wrong(values.size(), "an array, as shape " + shape + " says", parser);
                }
            }
            if (found < expected) {
                throw misfit(expected, Long.toString(found));
            }
        }

        private HttpProblem misfit(long expected, String found) {
            return Tensor.problem(tensor, "data: expected " + expected + " elements in an array, as shape " + shape
                    + " says, found " + found);
        }

        private HttpProblem wrong(int index, String expected, JsonParser parser) throws IOException {
            JsonToken token = parser.currentToken();
            return Tensor.problem(tensor, "data[" + index + "]: expected " + expected + ", found "
                    + StrictJson.describe(token) + (token.isNumeric() ? " " + parser.getText() : ""));
        }

        private Object value(JsonParser parser, int index) throws IOException {
            JsonToken token = parser.currentToken();
            return switch (type) {
                case BOOL -> {
                    if (!token.isBoolean()) {
                        throw wrong(index, type.described(), parser);
                    }
                    yield parser.getBooleanValue();
                }
                case BYTES -> {
                    if (token != JsonToken.VALUE_STRING) {
                        throw wrong(index, type.described(), parser);
                    }
                    yield StrictJson.wholeText(parser.getText(), HttpProblem.NO_RECORD);
                }
                case FP16, FP32, FP64 -> {
                    if (!token.isNumeric()) {
                        throw wrong(index, type.described(), parser);
                    }
                    yield number(parser);
                }
                case UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64 -> {
                    Number whole = token == JsonToken.VALUE_NUMBER_INT ? whole(parser) : null;
                    if (whole == null) {
                        throw wrong(index, type.described(), parser);
                    }
                    yield whole;
                }
            };
        }

        /// Rounds once, from the decimal to the datatype. Only `FP16` is rounded by way of a float, which is exact for
        /// the numbers that a client with FP16 values writes.
        private Number number(JsonParser parser) throws IOException {
            return switch (type) {
                case FP64 -> parser.getDoubleValue();
                case FP32 -> Float.parseFloat(parser.getText());
                default -> Float.float16ToFloat(Float.floatToFloat16(Float.parseFloat(parser.getText())));
            };
        }

        /// Returns null if the number is out of the type's range.
        private @Nullable Number whole(JsonParser parser) throws IOException {
            if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                BigInteger large = parser.getBigIntegerValue();
                return type == TensorType.UINT64 && large.signum() > 0 && large.bitLength() <= Long.SIZE
                        ? TensorType.unsigned(large.longValue()) : null;
            }
            long value = parser.getLongValue();
            return type.holds(value) ? (Number) value : null;
        }
    }

    /// Reads parameters, whose names are the client's and whose values are strings, numbers and booleans.
    ///
    /// @return those that mean something in a request
    private static Parameters parameters(JsonParser parser, String place) throws IOException {
        expect(parser, place, JsonToken.START_OBJECT);
        String key = null;
        String ids = null;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            if (parser.nextToken().isStructStart()) {
                throw HttpProblem.notARequest(place + ": expected strings, numbers and booleans, found "
                        + StrictJson.describe(parser.currentToken()) + StrictJson.at(parser));
            }
            if (name.equals(InferRequest.KEY)) {
                key = text(parser, place + "." + name);
            } else if (name.equals(InferRequest.IDS)) {
                ids = text(parser, place + "." + name);
            }
        }
        return new Parameters(key, ids);
    }

    private record Parameters(@Nullable String key, @Nullable String ids) {
        static final Parameters NONE = new Parameters(null, null);
    }

    private static String text(JsonParser parser, String place) throws IOException {
        expect(parser, place, JsonToken.VALUE_STRING);
        return StrictJson.wholeText(parser.getText(), HttpProblem.NO_RECORD);
    }

    private static <T> T present(@Nullable T value, String place, String member) {
        if (value == null) {
            throw HttpProblem.notARequest(place + ": expected a member '" + member + "', found none");
        }
        return value;
    }

    private static void expect(JsonParser parser, String place, JsonToken expected) {
        if (parser.currentToken() != expected) {
            throw HttpProblem.notARequest(place + ": expected " + StrictJson.describe(expected) + ", found "
                    + StrictJson.describe(parser.currentToken())
                    + (parser.currentToken() == null ? "" : StrictJson.at(parser)));
        }
    }
}
