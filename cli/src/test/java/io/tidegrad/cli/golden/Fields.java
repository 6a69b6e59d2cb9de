package io.tidegrad.cli.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A JSON object that remembers which of its fields were read: what nobody read is what the engine knows nothing of,
/// and never passes silently (`requireAllRead`).
final class Fields {
    private final String path;
    private final JsonNode object;
    private final Set<String> read = new HashSet<>();

    Fields(String path, JsonNode object) {
        this.path = path;
        this.object = object;
        if (!object.isObject()) {
            throw expected("an object", object);
        }
    }

    /// @throws UnsupportedException naming the fields that were not read
    void requireAllRead() {
        List<String> unread = names();
        unread.removeAll(read);
        if (!unread.isEmpty()) {
            throw new UnsupportedException(fields(unread));
        }
    }

    /// @throws UnsupportedException naming the fields that are none of `known`
    void requireOnly(String... known) {
        List<String> unknown = names();
        unknown.removeAll(List.of(known));
        if (!unknown.isEmpty()) {
            throw new UnsupportedException(fields(unknown));
        }
        if (names().isEmpty()) {
            throw new UnsupportedException("nothing in " + path);
        }
    }

    private String fields(List<String> names) {
        return (names.size() == 1 ? "field " : "fields ") + String.join(", ", names.stream().map(this::at).toList());
    }

    List<String> names() {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    boolean has(String name) {
        return object.has(name);
    }

    /// For what is told to people only.
    void ignore(String... names) {
        read.addAll(List.of(names));
    }

    private String at(String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private JsonNode get(String name) {
        read.add(name);
        return object.has(name) ? object.get(name) : MissingNode.getInstance();
    }

    private GoldenException expected(String what, JsonNode found) {
        return expected("", what, found);
    }

    private GoldenException expected(String name, String what, JsonNode found) {
        String text = found.isMissingNode() ? "nothing" : found.toString();
        return new GoldenException((name.isEmpty() ? path.isEmpty() ? "the file" : path : at(name)) + ": expected "
                + what + ", found " + (text.length() <= 60 ? text : text.substring(0, 60) + "…"));
    }

    Fields object(String name) {
        return new Fields(at(name), get(name));
    }

    @Nullable
    Fields optionalObject(String name) {
        return has(name) ? object(name) : null;
    }

    String text(String name) {
        JsonNode node = get(name);
        if (!node.isTextual()) {
            throw expected(name, "a text", node);
        }
        return node.textValue();
    }

    String text(String name, String byDefault) {
        return has(name) ? text(name) : byDefault;
    }

    double number(String name) {
        JsonNode node = get(name);
        if (!node.isNumber()) {
            throw expected(name, "a number", node);
        }
        return node.doubleValue();
    }

    double number(String name, double byDefault) {
        return has(name) ? number(name) : byDefault;
    }

    int count(String name) {
        JsonNode node = get(name);
        if (!node.canConvertToInt() || !node.isIntegralNumber() || node.intValue() < 0) {
            throw expected(name, "a whole number of at least 0", node);
        }
        return node.intValue();
    }

    boolean flag(String name, boolean byDefault) {
        if (!has(name)) {
            return byDefault;
        }
        JsonNode node = get(name);
        if (!node.isBoolean()) {
            throw expected(name, "true or false", node);
        }
        return node.booleanValue();
    }

    private JsonNode list(String name) {
        JsonNode node = get(name);
        if (!node.isArray()) {
            throw expected(name, "a list", node);
        }
        return node;
    }

    List<Fields> objects(String name) {
        return objects(at(name), list(name));
    }

    private static List<Fields> objects(String path, JsonNode list) {
        List<Fields> objects = new ArrayList<>();
        for (JsonNode element : list) {
            objects.add(new Fields(path + "[" + objects.size() + "]", element));
        }
        return objects;
    }

    List<List<Fields>> objectLists(String name) {
        List<List<Fields>> lists = new ArrayList<>();
        for (JsonNode element : list(name)) {
            if (!element.isArray()) {
                throw expected(name, "a list of lists", element);
            }
            lists.add(objects(at(name) + "[" + lists.size() + "]", element));
        }
        return lists;
    }

    List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        for (JsonNode element : list(name)) {
            if (!element.isTextual()) {
                throw expected(name, "a list of texts", element);
            }
            texts.add(element.textValue());
        }
        return texts;
    }

    double[] numbers(String name) {
        JsonNode list = list(name);
        double[] numbers = new double[list.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!list.get(i).isNumber()) {
                throw expected(name, "a list of numbers", list.get(i));
            }
            numbers[i] = list.get(i).doubleValue();
        }
        return numbers;
    }

    List<Integer> counts(String name) {
        return counts(name, list(name));
    }

    /// A whole number, or a list of them.
    List<Integer> countOrCounts(String name) {
        return get(name).isArray() ? counts(name) : List.of(count(name));
    }

    /// Lists of whole numbers: the rows of each batch.
    List<List<Integer>> countLists(String name) {
        List<List<Integer>> lists = new ArrayList<>();
        for (JsonNode element : list(name)) {
            lists.add(counts(name, element));
        }
        return lists;
    }

    private List<Integer> counts(String name, JsonNode list) {
        List<Integer> counts = new ArrayList<>();
        for (JsonNode element : list) {
            if (!element.isIntegralNumber() || !element.canConvertToInt() || element.intValue() < 0) {
                throw expected(name, "a list of whole numbers of at least 0", element);
            }
            counts.add(element.intValue());
        }
        return counts;
    }

    /// Every field as a tensor, by name.
    Map<String, Tensor> tensors(String name) {
        Map<String, Tensor> tensors = new TreeMap<>();
        if (has(name)) {
            Fields object = object(name);
            for (String field : object.names()) {
                tensors.put(field, object.tensor(field));
            }
        }
        return tensors;
    }

    /// `{"shape": [..], "dtype": "f32" | "i32" | "u8", "data": [..], "divide_by"?}`; a value is rounded to a float
    /// first, then divided.
    Tensor tensor(String name) {
        Fields tensor = object(name);
        List<Integer> shape = tensor.counts("shape");
        String type = tensor.text("dtype");
        double[] data = tensor.numbers("data");
        float divisor = (float) tensor.number("divide_by", 1);
        tensor.requireAllRead();
        if (shape.isEmpty() || shape.contains(0) || Tensor.product(shape) != data.length) {
            throw new GoldenException(at(name) + ": shape " + shape + " does not fit " + data.length + " values");
        }
        if (!Set.of("f32", "i32", "u8").contains(type)) {
            throw new UnsupportedException(at(name) + " of dtype " + type);
        }
        float[] values = new float[data.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) data[i] / divisor;
        }
        return new Tensor(shape, values, type.equals("i32"));
    }
}
